package tap_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
	"trunkline/linecard/port/inns/innstest"
	"trunkline/linecard/port/tap"
	"trunkline/testbed/traffic"
)

// TestOrder carries 100,000 frames of all lengths, some tagged, from one TAP to
// another in bursts of changing size: all arrive, whole and in order, as long
// as the bursts fit the queues.
func TestOrder(t *testing.T) { drivers(t, testOrder) }

func testOrder(t *testing.T, noRing bool) {
	const most = 64 // in a burst: what the receiving socket surely holds
	total := 50_000 // from each driver
	if testing.Short() {
		total = 5_000
	}
	nsA, nsB := innstest.New(t), innstest.New(t)
	shared := &tap.Shared{}
	in := queue(t, open(t, tap.Config{Name: "eth0", Namespace: nsA, Up: true, NoRing: noRing, Shared: shared}))
	out := queue(t, open(t, tap.Config{Name: "eth0", Namespace: nsB, Up: true, NoRing: noRing, Shared: shared}))
	s, err := traffic.NewSender(nsA, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, err := traffic.NewReceiver(nsB, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()

	bare := traffic.Build(traffic.Spec{Src: ether.MAC{2, 1}, Dst: ether.MAC{2, 2}, Len: 1514})
	tagged := traffic.Build(traffic.Spec{Src: ether.MAC{2, 1}, Dst: ether.MAC{2, 2}, Len: 1514, Tags: []ether.VLANID{7}})
	number := func(seq int) []byte { // the frame with a number
		f := bare
		if seq%5 == 0 {
			f = tagged
		}
		binary.BigEndian.PutUint32(f[18:], uint32(seq))
		return f[:60+seq*7%1455]
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	random := rand.New(rand.NewPCG(1, 2))
	var b frame.Batch
	outs := make([]frame.Out, frame.BatchSize)
	for sent, moved, seen := 0, 0, 0; seen < total; {
		for range min(1+random.IntN(most), total-sent) {
			if err := s.Send(number(sent)); err != nil {
				t.Fatal(err)
			}
			sent++
		}
		for moved < sent {
			if err := receive(t, in, &b); err != nil {
				t.Fatal(err)
			}
			for i := range b.N {
				f := &b.Frames[i]
				if b.Drop[i] != frame.Forward {
					t.Fatalf("frame %d: %v", moved+i, b.Drop[i])
				}
				outs[i] = frame.Out{Frame: f, TCI: f.TCI, Tag: f.Flags&frame.Tagged != 0}
			}
			if err := out.Send(outs[:b.N]); err != nil {
				t.Fatal(err)
			}
			for i := range b.N {
				if outs[i].Drop != frame.Forward {
					t.Fatalf("frame %d did not leave: %v", moved+i, outs[i].Drop)
				}
			}
			in.Release(&b)
			moved += b.N
		}
		for ; seen < sent; seen++ {
			got, err := r.Next(ctx)
			if err != nil {
				t.Fatalf("frame %d: %v", seen, err)
			}
			if want := number(seen); !bytes.Equal(got, want) {
				t.Fatalf("frame %d: %s", seen, traffic.Diff(got, want))
			}
		}
	}
}

// TestHeld keeps batches of several queues of one worker at a time, as no
// worker does but every worker may: they do not share memory.
func TestHeld(t *testing.T) { drivers(t, testHeld) }

func testHeld(t *testing.T, noRing bool) {
	shared := &tap.Shared{}
	var batches [3]frame.Batch
	var want [3][]byte
	for i := range batches {
		ns := innstest.New(t)
		q := queue(t, open(t, tap.Config{Name: "eth0", Namespace: ns, Up: true, NoRing: noRing, Shared: shared}))
		s, err := traffic.NewSender(ns, "eth0")
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		want[i] = traffic.Build(traffic.Spec{Src: ether.MAC{2, 1}, Dst: ether.MAC{2, 2}, Payload: []byte{byte(i)}, Len: 1000})
		if err := s.Send(want[i]); err != nil {
			t.Fatal(err)
		}
		if err := receive(t, q, &batches[i]); err != nil {
			t.Fatal(err)
		}
		defer q.Release(&batches[i])
	}
	for i := range batches {
		if d := traffic.Diff(batches[i].Frames[0].Bytes(), want[i]); d != "" {
			t.Errorf("batch %d: %s", i, d)
		}
	}
}

// A batch that broke off in a panic leaves nothing behind that a later one would
// send.
func TestBrokenOff(t *testing.T) { drivers(t, testBrokenOff) }

func testBrokenOff(t *testing.T, noRing bool) {
	ns := innstest.New(t)
	q := queue(t, open(t, tap.Config{Name: "eth0", Namespace: ns, Up: true, NoRing: noRing}))
	r, err := traffic.NewReceiver(ns, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	numbered := func(i byte) *frame.Frame {
		b := traffic.Build(traffic.Spec{Src: ether.MAC{2, 1}, Dst: ether.MAC{2, 2}, Payload: []byte{i}})
		return &frame.Frame{Buf: b, Head: uint32(len(b))}
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a frame outside its buffer was sent")
			}
		}()
		impossible := &frame.Frame{Buf: make([]byte, 60), Head: 61}
		_ = q.Send([]frame.Out{{Frame: numbered(1)}, {Frame: impossible}})
	}()
	out := []frame.Out{{Frame: numbered(2)}, {Frame: numbered(3)}}
	if err := q.Send(out); err != nil || out[0].Drop != frame.Forward || out[1].Drop != frame.Forward {
		t.Fatalf("Send: %v %v %v", err, out[0].Drop, out[1].Drop)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var got []byte
	for len(got) < 2 {
		f, err := r.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if f[14] != 1 { // sent before the other was looked at, or never
			got = append(got, f[14])
		}
	}
	if !bytes.Equal(got, []byte{2, 3}) {
		t.Errorf("frames %v arrived", got)
	}
	if n, err := traffic.Count(ns, "eth0"); err != nil || noRing == (n.RxFrames == 2) {
		t.Errorf("%d frames arrived, %v", n.RxFrames, err)
	}
}

// A thousand queues of a worker cost a descriptor or two each, and no memory
// while they are idle.
func TestShared(t *testing.T) {
	ns := innstest.New(t)
	shared := &tap.Shared{}
	const ports = 20
	list := make([]*tap.Port, ports)
	for i := range list {
		list[i] = open(t, tap.Config{Name: "tap" + string(rune('a'+i)), Namespace: ns, Up: true, Shared: shared})
	}
	fds, maps := count(t, "/proc/self/fd"), lines(t, "/proc/self/maps")
	for _, p := range list {
		q := queue(t, p)
		var b frame.Batch
		if err := q.Recv(&b); err != nil || b.N != 0 {
			t.Fatalf("Recv: %d %v", b.N, err)
		}
	}
	if now := count(t, "/proc/self/fd"); now > fds+3 {
		t.Errorf("%d descriptors more for %d queues", now-fds, ports)
	}
	if now := lines(t, "/proc/self/maps"); now >= maps+ports {
		t.Errorf("%d mappings more for %d queues", now-maps, ports)
	}
}
