package packet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/vnet"
)

// Geometry of a receive ring in bytes. A slot begins with struct tpacket2_hdr
// and struct sockaddr_ll, which with the reserve make the headroom of a frame:
// the virtio header ends, and the frame begins, two bytes into a cache line.
// Slots are not a power of two apart, so that their first lines do not share
// the sets of a cache.
const (
	slotLen   = 2048 + 64
	ringBlock = 1 << 17
	perBlock  = ringBlock / slotLen
	reserve   = 116 // of PACKET_RESERVE
)

// askEvery is how many receives in a row find an empty ring before the socket is
// asked for an error.
const askEvery = 16

// Offsets in struct tpacket2_hdr.
const (
	atStatus = 0
	atLen    = 4
	atSnap   = 8
	atMAC    = 12
	atTCI    = 24
	atTPID   = 26
)

// Bits of tp_status besides those of auxiliary data.
const (
	statusUser = 1 << 0 // TP_STATUS_USER: the slot is filled
	statusCopy = 1 << 1 // TP_STATUS_COPY: the whole frame is in the socket's queue
)

// ring is a receive ring shared with the kernel (TPACKET_V2), which hands over
// frame by frame. The kernel fills slots in order; the slots from head on are
// ours while their status says so, and those of a batch go back with Release.
//
// A frame that is longer than a slot is in the socket's queue as well, whole, and
// its slot says so: the n-th such slot belongs to the n-th frame of that queue.
type ring struct {
	fd     int // the socket it belongs to
	mem    []byte
	slots  uint32
	head   uint32                 // slot after the last batch released
	taken  uint32                 // slots of the batch in hand
	empty  uint32                 // times in a row there was nothing
	failed bool                   // an error of the socket was seen and not reported yet
	copied [frame.BatchSize]uint8 // frames of the batch in hand that are in the socket's queue
	start  [frame.BatchSize]uint8 // their slots, counted from head
}

// newRing gives a socket a ring of so many bytes, a multiple of ringBlock. The
// socket must not be bound to a protocol yet, and its virtio header must be set.
func newRing(fd, bytes int) (*ring, error) {
	for _, o := range [...]struct {
		option, value int
		name          string
	}{
		{unix.PACKET_VERSION, unix.TPACKET_V2, "version"},
		{unix.PACKET_RESERVE, reserve, "headroom"},
		{unix.PACKET_COPY_THRESH, 1, "copies of long frames"},
	} {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, o.option, o.value); err != nil {
			return nil, fmt.Errorf("set %s of receive ring: %w", o.name, err)
		}
	}
	blocks := uint32(bytes / ringBlock)
	r := &ring{fd: fd, slots: blocks * perBlock}
	request := unix.TpacketReq{Block_size: ringBlock, Block_nr: blocks, Frame_size: slotLen, Frame_nr: r.slots}
	if err := unix.SetsockoptTpacketReq(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &request); err != nil {
		return nil, fmt.Errorf("make receive ring of %d KiB: %w", bytes>>10, err)
	}
	var err error
	r.mem, err = unix.Mmap(fd, 0, bytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		// Without it, the socket receives as one that never had a ring.
		err = errors.Join(err, unix.SetsockoptTpacketReq(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &unix.TpacketReq{}))
		return nil, fmt.Errorf("map receive ring: %w", err)
	}
	return r, nil
}

// slot returns the memory of slot n, counted from head.
func (r *ring) slot(n uint32) []byte {
	if n += r.head; n >= r.slots {
		n -= r.slots
	}
	at := n/perBlock*ringBlock + n%perBlock*slotLen
	return r.mem[at : at+slotLen : at+slotLen]
}

func status(slot []byte) *uint32 { return (*uint32)(unsafe.Pointer(&slot[atStatus])) }

// recv takes the frames that are there: those of the ring where they lie, long
// ones from the socket's queue in one call.
func (r *ring) recv(q *queue, b *frame.Batch) error {
	n, copies, slots := 0, 0, 0
	for slots < frame.BatchSize && copies < q.rx.want {
		slot := r.slot(uint32(slots))
		s := atomic.LoadUint32(status(slot))
		if s&statusUser == 0 {
			break
		}
		switch {
		case s&statusCopy != 0:
			r.copied[copies], r.start[copies] = uint8(n), uint8(slots)
			copies++
			n++
		case word(slot, atSnap) < word(slot, atLen): // the socket's queue had no room for it
		default:
			b.Drop[n] = r.describe(q, &b.Frames[n], slot, s)
			n++
		}
		slots++
	}
	r.taken = uint32(slots)
	b.N = n
	if slots == 0 {
		return r.nothing(q)
	}
	r.empty = 0
	q.rx.want = longVector
	var err error
	if copies > 0 {
		err = r.long(q, b, copies)
	}
	if lost := r.taken - uint32(b.N); lost > 0 { // slots whose frames are not to be had
		q.lost.Add(uint64(lost))
	}
	if b.N == 0 {
		r.release()
	}
	return err
}

// long receives the frames of a batch that did not fit into their slots. If
// some are not to be had now, the batch ends before them.
func (r *ring) long(q *queue, b *frame.Batch, copies int) error {
	m, total, e := q.rx.receive(uintptr(r.fd), copies)
	for j := range m {
		i := r.copied[j]
		b.Drop[i] = q.rx.describe(j, &b.Frames[i])
	}
	if total > bulk {
		q.rx.want = shortVector
	}
	if m == copies {
		return nil
	}
	b.N, r.taken = int(r.copied[m]), uint32(r.start[m])
	if b.N > 0 || e == 0 {
		r.failed = r.failed || e != 0
		return nil
	}
	if e == unix.EAGAIN { // it is not there, against all rules: do without
		r.taken++
	}
	return q.failed(e)
}

// describe turns the frame in a slot into f. Bytes before the frame are its
// headroom, but for the status word. The kernel writes ten bytes of virtio header
// right before the frame, also when it sets twelve apart for it.
func (r *ring) describe(q *queue, f *frame.Frame, slot []byte, status uint32) frame.Reason {
	mac, n := uint32(half(slot, atMAC)), word(slot, atSnap)
	if mac < frame.Headroom || mac+n > slotLen {
		mac, n = frame.Headroom, 0 // never seen: a runt
	}
	f.Buf, f.Off, f.Head, f.Tail = slot, mac, n, nil
	f.Flags, f.TCI, f.BD = 0, 0, 0
	var header []byte
	if q.header != 0 {
		header = slot[mac-vnet.ShortLen : mac]
	}
	return finish(f, header, status, half(slot, atTCI), half(slot, atTPID))
}

// nothing looks, now and then, why there is nothing: a socket whose device has
// gone says so only when asked.
func (r *ring) nothing(q *queue) error {
	if r.failed {
		r.failed = false
		if !q.bound() {
			return port.ErrGone
		}
	}
	if r.empty++; r.empty%askEvery != 0 {
		return nil
	}
	var e int32
	n := uint32(unsafe.Sizeof(e))
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(r.fd), unix.SOL_SOCKET, unix.SO_ERROR,
		uintptr(unsafe.Pointer(&e)), uintptr(unsafe.Pointer(&n)), 0)
	if errno != 0 || e == 0 {
		return nil
	}
	return q.failed(unix.Errno(e))
}

// release gives the slots of the batch in hand back to the kernel.
func (r *ring) release() {
	for i := range r.taken {
		atomic.StoreUint32(status(r.slot(i)), 0)
	}
	if r.head += r.taken; r.head >= r.slots {
		r.head -= r.slots
	}
	r.taken = 0
}

// dry reports whether no slot is filled. No batch is in hand.
func (r *ring) dry() bool { return atomic.LoadUint32(status(r.slot(0)))&statusUser == 0 }

func (r *ring) close() error {
	if err := unix.Munmap(r.mem); err != nil {
		return fmt.Errorf("unmap receive ring: %w", err)
	}
	return nil
}

func word(slot []byte, at int) uint32 { return binary.NativeEndian.Uint32(slot[at:]) }
func half(slot []byte, at int) uint16 { return binary.NativeEndian.Uint16(slot[at:]) }
