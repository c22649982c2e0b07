package porttest_test

import (
	"bytes"
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/porttest"
)

func open(t *testing.T, o porttest.Options) (*porttest.Port, port.Queue) {
	t.Helper()
	p := porttest.New(o)
	q, err := p.Queue(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return p, q
}

func readable(t *testing.T, q port.Queue) bool {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(q.FD()), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	if err != nil {
		t.Fatal(err)
	}
	return n == 1
}

// TestBounce sends what was received and wants it back unchanged: tag, head and
// tail, virtio header.
func TestBounce(t *testing.T) {
	p, q := open(t, porttest.Options{HeadLen: frame.HeadMin})
	long := make([]byte, 1514)
	for i := range long {
		long[i] = byte(i * 3)
	}
	plain := long[:60]
	tagged := porttest.Tagged(long, 0x600a)
	if readable(t, q) {
		t.Error("readable without a frame")
	}
	p.Deliver(plain, tagged, long[:10])
	if !readable(t, q) {
		t.Error("not readable")
	}
	var b frame.Batch
	if err := q.Recv(&b); err != nil || b.N != 3 {
		t.Fatalf("received %d frames: %v", b.N, err)
	}
	if f := &b.Frames[1]; f.Flags&frame.Tagged == 0 || f.TCI != 0x600a || f.Len() != 1514 || len(f.Tail) == 0 {
		t.Errorf("tagged frame %+v", f)
	}
	if b.Drop[2] != frame.Runt || b.Drop[0] != frame.Forward {
		t.Errorf("verdicts %v", b.Drop[:3])
	}
	if readable(t, q) || p.Waiting() != 0 {
		t.Error("still readable")
	}
	out := []frame.Out{{Frame: &b.Frames[0]}, {Frame: &b.Frames[1], Tag: true, TCI: 0x600a}}
	if err := q.Send(out); err != nil {
		t.Fatal(err)
	}
	q.Release(&b)
	sent := p.Sent()
	if len(sent) != 2 || !bytes.Equal(sent[0].Bytes, plain) || !bytes.Equal(sent[1].Bytes, tagged) {
		t.Errorf("sent %x", sent)
	}
	if rest, tci, ok := porttest.Untagged(sent[1].Bytes); !ok || tci != 0x600a || !bytes.Equal(rest, long) {
		t.Error("the tag is not taken out")
	}
}

func TestTrouble(t *testing.T) {
	p, q := open(t, porttest.Options{})
	var b frame.Batch
	p.Deliver(make([]byte, 60), make([]byte, 60))
	if err := q.Recv(&b); err != nil {
		t.Fatal(err)
	}
	if err := q.Recv(&b); err == nil {
		t.Error("Recv before Release: no error")
	}
	q.Release(&b)
	p.Deliver(make([]byte, 60), make([]byte, 60))
	if err := q.Recv(&b); err != nil {
		t.Fatal(err)
	}
	p.Room(1)
	out := []frame.Out{{Frame: &b.Frames[0]}, {Frame: &b.Frames[1]}}
	if err := q.Send(out); err != nil || out[0].Drop != frame.Forward || out[1].Drop != frame.QueueFull {
		t.Errorf("a full port: %v, %v %v", err, out[0].Drop, out[1].Drop)
	}
	p.Vanish()
	if err := q.Send(out); !errors.Is(err, port.ErrGone) || out[0].Drop != frame.TxError {
		t.Errorf("a gone port: %v, %v", err, out[0].Drop)
	}
	q.Release(&b)
	if err := q.Recv(&b); !errors.Is(err, port.ErrGone) {
		t.Errorf("receive from a gone port: %v", err)
	}
	if p.Close() == nil {
		t.Error("closed with a queue open")
	}
	if err := q.Close(); err != nil {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}
