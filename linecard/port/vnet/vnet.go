// Package vnet translates between struct virtio_net_hdr (virtio 1.3 §5.1.6)
// and the offload metadata of a frame.
//
// A header comes from whoever owns the other end of a TAP or veth, so Decode
// believes nothing: each offset is compared with the headers that are really
// in the frame, and a frame whose header contradicts it is refused as
// bad-header. hdr_len is only a hint in Linux (the linear part of the buffer);
// the length of the headers is always taken from the frame itself. What Decode
// lets through can be segmented and checksummed without further bound checks.
//
// The kernel and its raw sockets speak the header in the byte order of the
// host. The 10-byte form lacks num_buffers; this package reads and writes the
// first ten bytes and leaves the others zero.
package vnet

import (
	"encoding/binary"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
)

// ShortLen is the length in bytes of struct virtio_net_hdr, the form that
// kernels without PACKET_VNET_HDR_SZ use.
const ShortLen = 10

// Flag bits of virtio_net_hdr.flags.
const (
	flagNeedsCsum = 1
	flagDataValid = 2
)

// Protocol numbers, and checksum offsets in their headers.
const (
	protoTCP = 6
	protoUDP = 17
	csumTCP  = 16
	csumUDP  = 6
	udpLen   = 8
)

// Decode validates hdr, of at least ShortLen bytes, against the untagged frame
// f and fills in its offload fields. It does not touch f.Flags&Tagged. Call Pop
// before it when the tag is still in the bytes, and give the number of bytes
// popped as shift: the offsets of the header move down by it. The verdict is
// Forward, Runt, Giant or BadHeader; of a refused frame the offload fields are
// zero.
func Decode(hdr []byte, f *frame.Frame, shift int) frame.Reason {
	Clear(f)
	n := f.Len()
	if n < frame.MinLen {
		return frame.Runt
	}
	hdr = hdr[:ShortLen:ShortLen]
	flags, gso := hdr[0], frame.GSO(hdr[1])
	if flags&flagDataValid != 0 {
		f.Flags |= frame.DataValid
	}
	if flags&flagNeedsCsum == 0 {
		if gso != frame.GSONone {
			return refuse(f, frame.BadHeader)
		}
		if n > frame.MaxWire {
			return refuse(f, frame.Giant)
		}
		return frame.Forward
	}
	start := int(binary.NativeEndian.Uint16(hdr[6:])) - shift
	offset := int(binary.NativeEndian.Uint16(hdr[8:]))
	if start < frame.HeaderLen || start+offset+2 > int(f.Head) {
		return refuse(f, frame.BadHeader)
	}
	f.Flags = f.Flags&^frame.DataValid | frame.NeedsCsum
	f.CsumStart, f.CsumOffset = uint16(start), uint16(offset)
	if gso == frame.GSONone {
		if n > frame.MaxWire {
			return refuse(f, frame.Giant)
		}
		return frame.Forward
	}
	size := binary.NativeEndian.Uint16(hdr[4:])
	if size == 0 || n > frame.MaxLen {
		return refuse(f, frame.BadHeader)
	}
	if gso == frame.GSOUDP {
		return datagram(f, int(size))
	}
	length := segmented(f.Bytes(), gso, start, offset)
	if length == 0 || length >= n {
		return refuse(f, frame.BadHeader)
	}
	if length+int(size) > frame.MaxWire {
		return refuse(f, frame.Giant)
	}
	f.GSO, f.GSOSize, f.HdrLen = gso, size, uint16(length)
	return frame.Forward
}

// Clear resets the offload fields of a frame that came without a header.
func Clear(f *frame.Frame) {
	f.GSO, f.GSOSize, f.HdrLen = frame.GSONone, 0, 0
	f.CsumStart, f.CsumOffset = 0, 0
	f.Flags &^= frame.NeedsCsum | frame.DataValid
}

func refuse(f *frame.Frame, r frame.Reason) frame.Reason {
	Clear(f)
	return r
}

// segmented returns the length of all headers of a super-frame, or 0 when its
// bytes are not what its segmentation type says.
func segmented(b []byte, gso frame.GSO, start, offset int) int {
	l4, proto := Transport(b)
	if l4 == 0 || l4 != start {
		return 0
	}
	v6 := b[l3(b)]>>4 == 6
	switch gso &^ frame.GSOECN {
	case frame.GSOTCPv4, frame.GSOTCPv6:
		if proto != protoTCP || offset != csumTCP || v6 != (gso&^frame.GSOECN == frame.GSOTCPv6) {
			return 0
		}
		if l4+20 > len(b) {
			return 0
		}
		length := int(b[l4+12]>>4) * 4
		if length < 20 || l4+length > len(b) {
			return 0
		}
		return l4 + length
	case frame.GSOUDPL4:
		if gso&frame.GSOECN != 0 || proto != protoUDP || offset != csumUDP || l4+8 > len(b) {
			return 0
		}
		return l4 + 8
	}
	return 0
}

// l3 returns the offset of the network header behind up to two further 802.1Q
// tags, or 0 when there is none in b.
func l3(b []byte) int {
	at := 12
	for range 3 {
		if at+2 > len(b) {
			return 0
		}
		switch ether.EtherType(binary.BigEndian.Uint16(b[at:])) {
		case ether.TypeVLAN, ether.TypeQinQ:
			at += frame.TagLen
		case ether.TypeIPv4, ether.TypeIPv6:
			if at+2 >= len(b) {
				return 0
			}
			return at + 2
		default:
			return 0
		}
	}
	return 0
}

// Transport returns the offset of the transport header of the frame whose head
// is b, and its protocol number; 0, 0 when there is none, when it is not the
// first fragment's or when it lies outside b.
func Transport(b []byte) (offset int, proto byte) {
	at := l3(b)
	if at == 0 {
		return 0, 0
	}
	if ether.EtherType(binary.BigEndian.Uint16(b[at-2:])) == ether.TypeIPv4 {
		if at+20 > len(b) || b[at]>>4 != 4 {
			return 0, 0
		}
		length := int(b[at]&15) * 4
		if length < 20 || at+length > len(b) || binary.BigEndian.Uint16(b[at+6:])&0x3fff != 0 {
			return 0, 0
		}
		return at + length, b[at+9]
	}
	if at+40 > len(b) || b[at]>>4 != 6 {
		return 0, 0
	}
	next := b[at+6]
	at += 40
	for range 8 {
		switch next {
		case 0, 43, 60: // hop-by-hop, routing, destination options (RFC 8200 §4)
			if at+8 > len(b) {
				return 0, 0
			}
			next, at = b[at], at+8+int(b[at+1])*8
		default:
			if at > len(b) {
				return 0, 0
			}
			return at, next
		}
	}
	return 0, 0
}

// Encode writes the header of f to hdr, of at least ShortLen bytes. shift is
// the number of bytes the sender inserts before the network header.
func Encode(hdr []byte, f *frame.Frame, shift int) {
	clear(hdr)
	if f.Flags&frame.NeedsCsum == 0 {
		return
	}
	hdr = hdr[:ShortLen:ShortLen]
	hdr[0] = flagNeedsCsum
	binary.NativeEndian.PutUint16(hdr[6:], f.CsumStart+uint16(shift))
	binary.NativeEndian.PutUint16(hdr[8:], f.CsumOffset)
	if f.GSO == frame.GSONone {
		return
	}
	hdr[1] = byte(f.GSO)
	length := f.HdrLen + uint16(shift)
	if f.GSO == frame.GSOUDP {
		length += udpLen // the header's hdr_len goes to the end of the UDP header
	}
	binary.NativeEndian.PutUint16(hdr[2:], length)
	binary.NativeEndian.PutUint16(hdr[4:], f.GSOSize)
}

// Pop takes one 802.1Q C-tag out of the bytes of f, by moving the addresses up
// against what follows the tag, and keeps it in f.TCI. It returns the number of
// bytes that went: frame.TagLen, or 0 when there was no tag.
func Pop(f *frame.Frame) int {
	b := f.Bytes()
	if len(b) < frame.HeaderLen+frame.TagLen || b[12] != 0x81 || b[13] != 0 {
		return 0
	}
	f.TCI = binary.BigEndian.Uint16(b[14:])
	f.Flags |= frame.Tagged
	copy(b[4:16], b[:12])
	f.Off += frame.TagLen
	f.Head -= frame.TagLen
	return frame.TagLen
}

// Push puts a tag back into the bytes of f, into the headroom; the offsets of
// its header move up. It is for tags that are payload to the switch.
func Push(f *frame.Frame, tpid, tci uint16) {
	f.Off -= frame.TagLen
	f.Head += frame.TagLen
	b := f.Bytes()
	copy(b[:12], b[4:16])
	binary.BigEndian.PutUint16(b[12:], tpid)
	binary.BigEndian.PutUint16(b[14:], tci)
}

// Partial fills in the offload fields of a frame that is known to carry a
// partial TCP or UDP checksum, but came without a header to say where. It
// reports whether it found the place.
func Partial(f *frame.Frame) bool {
	l4, proto := Transport(f.Bytes())
	offset := csumTCP
	switch proto {
	case protoTCP:
	case protoUDP:
		offset = csumUDP
	default:
		return false
	}
	if l4+offset+2 > int(f.Head) {
		return false
	}
	f.Flags |= frame.NeedsCsum
	f.CsumStart, f.CsumOffset = uint16(l4), uint16(offset)
	return true
}
