package xdp

import (
	"encoding/binary"
	"errors"

	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/vnet"
)

// askEvery is how many receives in a row find nothing before the socket is asked
// for an error.
const askEvery = 16

// queue is one worker's use of the sockets of a port.
type queue struct {
	in    *socket // nil without the receive side
	out   *socket
	empty uint32                  // receives in a row that found nothing
	held  [frame.BatchSize]uint64 // chunks of the batch in hand
	n     uint32                  // of them
}

// Recv takes the frames that are there; they stay where they are until Release.
func (q *queue) Recv(b *frame.Batch) error {
	b.N = 0
	s := q.in
	if s == nil {
		return nil
	}
	n := s.rx.filled(frame.BatchSize)
	if n == 0 {
		if q.empty++; q.empty%askEvery == 0 {
			return s.failure()
		}
		return nil
	}
	q.empty = 0
	for i := range n {
		d := s.rx.entry(i)
		b.Drop[i] = q.describe(i, &b.Frames[i], d.Addr, d.Len)
	}
	s.rx.consumed(n)
	q.n, b.N = n, int(n)
	return nil
}

// describe turns a received descriptor into frame i.
func (q *queue) describe(i uint32, f *frame.Frame, at uint64, length uint32) frame.Reason {
	chunk := at &^ (chunkLen - 1)
	off := uint32(at - chunk)
	if chunk >= chunks*chunkLen || off < frame.Headroom || length > chunkLen-off {
		chunk, off, length = 0, frame.Headroom, 0 // never seen: a runt
	}
	q.held[i] = chunk
	f.Buf = q.in.mem[chunk : chunk+chunkLen : chunk+chunkLen]
	f.Off, f.Head, f.Tail = off, length, nil
	f.Flags, f.TCI, f.BD, f.Slot = 0, 0, 0, i
	vnet.Clear(f)
	if length < frame.MinLen {
		return frame.Runt
	}
	vnet.Pop(f)
	return frame.Forward
}

// Release gives the chunks of the batch in hand back to the kernel.
func (q *queue) Release(*frame.Batch) {
	s := q.in
	if s == nil || q.n == 0 {
		return
	}
	n := min(q.n, s.fill.room(q.n)) // there is room for every chunk
	for i := range n {
		*s.fill.entry(i) = q.held[i]
	}
	s.fill.produced(n)
	q.n = 0
	if s.fill.sleeping() {
		s.wake()
	}
}

// Send copies the frames into chunks and has them sent.
func (q *queue) Send(out []frame.Out) error {
	s := q.out
	err := s.send(out)
	if errors.Is(err, port.ErrGone) {
		for i := range out {
			out[i].Drop = frame.TxError
		}
		return err
	}
	return nil
}

// send sends a burst in parts as long as the send ring. It may panic at a frame
// whose tail is taken away while it is read: what was written before leaves with the next
// burst, and the chunk in work is free.
func (s *socket) send(out []frame.Out) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	if len(s.free) < len(out) {
		s.reap()
	}
	n := uint32(0)
	defer func() { s.tx.produced(n) }() // none, unless it panics
	flush := func() error {
		s.tx.produced(n)
		n = 0
		return s.kick()
	}
	for i := range out {
		o := &out[i]
		if r := takes(o); r != frame.Forward {
			o.Drop = r
			continue
		}
		if s.tx.room(n+1) <= n || len(s.free) == 0 {
			if err := flush(); errors.Is(err, port.ErrGone) {
				return err
			}
			s.reap()
			if s.tx.room(1) == 0 || len(s.free) == 0 {
				o.Drop = frame.QueueFull
				continue
			}
		}
		at := s.free[len(s.free)-1]
		d := s.tx.entry(n)
		d.Addr, d.Len, d.Options = at+headroom, write(s.mem[at+headroom:at+chunkLen:at+chunkLen], o), 0
		s.free = s.free[:len(s.free)-1]
		o.Drop = frame.Forward
		n++
	}
	err := flush()
	s.reap()
	return err
}

// takes says why a frame cannot leave by AF_XDP.
func takes(o *frame.Out) frame.Reason {
	length := o.Len()
	switch {
	case o.Head < frame.MinLen || o.GSO != frame.GSONone || o.Flags&frame.NeedsCsum != 0:
		return frame.TxError
	case length+frame.TagLen > maxFrame:
		return frame.Giant
	}
	return frame.Forward
}

// write writes the frame as it leaves to b and returns its length.
func write(b []byte, o *frame.Out) uint32 {
	head := o.Bytes()
	n := 0
	if o.Tag {
		n = copy(b, head[:12])
		b[12], b[13] = 0x81, 0x00
		binary.BigEndian.PutUint16(b[14:], o.TCI)
		n += frame.TagLen
		head = head[12:]
	}
	n += copy(b[n:], head)
	return uint32(n + copy(b[n:], o.Tail))
}

// FD returns the descriptor that polls readable.
func (q *queue) FD() int {
	if q.in == nil {
		return -1
	}
	return q.in.fd
}

// Close ends the use of the sockets, which are the port's.
func (q *queue) Close() error {
	q.Release(nil)
	return nil
}
