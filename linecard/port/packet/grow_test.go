package packet_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/packet"
	"trunkline/testbed/drivertest"
	"trunkline/testbed/traffic"
)

var growths = flag.Int("growths", 10, "rings that TestGrowLeak grows")

// growing connects a port whose rings have so much memory.
func growing(t *testing.T, memory *packet.Memory) *drivertest.Cable {
	t.Helper()
	return driver(packet.Config{Ring: true, Memory: memory}).Connect(t)
}

func tend(t *testing.T, c *drivertest.Cable) {
	t.Helper()
	if err := c.Port.(*packet.Port).Tend(true); err != nil {
		t.Fatal(err)
	}
}

// size is what Info says of the ring.
func size(c *drivertest.Cable) string {
	_, s, _ := strings.Cut(c.Port.Info().Driver, "grown to ")
	return strings.TrimSuffix(s, " steered") // long frames may be taken for bulk
}

// numbered sends frames of several flows, with the flow and its next number in
// each, some of them longer than a slot.
type numbered struct {
	sender *traffic.Sender
	frames [][]byte
	next   []uint32
	sent   uint64
}

func newNumbered(s *traffic.Sender) *numbered {
	n := &numbered{sender: s, next: make([]uint32, 8)}
	for i := range n.next {
		length := 8
		if i%4 == 3 {
			length = 4000
		}
		n.frames = append(n.frames, traffic.Build(traffic.Spec{
			Src: ether.MAC{2, 1}, Dst: ether.MAC{2, 2}, Payload: make([]byte, length),
			From: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(1000+i)), To: netip.MustParseAddrPort("192.0.2.2:9"),
		}))
	}
	return n
}

func (n *numbered) send(count int) error {
	for range count {
		flow := int(n.sent) % len(n.frames)
		p := n.frames[flow][42:]
		binary.BigEndian.PutUint32(p, uint32(flow))
		binary.BigEndian.PutUint32(p[4:], n.next[flow])
		if err := n.sender.Send(n.frames[flow]); err != nil {
			return err
		}
		n.next[flow]++
		n.sent++
	}
	return nil
}

// checked receives what numbered sends and sees that nothing comes twice or out
// of its order.
type checked struct {
	queue    port.Queue
	next     [8]uint32
	received uint64
}

// take receives up to so many batches, or all there is.
func (c *checked) take(batches int) error {
	for ; batches != 0; batches-- {
		var b frame.Batch
		if err := c.queue.Recv(&b); err != nil || b.N == 0 {
			return err
		}
		for i := range b.N {
			f := &b.Frames[i]
			head := f.Bytes()
			if len(head) < 50 || !bytes.Equal(head[:4], []byte{2, 2, 0, 0}) {
				return fmt.Errorf("another frame: %x", head)
			}
			flow, k := binary.BigEndian.Uint32(head[42:]), binary.BigEndian.Uint32(head[46:])
			if flow >= 8 || k < c.next[flow] {
				return fmt.Errorf("flow %d: frame %d after %d", flow, k, c.next[flow])
			}
			c.next[flow] = k + 1
			c.received++
		}
		c.queue.Release(&b)
	}
	return nil
}

// TestGrow: a ring that overflows grows under traffic, step by step. Nothing comes
// twice or out of order, and what is lost is known to the frame.
func TestGrow(t *testing.T) {
	c := growing(t, packet.NewMemory(48<<20))
	n, r := newNumbered(c.Sender(t)), &checked{queue: c.Queue}
	if s := size(c); s != "" {
		t.Fatalf("a new ring has grown to %s", s)
	}
	var limit atomic.Uint64 // frames that may be sent
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	sent := make(chan error, 1)
	go func() {
		for ctx.Err() == nil {
			if n.sent >= limit.Load() {
				runtime.Gosched()
			} else if err := n.send(1); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for _, step := range []struct {
		window uint64 // frames in flight: somewhat more than the ring has slots
		want   string
	}{{550, "4 MiB"}, {2040, "16 MiB"}} {
		for deadline := time.Now().Add(10 * time.Second); size(c) != step.want; {
			if time.Now().After(deadline) {
				t.Fatalf("not grown to %s: %q", step.want, c.Port.Info().Driver)
			}
			for lost := port.Lost(c.Port); lost == port.Lost(c.Port) && time.Now().Before(deadline); {
				limit.Store(r.received + lost + step.window)
			}
			tended := make(chan error, 1)
			go func() { tended <- c.Port.(*packet.Port).Tend(true) }()
			for done := false; !done; {
				select {
				case err := <-tended:
					if err != nil {
						t.Fatal(err)
					}
					done = true
				default:
				}
				if err := r.take(4); err != nil {
					t.Fatal(err)
				}
				limit.Store(r.received + port.Lost(c.Port) + step.window/2)
			}
		}
	}
	stop()
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if err := r.take(-1); err != nil {
		t.Fatal(err)
	}
	lost := port.Lost(c.Port)
	if n := r.received + lost; n != sentBy(t, c) {
		t.Errorf("%d received and %d lost of %d", r.received, lost, sentBy(t, c))
	}
}

func sentBy(t *testing.T, c *drivertest.Cable) uint64 {
	t.Helper()
	n, err := traffic.Count(c.Card, "p1")
	if err != nil {
		t.Fatal(err)
	}
	return n.RxFrames
}

// overflow sends more than a first ring holds and receives it.
func overflow(t *testing.T, n *numbered, r *checked) {
	t.Helper()
	for range 2 {
		if err := n.send(800); err != nil {
			t.Fatal(err)
		}
		if err := r.take(-1); err != nil {
			t.Fatal(err)
		}
	}
}

// TestGrowOrder: what the old ring holds is received before what the new one does,
// with an accurate account of all frames.
func TestGrowOrder(t *testing.T) {
	c := growing(t, nil)
	n, r := newNumbered(c.Sender(t)), &checked{queue: c.Queue}
	fd := c.Queue.FD()
	if err := n.send(800); err != nil {
		t.Fatal(err)
	}
	tend(t, c)
	if err := r.take(1); err != nil { // exchanges
		t.Fatal(err)
	}
	if s := size(c); s != "4 MiB" {
		t.Fatalf("grown to %q", s)
	}
	before := r.received
	if err := n.send(1500); err != nil {
		t.Fatal(err)
	}
	if err := r.take(-1); err != nil {
		t.Fatal(err)
	}
	if r.received-before < 1500 || r.received+port.Lost(c.Port) != n.sent {
		t.Errorf("%d received, %d of them after the exchange, and %d lost, of %d", r.received, r.received-before, port.Lost(c.Port), n.sent)
	}
	if c.Queue.FD() != fd {
		t.Error("another descriptor")
	}
}

// TestGrowSend: a queue sends through the exchanged socket as before.
func TestGrowSend(t *testing.T) {
	c := growing(t, nil)
	overflow(t, newNumbered(c.Sender(t)), &checked{queue: c.Queue})
	tend(t, c)
	own := traffic.Build(traffic.Spec{Src: ether.MAC{2, 2}, Dst: ether.MAC{2, 1}})
	n, err := traffic.Count(c.Host, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	was := n.RxFrames
	for range 2 { // before and after the exchange
		out := []frame.Out{{Frame: &frame.Frame{Buf: own, Head: uint32(len(own))}}}
		if err := c.Queue.Send(out); err != nil || out[0].Drop != frame.Forward {
			t.Fatal(err, out[0].Drop)
		}
		var b frame.Batch
		if err := c.Queue.Recv(&b); err != nil || b.N != 0 {
			t.Fatalf("%d frames received, error %v", b.N, err)
		}
	}
	if s := size(c); s != "4 MiB" {
		t.Fatalf("grown to %q", s)
	}
	if n, err := traffic.Count(c.Host, "eth0"); err != nil || n.RxFrames != was+2 {
		t.Errorf("%d frames arrived, error %v", n.RxFrames-was, err)
	}
}

// TestGrowMemory: ports grow as long as their memory lasts, and no longer; what a
// port had is free when it is closed.
func TestGrowMemory(t *testing.T) {
	memory := packet.NewMemory(8 << 20)
	a, b := growing(t, memory), growing(t, memory)
	for _, c := range []*drivertest.Cable{a, b} {
		n, r := newNumbered(c.Sender(t)), &checked{queue: c.Queue}
		for range 3 {
			overflow(t, n, r)
			tend(t, c)
			if err := r.take(1); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s, u := size(a), size(b); s != "4 MiB" || u != "" {
		t.Fatalf("grown to %q and %q, of 8 MiB", s, u)
	}
	if err := a.Queue.Close(); err != nil {
		t.Fatal(err)
	}
	n, r := newNumbered(b.Sender(t)), &checked{queue: b.Queue, next: [8]uint32{}}
	overflow(t, n, r)
	tend(t, b)
	if err := r.take(1); err != nil {
		t.Fatal(err)
	}
	if s := size(b); s != "4 MiB" {
		t.Errorf("grown to %q when another was closed", s)
	}
	var err error
	if a.Queue, err = a.Port.Queue(0, 0); err != nil { // for the clean-up
		t.Fatal(err)
	}
}

// TestNoMemory: a port that finds no memory for a ring does without.
func TestNoMemory(t *testing.T) {
	memory := packet.NewMemory(3 << 20)
	if s := growing(t, memory).Port.Info().Driver; !strings.HasPrefix(s, "packet ring") {
		t.Errorf("first port: %q", s)
	}
	if s := growing(t, memory).Port.Info().Driver; !strings.HasPrefix(s, "packet mmsg (no ring: ") {
		t.Errorf("second port: %q", s)
	}
}

// usage counts descriptors and mappings of the process, and pages of packet rings
// among them.
func usage(t *testing.T) (fds, maps int) {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	return len(list), bytes.Count(text, []byte("socket:"))
}

// TestGrowLeak: growing and closing again and again, in every state in between,
// leaves no descriptor, no mapping and no memory behind.
func TestGrowLeak(t *testing.T) {
	memory := packet.NewMemory(8 << 20) // one that stayed would keep the next from growing
	c := growing(t, memory)
	s := newNumbered(c.Sender(t))
	fds, maps := usage(t)
	for i := range *growths {
		r := &checked{queue: c.Queue, next: [8]uint32(s.next)}
		overflow(t, s, r)
		tend(t, c)
		if i%3 > 0 { // exchanged, with the old ring in use still
			if err := s.send(80); err != nil {
				t.Fatal(err)
			}
			if err := r.take(1); err != nil {
				t.Fatal(err)
			}
			if got := size(c); got != "4 MiB" {
				t.Fatalf("growth %d: %q", i, got)
			}
		}
		if i%3 == 2 { // and freed
			if err := r.take(-1); err != nil {
				t.Fatal(err)
			}
			tend(t, c)
		}
		if err := c.Queue.Close(); err != nil {
			t.Fatal(err)
		}
		var err error
		if c.Queue, err = c.Port.Queue(0, 0); err != nil {
			t.Fatal(err)
		}
	}
	if f, m := usage(t); f != fds || m != maps {
		t.Errorf("%d descriptors and %d mappings of rings, %d and %d before", f, m, fds, maps)
	}
}
