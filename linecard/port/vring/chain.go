package vring

import (
	"unsafe"

	"trunkline/internal/sharedmem"
)

func ptr(b []byte) unsafe.Pointer { return unsafe.Pointer(&b[0]) }

// Chain walks the buffers of one descriptor chain. It is reused.
type Chain struct {
	r        *Ring
	table    []byte // the ring's own, or the indirect one
	next     uint32
	left     uint32 // descriptors that may still come
	more     bool
	indirect bool
	write    bool
	walked   uint32
}

// Open starts at a head that Peek returned. write says which way the buffers
// must go: those of a receive queue are written to.
func (r *Ring) Open(ch *Chain, head uint16, write bool) {
	ch.r, ch.table, ch.next = r, r.desc, uint32(head)
	ch.left, ch.more, ch.indirect, ch.write, ch.walked = min(r.mask+1, MaxChain), true, false, write, 0
}

// Walked returns the number of descriptors looked at since Open.
func (ch *Chain) Walked() int { return int(ch.walked) }

// Next returns the next buffer of at least one byte, and its guest physical
// address; nil at the end of the chain, or when it is against the rules, as f
// then says.
func (ch *Chain) Next() (b []byte, guest uint64, f Fault) {
	for ch.more {
		if ch.left == 0 {
			return nil, 0, BadLength
		}
		ch.left--
		ch.walked++
		d := load(ch.table, ch.next)
		if d.flags&descIndirect != 0 {
			if f := ch.descend(d); f != NoFault {
				return nil, 0, f
			}
			continue
		}
		if d.flags&descWrite != 0 != ch.write {
			return nil, 0, BadFlags
		}
		if ch.more = d.flags&descNext != 0; ch.more {
			ch.next = uint32(d.next)
			if ch.next >= uint32(len(ch.table)/descLen) {
				return nil, 0, BadNext
			}
		}
		if d.len == 0 {
			continue
		}
		if b = ch.r.mem.Guest(d.addr, d.len); b == nil {
			return nil, 0, BadAddress
		}
		return b, d.addr, NoFault
	}
	return nil, 0, NoFault
}

// descend goes on in an indirect table (virtio 1.2 §2.7.5.3), which ends the
// chain it is in.
func (ch *Chain) descend(d descriptor) Fault {
	if ch.indirect || !ch.r.l.Indirect || d.flags&descNext != 0 {
		return BadFlags
	}
	n := d.len / descLen
	if n == 0 || d.len%descLen != 0 || n > MaxChain {
		return BadIndirect
	}
	if ch.table = ch.r.mem.Guest(d.addr, d.len); ch.table == nil {
		return BadAddress
	}
	ch.next, ch.left, ch.indirect = 0, n, true
	return NoFault
}

// descriptor is struct vring_desc, copied.
type descriptor struct {
	addr        uint64
	len         uint32
	flags, next uint16
}

// load copies descriptor i of a table. Each word is loaded once: the loads are
// atomic, which the compiler does not repeat.
func load(table []byte, i uint32) descriptor {
	p := unsafe.Pointer(&table[i*descLen : i*descLen+descLen][0])
	var a, b uint64
	if uintptr(p)%8 == 0 {
		a = sharedmem.Load64((*uint64)(p))
		b = sharedmem.Load64((*uint64)(unsafe.Add(p, 8)))
	} else {
		a, b = loadUnaligned((*[descLen]byte)(p))
	}
	return descriptor{addr: a, len: uint32(b), flags: uint16(b >> 32), next: uint16(b >> 48)}
}

// loadUnaligned copies an indirect descriptor at an odd place: it is not inlined,
// so that what its caller uses is the copy.
//
//go:noinline
func loadUnaligned(p *[descLen]byte) (a, b uint64) {
	c := *p
	for i := range 8 {
		a |= uint64(c[i]) << (8 * i)
		b |= uint64(c[8+i]) << (8 * i)
	}
	return a, b
}
