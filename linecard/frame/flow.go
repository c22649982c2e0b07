package frame

import (
	"encoding/binary"
	"math/bits"
)

// FlowHash returns a hash of the addresses and, where there are some, ports of
// the frame whose head is b: equal for the frames of a flow. Fragments go by their
// addresses, since the ports are in the first one only. Its highest bits are the
// best.
func FlowHash(b []byte) uint32 {
	if len(b) < HeaderLen {
		return 0
	}
	h := mix(binary.BigEndian.Uint64(b), uint64(binary.BigEndian.Uint32(b[8:])))
	switch kind := binary.BigEndian.Uint16(b[12:]); {
	case kind == 0x0800 && len(b) >= 34:
		h = mix(h, binary.BigEndian.Uint64(b[26:]))
		length := int(b[14]&15) * 4
		if ported(b[23]) && binary.BigEndian.Uint16(b[20:])&0x3fff == 0 && length >= 20 && 14+length+4 <= len(b) {
			h = mix(h, uint64(binary.BigEndian.Uint32(b[14+length:])))
		}
	case kind == 0x86dd && len(b) >= 58:
		for at := 22; at < 54; at += 8 {
			h = mix(h, binary.BigEndian.Uint64(b[at:]))
		}
		if ported(b[20]) {
			h = mix(h, uint64(binary.BigEndian.Uint32(b[54:])))
		}
	}
	return uint32(h >> 32)
}

// ported reports whether the header of an IP protocol begins with two ports: TCP,
// UDP, SCTP.
func ported(protocol byte) bool { return protocol == 6 || protocol == 17 || protocol == 132 }

func mix(h, x uint64) uint64 {
	hi, lo := bits.Mul64(h^x^0x9e3779b97f4a7c15, 0xff51afd7ed558ccd)
	return hi ^ lo
}
