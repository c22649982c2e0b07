package xdp_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/inns/innstest"
	"trunkline/linecard/port/porttest"
	"trunkline/testbed/traffic"
)

// TestTailTaken: a frame whose tail cannot be read costs itself. What was sent
// before it leaves, and others may send.
func TestTailTaken(t *testing.T) {
	card, host := innstest.New(t), innstest.New(t)
	innstest.Veth(t, host, "eth0", card, "p1")
	p := open(false)(t, card, "p1")
	defer p.Close()
	var queues [2]port.Queue
	for i, receive := range []int{0, port.SendOnly} {
		q, err := p.Queue(i, receive)
		if err != nil {
			t.Fatal(err)
		}
		defer q.Close()
		queues[i] = q
	}
	r, err := traffic.NewReceiver(host, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	made := func(mark byte, n int) []byte {
		return append([]byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5, mark}, make([]byte, n-15)...)
	}
	taken, done, err := porttest.Taken(made(9, 1000), 200)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	whole := func(b []byte) frame.Out {
		return frame.Out{Frame: &frame.Frame{Buf: b, Head: uint32(len(b))}}
	}
	sent := make(chan error, 1)
	go func() {
		for range 3 { // each would lose a chunk, or the lock
			if !porttest.Faults(func() {
				_ = queues[0].Send([]frame.Out{whole(made(1, 100)), {Frame: &frame.Frame{Buf: taken[:200], Head: 200, Tail: taken[200:]}}})
			}) {
				sent <- errors.New("the tail was not read")
				return
			}
		}
		sent <- queues[1].Send([]frame.Out{whole(made(2, 100))})
	}()
	select {
	case err := <-sent:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("nobody can send any more")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for _, mark := range []byte{1, 1, 1, 2} {
		b, err := r.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if want := made(mark, 100); !bytes.Equal(b, want) {
			t.Errorf("arrives %x, want %x", b, want)
		}
	}
}
