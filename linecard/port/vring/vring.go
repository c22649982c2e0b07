// Package vring is the device's side of a split virtqueue (virtio 1.2 §2.7) in
// memory that an untrusted driver writes to at the same time.
//
//	driver:  descriptor table, avail ring ──▶ device
//	driver ◀── used ring, written here
//
// Each word of the driver's is read once, into a variable, and then checked: an
// index against the ring's size, a descriptor's address and length against one
// region of memory, its direction, and the length of its chain, which ends
// loops. Nothing that was read is believed for longer than the chain it belongs
// to. What is against the rules breaks the ring: it is not touched again until
// it is started anew, see Broken.
//
// A Ring is what a queue looks like under one set of mappings; it does not
// change. Its position is a Cursor, which outlives a change of the mappings.
// One goroutine at a time works on a Cursor: the owner of a queue that
// transmits, the holder of Cursor.Lock for one that receives.
//
// Words are little-endian (VERSION_1), and loads and stores are the host's:
// hosts are little-endian, see LittleEndian.
package vring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"trunkline/internal/sharedmem"
	"trunkline/linecard/port/vmem"
)

// Bounds.
const (
	// MaxSize is the largest ring (virtio 1.2 §2.7).
	MaxSize = 32768
	// MaxChain bounds the descriptors of one chain, in number: as many as Linux
	// takes for one transfer, and 50 times what a network driver needs.
	MaxChain = 1024
)

// Descriptor flags and flags of the rings.
const (
	descNext     = 1
	descWrite    = 2
	descIndirect = 4
	descLen      = 16
	noInterrupt  = 1 // avail
	noNotify     = 1 // used
)

// LittleEndian reports whether the host's byte order is that of the rings.
func LittleEndian() bool {
	return binary.NativeEndian.Uint16([]byte{1, 0}) == 1
}

// Layout says where a ring lies and how it is used.
type Layout struct {
	Size              uint32 // descriptors, a power of two
	Desc, Avail, Used uint64 // addresses in the peer's process
	Indirect          bool   // VIRTIO_F_INDIRECT_DESC
	EventIdx          bool   // VIRTIO_F_EVENT_IDX
	LogUsed           bool   // the used ring is in the dirty log, at LogAddr
	LogAddr           uint64
}

// Ring is a queue under one set of mappings.
type Ring struct {
	mem               *vmem.Table
	log               *vmem.Log
	desc, avail, used []byte
	mask              uint32
	l                 Layout
	idx               *uint32 // the aligned word that holds avail.idx
	shift             uint32  // and where in it
}

// New resolves a layout. log is nil unless writes are to be logged.
func New(l Layout, mem *vmem.Table, log *vmem.Log) (*Ring, error) {
	n := l.Size
	if n == 0 || n > MaxSize || n&(n-1) != 0 {
		return nil, fmt.Errorf("ring of %d descriptors: the size must be a power of two up to %d", n, MaxSize)
	}
	r := &Ring{mem: mem, log: log, mask: n - 1, l: l}
	event := uint32(0)
	if l.EventIdx {
		event = 2
	}
	r.desc, _ = mem.User(l.Desc, n*descLen)
	r.avail, _ = mem.User(l.Avail, 4+2*n+event)
	r.used, _ = mem.User(l.Used, 4+8*n+event)
	if r.desc == nil || r.avail == nil || r.used == nil {
		return nil, errors.New("ring: its parts are not inside the memory regions")
	}
	if misaligned(r.desc, 16) || misaligned(r.avail, 2) || misaligned(r.used, 4) {
		return nil, errors.New("ring: its parts are not aligned")
	}
	// Go has no atomic access to 16 bits. The word around idx is in the ring in
	// either case: it holds flags or the first entry, too.
	if misaligned(r.avail, 4) {
		r.idx = (*uint32)(unsafe.Pointer(&r.avail[2]))
	} else {
		r.idx, r.shift = (*uint32)(unsafe.Pointer(&r.avail[0])), 16
	}
	return r, nil
}

func misaligned(b []byte, to uintptr) bool {
	return uintptr(unsafe.Pointer(&b[0]))%to != 0
}

// Size returns the number of descriptors.
func (r *Ring) Size() int { return len(r.desc) / descLen }

// Log returns the dirty log, nil when nothing is logged.
func (r *Ring) Log() *vmem.Log { return r.log }

// availIdx loads the driver's index; what the driver wrote before it is visible
// afterwards.
func (r *Ring) availIdx() uint16 { return uint16(sharedmem.Load32(r.idx) >> r.shift) }

// entry loads an entry of the avail ring.
func (r *Ring) entry(at uint16) uint16 {
	return *(*uint16)(unsafe.Pointer(&r.avail[4+2*(uint32(at)&r.mask)]))
}

// usedEvent loads the index at which the driver wants to be called.
func (r *Ring) usedEvent() uint16 {
	return *(*uint16)(unsafe.Pointer(&r.avail[4+2*(r.mask+1)]))
}

// setAvailEvent stores the index at which we want to be kicked.
func (r *Ring) setAvailEvent(at uint16) {
	off := 4 + 8*(r.mask+1)
	*(*uint16)(unsafe.Pointer(&r.used[off])) = at
	if r.l.LogUsed {
		r.log.Mark(r.l.LogAddr+uint64(off), 2)
	}
}

// usedIdx loads our own index, as the driver sees it.
func (r *Ring) usedIdx() uint16 {
	return uint16(sharedmem.Load32((*uint32)(unsafe.Pointer(&r.used[0]))) >> 16)
}

// setUsed stores flags and index of the used ring. It is a full barrier: what
// was stored is visible before, and what is loaded is loaded after.
func (r *Ring) setUsed(flags, idx uint16) {
	sharedmem.Swap32((*uint32)(unsafe.Pointer(&r.used[0])), uint32(flags)|uint32(idx)<<16)
	if r.l.LogUsed {
		r.log.Mark(r.l.LogAddr, 4)
	}
}

// put stores an entry of the used ring.
func (r *Ring) put(at, head uint16, n uint32) {
	off := 4 + 8*(uint32(at)&r.mask)
	// One store, though the place may be odd: it is seen once the index is.
	*(*uint64)(unsafe.Pointer(&r.used[off : off+8][0])) = uint64(head) | uint64(n)<<32
	if r.l.LogUsed {
		r.log.Mark(r.l.LogAddr+uint64(off), 8)
	}
}
