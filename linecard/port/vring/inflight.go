package vring

import (
	"encoding/binary"
	"errors"
	"slices"
	"unsafe"

	"trunkline/internal/sharedmem"
)

// Inflight is the record of the chains that were taken from a ring and not
// completed yet, in memory that outlives the process (vhost-user, "Inflight I/O
// tracking", split virtqueue). Its content is as untrusted as the ring.
//
//	0 features u64 | 8 version u16 | 10 desc_num u16 | 12 last_batch_head u16 | 14 used_idx u16
//	16 + 16 i:  inflight u8, padding, next u16 at 6, counter u64 at 8
type Inflight struct {
	mem     []byte
	counter uint64
	resumed bool // a former device has written to it
}

const (
	inflightHeader = 16
	inflightEntry  = 16
	inflightAlign  = 64
)

// InflightLen returns the bytes of the record of a ring of size descriptors.
func InflightLen(size uint32) uint64 {
	return (inflightHeader + inflightEntry*uint64(size) + inflightAlign - 1) &^ (inflightAlign - 1)
}

// NewInflight uses a record of a ring of size descriptors in mem. A record that
// is all zero is new.
func NewInflight(mem []byte, size uint32) (*Inflight, error) {
	if uint64(len(mem)) < InflightLen(size) || size == 0 || size > MaxSize {
		return nil, errors.New("inflight record: too short for the ring")
	}
	i := &Inflight{mem: mem[: inflightHeader+inflightEntry*int(size) : inflightHeader+inflightEntry*int(size)]}
	switch version, n := binary.LittleEndian.Uint16(mem[8:]), binary.LittleEndian.Uint16(mem[10:]); {
	case version == 0:
		binary.LittleEndian.PutUint16(mem[10:], uint16(size)) // 32768 fits
		binary.LittleEndian.PutUint16(mem[8:], 1)
	case version != 1 || uint32(n) != size:
		return nil, errors.New("inflight record: of another ring")
	default:
		i.resumed = true
	}
	return i, nil
}

// entry returns the record of a descriptor, nil when there is none of the number.
func (i *Inflight) entry(head uint16) []byte {
	at := inflightHeader + inflightEntry*int(head)
	if at+inflightEntry > len(i.mem) {
		return nil
	}
	return i.mem[at : at+inflightEntry]
}

// order keeps the stores of the steps below in their order: each is visible
// before the next.
func (i *Inflight) order() { sharedmem.Order((*uint64)(unsafe.Pointer(&i.mem[0]))) }

// take notes that a chain was taken.
func (i *Inflight) take(head uint16) {
	if e := i.entry(head); e != nil {
		binary.LittleEndian.PutUint64(e[8:], i.counter)
		i.counter++
		i.order()
		e[0] = 1
	}
}

// batch links the chains that are about to be published, so that a successor can
// tell whether they were.
func (i *Inflight) batch(r *Ring, from uint16, n int) {
	for k := range n {
		head := r.completed(from + uint16(k))
		if e := i.entry(head); e != nil {
			binary.LittleEndian.PutUint16(e[6:], binary.LittleEndian.Uint16(i.mem[12:]))
			binary.LittleEndian.PutUint16(i.mem[12:], head)
		}
	}
	i.order()
}

// done notes that they were.
func (i *Inflight) done(r *Ring, from uint16, n int) {
	for k := range n {
		if e := i.entry(r.completed(from + uint16(k))); e != nil {
			e[0] = 0
		}
	}
	i.order()
	binary.LittleEndian.PutUint16(i.mem[14:], from+uint16(n))
}

// completed returns the head in an entry of the used ring. It is read back from
// memory of the driver's: a wrong answer harms the driver's own record only.
func (r *Ring) completed(at uint16) uint16 {
	return *(*uint16)(unsafe.Pointer(&r.used[4+8*(uint32(at)&r.mask)]))
}

// recover returns the chains that were taken and not completed, in the order
// they were taken. used is the index of the used ring.
func (i *Inflight) recover(used uint16) []uint16 {
	if noted := binary.LittleEndian.Uint16(i.mem[14:]); noted != used {
		// The former device died between publishing a batch and saying so.
		head := binary.LittleEndian.Uint16(i.mem[12:])
		for range min(int(used-noted), MaxSize) {
			e := i.entry(head)
			if e == nil {
				break
			}
			e[0] = 0
			head = binary.LittleEndian.Uint16(e[6:])
		}
		binary.LittleEndian.PutUint16(i.mem[14:], used)
	}
	type taken struct {
		head    uint16
		counter uint64
	}
	var list []taken
	for at := inflightHeader; at+inflightEntry <= len(i.mem); at += inflightEntry {
		if e := i.mem[at : at+inflightEntry]; e[0] == 1 {
			list = append(list, taken{uint16((at - inflightHeader) / inflightEntry), binary.LittleEndian.Uint64(e[8:])})
		}
	}
	slices.SortStableFunc(list, func(a, b taken) int {
		if a.counter < b.counter {
			return -1
		}
		if a.counter > b.counter {
			return 1
		}
		return 0
	})
	heads := make([]uint16, len(list))
	for k, t := range list {
		heads[k] = t.head
		i.counter = t.counter + 1
	}
	return heads
}
