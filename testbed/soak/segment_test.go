package soak

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"

	"trunkline/testbed/vhost"
)

// flow is one stream of segments in one direction. Its number decides the
// protocols, so that four flows have every one.
type flow struct {
	direction, number int
	next              uint64 // segment to send, or expected
	offset            uint32 // TCP sequence number of it
	parts             parts
}

func (f *flow) udp() bool { return f.number&1 == 0 }
func (f *flow) v6() bool  { return f.number&2 != 0 }

func (f *flow) l3() int {
	if f.v6() {
		return 40
	}
	return 20
}

func (f *flow) l4() int {
	if f.udp() {
		return 8
	}
	return 20
}

// headers returns the bytes from the Ethernet header to the transport header
// inclusive, of an untagged frame.
func (f *flow) headers() int { return 14 + f.l3() + f.l4() }

// Sizes of segments: each carries its flow and number.
const (
	numbered   = 12
	largestSeg = 1400
	// largestDatagram bounds those that are to be fragmented.
	largestDatagram = 60_000
)

// ramp rises by seven from byte to byte: all 256 values, again and again.
var ramp = func() (r [256 + largestDatagram]byte) {
	for i := range r {
		r[i] = byte(7 * i)
	}
	return r
}()

// fill writes the payload of segment n.
func (f *flow) fill(b []byte, n uint64) {
	f.prefix(b, n)
	copy(b[numbered:], f.rest(n))
}

// filled reports whether b is the payload of segment n.
func (f *flow) filled(b []byte, n uint64) bool {
	var head [numbered]byte
	f.prefix(head[:], n)
	return bytes.Equal(b[:numbered], head[:]) && bytes.Equal(b[numbered:], f.rest(n)[:len(b)-numbered])
}

// prefix writes the first bytes of a payload: direction, flow and segment.
func (f *flow) prefix(b []byte, n uint64) {
	binary.BigEndian.PutUint32(b, uint32(f.direction)<<16|uint32(f.number))
	binary.BigEndian.PutUint64(b[4:], n)
}

// rest is what follows the number in the payload of segment n, and beyond: it
// begins elsewhere on the ramp in each segment.
func (f *flow) rest(n uint64) []byte { return ramp[byte(n)*31+byte(f.number):] }

// address returns the last bytes of the addresses of the flow's sender or
// receiver.
func (f *flow) address(receiver bool) [2]byte {
	side := byte(f.direction)
	if receiver {
		side = 1 - side
	}
	return [2]byte{side, byte(f.number)}
}

// form is how a frame is sent.
type form struct {
	segments int  // more than 1: a super-frame
	size     int  // payload bytes of each
	partial  bool // checksum left to the device
	tag      bool
	ufo      bool // one datagram that is to be fragmented
	total    int  // its payload bytes; size is the fragments'
}

// tci is the tag of tagged frames: VLAN 10.
const tci = 10

// frame builds the next frame of the flow, in b, and moves the flow on.
func (f *flow) frame(b []byte, how form) vhost.Frame {
	if !how.ufo {
		how.total = how.segments * how.size
	}
	b = b[:f.headers()+how.total]
	clear(b[:f.headers()])
	src, dst := f.address(false), f.address(true)
	copy(b, []byte{2, 0x50, 0, 0, dst[0], dst[1]})
	copy(b[6:], []byte{2, 0x50, 0, 0, src[0], src[1]})
	l4 := 14 + f.l3()
	pseudo := uint32(len(b) - l4)
	protocol := byte(6)
	if f.udp() {
		protocol = 17
	}
	pseudo += uint32(protocol)
	if f.v6() {
		binary.BigEndian.PutUint16(b[12:], 0x86dd)
		b[14], b[20], b[21] = 6<<4, protocol, 64
		binary.BigEndian.PutUint16(b[18:], uint16(len(b)-l4))
		copy(b[22:], []byte{0xfd, 0, src[0], src[1]})
		copy(b[38:], []byte{0xfd, 0, dst[0], dst[1]})
		pseudo = sum(b[22:54], pseudo)
	} else {
		binary.BigEndian.PutUint16(b[12:], 0x0800)
		b[14], b[22], b[23] = 0x45, 64, protocol
		binary.BigEndian.PutUint16(b[16:], uint16(len(b)-14))
		binary.BigEndian.PutUint16(b[20:], 0x4000) // do not fragment
		copy(b[26:], []byte{10, 50, src[0], src[1]})
		copy(b[30:], []byte{10, 50, dst[0], dst[1]})
		binary.BigEndian.PutUint16(b[24:], ^uint16(sum(b[14:34], 0)))
		pseudo = sum(b[26:34], pseudo)
	}
	t := b[l4:]
	binary.BigEndian.PutUint16(t, uint16(2000+f.number))
	binary.BigEndian.PutUint16(t[2:], uint16(3000+f.number))
	check := 16
	if f.udp() {
		check = 6
		binary.BigEndian.PutUint16(t[4:], uint16(len(t)))
	} else {
		binary.BigEndian.PutUint32(t[4:], f.offset)
		t[12], t[13] = 5<<4, 0x10 // no options, ACK
	}
	if how.ufo {
		f.ufo(b, how)
	} else {
		f.segments(b[f.headers():], how)
	}
	out := vhost.Frame{Data: b}
	shift := 0
	if how.tag {
		out.Data = append(append(append(make([]byte, 0, len(b)+4), b[:12]...), 0x81, 0, 0, tci), b[12:]...)
		shift = 4
		t = out.Data[l4+4:]
	}
	if !how.partial {
		c := ^uint16(sum(t, pseudo))
		if c == 0 && f.udp() {
			c = 0xffff
		}
		binary.BigEndian.PutUint16(t[check:], c)
		return out
	}
	binary.BigEndian.PutUint16(t[check:], uint16(sum(nil, pseudo)))
	out.Header.Flags = vhost.NeedsCsum
	out.CsumStart, out.CsumOffset = uint16(l4+shift), uint16(check)
	if how.segments > 1 {
		out.HdrLen, out.GSOSize = uint16(f.headers()+shift), uint16(how.size)
		switch {
		case how.ufo:
			out.GSO = vhost.GSOUDP
		case f.udp():
			out.GSO = vhost.GSOUDPL4
		case f.v6():
			out.GSO = vhost.GSOTCPv6
		default:
			out.GSO = vhost.GSOTCPv4
		}
	}
	return out
}

// segments fills in the payload of a frame.
func (f *flow) segments(b []byte, how form) {
	for ; len(b) > 0; b = b[how.size:] {
		f.fill(b[:how.size], f.next)
		f.next++
		f.offset += uint32(how.size)
	}
}

// take checks a frame that arrived and moves on the flow it belongs to. It
// returns the number of segments, and 0 for a frame that is not the test's.
func take(flows []*flow, direction int, in vhost.Frame, tagged bool) (int, error) {
	b := in.Data
	if len(b) < 14 || !bytes.Equal(b[:4], []byte{2, 0x50, 0, 0}) && !bytes.Equal(b[6:10], []byte{2, 0x50, 0, 0}) {
		return 0, nil
	}
	shift := 0
	if b[12] == 0x81 && b[13] == 0 {
		if !tagged || binary.BigEndian.Uint16(b[14:])&0xfff != tci {
			return 0, fmt.Errorf("frame with tag %x arrives", b[14:16])
		}
		shift = 4
	} else if tagged {
		return 0, fmt.Errorf("frame without a tag arrives")
	}
	number := int(b[5])
	if number >= len(flows) || int(b[4]) != 1-direction || int(b[10]) != direction {
		return 0, fmt.Errorf("frame with addresses % x arrives at the end of direction %d", b[:12], direction)
	}
	f := flows[number]
	if f.udp() && f.fragmented(b, shift) {
		return f.collect(in, shift)
	}
	if len(b) < f.headers()+shift+numbered {
		return 0, fmt.Errorf("flow %d: frame of %d bytes", number, len(b))
	}
	if err := f.checkHeaders(b, in, shift); err != nil {
		return 0, fmt.Errorf("flow %d, segment %d: %w", number, f.next, err)
	}
	payload := b[f.headers()+shift:]
	if in.GSO == vhost.GSOUDP && in.GSOSize > 0 {
		return f.datagram(payload, (len(payload)+8+int(in.GSOSize)-1)/int(in.GSOSize))
	}
	size := len(payload)
	if in.GSO != 0 {
		size = int(in.GSOSize)
	}
	n := 0
	for ; len(payload) > 0; n++ {
		if len(payload) < size || size < numbered {
			return n, fmt.Errorf("flow %d, segment %d: %d bytes are left of segments of %d", number, f.next, len(payload), size)
		}
		if got := binary.BigEndian.Uint64(payload[4:]); got != f.next {
			return n, fmt.Errorf("flow %d: segment %d arrives where %d is next (GSO %d of %d)", number, got, f.next, in.GSO, size)
		}
		if size > largestSeg || !f.filled(payload[:size], f.next) {
			return n, fmt.Errorf("flow %d: segment %d of %d bytes is spoilt", number, f.next, size)
		}
		f.next++
		f.offset += uint32(size)
		payload = payload[size:]
	}
	return n, nil
}

// checkHeaders checks lengths, checksums and the TCP sequence number.
func (f *flow) checkHeaders(b []byte, in vhost.Frame, shift int) error {
	l3, l4 := 14+shift, 14+shift+f.l3()
	pseudo := uint32(len(b) - l4)
	check := l4 + 16
	if f.udp() {
		check = l4 + 6
		pseudo += 17
	} else {
		pseudo += 6
		if got := binary.BigEndian.Uint32(b[l4+4:]); got != f.offset {
			return fmt.Errorf("TCP sequence number %d, want %d", got, f.offset)
		}
	}
	if f.v6() {
		if n := int(binary.BigEndian.Uint16(b[l3+4:])); n != len(b)-l4 {
			return fmt.Errorf("IPv6 payload length %d in a frame that has %d", n, len(b)-l4)
		}
		pseudo = sum(b[l3+8:l4], pseudo)
	} else {
		if n := int(binary.BigEndian.Uint16(b[l3+2:])); n != len(b)-l3 {
			return fmt.Errorf("IPv4 total length %d in a frame that has %d", n, len(b)-l3)
		}
		if s := sum(b[l3:l4], 0); s != 0xffff {
			return fmt.Errorf("IPv4 header checksum is wrong: sum %#x", s)
		}
		pseudo = sum(b[l3+12:l4], pseudo)
	}
	if in.Header.Flags&vhost.NeedsCsum == 0 {
		if in.GSO != 0 {
			return fmt.Errorf("super-frame without a partial checksum")
		}
		if s := sum(b[l4:], pseudo); s != 0xffff {
			return fmt.Errorf("checksum is wrong: sum %#x", s)
		}
		return nil
	}
	if int(in.CsumStart) != l4 || int(in.CsumStart)+int(in.CsumOffset) != check {
		return fmt.Errorf("partial checksum at %d + %d, want %d + %d", in.CsumStart, in.CsumOffset, l4, check-l4)
	}
	if got, want := binary.BigEndian.Uint16(b[check:]), uint16(sum(nil, pseudo)); got != want {
		return fmt.Errorf("partial checksum %#x, want %#x", got, want)
	}
	return nil
}

// sum is the Internet checksum (RFC 1071) of b on top of s, not complemented.
func sum(b []byte, s uint32) uint32 {
	n := uint64(s)
	if len(b) >= 8 {
		var carry uint64
		for ; len(b) >= 8; b = b[8:] {
			n, carry = bits.Add64(n, binary.BigEndian.Uint64(b), carry)
		}
		n = n>>32 + n&0xffffffff + carry
	}
	for ; len(b) >= 4; b = b[4:] {
		n += uint64(binary.BigEndian.Uint32(b))
	}
	if len(b) >= 2 {
		n += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		n += uint64(b[0]) << 8
	}
	for n > 0xffff {
		n = n&0xffff + n>>16
	}
	return uint32(n)
}

// numberOf returns the segment of a frame of flow 0.
func numberOf(in vhost.Frame, tagged bool) (uint64, error) {
	at := 14 + 20 + 8
	if tagged {
		at += 4
	}
	if len(in.Data) < at+numbered {
		return 0, fmt.Errorf("frame of %d bytes arrives", len(in.Data))
	}
	return binary.BigEndian.Uint64(in.Data[at+4:]), nil
}
