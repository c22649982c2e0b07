package vring

import "unsafe"

// ahead is how many chains Prefetch looks at.
const ahead = 64

// Prefetch brings the first bytes of the first n chains from k on, as Peek would
// show them, into the cache: the peer has written or will read them on another
// core, and a burst that waits for one after the other waits most of its time. It
// looks at direct descriptors only, believes nothing and reports nothing.
func (r *Ring) Prefetch(c *Cursor, k, n int, write bool) {
	if len(c.again) > 0 {
		return
	}
	n = min(n, ahead, int(r.availIdx()-c.last)-k)
	var list [ahead]unsafe.Pointer
	m := 0
	for i := range n {
		head := uint32(r.entry(c.last + uint16(k+i)))
		if head > r.mask {
			return
		}
		d := load(r.desc, head)
		if d.flags&descIndirect != 0 || d.len == 0 {
			continue
		}
		if b := r.mem.Guest(d.addr, d.len); b != nil {
			list[m] = unsafe.Pointer(&b[0])
			m++
		}
	}
	if m > 0 {
		prefetch(&list[0], m, write)
	}
}
