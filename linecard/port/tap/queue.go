package tap

import (
	"golang.org/x/sys/unix"

	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/uring"
	"trunkline/linecard/port/vnet"
)

// burst bounds the bytes of one Recv and of one system call that writes: a burst
// of super-frames is sent on while it is still in the second-level cache, other
// ports do not wait long, and the Go scheduler, which does not know of the call,
// misses the thread for 0.1 ms. More made TCP no faster.
const burst = 256 << 10

// queue is one worker's access to a TAP: one descriptor, which other queues may
// share for sending.
type queue struct {
	fd      int
	header  int // bytes of the virtio header, 0 without
	receive bool
	worker  int
	shared  *Shared
	common  *common
	ring    *uring.Ring // nil: one system call for each frame
	mem     *memory     // of the batch that is not released yet
	want    int         // frames that the next burst expects
	limit   int         // frames that it may have
	text    text
	out     gathered
}

func newQueue(p *Port, fd, worker, receive int) (*queue, error) {
	c, err := p.shared.acquire(worker, p.ring)
	if err != nil {
		return nil, err
	}
	q := &queue{
		fd: fd, header: p.header, receive: receive != port.SendOnly, worker: worker, shared: p.shared, common: c,
		want: 1, limit: frame.BatchSize,
	}
	if p.ring {
		q.ring = c.ring
	}
	return q, nil
}

// Recv reads until the device is empty, the batch full or the burst spent.
func (q *queue) Recv(b *frame.Batch) (err error) {
	b.N = 0
	if !q.receive {
		return nil
	}
	if q.mem == nil {
		if q.mem, err = q.common.take(); err != nil {
			return err
		}
	}
	if q.ring != nil {
		err = q.readRing(q.mem, b)
	} else {
		err = q.readEach(q.mem, b)
	}
	if b.N == 0 {
		q.Release(b)
	}
	return err
}

// readEach reads with one system call for each frame: as many as the last burst
// had, and more next time when that did not find the device empty. The calls
// cannot block, as the descriptor is non-blocking, hence the raw ones.
func (q *queue) readEach(m *memory, b *frame.Batch) error {
	for total := 0; b.N < q.want && total < burst; {
		n, e := read(q.fd, m.slot(b.N)[frame.Headroom-q.header:])
		if e != 0 {
			q.want = max(b.N, 1)
			return failed(e)
		}
		q.accept(m, b, b.N, n)
		total += n
	}
	q.want = min(2*q.want, frame.BatchSize)
	return nil
}

// accept describes the n bytes that were read into a slot as the next frame of
// the batch.
func (q *queue) accept(m *memory, b *frame.Batch, at, n int) {
	f := &b.Frames[b.N]
	buf := m.slot(at)
	*f = frame.Frame{Buf: buf, Off: frame.Headroom, Head: uint32(max(n-q.header, 0)), Slot: uint32(at)}
	shift := vnet.Pop(f)
	if q.header != 0 {
		b.Drop[b.N] = vnet.Decode(buf[frame.Headroom-q.header:frame.Headroom], f, shift)
	} else {
		b.Drop[b.N] = plain(f)
	}
	b.N++
}

// plain checks a frame that came without a header.
func plain(f *frame.Frame) frame.Reason {
	vnet.Clear(f)
	switch n := f.Len(); {
	case n < frame.MinLen:
		return frame.Runt
	case n > frame.MaxWire:
		return frame.Giant
	}
	return frame.Forward
}

// failed maps the end of a burst to the contract.
func failed(e unix.Errno) error {
	switch e {
	case unix.EAGAIN, unix.EINTR, unix.ENOBUFS, unix.ENOMEM:
		return nil
	case unix.EBADFD, unix.EBADF, unix.EIO: // detached, unregistered
		return port.ErrGone
	}
	return e
}

// Release ends the use of the last batch.
func (q *queue) Release(*frame.Batch) {
	if q.mem != nil {
		q.common.give(q.mem)
		q.mem = nil
	}
}

// FD returns the descriptor that polls readable.
func (q *queue) FD() int {
	if !q.receive {
		return -1
	}
	return q.fd
}

// Close lets go of what the worker's queues share; the descriptor is the
// port's.
func (q *queue) Close() error {
	if q.common == nil {
		return nil
	}
	q.Release(nil)
	c := q.common
	q.common, q.ring = nil, nil
	return q.shared.release(q.worker, c)
}
