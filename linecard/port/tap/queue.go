package tap

import (
	"encoding/binary"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/slab"
	"trunkline/linecard/port/vnet"
)

// burst bounds the bytes of one Recv, so that a burst of super-frames is sent
// on while it is still in the second-level cache.
const burst = 768 << 10

// queue is one worker's access to a TAP. The system calls cannot block (the
// descriptor is non-blocking), hence RawSyscall.
type queue struct {
	fd      uintptr
	header  int
	receive bool
	mem     *slab.Slab // nil without receive
	in      [2]unix.Iovec
	out     [5]unix.Iovec
	hdr     [frame.VnetLen]byte
	tag     [frame.TagLen]byte
}

func newQueue(p *Port, receive bool) (*queue, error) {
	q := &queue{fd: uintptr(p.fd), header: p.header, receive: receive}
	q.tag[0], q.tag[1] = 0x81, 0x00
	if receive {
		var err error
		if q.mem, err = slab.New(); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// Recv reads until the device is empty, the batch full or the burst spent.
func (q *queue) Recv(b *frame.Batch) error {
	b.N = 0
	if !q.receive {
		return nil
	}
	total := 0
	for b.N < frame.BatchSize && total < burst {
		head := q.mem.Head(b.N)[frame.Headroom-q.header:]
		tail := q.mem.Tail(b.N)
		q.in[0].Base, q.in[0].Len = &head[0], uint64(len(head))
		q.in[1].Base, q.in[1].Len = &tail[0], uint64(len(tail))
		r, _, e := unix.RawSyscall(unix.SYS_READV, q.fd, uintptr(unsafe.Pointer(&q.in)), uintptr(len(q.in)))
		if e != 0 {
			return q.failed(e)
		}
		n := int(r) - q.header
		if n < 0 {
			n = 0
		}
		f := &b.Frames[b.N]
		q.mem.Frame(f, b.N, n)
		shift := vnet.Pop(f)
		if q.header != 0 {
			b.Drop[b.N] = vnet.Decode(head[:q.header], f, shift)
		} else {
			b.Drop[b.N] = plain(f)
		}
		b.N++
		total += n
	}
	return nil
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
func (q *queue) failed(e unix.Errno) error {
	switch e {
	case unix.EAGAIN, unix.EINTR, unix.ENOBUFS, unix.ENOMEM:
		return nil
	case unix.EBADFD, unix.EBADF, unix.EIO: // detached, unregistered
		return port.ErrGone
	}
	return e
}

// Release ends the use of the last batch; the slots are reused by position.
func (q *queue) Release(*frame.Batch) {}

// Send writes each frame with one call: the device has no batched form.
func (q *queue) Send(out []frame.Out) error {
	for i := range out {
		o := &out[i]
		o.Drop = frame.Forward
		n := q.gather(o)
		if n == 0 {
			o.Drop = frame.TxError
			continue
		}
		_, _, e := unix.RawSyscall(unix.SYS_WRITEV, q.fd, uintptr(unsafe.Pointer(&q.out)), uintptr(n))
		switch e {
		case 0:
		case unix.EAGAIN, unix.ENOBUFS, unix.EINTR:
			o.Drop = frame.QueueFull
		case unix.ENOMEM:
			o.Drop = frame.NoMemory
		case unix.EBADFD, unix.EBADF:
			for j := i; j < len(out); j++ {
				out[j].Drop = frame.TxError
			}
			return port.ErrGone
		default: // EIO: the device is down; EINVAL: refused
			o.Drop = frame.TxError
		}
	}
	runtime.KeepAlive(out)
	return nil
}

// gather describes the frame in q.out and returns the number of pieces, 0 when
// the device cannot carry it.
func (q *queue) gather(o *frame.Out) int {
	n, shift := 0, 0
	if o.Tag {
		shift = frame.TagLen
	}
	head := o.Bytes()
	if len(head) < frame.MinLen {
		return 0
	}
	if q.header != 0 {
		vnet.Encode(q.hdr[:], o.Frame, shift)
		q.out[0].Base, q.out[0].Len = &q.hdr[0], uint64(q.header)
		n = 1
	} else if o.GSO != frame.GSONone || o.Flags&frame.NeedsCsum != 0 {
		return 0
	}
	if o.Tag {
		binary.BigEndian.PutUint16(q.tag[2:], o.TCI)
		q.out[n].Base, q.out[n].Len = &head[0], 12
		q.out[n+1].Base, q.out[n+1].Len = &q.tag[0], frame.TagLen
		head = head[12:]
		n += 2
	}
	q.out[n].Base, q.out[n].Len = &head[0], uint64(len(head))
	n++
	if len(o.Tail) > 0 {
		q.out[n].Base, q.out[n].Len = &o.Tail[0], uint64(len(o.Tail))
		n++
	}
	return n
}

// FD returns the descriptor that polls readable.
func (q *queue) FD() int {
	if !q.receive {
		return -1
	}
	return int(q.fd)
}

// Close frees the receive memory; the descriptor is the port's.
func (q *queue) Close() error {
	if q.mem == nil {
		return nil
	}
	return q.mem.Close()
}
