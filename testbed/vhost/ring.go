package vhost

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Flags of a descriptor (virtio 1.2 §2.7.5).
const (
	DescNext     = 1
	DescWrite    = 2
	DescIndirect = 4
)

// Flags of the avail and used rings.
const (
	AvailNoInterrupt = 1
	UsedNoNotify     = 1
)

// maxIndirect is the number of descriptors that fit into the indirect table
// each head has.
const maxIndirect = 64

// Desc is one descriptor.
type Desc struct {
	Addr  uint64 // guest
	Len   uint32
	Flags uint16
	Next  uint16
}

// Ring is a split virtqueue (virtio 1.2 §2.7). Its methods in this file show
// and write what is in memory and check nothing; chain.go drives it as a guest
// should.
type Ring struct {
	Index  int
	Size   int
	Desc   uint64 // guest addresses of the three parts
	Avail  uint64
	Used   uint64
	Buf    uint64 // of the buffers: Size times Stride bytes
	Tables uint64 // of the indirect tables: Size times maxIndirect descriptors
	Stride int
	Kick   int // eventfds
	Call   int
	Err    int

	memory            *Memory
	desc, avail, used []byte

	base     uint16 // SET_VRING_BASE
	next     uint16 // avail index, published or not
	seen     uint16 // used index up to which Reap came
	told     uint16 // avail index at the last look whether to kick
	eventIdx bool
	silent   bool // no calls wanted
	free     []uint16
	chains   [][]uint16 // descriptors in flight, by their first
	shapes   []Shape    // in flight, by first descriptor
	sizes    []int      // bytes of receive chains
	kicks    int
}

// RingBytes returns the bytes that the three parts of a ring take.
func RingBytes(size int) int { return 16*size + 6 + 2*size + 6 + 8*size + 16 }

func newRing(m *Memory, index int, o Options) (*Ring, error) {
	n := o.RingSize
	r := &Ring{Index: index, Size: n, Stride: o.Stride, memory: m, Kick: -1, Call: -1, Err: -1, base: o.Base}
	for _, part := range []struct {
		at    *uint64
		bytes int
		align uint64
	}{
		{&r.Desc, 16 * n, 16}, {&r.Avail, 4 + 2*n + 2, 4}, {&r.Used, LogPage + 8*n + 2, LogPage},
		{&r.Tables, n * 16 * maxIndirect, 16}, {&r.Buf, n * o.Stride, 64},
	} {
		var err error
		if *part.at, err = m.Alloc(part.bytes, part.align); err != nil {
			return nil, fmt.Errorf("ring %d: %w", index, err)
		}
	}
	// Flags and index lie on one page and the entries on the next, so that each
	// is to be marked in a dirty log.
	r.Used += LogPage - 4
	for _, fd := range []*int{&r.Kick, &r.Call, &r.Err} {
		var err error
		if *fd, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
			return nil, errors.Join(fmt.Errorf("ring %d: %w", index, err), r.close())
		}
	}
	r.bind(m)
	r.Reset(o.Base)
	return r, nil
}

// View returns the ring as it is seen through another mapping of its memory,
// to be written by another goroutine.
func (r *Ring) View(alias *Memory) *Ring {
	v := *r
	v.bind(alias)
	return &v
}

func (r *Ring) bind(m *Memory) {
	r.memory = m
	r.desc = m.At(r.Desc, 16*r.Size)
	r.avail = m.At(r.Avail, 4+2*r.Size+2)
	r.used = m.At(r.Used, 4+8*r.Size+2)
}

// Reset makes the ring new: empty, with indices at base.
func (r *Ring) Reset(base uint16) {
	r.base = base
	clear(r.desc)
	clear(r.avail)
	clear(r.used)
	r.next, r.seen, r.told = r.base, r.base, r.base
	r.free = r.free[:0]
	for i := range r.Size {
		r.free = append(r.free, uint16(r.Size-1-i))
	}
	r.chains = make([][]uint16, r.Size)
	r.shapes = make([]Shape, r.Size)
	r.sizes = make([]int, r.Size)
	r.SetUsedIdx(0, r.base)
	r.SetAvailIdx(0, r.base)
}

func (r *Ring) close() error {
	var err error
	for _, fd := range []*int{&r.Kick, &r.Call, &r.Err} {
		if *fd >= 0 {
			err = errors.Join(err, unix.Close(*fd))
			*fd = -1
		}
	}
	return err
}

// word is a 32-bit word of shared memory, aligned.
func word(b []byte, at int) *uint32 { return (*uint32)(unsafe.Pointer(&b[at])) }

// SetDesc writes a descriptor of the table.
func (r *Ring) SetDesc(i int, d Desc) { PutDesc(r.desc, i, d) }

// GetDesc reads a descriptor of the table.
func (r *Ring) GetDesc(i int) Desc {
	b := r.desc[16*i:][:16]
	return Desc{
		binary.NativeEndian.Uint64(b), binary.NativeEndian.Uint32(b[8:]),
		binary.NativeEndian.Uint16(b[12:]), binary.NativeEndian.Uint16(b[14:]),
	}
}

// Table returns the guest address of the indirect table of a head, and a
// function that writes it.
func (r *Ring) Table(head uint16) (guest uint64, set func(i int, d Desc)) {
	guest = r.Tables + uint64(head)*16*maxIndirect
	b := r.memory.At(guest, 16*maxIndirect)
	return guest, func(i int, d Desc) { PutDesc(b, i, d) }
}

// PutDesc writes a descriptor of a table.
func PutDesc(table []byte, i int, d Desc) {
	b := table[16*i:][:16]
	binary.NativeEndian.PutUint64(b, d.Addr)
	binary.NativeEndian.PutUint32(b[8:], d.Len)
	binary.NativeEndian.PutUint16(b[12:], d.Flags)
	binary.NativeEndian.PutUint16(b[14:], d.Next)
}

// SetAvail writes an entry of the avail ring; slot is taken modulo its size.
func (r *Ring) SetAvail(slot, head uint16) {
	binary.NativeEndian.PutUint16(r.avail[4+2*(int(slot)&(r.Size-1)):], head)
}

// SetAvailIdx writes flags and index of the avail ring.
func (r *Ring) SetAvailIdx(flags, idx uint16) {
	atomic.StoreUint32(word(r.avail, 0), uint32(flags)|uint32(idx)<<16)
}

// AvailIdx returns flags and index of the avail ring.
func (r *Ring) AvailIdx() (flags, idx uint16) {
	x := atomic.LoadUint32(word(r.avail, 0))
	return uint16(x), uint16(x >> 16)
}

// SetUsedEvent writes the used index at which the driver wants a call.
func (r *Ring) SetUsedEvent(idx uint16) {
	binary.NativeEndian.PutUint16(r.avail[4+2*r.Size:], idx)
}

// UsedIdx returns flags and index of the used ring.
func (r *Ring) UsedIdx() (flags, idx uint16) {
	x := atomic.LoadUint32(word(r.used, 0))
	return uint16(x), uint16(x >> 16)
}

// SetUsedIdx writes flags and index of the used ring, which are the back
// end's.
func (r *Ring) SetUsedIdx(flags, idx uint16) {
	atomic.StoreUint32(word(r.used, 0), uint32(flags)|uint32(idx)<<16)
}

// AvailEvent returns the avail index at which the back end wants a kick.
func (r *Ring) AvailEvent() uint16 { return binary.NativeEndian.Uint16(r.used[4+8*r.Size:]) }

// UsedElem returns an entry of the used ring; slot is taken modulo its size.
func (r *Ring) UsedElem(slot uint16) (id, n uint32) {
	b := r.used[4+8*(int(slot)&(r.Size-1)):][:8]
	return binary.NativeEndian.Uint32(b), binary.NativeEndian.Uint32(b[4:])
}

// Notify kicks the back end, wanted or not.
func (r *Ring) Notify() {
	one := [8]byte{}
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(r.Kick, one[:]) // EAGAIN: it is readable already
	r.kicks++
}

// Buffer returns the guest address of the buffer that belongs to a descriptor.
func (r *Ring) Buffer(i uint16) uint64 { return r.Buf + uint64(i)*uint64(r.Stride) }
