// Package drivertest holds the tests that every driver of a network device must
// pass, on a real veth between two network namespaces: what the driver receives
// and sends is compared with what a raw socket on the other end sends and
// receives.
package drivertest

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/inns/innstest"
	"trunkline/testbed/traffic"
)

// Driver is a driver under test.
type Driver struct {
	// Open opens the device in a namespace. It may skip the test.
	Open func(t testing.TB, namespace, device string) port.Port
	// Prepare is called with the other end before the device is opened; nil for
	// nothing to do.
	Prepare func(t testing.TB, namespace, device string)
	// MTU is the largest the driver carries, in bytes; at most frame.MaxWire less
	// the headers.
	MTU int
}

// Cable is a veth from Host's eth0 to a port on Card's p1.
type Cable struct {
	Host, Card string // namespaces
	Port       port.Port
	Queue      port.Queue // of worker 0, receives
}

// Connect makes a cable. Test and cable end together.
func (d Driver) Connect(t testing.TB) *Cable {
	t.Helper()
	c := &Cable{Card: innstest.New(t), Host: innstest.New(t)}
	innstest.Veth(t, c.Host, "eth0", c.Card, "p1")
	mtu := " mtu " + strconv.Itoa(d.MTU)
	innstest.IP(t, c.Host, "link set eth0 up"+mtu)
	innstest.IP(t, c.Card, "link set p1 up"+mtu)
	if d.Prepare != nil {
		d.Prepare(t, c.Host, "eth0")
	}
	c.Port = d.Open(t, c.Card, "p1")
	t.Cleanup(func() {
		if err := c.Port.Close(); err != nil {
			t.Error(err)
		}
	})
	var err error
	if c.Queue, err = c.Port.Queue(0, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Queue.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// Sender opens the host's end for sending.
func (c *Cable) Sender(t testing.TB) *traffic.Sender {
	t.Helper()
	s, err := traffic.NewSender(c.Host, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// Receive polls the queue until it has something, fails or a deadline passes.
func (c *Cable) Receive(t testing.TB, b *frame.Batch) error {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		if err := c.Queue.Recv(b); err != nil || b.N > 0 {
			return err
		}
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(c.Queue.FD()), Events: unix.POLLIN}}, 20)
	}
	t.Fatal("nothing received within 5 s")
	return nil
}

// Run runs all tests.
func Run(t *testing.T, d Driver) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Driver)
	}{
		{"tag restored", tagRestored},
		{"tag inserted", tagInserted},
		{"length", length},
		{"order", order},
		{"readable", readable},
		{"several workers", severalWorkers},
		{"gone", gone},
		{"no allocation", noAllocation},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, d) })
	}
}

var a, b = ether.MAC{2, 1}, ether.MAC{2, 2}

// tagRestored: one C-tag travels as TCI, all else is payload.
func tagRestored(t *testing.T, d Driver) {
	c := d.Connect(t)
	s := c.Sender(t)
	spec := traffic.Spec{Src: a, Dst: b, Payload: make([]byte, 200)}
	untagged := traffic.Build(spec)
	spec.Tags = []ether.VLANID{100}
	single := traffic.Build(spec)
	spec.Tags = []ether.VLANID{100, 7}
	double := traffic.Build(spec)
	spec.Tags = []ether.VLANID{7}
	inner := traffic.Build(spec)
	service := slices.Clone(single)
	service[12], service[13] = 0x88, 0xa8
	for _, x := range []struct {
		name   string
		sent   []byte
		tagged bool
		want   []byte
	}{
		{"untagged", untagged, false, untagged},
		{"single", single, true, untagged},
		{"double", double, true, inner},
		{"S-tag", service, false, service},
	} {
		if err := s.Send(x.sent); err != nil {
			t.Fatal(err)
		}
		var batch frame.Batch
		if err := c.Receive(t, &batch); err != nil {
			t.Fatal(err)
		}
		f := &batch.Frames[0]
		if batch.N != 1 || batch.Drop[0] != frame.Forward || f.Flags&frame.Tagged != 0 != x.tagged || x.tagged && f.TCI != 100 {
			t.Errorf("%s: %d frames, %v, flags %d, TCI %d", x.name, batch.N, batch.Drop[0], f.Flags, f.TCI)
		}
		if f.Off+4 < frame.Headroom { // a tag put back takes four bytes
			t.Errorf("%s: headroom of %d bytes", x.name, f.Off)
		}
		if diff := traffic.Diff(append(slices.Clone(f.Bytes()), f.Tail...), x.want); diff != "" {
			t.Errorf("%s: %s", x.name, diff)
		}
		c.Queue.Release(&batch)
	}
}

// tagInserted: frames leave as they are listed, whatever is wrong with others of
// the burst.
func tagInserted(t *testing.T, d Driver) {
	c := d.Connect(t)
	r, err := traffic.NewReceiver(c.Host, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	spec := traffic.Spec{Src: a, Dst: b, Payload: make([]byte, 1300)}
	for i := range spec.Payload {
		spec.Payload[i] = byte(i)
	}
	plain := traffic.Build(spec)
	spec.Tags = []ether.VLANID{42}
	want := traffic.Build(spec)
	f := &frame.Frame{Buf: plain[:200], Head: 200, Tail: plain[200:]} // apart, as after a receive
	bad := &frame.Frame{Buf: plain[:10], Head: 10}
	long := &frame.Frame{Buf: make([]byte, 200), Head: 200, Tail: make([]byte, 20000)}
	// A lie about the checksum: the frame is refused, not the burst.
	lie := &frame.Frame{Buf: plain[:200], Head: 200, Flags: frame.NeedsCsum, CsumStart: 5000, CsumOffset: 2}
	out := []frame.Out{{Frame: bad}, {Frame: long}, {Frame: f, Tag: true, TCI: 42}, {Frame: lie}, {Frame: f}}
	if err := c.Queue.Send(out); err != nil {
		t.Fatal(err)
	}
	for i, want := range []frame.Reason{frame.TxError, frame.Giant, frame.Forward, frame.TxError, frame.Forward} {
		if out[i].Drop != want {
			t.Errorf("frame %d: %v, want %v", i, out[i].Drop, want)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, w := range [][]byte{want, plain} {
		got, err := r.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if diff := traffic.Diff(got, w); diff != "" {
			t.Error(diff)
		}
	}
}

// length: frames of all lengths up to the MTU arrive whole, both ways.
func length(t *testing.T, d Driver) {
	c := d.Connect(t)
	s := c.Sender(t)
	r, err := traffic.NewReceiver(c.Host, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var batch frame.Batch
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, n := range []int{60, 61, 127, 128, 129, 1514, 1517, 1518, 1853, 1854, 1855, 1920, 1921, 2048, d.MTU + frame.HeaderLen} {
		sent := traffic.Build(traffic.Spec{Src: a, Dst: b, Len: n})
		for i := frame.HeaderLen; i < n; i++ {
			sent[i] = byte(i * 7)
		}
		if err := s.Send(sent); err != nil {
			t.Fatal(err)
		}
		if err := c.Receive(t, &batch); err != nil {
			t.Fatal(err)
		}
		f := &batch.Frames[0]
		if batch.N != 1 || batch.Drop[0] != frame.Forward {
			t.Fatalf("%d bytes: %d frames, %v", n, batch.N, batch.Drop[0])
		}
		if diff := traffic.Diff(append(slices.Clone(f.Bytes()), f.Tail...), sent); diff != "" {
			t.Fatalf("%d bytes received: %s", n, diff)
		}
		out := []frame.Out{{Frame: f}}
		if err := c.Queue.Send(out); err != nil || out[0].Drop != frame.Forward {
			t.Fatalf("%d bytes: %v %v", n, err, out[0].Drop)
		}
		c.Queue.Release(&batch)
		got, err := r.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if diff := traffic.Diff(got, sent); diff != "" {
			t.Fatalf("%d bytes sent: %s", n, diff)
		}
	}
}

// order: frames of mixed lengths arrive each once and in the order sent, over
// several turns of any ring, as long as the queue is served.
func order(t *testing.T, d Driver) {
	c := d.Connect(t)
	s := c.Sender(t)
	const burst, bursts = 100, 60
	var batch frame.Batch
	next := uint32(0)
	lengths := []int{60, 1514, 64, d.MTU + frame.HeaderLen, 60, 300, 1900}
	sent := make([]byte, d.MTU+frame.HeaderLen)
	copy(sent, traffic.Build(traffic.Spec{Src: a, Dst: b}))
	for round := range bursts {
		for i := range burst {
			n := uint32(round*burst + i)
			binary.BigEndian.PutUint32(sent[20:], n)
			if err := s.Send(sent[:lengths[int(n)%len(lengths)]]); err != nil {
				t.Fatal(err)
			}
		}
		for want := uint32((round + 1) * burst); next < want; {
			if err := c.Receive(t, &batch); err != nil {
				t.Fatal(err)
			}
			for i := range batch.N {
				f := &batch.Frames[i]
				n := binary.BigEndian.Uint32(f.Bytes()[20:])
				if n != next || batch.Drop[i] != frame.Forward || f.Len() != lengths[int(n)%len(lengths)] {
					t.Fatalf("frame %d: got %d, %v, %d bytes", next, n, batch.Drop[i], f.Len())
				}
				next++
			}
			c.Queue.Release(&batch)
		}
	}
	if n := port.Lost(c.Port); n != 0 {
		t.Errorf("%d frames lost", n)
	}
}

// readable: the descriptor says when there is a frame, and when there is none.
func readable(t *testing.T, d Driver) {
	c := d.Connect(t)
	s := c.Sender(t)
	poll := func(ms int) bool {
		n, _ := unix.Poll([]unix.PollFd{{Fd: int32(c.Queue.FD()), Events: unix.POLLIN}}, ms)
		return n > 0
	}
	var batch frame.Batch
	for round := range 3 {
		if poll(0) {
			t.Errorf("round %d: readable with nothing to read", round)
		}
		if err := s.Send(traffic.Build(traffic.Spec{Src: a, Dst: b})); err != nil {
			t.Fatal(err)
		}
		if !poll(3000) {
			t.Fatalf("round %d: not readable within 3 s", round)
		}
		if err := c.Receive(t, &batch); err != nil || batch.N != 1 {
			t.Fatalf("round %d: %d frames, %v", round, batch.N, err)
		}
		c.Queue.Release(&batch)
	}
}

// severalWorkers: workers that do not receive send at the same time, each its
// frames in order.
func severalWorkers(t *testing.T, d Driver) {
	c := d.Connect(t)
	r, err := traffic.NewReceiver(c.Host, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	const workers, each = 3, 20
	failed := make(chan error, workers)
	for w := range workers {
		q := c.Queue
		if w > 0 {
			if q, err = c.Port.Queue(w, port.SendOnly); err != nil {
				t.Fatal(err)
			}
			defer q.Close()
		}
		go func() {
			out := make([]frame.Out, 8)
			for n := range each {
				for i := range out {
					buf := traffic.Build(traffic.Spec{Src: ether.MAC{2, 0, 0, 0, 9, byte(w)}, Dst: b})
					binary.BigEndian.PutUint32(buf[20:], uint32(n*len(out)+i))
					out[i] = frame.Out{Frame: &frame.Frame{Buf: buf, Head: uint32(len(buf))}}
				}
				if err := q.Send(out); err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	for range workers {
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var next [workers]uint32
	for range workers * each * 8 {
		got, err := r.Next(ctx)
		if err != nil {
			t.Fatalf("%v after %v", err, next)
		}
		w := got[11]
		if n := binary.BigEndian.Uint32(got[20:]); n != next[w] {
			t.Fatalf("worker %d: frame %d, want %d", w, n, next[w])
		}
		next[w]++
	}
}

// gone: a device that is down comes back, one that was deleted does not.
func gone(t *testing.T, d Driver) {
	c := d.Connect(t)
	var batch frame.Batch
	innstest.IP(t, c.Card, "link set p1 down")
	for range 100 {
		if err := c.Queue.Recv(&batch); err != nil {
			t.Fatalf("Recv on a device that is down: %v", err)
		}
	}
	f := &frame.Frame{Buf: make([]byte, 60), Head: 60}
	out := []frame.Out{{Frame: f}, {Frame: f}}
	if err := c.Queue.Send(out); err != nil {
		t.Errorf("Send on a device that is down: %v", err)
	}
	if c.Port.Info().Carrier {
		t.Error("carrier on a device that is down")
	}
	innstest.IP(t, c.Card, "link set p1 up")
	for deadline := time.Now().Add(3 * time.Second); !c.Port.Info().Carrier; {
		if time.Now().After(deadline) {
			t.Fatal("no carrier within 3 s")
		}
	}
	s := c.Sender(t)
	if err := s.Send(traffic.Build(traffic.Spec{Src: a, Dst: b})); err != nil {
		t.Fatal(err)
	}
	if err := c.Receive(t, &batch); err != nil || batch.N != 1 {
		t.Fatalf("after it came up: %d frames, %v", batch.N, err)
	}
	c.Queue.Release(&batch)
	innstest.IP(t, c.Card, "link del p1")
	if err := c.Receive(t, &batch); !errors.Is(err, port.ErrGone) {
		t.Errorf("Recv on a device that is gone: %v", err)
	}
	if err := c.Queue.Send(out); !errors.Is(err, port.ErrGone) || out[0].Drop != frame.TxError || out[1].Drop != frame.TxError {
		t.Errorf("Send: %v, %v %v", err, out[0].Drop, out[1].Drop)
	}
	if _, err := c.Port.Queue(1, 0); !errors.Is(err, port.ErrGone) {
		t.Errorf("Queue: %v", err)
	}
}

func noAllocation(t *testing.T, d Driver) {
	c := d.Connect(t)
	s := c.Sender(t)
	small := traffic.Build(traffic.Spec{Src: a, Dst: b, Tags: []ether.VLANID{9}})
	var batch frame.Batch
	out := make([]frame.Out, 0, frame.BatchSize)
	seen := 0
	allocs := testing.AllocsPerRun(200, func() {
		if err := s.Send(small); err != nil {
			t.Fatal(err)
		}
		if err := c.Receive(t, &batch); err != nil {
			t.Fatal(err)
		}
		out = out[:batch.N]
		for i := range batch.N {
			out[i] = frame.Out{Frame: &batch.Frames[i], Tag: true, TCI: batch.Frames[i].TCI}
		}
		if err := c.Queue.Send(out); err != nil {
			t.Fatal(err)
		}
		c.Queue.Release(&batch)
		seen += batch.N
	})
	if allocs != 0 || seen < 200 {
		t.Errorf("%v allocations per frame in %d frames, want 0", allocs, seen)
	}
}
