package frame

import "encoding/binary"

// mask48 selects a MAC address in a 64-bit word.
const mask48 = 1<<48 - 1

// Dst returns the destination address in the low 48 bits, first octet highest.
// The head must hold MinLen bytes.
func (f *Frame) Dst() uint64 {
	b := f.Buf[f.Off:][:HeaderLen]
	return binary.BigEndian.Uint64(b) >> 16
}

// Src returns the source address like Dst.
func (f *Frame) Src() uint64 {
	b := f.Buf[f.Off:][:HeaderLen]
	return binary.BigEndian.Uint64(b[4:]) & mask48
}

// Type returns the EtherType, or the length of an IEEE 802.3 frame (below
// 0x600). The head must hold MinLen bytes.
func (f *Frame) Type() uint16 {
	b := f.Buf[f.Off:][:HeaderLen]
	return binary.BigEndian.Uint16(b[12:])
}

// Group reports whether an address as returned by Dst is a group address
// (IEEE 802-2014 §8.2.2).
func Group(mac uint64) bool { return mac>>40&1 != 0 }

// Broadcast is the all-ones address in the form of Dst.
const Broadcast = mask48

// WireLen returns the length in bytes, without tag and FCS, of the longest
// frame on a wire that the frame stands for: what an MTU is compared with.
func (f *Frame) WireLen() int {
	if f.GSO == GSONone {
		return f.Len()
	}
	return f.longest()
}

// longest is WireLen of a super-frame.
func (f *Frame) longest() int {
	n := min(f.Len(), int(f.HdrLen)+int(f.GSOSize))
	if f.GSO == GSOUDP && n < f.Len() {
		n += f.inserted()
	}
	return n
}

// Append appends the bytes of the frame, head and tail, to dst, with the
// popped tag put back when the frame carried one. It is for what needs the
// whole frame: punt and capture.
func (f *Frame) Append(dst []byte) []byte {
	head := f.Bytes()
	if f.Flags&Tagged != 0 && len(head) >= 12 {
		return AppendTagged(dst, f, f.TCI)
	}
	dst = append(dst, head...)
	return append(dst, f.Tail...)
}

// AppendTagged is Append with the tag given. The head must hold 12 bytes.
func AppendTagged(dst []byte, f *Frame, tci uint16) []byte {
	head := f.Bytes()
	dst = append(dst, head[:12]...)
	dst = append(dst, 0x81, 0x00, byte(tci>>8), byte(tci))
	dst = append(dst, head[12:]...)
	return append(dst, f.Tail...)
}
