package attach_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"trunkline/internal/ether"
	"trunkline/linecard/attach"
	"trunkline/linecard/frame"
	"trunkline/linecard/pipeline"
	"trunkline/linecard/port/inns"
	"trunkline/linecard/port/inns/innstest"
	"trunkline/linecard/port/xdp"
	"trunkline/testbed/traffic"
)

// TestDatapath: each setting drives what it can, says why not the rest, and TCP
// passes whole between an interface the card has made and a veth it was given.
func TestDatapath(t *testing.T) {
	for _, c := range []struct {
		datapath    string
		mtu         int
		made, given string // drivers of the two ports
	}{
		{"", 1500, "packet ring vnet", "packet ring vnet"},
		{attach.Auto, 1500, "packet ring vnet", "packet ring vnet"},
		{attach.Packet, 9000, "packet ring vnet", "packet ring vnet"},
		{attach.XDP, 1500, "xdp native copy", "not xdp: the other end leaves checksums and tags to the device"},
		{attach.XDP, 9000, "packet ring vnet qdisc-bypass; not xdp: mtu of 9000 bytes, at most 3818", "not xdp: mtu of 9000 bytes"},
	} {
		t.Run(fmt.Sprint(c.datapath, c.mtu), func(t *testing.T) {
			card, h1, h2 := innstest.New(t), innstest.New(t), innstest.New(t)
			if c.datapath == attach.XDP {
				able(t)
			}
			innstest.Veth(t, h2, "eth0", card, "p2")
			e, m := switched(t, attach.Options{Namespace: card, NoTUN: true, Datapath: c.datapath}, []attach.Want{
				{Name: "Vethernet1", Kind: attach.Netns, Namespace: h1, Ifname: "eth0", MTU: c.mtu},
				{Name: "Vethernet2", Kind: attach.Device, Device: "p2", MTU: c.mtu},
			}, func(b *pipeline.Builder) error {
				b.Activate(ether.VLANs(10))
				for _, name := range []string{"Vethernet1", "Vethernet2"} {
					f, err := b.AddPort(name)
					if err != nil {
						return err
					}
					f.Up, f.Vethernet, f.PVID, f.Allowed = true, true, 10, ether.VLANs(10)
				}
				return nil
			})
			for deadline := time.Now().Add(30 * time.Second); ; {
				n := 0
				for _, p := range e.Ports() {
					if p.Up {
						n++
					}
				}
				if n == 2 {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("%d ports up within 5 s: %+v", n, m.States())
				}
				time.Sleep(2 * time.Millisecond)
			}
			for i, want := range []string{c.made, c.given} {
				if p := e.Ports()[i]; !strings.Contains(p.Info.Driver, want) {
					t.Errorf("%s: driver %q, want %q in it", p.Name, p.Info.Driver, want)
				}
			}
			innstest.IP(t, h1, "addr add 192.0.2.1/24 dev eth0")
			innstest.IP(t, h2, "addr add 192.0.2.2/24 dev eth0")
			if err := errors.Join(transfer(h1, h2, "192.0.2.2"), transfer(h2, h1, "192.0.2.1")); err != nil {
				for _, p := range e.Ports() {
					t.Logf("%+v", p)
				}
				t.Fatal(err)
			}
		})
	}
}

// TestRings: rings of AF_PACKET are for a bounded number of ports, and one that
// is free again goes to the next. Where there are few ports all have one, which
// grows when it overflows.
func TestRings(t *testing.T) {
	const ports = 18
	ns := innstest.New(t)
	c := start(t, attach.Options{Namespace: ns})
	var wants []attach.Want
	for i := range ports {
		innstest.IP(t, ns, fmt.Sprintf("link add p%d type veth peer name q%d", i, i))
		innstest.IP(t, ns, fmt.Sprintf("link set q%d up", i))
		wants = append(wants, attach.Want{Name: fmt.Sprintf("Vethernet%d", i), Kind: attach.Device, Device: fmt.Sprintf("p%d", i)})
	}
	drivers := func(n int, prefix, part string) func() bool {
		return func() bool {
			for _, s := range c.states {
				if s.Open && strings.HasPrefix(s.Info.Driver, prefix) && strings.Contains(s.Info.Driver, part) {
					n--
				}
			}
			return n == 0
		}
	}
	c.m.Set(wants)
	c.wait("all are open, with twelve large rings", func() bool { return len(c.ports) == ports && drivers(12, "packet ring", "")() })
	c.m.Set(wants[6:])
	c.wait("some are closed", func() bool { return len(c.ports) == ports-6 })
	c.m.Set(wants)
	c.wait("all are open again, with as many rings", func() bool { return len(c.ports) == ports && drivers(12, "packet ring", "")() })

	c.m.Set(nil)
	c.wait("none is open", func() bool { return len(c.ports) == 0 })
	c.m.Set(wants[:16])
	c.wait("sixteen have small rings", func() bool { return len(c.ports) == 16 && drivers(16, "packet ring", "")() })
	s, err := traffic.NewSender(ns, "q0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c.wait("one grows when it overflows", func() bool {
		q := c.queues["Vethernet0"]
		for range 1000 {
			if err := s.Send(traffic.Build(traffic.Spec{Src: ether.MAC{2}, Dst: ether.MAC{2, 1}})); err != nil {
				t.Fatal(err)
			}
		}
		for b := (frame.Batch{N: 1}); b.N > 0; q.Release(&b) {
			if err := q.Recv(&b); err != nil {
				t.Fatal(err)
			}
		}
		return drivers(1, "packet ring", "grown to 4 MiB")()
	})
}

// able skips the test where AF_XDP cannot be used.
func able(t *testing.T) {
	t.Helper()
	ns := innstest.New(t)
	innstest.IP(t, ns, "link add p1 type veth peer name p2")
	p, err := xdp.Open(xdp.Config{Device: "p1", Namespace: ns})
	if err != nil {
		t.Skipf("needs AF_XDP: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
}

// transfer sends 4 MiB by TCP from one namespace to an address in another.
func transfer(from, to, address string) error {
	data := make([]byte, 4<<20)
	for i := range data {
		data[i] = byte(i * i >> 8)
	}
	var l net.Listener
	err := inns.Do(to, func() (err error) {
		l, err = net.Listen("tcp", address+":0")
		return err
	})
	if err != nil {
		return err
	}
	defer l.Close()
	deadline := time.Now().Add(10 * time.Second)
	received := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			received <- err
			return
		}
		defer c.Close()
		_ = c.SetDeadline(deadline)
		got, err := io.ReadAll(c)
		if err == nil && !bytes.Equal(got, data) {
			err = fmt.Errorf("%d bytes received, other than the %d sent", len(got), len(data))
		}
		received <- err
	}()
	fd := net.Dialer{Deadline: deadline}
	var c net.Conn
	err = inns.Do(from, func() (err error) {
		c, err = fd.Dial("tcp", l.Addr().String())
		return err
	})
	if err != nil {
		return err
	}
	_ = c.SetDeadline(deadline)
	_, err = c.Write(data)
	err = errors.Join(err, c.Close())
	if err != nil {
		return err
	}
	return <-received
}
