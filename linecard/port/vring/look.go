package vring

import (
	"unsafe"

	"trunkline/internal/sharedmem"
)

const (
	// window is how many chains a cursor keeps; a power of two.
	window = 128
	// Ahead bounds how far Look looks beyond what it is asked for, and Most how much
	// it may be asked for: both fit into the window.
	Ahead = 48
	Most  = window - Ahead
	// scratch is three lines for each chain of the window, a power of two.
	scratch = 4 * window
	// line is the size of a cache line.
	line = 64
)

// Seen is a chain as Look has found it: its descriptor was copied, then checked.
type Seen struct {
	buf   unsafe.Pointer // nil unless the chain is one buffer, and a good one
	guest uint64
	n     uint32
	head  uint16
}

// Head returns the number of the chain's first descriptor.
func (s *Seen) Head() uint16 { return s.head }

// Buf returns the chain's only buffer, which is what Chain.Next would return;
// nil for other chains, which are walked.
func (s *Seen) Buf() []byte {
	if s.buf == nil {
		return nil
	}
	return unsafe.Slice((*byte)(s.buf), s.n)
}

// Guest returns the guest physical address of Buf.
func (s *Seen) Guest() uint64 { return s.guest }

// sight is what a cursor knows of chains that were not taken: those of the ring
// of, whose mappings are good as long as the ring is used.
type sight struct {
	of    *Ring
	first uint32 // place of the first chain that was not taken
	n     int    // chains
	seen  [window]Seen

	reads, writes [scratch]uintptr // lines to bring into the cache
}

// taken moves on by n chains.
func (s *sight) taken(n int) {
	s.first += uint32(n)
	s.n = max(s.n-n, 0)
}

// Hint says what a burst will touch of its buffers: the bytes from Skip on, Bytes
// of them, which is 1 at least; of those before, when it writes, it reads the
// first. Ahead, at most the constant, is how many chains to look at for the calls
// after this: where frames are long, what was fetched for them is gone by then.
type Hint struct {
	Skip, Bytes int
	Ahead       int
	Write       bool
}

// Look finds the next chains, of which it returns the number: up to want, which
// is at most Most. Seen has them until they are taken.
//
// It goes on to some more, and brings into the cache what the next calls will
// need: the peer has written or will read it on another core, and a burst that
// waits for one line after the other waits most of its time.
func (r *Ring) Look(c *Cursor, want int, h Hint) int {
	s := &c.sight
	if s.of != r {
		s.of, s.n = r, 0
	}
	again := len(c.again)
	have := again + int(c.seen-c.last)
	end := want + min(h.Ahead, Ahead)
	if have < end {
		switch n := int(r.availIdx() - c.last); {
		case n > int(r.mask)+1:
			if have < want { // what was there before is served first
				c.Break(BadIndex)
			}
		case again+n > have:
			c.seen = c.last + uint16(n)
			have = again + n
		}
	}
	if end = min(end, have); s.n < end {
		r.extend(c, end, h)
		if s.n < min(want, have) {
			c.Break(BadHead)
		}
	}
	return min(want, s.n)
}

// Seen returns the k-th chain that was not taken, of those that Look has found.
func (c *Cursor) Seen(k int) *Seen { return &c.sight.seen[(c.sight.first+uint32(k))%window] }

// extend looks at chains up to the end-th, or to one that is none.
func (r *Ring) extend(c *Cursor, end int, h Hint) {
	s := &c.sight
	desc, avail := unsafe.Pointer(&r.desc[0]), unsafe.Pointer(&r.avail[4])
	mask, again, skip := r.mask, len(c.again), uint64(max(h.Skip, 0))
	flags := uint64(0)
	if h.Write {
		flags = descWrite
	}
	var (
		mem   []byte // the region of the last buffer
		start uint64 // its guest address
		at    = s.n
	)
	for ; at < end; at++ {
		var head uint16
		if at < again {
			head = c.again[at]
		} else {
			head = *(*uint16)(unsafe.Add(avail, 2*((uint32(c.last)+uint32(at-again))&mask)))
		}
		if uint32(head) > mask {
			break
		}
		// Each word is loaded once: the loads are atomic, which the compiler does not
		// repeat.
		d := unsafe.Add(desc, int(head)*descLen)
		addr, rest := sharedmem.Load64((*uint64)(d)), sharedmem.Load64((*uint64)(unsafe.Add(d, 8)))
		x := &s.seen[(s.first+uint32(at))%window]
		n := uint64(uint32(rest))
		x.buf, x.guest, x.n, x.head = nil, addr, uint32(n), head
		if rest>>32&0xffff != flags || n <= skip {
			continue
		}
		off := addr - start // below the region it wraps to something too large
		if off >= uint64(len(mem)) {
			if mem, start = r.mem.Region(addr); mem == nil {
				continue
			}
			off = addr - start
		}
		if n <= uint64(len(mem))-off {
			x.buf = unsafe.Pointer(&mem[off])
		}
	}
	from := s.n
	s.n = at
	s.fetch(from, h, uintptr(unsafe.Pointer(&r.used[4])), uint32(c.used), mask)
}

// fetch brings the lines of chains from the from-th on into the cache, and those of
// the used ring with the entries that will answer them.
func (s *sight) fetch(from int, h Hint, used uintptr, at, mask uint32) {
	nr, nw := 0, 0
	for k := from; k < s.n; k++ {
		// The first entry of its line, which reaches into it.
		if e := used + uintptr(8*((at+uint32(k))&mask)) + 7; e%line < 8 {
			s.writes[nw%scratch] = e
			nw++
		}
		x := &s.seen[(s.first+uint32(k))%window]
		if x.buf == nil {
			continue
		}
		buf := uintptr(x.buf)
		p := buf + uintptr(h.Skip)
		two := p&(line-1)+uintptr(min(h.Bytes, int(x.n)-h.Skip)) > line
		if h.Write {
			if buf&^(line-1) != p&^(line-1) {
				s.reads[nr%scratch] = buf
				nr++
			}
			s.writes[nw%scratch] = p
			nw++
			if two {
				s.writes[nw%scratch] = p + line
				nw++
			}
		} else {
			s.reads[nr%scratch] = p
			nr++
			if two {
				s.reads[nr%scratch] = p + line
				nr++
			}
		}
	}
	if nr|nw != 0 {
		prefetch(&s.reads[0], nr, &s.writes[0], nw)
	}
}
