package packet

import (
	"encoding/binary"
	"errors"
	"runtime"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/vnet"
)

// pieces is the most iovecs a frame takes: header, addresses, tag, head, tail.
const pieces = 5

// queue is one worker's socket. The system calls are non-blocking, hence
// RawSyscall.
type queue struct {
	port   *Port
	fd     uintptr
	header int
	rx     *receiver // nil without the receive side
	ring   *ring     // nil while receiving from the socket's queue only
	grown
	lost  atomic.Uint64 // frames that no statistics of the socket will tell of
	small int           // frames in a row that were not long, while they are steered

	messages [frame.BatchSize]message
	iov      [frame.BatchSize][pieces]unix.Iovec
	hdr      [frame.BatchSize][16]byte // virtio header, and the tag after it
}

// tagAt is where the tag stands in an entry of queue.hdr.
const tagAt = frame.VnetLen

func newQueue(p *Port, fd int, receive bool) (*queue, error) {
	q := &queue{port: p, fd: uintptr(fd), header: p.header}
	if receive {
		var err error
		if q.rx, err = newReceiver(p.header); err != nil {
			return nil, err
		}
	}
	for i := range q.messages {
		q.messages[i].hdr.Iov = &q.iov[i][0]
	}
	return q, nil
}

// Send hands the frames over in one call per 64, and one more after each frame
// that the kernel refuses.
func (q *queue) Send(out []frame.Out) error {
	var err error
	for len(out) > 0 && err == nil {
		n := min(len(out), frame.BatchSize)
		err = q.send(out[:n])
		out = out[n:]
	}
	for i := range out { // what came after the device had gone
		out[i].Drop = frame.TxError
	}
	return err
}

// send sends up to 64 frames. sendmmsg stops at the first message that fails
// and returns its error only when it is the first of the call.
func (q *queue) send(out []frame.Out) error {
	count := 0
	var at [frame.BatchSize]uint8 // message to frame
	for i := range out {
		o := &out[i]
		if !q.gather(count, o) {
			o.Drop = frame.TxError
			continue
		}
		o.Drop = frame.Forward
		at[count] = uint8(i)
		count++
	}
	for done := 0; done < count; {
		n, _, e := unix.RawSyscall6(unix.SYS_SENDMMSG, q.fd, uintptr(unsafe.Pointer(&q.messages[done])),
			uintptr(count-done), unix.MSG_DONTWAIT, 0, 0)
		if e == 0 && n > 0 {
			done += int(n)
			continue
		}
		reason := frame.TxError
		switch e {
		case unix.EINTR:
			continue
		case unix.EAGAIN, unix.ENOBUFS:
			reason = frame.QueueFull
		case unix.ENOMEM:
			reason = frame.NoMemory
		case unix.EMSGSIZE:
			reason = frame.Giant
		case unix.ENETDOWN, unix.ENXIO, unix.ENODEV:
			for ; done < count; done++ {
				out[at[done]].Drop = frame.TxError
			}
			if !q.bound() {
				return port.ErrGone
			}
			return nil
		}
		out[at[done]].Drop = reason
		done++
	}
	runtime.KeepAlive(out)
	return nil
}

// gather describes the frame in message i. It reports false when the socket
// cannot carry the frame.
func (q *queue) gather(i int, o *frame.Out) bool {
	head := o.Bytes()
	if len(head) < frame.MinLen {
		return false
	}
	v, n, shift := &q.iov[i], 0, 0
	if o.Tag {
		shift = frame.TagLen
	}
	if q.header != 0 {
		vnet.Encode(q.hdr[i][:frame.VnetLen], o.Frame, shift)
		v[0].Base, v[0].Len = &q.hdr[i][0], uint64(q.header)
		n = 1
	} else if o.GSO != frame.GSONone || o.Flags&frame.NeedsCsum != 0 {
		return false
	}
	if o.Tag {
		t := q.hdr[i][tagAt : tagAt+frame.TagLen]
		t[0], t[1] = 0x81, 0x00
		binary.BigEndian.PutUint16(t[2:], o.TCI)
		v[n].Base, v[n].Len = &head[0], 12
		v[n+1].Base, v[n+1].Len = &t[0], frame.TagLen
		head = head[12:]
		n += 2
	}
	v[n].Base, v[n].Len = &head[0], uint64(len(head))
	n++
	if len(o.Tail) > 0 {
		v[n].Base, v[n].Len = &o.Tail[0], uint64(len(o.Tail))
		n++
	}
	q.messages[i].hdr.Iovlen = uint64(n)
	return true
}

// Release ends the use of the last batch. The slots of the queue's own memory
// are reused by position.
func (q *queue) Release(*frame.Batch) {
	if q.ring != nil {
		q.ring.release()
	}
}

// FD returns the descriptor that polls readable.
func (q *queue) FD() int {
	if q.rx == nil {
		return -1
	}
	return int(q.fd)
}

// Close closes the socket and frees the receive memory.
func (q *queue) Close() error {
	q.port.closing(q)
	err := unix.Close(int(q.fd))
	for _, r := range [...]*ring{q.ring, q.after, q.next.Swap(nil), q.retired.Swap(nil)} {
		if r != nil {
			err = errors.Join(err, q.drop(r))
		}
	}
	if q.rx != nil {
		err = errors.Join(err, q.rx.mem.Close())
	}
	return err
}
