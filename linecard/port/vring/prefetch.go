package vring

import "unsafe"

// ahead is how many chains Prefetch looks at.
const ahead = 64

// Prefetch brings the first bytes, but the first skip, of the first n chains that
// Peek would show into the cache: the peer has written or will read them on
// another core, and a burst that waits for one after the other waits most of its
// time. It looks at direct descriptors only, believes nothing and reports nothing.
func (r *Ring) Prefetch(c *Cursor, n, skip int, write bool) {
	if len(c.again) > 0 {
		return
	}
	n = min(n, ahead, int(r.availIdx()-c.last))
	var list [ahead]unsafe.Pointer
	m := 0
	for i := range n {
		head := uint32(r.entry(c.last + uint16(i)))
		if head > r.mask {
			return
		}
		d := load(r.desc, head)
		if d.flags&descIndirect != 0 || int64(d.len) <= int64(skip) {
			continue
		}
		if b := r.mem.Guest(d.addr, d.len); b != nil {
			list[m] = unsafe.Pointer(&b[skip])
			m++
		}
	}
	if m > 0 {
		prefetch(&list[0], m, write)
	}
}
