package tap_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/inns/innstest"
	"trunkline/linecard/port/tap"
	"trunkline/testbed/traffic"
)

// receivers opens the receive queues of a port, as a worker each would.
func receivers(t *testing.T, p *tap.Port) []port.Queue {
	t.Helper()
	list := make([]port.Queue, port.Receivers(p))
	for i := range list {
		q, err := p.Queue(i, i)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = q.Close() })
		list[i] = q
	}
	return list
}

// Flows are spread over the queues; each stays in one, in order.
func TestQueues(t *testing.T) { drivers(t, testQueues) }

func testQueues(t *testing.T, noRing bool) {
	ns := innstest.New(t)
	p := open(t, tap.Config{Name: "eth0", Namespace: ns, Up: true, Persist: true, Queues: 4, NoRing: noRing})
	queues := receivers(t, p)
	if len(queues) != 4 || !strings.Contains(p.Info().Driver, "4 queues") {
		t.Fatalf("%d queues, driver %q", len(queues), p.Info().Driver)
	}
	if out, err := innstest.Try(ns, "tc", "qdisc", "show", "dev", "eth0"); err == nil && strings.Count(out, "qdisc") != 1 {
		t.Errorf("queueing disciplines:\n%s", out)
	}
	for _, bad := range []int{-2, 4} {
		if q, err := p.Queue(0, bad); err == nil {
			t.Errorf("there is a queue %d", bad)
			_ = q.Close()
		}
	}
	s, err := traffic.NewSender(ns, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const flows, each = 32, 20
	for seq := range each {
		for flow := range flows {
			from := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(1000+flow))
			to := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.2"), 9)
			f := traffic.Build(traffic.Spec{Src: ether.MAC{2, 1}, Dst: ether.MAC{2, 2}, From: from, To: to, Payload: []byte{byte(seq)}})
			if err := s.Send(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	var home, next [flows]int
	used := map[int]bool{}
	total := 0
	for deadline := time.Now().Add(30 * time.Second); total < flows*each; {
		if time.Now().After(deadline) {
			t.Fatalf("%d frames came", total)
		}
		for i, q := range queues {
			var b frame.Batch
			if err := q.Recv(&b); err != nil {
				t.Fatal(err)
			}
			for j := range b.N {
				f := b.Frames[j].Bytes()
				flow, seq := int(binary.BigEndian.Uint16(f[34:]))-1000, int(f[42])
				if seq != next[flow] || seq > 0 && home[flow] != i {
					t.Fatalf("flow %d: frame %d in queue %d, want %d in %d", flow, seq, i, next[flow], home[flow])
				}
				home[flow], next[flow] = i, seq+1
				used[i] = true
			}
			total += b.N
			q.Release(&b)
		}
	}
	if len(used) < 2 {
		t.Errorf("all flows in queues %v", used)
	}

	// Every queue sends, also one that does not receive.
	spare, err := p.Queue(7, port.SendOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer spare.Close()
	if spare.FD() != -1 {
		t.Error("a queue that only sends polls readable")
	}
	before, err := traffic.Count(ns, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range append(queues, spare) {
		f := &frame.Frame{Buf: make([]byte, 60), Head: 60}
		out := []frame.Out{{Frame: f}, {Frame: f}}
		if err := q.Send(out); err != nil || out[0].Drop != frame.Forward || out[1].Drop != frame.Forward {
			t.Errorf("Send: %v %v %v", err, out[0].Drop, out[1].Drop)
		}
	}
	if after, err := traffic.Count(ns, "eth0"); err != nil || after.RxFrames != before.RxFrames+10 {
		t.Errorf("%d frames arrived, %v; want 10", after.RxFrames-before.RxFrames, err)
	}

	innstest.IP(t, ns, "link del eth0")
	for i, q := range queues {
		var b frame.Batch
		if err := receive(t, q, &b); !errors.Is(err, port.ErrGone) {
			t.Errorf("queue %d of a device that is gone: %v", i, err)
		}
	}
}

// A device that is there keeps the kind it was made with, and is ours alone.
func TestKinds(t *testing.T) {
	ns := innstest.New(t)
	open(t, tap.Config{Name: "probe", Namespace: ns})
	innstest.IP(t, ns, "tuntap add mode tap name single vnet_hdr")
	innstest.IP(t, ns, "tuntap add mode tap name multi multi_queue vnet_hdr")
	for _, c := range []struct {
		device    string
		ask, want int
	}{{"single", 1, 1}, {"single", 3, 1}, {"multi", 0, 1}, {"multi", 3, 3}} {
		config := tap.Config{Name: c.device, Namespace: ns, Up: true, Persist: true, Queues: c.ask}
		p := open(t, config)
		if got := port.Receivers(p); got != c.want || p.Created() {
			t.Errorf("%s, asked for %d: %d queues, created %v", c.device, c.ask, got, p.Created())
		}
		if other, err := tap.Open(config); !errors.Is(err, tap.ErrBusy) {
			t.Errorf("%s is shared: %v", c.device, err)
			_ = other.Close()
		}
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) { // the kernel reports carrier late
			if i := p.Info(); i.Carrier && i.IfIndex != 0 {
				break
			} else if time.Now().After(deadline) {
				t.Errorf("%s: %+v", c.device, i)
				break
			}
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A card with many ports has TAPs of one queue: those with several are large.
func TestSeveral(t *testing.T) {
	ns := innstest.New(t)
	shared := &tap.Shared{}
	name := func(i int) string { return fmt.Sprintf("tap%d", i) }
	var first *tap.Port
	for i := range tap.Several {
		p := open(t, tap.Config{Name: name(i), Namespace: ns, Queues: 2, Shared: shared})
		if got := port.Receivers(p); got != 2 {
			t.Fatalf("TAP %d has %d queues", i, got)
		}
		if i == 0 {
			first = p
		}
	}
	p := open(t, tap.Config{Name: "more", Namespace: ns, Queues: 2, Shared: shared})
	if got := port.Receivers(p); got != 1 {
		t.Errorf("one more TAP has %d queues", got)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	p = open(t, tap.Config{Name: "next", Namespace: ns, Queues: 2, Shared: shared})
	if got := port.Receivers(p); got != 2 {
		t.Errorf("a TAP in the place of another has %d queues", got)
	}
}
