package vring

import "unsafe"

// Ahead is how many chains Look looks at.
const Ahead = 64

// Seen is a chain as Look has found it.
type Seen struct {
	Head uint16
	// Single says that the chain is one buffer, and that it is good: Buf and
	// Guest are what Chain.Next would return, and nothing follows. Other chains are
	// walked.
	Single bool
	Buf    []byte
	Guest  uint64
}

// Look is Peek for the next chains, up to the length of list, of a burst. It
// brings the first bytes of single buffers, but the first skip, into the cache:
// the peer has written or will read them on another core, and a burst that waits
// for one after the other waits most of its time. It returns how many chains
// there are in the list.
func (r *Ring) Look(c *Cursor, list []Seen, skip int, write bool) int {
	list = list[:min(len(list), Ahead)]
	want := uint16(0)
	if write {
		want = descWrite
	}
	var lines [Ahead]unsafe.Pointer
	n, m := 0, 0
	for n < len(list) {
		head, ok := r.Peek(c, n)
		if !ok {
			break
		}
		s := &list[n]
		s.Head, s.Single = head, false
		n++
		d := load(r.desc, uint32(head))
		if d.flags != want || int64(d.len) <= int64(skip) {
			continue
		}
		if b := r.mem.Guest(d.addr, d.len); b != nil {
			s.Single, s.Buf, s.Guest = true, b, d.addr
			lines[m] = unsafe.Pointer(&b[skip])
			m++
		}
	}
	if m > 0 {
		prefetch(&lines[0], m, write)
	}
	return n
}
