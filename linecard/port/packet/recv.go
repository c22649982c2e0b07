package packet

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/slab"
	"trunkline/linecard/port/vnet"
)

// Sizes of the two kinds of receive call in messages, and the bytes of a batch
// from which on the next call is a short one: a burst of super-frames is to be
// sent on while it is still in the second-level cache.
const (
	longVector  = frame.BatchSize
	shortVector = 12
	bulk        = 256 << 10
)

// Bits of tpacket_auxdata.tp_status.
const (
	statusPartial   = 1 << 3 // TP_STATUS_CSUMNOTREADY
	statusVLAN      = 1 << 4 // TP_STATUS_VLAN_VALID
	statusVLANProto = 1 << 6 // TP_STATUS_VLAN_TPID_VALID
)

// message is struct mmsghdr.
type message struct {
	hdr unix.Msghdr
	len uint32
}

// auxdata is the control message of one frame: struct cmsghdr and struct
// tpacket_auxdata.
type auxdata struct {
	header unix.Cmsghdr
	status uint32
	len    uint32
	snap   uint32
	mac    uint16
	net    uint16
	tci    uint16
	tpid   uint16
	_      [4]byte
}

const auxLen = uint64(unsafe.Sizeof(auxdata{}))

// receiver is the receive half of a queue: the vector of messages, which point
// into the slab once and for all.
type receiver struct {
	mem      *slab.Slab
	header   int
	want     int
	long     atomic.Uint64 // frames longer than a slot of a ring, not counted yet
	messages [frame.BatchSize]message
	pieces   [frame.BatchSize][2]unix.Iovec
	aux      [frame.BatchSize]auxdata
}

func newReceiver(header int) (*receiver, error) {
	mem, err := slab.New()
	if err != nil {
		return nil, err
	}
	r := &receiver{mem: mem, header: header, want: longVector}
	for i := range r.messages {
		head, tail := mem.Head(i)[frame.Headroom-header:], mem.Tail(i)
		r.pieces[i][0].Base, r.pieces[i][0].Len = &head[0], uint64(len(head))
		r.pieces[i][1].Base, r.pieces[i][1].Len = &tail[0], uint64(len(tail))
		h := &r.messages[i].hdr
		h.Iov, h.Iovlen = &r.pieces[i][0], 2
		h.Control, h.Controllen = (*byte)(unsafe.Pointer(&r.aux[i])), auxLen
	}
	return r, nil
}

// Recv receives what is there, in at most one call.
func (q *queue) Recv(b *frame.Batch) error {
	b.N = 0
	r := q.rx
	if r == nil {
		return nil
	}
	if q.ring != nil {
		return q.fromRing(b)
	}
	n, total, e := r.receive(q.fd, r.want)
	if e != 0 {
		return q.failed(e)
	}
	for i := range n {
		b.Drop[i] = r.describe(i, &b.Frames[i])
	}
	b.N = n
	r.want = longVector
	if total > bulk {
		r.want = shortVector
	}
	return nil
}

// receive receives up to n messages and returns their number and bytes.
func (r *receiver) receive(fd uintptr, n int) (got, total int, e unix.Errno) {
	m, _, e := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.messages)),
		uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	if e != 0 {
		return 0, 0, e
	}
	long := uint64(0)
	for i := range int(m) {
		bytes := int(r.messages[i].len)
		total += bytes
		if bytes > slotLen {
			long++
		}
	}
	if long > 0 {
		r.long.Add(long)
	}
	return int(m), total, 0
}

// describe turns message i into a frame and makes the message ready again.
func (r *receiver) describe(i int, f *frame.Frame) frame.Reason {
	m := &r.messages[i]
	n := max(int(m.len)-r.header, 0)
	flags, control := m.hdr.Flags, m.hdr.Controllen
	m.hdr.Flags, m.hdr.Controllen = 0, auxLen
	r.mem.Frame(f, i, n)
	if flags&unix.MSG_TRUNC != 0 {
		vnet.Clear(f)
		return frame.Giant
	}
	a := &r.aux[i]
	if control < auxLen-4 || a.header.Level != unix.SOL_PACKET || a.header.Type != unix.PACKET_AUXDATA {
		a.status = 0
	}
	return finish(f, r.mem.Head(i)[frame.Headroom-r.header:frame.Headroom], a.status, a.tci, a.tpid)
}

// finish completes a frame from its virtio header, empty on a socket without,
// and from what the kernel says of it besides: its status, and the tag it took
// out of the bytes.
func finish(f *frame.Frame, header []byte, status uint32, tci, tpid uint16) frame.Reason {
	verdict := frame.Forward
	if len(header) != 0 {
		verdict = vnet.Decode(header, f, 0)
	} else {
		vnet.Clear(f)
		switch n := f.Len(); {
		case n < frame.MinLen:
			verdict = frame.Runt
		case n > frame.MaxWire:
			verdict = frame.Giant
		case status&statusPartial != 0 && !vnet.Partial(f):
			verdict = frame.BadHeader
		}
	}
	if verdict != frame.Forward {
		return verdict
	}
	if status&statusVLAN != 0 {
		if status&statusVLANProto == 0 {
			tpid = uint16(ether.TypeVLAN)
		}
		tag(f, tci, tpid)
		return frame.Forward
	}
	// A device without VLAN support in the kernel leaves the tag in the bytes.
	if shift := vnet.Pop(f); shift != 0 && f.Flags&frame.NeedsCsum != 0 {
		f.CsumStart -= frame.TagLen
		if f.GSO != frame.GSONone {
			f.HdrLen -= frame.TagLen
		}
	}
	return frame.Forward
}

// tag restores the tag that the kernel took out of the bytes.
func tag(f *frame.Frame, tci, tpid uint16) {
	if ether.EtherType(tpid) == ether.TypeVLAN {
		f.TCI = tci
		f.Flags |= frame.Tagged
		return
	}
	vnet.Push(f, tpid, tci)
	if f.Flags&frame.NeedsCsum != 0 {
		f.CsumStart += frame.TagLen
		if f.GSO != frame.GSONone {
			f.HdrLen += frame.TagLen
		}
	}
}

// failed maps the end of a burst to the contract. The error a socket reports is
// gone with the report.
func (q *queue) failed(e unix.Errno) error {
	switch e {
	case unix.EAGAIN, unix.EINTR, unix.ENOBUFS, unix.ENOMEM:
		return nil
	case unix.ENETDOWN, unix.ENXIO, unix.ENODEV:
		if q.bound() {
			return nil
		}
		return port.ErrGone
	}
	return e
}

// bound reports whether the socket still belongs to its device.
func (q *queue) bound() bool {
	var a unix.RawSockaddrLinklayer
	n := uint32(unsafe.Sizeof(a))
	_, _, e := unix.RawSyscall(unix.SYS_GETSOCKNAME, q.fd, uintptr(unsafe.Pointer(&a)), uintptr(unsafe.Pointer(&n)))
	return e == 0 && a.Ifindex > 0
}
