package attach_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"trunkline/internal/ether"
	"trunkline/linecard/api"
	"trunkline/linecard/attach"
	"trunkline/linecard/pipeline"
	"trunkline/linecard/port"
	"trunkline/linecard/port/inns/innstest"
	"trunkline/testbed/traffic"
)

// switched runs a manager and the pipeline as a card wires them.
func switched(t testing.TB, o attach.Options, wants []attach.Want, build func(*pipeline.Builder) error) (*pipeline.Engine, *attach.Manager) {
	t.Helper()
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	var m *attach.Manager
	e := pipeline.New(pipeline.Config{OnEvent: func(ev pipeline.Event) {
		if ev.Kind == pipeline.EventGone {
			m.Gone(ev.Port)
		}
	}})
	if err := e.Apply(build); err != nil {
		t.Fatal(err)
	}
	var err error
	m, err = attach.New(o, attach.Events{
		Opened: func(name string, p port.Port) error { return e.SetPort(name, p) },
		Closing: func(name string) {
			if err := e.RemovePort(name); err != nil {
				t.Errorf("remove %s: %v", name, err)
			}
		},
		State:   func(name string, _ attach.State) { e.Refresh(name) },
		Adopted: func([]api.NIC) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	run := func(f func(context.Context) error) {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- f(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
	run(e.Run)
	run(m.Run) // ends first
	m.Set(wants)
	return e, m
}

func TestSwitch(t *testing.T) {
	innstest.TUN(t)
	card, h1, h2, h3 := innstest.New(t), innstest.New(t), innstest.New(t), innstest.New(t)
	innstest.Veth(t, h2, "eth0", card, "p2")
	innstest.Veth(t, h3, "eth0", card, "p3")
	e, _ := switched(t, attach.Options{Namespace: card}, []attach.Want{
		{Name: "Vethernet1", Kind: attach.Netns, Namespace: h1, Ifname: "eth0"},
		{Name: "Vethernet2", Kind: attach.Device, Device: "p2"},
		{Name: "Vethernet3", Kind: attach.Device, Device: "p3"},
	}, func(b *pipeline.Builder) error {
		b.Activate(ether.VLANs(10, 20))
		for _, name := range []string{"Vethernet1", "Vethernet2", "Vethernet3"} {
			f, err := b.AddPort(name)
			if err != nil {
				return err
			}
			f.Up, f.Vethernet, f.PVID, f.Allowed = true, true, 10, ether.VLANs(10)
			if name == "Vethernet3" {
				f.Trunk, f.PVID, f.Allowed = true, 1, ether.VLANs(10, 20)
			}
		}
		return nil
	})
	up := func(names ...string) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); ; {
			n := 0
			for _, p := range e.Ports() {
				if p.Up {
					n++
				}
			}
			if n == len(names) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d ports up, want %v\n%+v", n, names, e.Ports())
			}
			time.Sleep(2 * time.Millisecond)
		}
	}
	ping := func() {
		t.Helper()
		innstest.Ping(t, h1, "192.0.2.2")
		if t.Failed() {
			for _, p := range e.Ports() {
				t.Logf("%+v", p)
			}
		}
	}
	up("Vethernet1", "Vethernet2", "Vethernet3")
	innstest.IP(t, h1, "addr add 192.0.2.1/24 dev eth0")
	innstest.IP(t, h2, "addr add 192.0.2.2/24 dev eth0")
	r, err := traffic.NewReceiver(h3, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ping()
	// The ARP request of h1 is on the trunk, tagged.
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if _, err := r.Find(ctx, func(f []byte) bool {
		return len(f) > 18 && string(f[12:18]) == "\x81\x00\x00\x0a\x08\x06"
	}); err != nil {
		t.Errorf("no tagged ARP request on the trunk: %v", err)
	}
	// A tagged frame from the trunk reaches the access port untagged, one in
	// another VLAN does not.
	s, err := traffic.NewSender(h3, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	at2, err := traffic.NewReceiver(h2, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer at2.Close()
	spec := traffic.Spec{Src: ether.MAC{2, 3}, Dst: ether.Broadcast, Tags: []ether.VLANID{20}, Payload: bytes.Repeat([]byte("wrong"), 20)}
	wrong := traffic.Build(spec)
	spec.Tags, spec.Payload = []ether.VLANID{10}, bytes.Repeat([]byte("right"), 20)
	right := traffic.Build(spec)
	spec.Tags = nil
	want := traffic.Build(spec)
	for _, f := range [][]byte{wrong, right} {
		if err := s.Send(f); err != nil {
			t.Fatal(err)
		}
	}
	got, err := at2.Find(ctx, func(f []byte) bool { return string(f[6:8]) == "\x02\x03" })
	if err != nil {
		t.Fatal(err)
	}
	if d := traffic.Diff(got, want); d != "" {
		t.Error(d)
	}
	// An interface is removed and comes back.
	innstest.IP(t, h2, "link del eth0")
	up("Vethernet1", "Vethernet3")
	innstest.Veth(t, h2, "eth0", card, "p2")
	innstest.IP(t, h2, "addr add 192.0.2.2/24 dev eth0")
	up("Vethernet1", "Vethernet2", "Vethernet3")
	innstest.Run(t, h1, "ip", "neigh", "flush", "all")
	ping()
}
