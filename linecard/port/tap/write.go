package tap

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"

	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/vnet"
)

// small is the length in bytes up to which a frame is copied behind its header
// rather than described in pieces: the copy costs less than the kernel's look
// at a vector.
const small = 256

// text is the header of a frame and what else the driver writes of it: the
// whole of a small frame, or addresses and tag of a tagged one.
type text [frame.VnetLen + frame.TagLen + small]byte

// gathered is a frame in pieces: text, rest of the head, tail.
type gathered [3]unix.Iovec

// Send hands the frames to the device.
func (q *queue) Send(out []frame.Out) error {
	if q.ring != nil && len(out) > 1 {
		return q.writeRing(out)
	}
	return q.writeEach(out)
}

// writeEach sends with one system call for each frame.
func (q *queue) writeEach(out []frame.Out) error {
	for i := range out {
		o := &out[i]
		o.Drop = frame.Forward
		n := q.gather(o, &q.text, &q.out)
		if n == 0 {
			o.Drop = frame.TxError
			continue
		}
		_, _, e := unix.RawSyscall(unix.SYS_WRITEV, uintptr(q.fd), uintptr(unsafe.Pointer(&q.out)), uintptr(n))
		if e == 0 {
			continue
		}
		o.Drop = refusal(e)
		if vanished(e) {
			for j := i; j < len(out); j++ {
				out[j].Drop = frame.TxError
			}
			return port.ErrGone
		}
	}
	return nil
}

// refusal is the reason for a frame that the device did not take.
func refusal(e unix.Errno) frame.Reason {
	switch e {
	case unix.EAGAIN, unix.ENOBUFS, unix.EINTR:
		return frame.QueueFull
	case unix.ENOMEM:
		return frame.NoMemory
	}
	return frame.TxError // EIO: the device is down; EINVAL: refused
}

// vanished reports whether an error says that the device is no more.
func vanished(e unix.Errno) bool { return e == unix.EBADFD || e == unix.EBADF }

// gather describes a frame in v, with t for what the driver adds, and returns
// the number of pieces; 0 when the device cannot carry it.
func (q *queue) gather(o *frame.Out, t *text, v *gathered) int {
	head := o.Bytes()
	if len(head) < frame.MinLen {
		return 0
	}
	at, shift := 0, 0
	if o.Tag {
		shift = frame.TagLen
	}
	if q.header != 0 {
		vnet.Encode(t[:frame.VnetLen], o.Frame, shift)
		at = q.header
	} else if o.GSO != frame.GSONone || o.Flags&frame.NeedsCsum != 0 {
		return 0
	}
	if o.Tag {
		at += copy(t[at:], head[:12])
		t[at], t[at+1] = 0x81, 0x00
		binary.BigEndian.PutUint16(t[at+2:], o.TCI)
		at += frame.TagLen
		head = head[12:]
	}
	if len(head) <= small-12 {
		at += copy(t[at:], head)
		head = nil
	}
	n := 0
	if at > 0 {
		v[0].Base, v[0].Len = &t[0], uint64(at)
		n = 1
	}
	if len(head) > 0 {
		v[n].Base, v[n].Len = &head[0], uint64(len(head))
		n++
	}
	if len(o.Tail) > 0 {
		v[n].Base, v[n].Len = &o.Tail[0], uint64(len(o.Tail))
		n++
	}
	return n
}

func read(fd int, b []byte) (int, unix.Errno) {
	n, _, e := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	return int(n), e
}
