package vxlan

import (
	"encoding/binary"

	"trunkline/linecard/frame"
	"trunkline/linecard/port/vnet"
)

// What a VTEP in the same kernel sends (Linux's vxlan device behind a veth) comes
// as the kernel had it in memory, in the hope of a network device that finishes
// it: transport checksums of inner frames hold the sum of the pseudo header only,
// and inner super-frames are not cut. No socket option says so, so it is told by
// the frame.
//
// A checksum field that holds the sum of its own pseudo header is partial. If it
// does so by chance, and is complete and right, completing it gives the same
// value; so marking it does no harm, whoever sent it.

// Protocols and the offsets of their checksums.
const (
	protoTCP, csumTCP = 6, 16
	protoUDP, csumUDP = 17, 6
)

// usual is the most payload of an inner frame that receivers mostly have room
// for (1500 less Overhead). Super-frames are said to be of segments of that
// size: how the sender would have cut them is not known, and TCP does not mind.
const usual = 1500 - Overhead

// segmentSize returns the payload of segments that super-frames are said to have, in
// bytes of IP packet.
func segmentSize(mtu int) int { return min(mtu, usual) }

// offload marks a frame whose checksum is partial, and one that is a super-frame:
// of segments of most bytes of IP packet when it came by itself, or of datagrams
// of size when the kernel said so. The frame has no tag.
func offload(f *frame.Frame, size, most int) {
	b := f.Bytes()
	l4, proto := vnet.Transport(b)
	at := csumTCP
	if proto == protoUDP {
		at = csumUDP
	}
	if l4 == 0 || proto != protoTCP && proto != protoUDP || l4+at+2 > len(b) {
		return
	}
	end := frame.HeaderLen + ipLen(b)
	if end <= l4 || end > f.Len() {
		return
	}
	if binary.BigEndian.Uint16(b[l4+at:]) != pseudo(b, proto, end-l4) {
		return
	}
	f.Flags |= frame.NeedsCsum
	f.CsumStart, f.CsumOffset = uint16(l4), uint16(at)
	if end != f.Len() {
		// Padding would be summed. A short frame has it, and can do without.
		if end <= len(b) {
			f.Head, f.Tail = uint32(end), nil
		} else {
			f.Tail = f.Tail[:end-len(b)]
		}
		return
	}
	switch {
	case proto == protoTCP && f.Len() > frame.HeaderLen+most:
		super(f, frame.GSOTCPv4, l4+int(b[l4+12]>>4)*4, most)
	case proto == protoUDP && size > 0 && f.Len() > size:
		superUDP(f, l4+8, size-headerLen)
	}
}

// super makes a super-frame of f, if its headers are of a length that can be.
func super(f *frame.Frame, kind frame.GSO, headers, most int) {
	if f.Buf[f.Off+frame.HeaderLen]>>4 == 6 {
		kind = frame.GSOTCPv6
	}
	payload := frame.HeaderLen + most - headers
	if headers < int(f.CsumStart)+20 || headers > int(f.Head) || payload <= 0 {
		return
	}
	f.GSO, f.HdrLen, f.GSOSize = kind, uint16(headers), uint16(payload)
}

// superUDP makes a super-frame of f of UDP datagrams whose frames have size
// bytes.
func superUDP(f *frame.Frame, headers, size int) {
	if payload := size - headers; payload > 0 {
		f.GSO, f.HdrLen, f.GSOSize = frame.GSOUDPL4, uint16(headers), uint16(payload)
	}
}

// ipLen returns the length of the IP packet of an untagged frame as its header
// has it, 0 for none.
func ipLen(b []byte) int {
	switch {
	case len(b) >= 34 && b[12] == 0x08 && b[13] == 0x00:
		return int(binary.BigEndian.Uint16(b[16:]))
	case len(b) >= 54 && b[12] == 0x86 && b[13] == 0xdd:
		return 40 + int(binary.BigEndian.Uint16(b[18:]))
	}
	return 0
}

// whole reports whether the packet that begins a train goes on to the end of it:
// an inner super-frame of UDP, which the kernel does not tell from a train.
func whole(d []byte) bool {
	_, in, ok := decode(d)
	return ok && frame.HeaderLen+ipLen(in) == len(in)
}

// pseudo returns the folded sum of the pseudo header of an untagged frame (RFC
// 9293 §3.1, RFC 8200 §8.1) whose transport header and payload have n bytes.
func pseudo(b []byte, proto byte, n int) uint16 {
	addresses := b[26:34]
	if b[frame.HeaderLen]>>4 == 6 {
		addresses = b[22:54]
	}
	s := uint64(proto) + uint64(n)
	for ; len(addresses) >= 4; addresses = addresses[4:] {
		s += uint64(binary.BigEndian.Uint32(addresses))
	}
	s = s>>32 + s&0xffffffff
	s = s>>16 + s&0xffff
	s = s>>16 + s&0xffff
	return uint16(s>>16 + s&0xffff)
}
