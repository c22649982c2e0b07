package frame

import "encoding/binary"

// Span returns where n bytes of the frame from offset from on lie: in its head,
// in its tail, or one after the other in both. The frame has them.
func (f *Frame) Span(from, n int) (head, tail []byte) {
	h := f.Bytes()
	if from < len(h) {
		head = h[from:min(from+n, len(h))]
	}
	if to := from + n - len(h); to > 0 {
		tail = f.Tail[max(from-len(h), 0):to]
	}
	return head, tail
}

// Cut is Next for a sender that gathers: it writes no more than the headers of
// the next segment to hdr, of HdrLen bytes, with a complete transport checksum,
// and says that the payload is n bytes of the super-frame from offset from on,
// see Span. n is 0 when no segment is left. It is not for UFO frames.
func (s *Segmenter) Cut(hdr []byte) (from, n int) {
	left := s.total - s.done
	if left <= 0 {
		return 0, 0
	}
	n = min(left, int(s.f.GSOSize))
	hdr = hdr[:s.f.HdrLen]
	from = len(hdr) + s.done
	copy(hdr, s.f.Bytes())
	s.headers(hdr, n, left == n)
	head, tail := s.f.Span(from, n)
	at := s.l4 + int(s.f.CsumOffset)
	binary.BigEndian.PutUint16(hdr[at:], complement(joined(hdr[s.l4:], head, tail)))
	s.done += n
	s.index++
	return from, n
}

// joined returns the folded sum of the bytes of three pieces one after the other.
func joined(a, b, c []byte) uint16 {
	s, odd := uint64(fold(sum(0, a))), len(a)&1 != 0
	for _, p := range [2][]byte{b, c} {
		if len(p) == 0 {
			continue
		}
		t := fold(sum(0, p))
		if odd {
			t = t>>8 | t<<8
		}
		s += uint64(t)
		odd = odd != (len(p)&1 != 0)
	}
	return fold(s)
}
