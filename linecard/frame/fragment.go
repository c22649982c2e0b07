package frame

import (
	"encoding/binary"
	"math/rand/v2"
)

// This file cuts UFO super-frames. Such a frame is one UDP datagram, which goes
// out as IP fragments (RFC 791 §3.2, RFC 8200 §4.5): the payload that is cut
// begins with the UDP header, and the checksum is of the whole datagram. It
// goes into the copy of the first fragment only, since the super-frame may be on
// other lists.
//
// The IPv6 fragment header is put directly before the UDP header: all that is
// before it is repeated, and a receiver that puts the fragments together has
// what was sent.

const (
	protoUDP      = 17
	protoFragment = 44
	// fragmentLen is the length in bytes of the IPv6 fragment header.
	fragmentLen = 8
	// moreFragments is MF in the IPv4 header, and its like in the fragment header.
	moreFragments4 = 0x2000
	moreFragments6 = 0x0001
)

// inserted returns the bytes that each fragment of a UFO frame has in addition
// to the headers it repeats.
func (f *Frame) inserted() int {
	b := f.Bytes()
	if at := network(b); at != 0 && b[at]>>4 == 6 {
		return fragmentLen
	}
	return 0
}

// fragments describes a UFO frame in work.
type fragments struct {
	on    bool
	extra int    // bytes of the fragment header: 0 for IPv4
	next  int    // offset of the Next Header field before the UDP header, IPv6
	ident uint32 // of the fragments, IPv6
	check uint16 // complete UDP checksum
}

// startUFO is Start for a UFO frame. Segmenter.f is set.
func (s *Segmenter) startUFO() Reason {
	f, b := s.f, s.f.Bytes()
	hdr, size := int(f.HdrLen), int(f.GSOSize)
	s.total = f.Len() - hdr
	if s.l3 = network(b); s.l3 == 0 || f.Flags&NeedsCsum == 0 || int(f.CsumStart) != hdr || f.CsumOffset != 6 ||
		hdr+8 > len(b) || size == 0 || size%8 != 0 || s.total <= size || f.Segments() > MaxSegments {
		return BadHeader
	}
	least := 20
	if s.v6 = b[s.l3]>>4 == 6; s.v6 {
		least = 40
	}
	if hdr < s.l3+least || int(binary.BigEndian.Uint16(b[hdr+4:])) != s.total {
		return BadHeader
	}
	whole := hdr - s.l3 + s.total
	if s.v6 {
		whole -= 40
		if s.frag.next = lastHeader(b[:hdr], s.l3); s.frag.next == 0 {
			return BadHeader
		}
		s.frag.extra = fragmentLen
		s.frag.ident = s.ids.take()
	} else if ip := b[s.l3:]; int(ip[0]&15)*4 != hdr-s.l3 || ip[9] != protoUDP || binary.BigEndian.Uint16(ip[6:]) != 0 {
		return BadHeader // also: not to be fragmented
	}
	if whole > 0xffff || hdr+s.frag.extra+size > MaxWire {
		return BadHeader
	}
	s.frag.on = true
	s.frag.check = complement(joined(b[hdr:], f.Tail, nil))
	return Forward
}

// lastHeader returns the offset of the Next Header field that says UDP, of IPv6
// headers that end with b; 0 when they are not such.
func lastHeader(b []byte, l3 int) int {
	next, at := l3+6, l3+40
	for at < len(b) {
		switch b[next] {
		case 0, 43, 60: // hop-by-hop, routing, destination options
		default:
			return 0
		}
		if at+8 > len(b) {
			return 0
		}
		next, at = at, at+8+int(b[at+1])*8
	}
	if at != len(b) || b[next] != protoUDP {
		return 0
	}
	return next
}

// fragment is Next for a UFO frame.
func (s *Segmenter) fragment(out *Frame, buf []byte) bool {
	left := s.total - s.done
	n := min(left, int(s.f.GSOSize))
	copied := int(s.f.HdrLen)
	hdr := copied + s.frag.extra
	if n <= 0 || Headroom+hdr+n > len(buf) {
		return false
	}
	b := buf[Headroom : Headroom+hdr+n]
	copy(b, s.f.Bytes()[:copied])
	s.payload(b[hdr:])
	if s.v6 {
		s.fragment6(b, copied, n, left == n)
	} else {
		s.fragment4(b[s.l3:copied], n, left == n)
	}
	if s.done == 0 {
		binary.BigEndian.PutUint16(b[hdr+6:], s.frag.check)
	}
	*out = Frame{Buf: buf, Off: Headroom, Head: uint32(len(b)), Flags: s.f.Flags & Tagged, TCI: s.f.TCI, BD: s.f.BD}
	s.done += n
	s.index++
	return true
}

// fragment4 rewrites the IPv4 header of a fragment with n bytes of payload.
func (s *Segmenter) fragment4(ip []byte, n int, last bool) {
	at := uint16(s.done / 8)
	if !last {
		at |= moreFragments4
	}
	if s.done > 0 {
		uncopied(ip[20:])
	}
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)+n))
	binary.BigEndian.PutUint16(ip[6:], at)
	ip[10], ip[11] = 0, 0
	binary.BigEndian.PutUint16(ip[10:], Checksum(ip))
}

// uncopied blanks those of the IPv4 options that only the first fragment has:
// whose copied flag is clear (RFC 791 §3.1).
func uncopied(options []byte) {
	const end, nop, copied = 0, 1, 0x80
	for at := 0; at < len(options); {
		kind := options[at]
		if kind == end {
			return
		}
		n := 1
		if kind != nop {
			if at+2 > len(options) || options[at+1] < 2 || at+int(options[at+1]) > len(options) {
				return // not options: left as they are
			}
			n = int(options[at+1])
		}
		if kind&copied == 0 {
			for i := range n {
				options[at+i] = nop
			}
		}
		at += n
	}
}

// fragment6 rewrites the IPv6 header of a fragment with n bytes of payload and
// fills in its fragment header, behind the headers that were copied.
func (s *Segmenter) fragment6(b []byte, copied, n int, last bool) {
	x := b[copied : copied+fragmentLen]
	binary.BigEndian.PutUint16(b[s.l3+4:], uint16(copied+fragmentLen+n-s.l3-40))
	b[s.frag.next] = protoFragment
	at := uint16(s.done) // a multiple of 8: the low bits are flags
	if !last {
		at |= moreFragments6
	}
	x[0], x[1] = protoUDP, 0
	binary.BigEndian.PutUint16(x[2:], at)
	binary.BigEndian.PutUint32(x[4:], s.frag.ident)
}

// idents gives identifications of IPv6 fragments. None repeats before all 2^32
// were given, and the next does not follow from the last without the key (RFC
// 7739 §5). The zero value is ready.
type idents struct {
	key uint64
	n   uint32
}

func (i *idents) take() uint32 {
	if i.key == 0 {
		i.key, i.n = rand.Uint64()|1, rand.Uint32()
	}
	i.n++
	// Each step can be undone, so that different n have different results.
	x := i.n ^ uint32(i.key)
	x ^= x >> 16
	x *= 0x85ebca6b
	x ^= x >> 13
	x += uint32(i.key >> 32)
	x *= 0xc2b2ae35
	return x ^ x>>16
}
