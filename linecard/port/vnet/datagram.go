package vnet

import (
	"encoding/binary"

	"trunkline/linecard/frame"
)

// datagram is the rest of Decode for a UFO super-frame, of which f has where
// the checksum is: one UDP datagram, to be sent in IP fragments that carry size
// bytes each, the UDP header counted with the first's. The datagram must be
// whole, of the length it says, and free to be fragmented. One that needs no
// fragments becomes an ordinary frame.
func datagram(f *frame.Frame, size int) frame.Reason {
	b, n := f.Bytes(), f.Len()
	l4, proto := Transport(b)
	if l4 == 0 || l4 != int(f.CsumStart) || proto != protoUDP || f.CsumOffset != csumUDP || l4+udpLen > len(b) ||
		size%8 != 0 || int(binary.BigEndian.Uint16(b[l4+4:])) != n-l4 {
		return refuse(f, frame.BadHeader)
	}
	ip, header := l3(b), 0
	if b[ip]>>4 == 6 {
		ip += 40
		header = 8
	} else if binary.BigEndian.Uint16(b[ip+6:]) != 0 {
		return refuse(f, frame.BadHeader)
	}
	if n-ip > 0xffff {
		return refuse(f, frame.BadHeader)
	}
	longest := l4 + header + size
	if n <= l4+size {
		longest = n
	}
	if longest > frame.MaxWire {
		return refuse(f, frame.Giant)
	}
	if n > l4+size {
		f.GSO, f.GSOSize, f.HdrLen = frame.GSOUDP, uint16(size), uint16(l4)
	}
	return frame.Forward
}
