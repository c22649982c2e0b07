package frame

import (
	"encoding/binary"
	"math/bits"
)

// sum adds the bytes to a running Internet checksum (RFC 1071) kept in 64 bits
// with end-around carry. A last odd byte counts as the high half of a word.
func sum(s uint64, b []byte) uint64 {
	var c uint64
	for len(b) >= 32 {
		s, c = bits.Add64(s, binary.BigEndian.Uint64(b[0:8]), 0)
		s, c = bits.Add64(s, binary.BigEndian.Uint64(b[8:16]), c)
		s, c = bits.Add64(s, binary.BigEndian.Uint64(b[16:24]), c)
		s, c = bits.Add64(s, binary.BigEndian.Uint64(b[24:32]), c)
		s, c = bits.Add64(s, 0, c)
		s += c
		b = b[32:]
	}
	for len(b) >= 8 {
		s, c = bits.Add64(s, binary.BigEndian.Uint64(b[0:8]), 0)
		s += c
		b = b[8:]
	}
	var rest uint64
	for i, x := range b {
		rest |= uint64(x) << (56 - 8*i)
	}
	s, c = bits.Add64(s, rest, 0)
	return s + c
}

// fold reduces a running sum to 16 bits.
func fold(s uint64) uint16 {
	s = s>>32 + s&0xffffffff
	s = s>>32 + s&0xffffffff
	s = s>>16 + s&0xffff
	s = s>>16 + s&0xffff
	return uint16(s)
}

// Checksum returns the Internet checksum of the bytes (RFC 1071).
func Checksum(b []byte) uint16 { return ^fold(sum(0, b)) }

// adjust returns the folded sum p after a 16-bit word of what it covers changed
// from old to new (RFC 1624, for a sum that is not complemented).
func adjust(p, old, new uint16) uint16 {
	return fold(uint64(p) + uint64(^old) + uint64(new))
}

// CompleteChecksum finishes the partial checksum of a frame in place: the field
// holds the sum of the pseudo header, the rest is added here. It reports false
// when the metadata point outside the head.
//
// It may be used on a frame that is on several egress lists: a complete
// checksum is right for every receiver, and what was sent before it was not
// kept.
func CompleteChecksum(f *Frame) bool {
	if f.Flags&NeedsCsum == 0 {
		return true
	}
	head := f.Bytes()
	start, at := int(f.CsumStart), int(f.CsumStart)+int(f.CsumOffset)
	if at+2 > len(head) {
		return false
	}
	part := head[start:]
	s := sum(0, part)
	if len(f.Tail) > 0 {
		t := fold(sum(0, f.Tail))
		if len(part)&1 != 0 {
			t = t>>8 | t<<8
		}
		s = uint64(fold(s)) + uint64(t)
	}
	binary.BigEndian.PutUint16(head[at:], complement(fold(s)))
	f.Flags &^= NeedsCsum
	return true
}

// complement returns the checksum to send for a folded sum. Zero means "none"
// to UDP (RFC 768), and its other representation is right for every protocol.
func complement(s uint16) uint16 {
	if s == 0xffff {
		return 0xffff
	}
	return ^s
}
