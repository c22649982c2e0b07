package vxlan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/vnet"
)

// Sizes of the receive memory in bytes. Heads are worker memory of frames,
// copied; a frame that fits into one has no tail.
const (
	slots   = 32      // messages of one call
	slotLen = 1 << 16 // no datagram or train is longer
	inline  = 256
	stride  = frame.Headroom + inline + 64
)

// receiver is the receive half of a queue. What a call has received is handed
// out batch by batch; a train may be more than a batch.
type receiver struct {
	port  *Port
	peer  [4]byte
	mem   []byte // slots
	heads []byte
	joins joiner

	got, at  int // messages received, the one being handed out
	off      int // bytes of it that were handed out
	want     int // messages of the next call
	messages [slots]message
	iov      [slots]unix.Iovec
	controls [slots]control
	names    [slots]unix.RawSockaddrInet4
}

func newReceiver(p *Port) (*receiver, error) {
	r := &receiver{port: p, peer: p.cfg.Peer.As4(), want: slots}
	var err error
	if r.mem, err = reserve(slots * slotLen); err != nil {
		return nil, err
	}
	if r.heads, err = reserve(frame.BatchSize * stride); err != nil {
		return nil, errors.Join(err, unix.Munmap(r.mem))
	}
	if r.joins.arena, err = reserve(arenaJoin); err != nil {
		return nil, errors.Join(err, unix.Munmap(r.mem), unix.Munmap(r.heads))
	}
	// Best effort: where huge pages are always on, one datagram would commit all.
	_ = unix.Madvise(r.mem, unix.MADV_NOHUGEPAGE)
	for i := range r.messages {
		r.iov[i].Base, r.iov[i].Len = &r.mem[i*slotLen], slotLen
		h := &r.messages[i].hdr
		h.Iov, h.Iovlen = &r.iov[i], 1
		h.Name = (*byte)(unsafe.Pointer(&r.names[i]))
	}
	return r, nil
}

func reserve(n int) ([]byte, error) {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes of frame memory: %w", n, err)
	}
	return b, nil
}

// Recv hands out what is left of the last call, or receives what is there, in
// at most one call.
func (q *queue) Recv(b *frame.Batch) error {
	b.N = 0
	r := q.rx
	if r == nil {
		return nil
	}
	if r.at == r.got {
		if e := r.receive(uintptr(q.port.rx)); e != 0 {
			return failed(e)
		}
	}
	t := q.port.table.Load()
	most := segmentSize(int(q.port.mtu.Load()))
	r.joins.start()
	for b.N < len(b.Frames) && r.at < r.got && !r.joins.full() {
		d, size := r.datagram()
		if d == nil {
			continue
		}
		train := size > 0 && len(d) <= size
		if train {
			if vni, in, ok := decode(d); ok && r.joins.join(in, t.vlan(vni)) {
				continue
			}
		}
		f := &b.Frames[b.N]
		b.Drop[b.N] = r.decap(t, d, size, most, f, b.N)
		if train && b.Drop[b.N] == frame.Forward {
			r.joins.offer(f, d[headerLen:])
		}
		b.N++
	}
	r.joins.finish()
	return nil
}

// receive receives up to want messages.
func (r *receiver) receive(fd uintptr) unix.Errno {
	r.got, r.at, r.off = 0, 0, 0
	for i := range r.want {
		h := &r.messages[i].hdr
		h.Namelen, h.Flags = uint32(unsafe.Sizeof(r.names[i])), 0
		h.Control, h.Controllen = nil, 0
		if r.port.gro {
			h.Control, h.Controllen = (*byte)(unsafe.Pointer(&r.controls[i])), uint64(unsafe.Sizeof(r.controls[i]))
		}
	}
	n, _, e := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.messages)), uintptr(r.want),
		unix.MSG_DONTWAIT, 0, 0)
	if e != 0 {
		return e
	}
	r.got = int(n)
	total := 0
	for i := range r.got {
		total += int(r.messages[i].len)
	}
	// Of trains no more than a batch or two at a time: they are to be sent on
	// while they are in the cache.
	r.want = slots
	if total > 2*slotLen {
		r.want = 4
	}
	return 0
}

// datagram returns the next datagram; nil when the message that it should have
// been in is none of the peer's or empty. size is that of the datagrams of its
// train, 0 of one that came alone.
func (r *receiver) datagram() (d []byte, size int) {
	m := &r.messages[r.at]
	n := int(m.len)
	if r.off == 0 && (r.names[r.at].Addr != r.peer || m.hdr.Flags&unix.MSG_TRUNC != 0) {
		n = 0 // it came before the socket was connected; or is longer than any
	}
	left := r.mem[r.at*slotLen+r.off : r.at*slotLen+max(n, r.off)]
	if len(left) == 0 {
		r.at, r.off = r.at+1, 0
		return nil, 0
	}
	if c := &r.controls[r.at]; m.hdr.Controllen >= uint64(unix.CmsgLen(4)) && c.header.Level == unix.SOL_UDP && c.header.Type == udpGRO {
		size = int(int32(binary.NativeEndian.Uint32(c.size[:])))
	}
	if size <= 0 || size >= n || r.off == 0 && whole(left) {
		r.at, r.off = r.at+1, 0
		return left, size
	}
	take := min(size, len(left))
	if r.off += take; r.off >= n {
		r.at, r.off = r.at+1, 0
	}
	return left[:take:take], size
}

// decap describes the frame in a datagram in f, whose head is the slot's. The
// frame is refused with a reason when the datagram is not what it should be.
func (r *receiver) decap(t *Table, d []byte, size, most int, f *frame.Frame, slot int) frame.Reason {
	f.Buf = r.heads[slot*stride : slot*stride+frame.Headroom+inline : slot*stride+frame.Headroom+inline]
	f.Off, f.Head, f.Tail = frame.Headroom, 0, nil
	f.Flags, f.TCI, f.BD, f.Slot = 0, 0, 0, uint32(slot)
	vnet.Clear(f)
	vni, in, ok := decode(d)
	if !ok {
		return frame.BadEncap
	}
	n := len(in)
	if n > inline {
		n = frame.HeadMin
		f.Tail = in[n:]
	}
	f.Head = uint32(copy(f.Buf[frame.Headroom:], in[:n]))
	if n < frame.MinLen {
		return frame.Runt
	}
	vlan := t.vlan(vni)
	if vlan == 0 {
		return frame.UnknownVNI
	}
	if tagged(f.Type()) {
		return frame.BadEncap
	}
	f.TCI, f.Flags = vlan, frame.Tagged
	offload(f, size, most)
	if f.GSO == frame.GSONone && f.Len() > frame.MaxWire {
		return frame.Giant
	}
	return frame.Forward
}

// decode returns the segment and the frame of a datagram. It reports false for
// one that is no VXLAN packet: too short, or without the I flag. Reserved bits
// are ignored (RFC 7348 §5).
func decode(d []byte) (vni uint32, inner []byte, ok bool) {
	if len(d) < headerLen || d[0]&flagVNI == 0 {
		return 0, nil, false
	}
	return uint32(d[4])<<16 | uint32(d[5])<<8 | uint32(d[6]), d[headerLen:], true
}

// failed maps the end of a burst to the contract. Errors that ICMP brought are
// gone with the report.
func failed(e unix.Errno) error {
	switch e {
	case unix.EAGAIN, unix.EINTR, unix.ENOBUFS, unix.ENOMEM,
		unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EMSGSIZE, unix.ENOPROTOOPT, unix.EPROTO:
		return nil
	case unix.EBADF:
		return port.ErrGone
	}
	return e
}

// Release ends the use of the last batch: its memory is reused by position.
func (q *queue) Release(*frame.Batch) {}

func (r *receiver) close() error {
	mem, heads, arena := r.mem, r.heads, r.joins.arena
	r.mem, r.heads, r.joins.arena, r.got, r.at = nil, nil, nil, 0, 0
	if err := errors.Join(unix.Munmap(mem), unix.Munmap(heads), unix.Munmap(arena)); err != nil {
		return fmt.Errorf("unmap frame memory: %w", err)
	}
	return nil
}

// memInfo reads SO_MEMINFO and returns how many numbers the kernel has.
func memInfo(fd int, info *[9]uint32) (int, error) {
	n := uint32(unsafe.Sizeof(*info))
	_, _, e := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(info)), uintptr(unsafe.Pointer(&n)), 0)
	if e != 0 {
		return 0, e
	}
	return int(n) / 4, nil
}
