package vxlan

import (
	"bytes"
	"encoding/binary"

	"trunkline/linecard/frame"
)

// A train mostly is what a super-frame was cut into by the sender. Its segments
// are joined again, so that what is behind this card costs one frame and not
// forty. Segments are joined if cutting the result gives them back: same headers
// but for sequence number, identification and checksums, each of one length but
// the last. Their checksums are verified first, since the joined frame gets one
// that is made anew.

// Bounds of joining.
const (
	arenaJoin = 1 << 19 // bytes of joined payload in one batch
	maxJoined = 65535   // of an IP packet
	onlyACK   = 0x10
	flagPSH   = 0x08
)

// joiner joins the segments of one batch. The last frame of the batch may grow.
type joiner struct {
	arena []byte
	used  int

	f       *frame.Frame // that may grow, nil for none
	first   segmentOf
	in      []byte // bytes of the first segment
	next    uint32 // sequence number of the segment to come
	joined  int    // payload of all
	begin   int    // of the tail in arena
	count   int
	pushing bool // the last one had PSH
}

// segmentOf says where things are in a TCP segment.
type segmentOf struct {
	l4, hdr, n int // offset of the TCP header and of the payload, its length
	v6         bool
}

// parse describes an inner frame that is a TCP segment with payload, nothing but
// ACK and PSH set, and nothing behind it. It reports false for others.
func parse(b []byte) (s segmentOf, ok bool) {
	switch {
	case len(b) > 54 && b[12] == 0x08 && b[13] == 0x00 && b[14] == 0x45 && b[23] == protoTCP && binary.BigEndian.Uint16(b[20:])&0x3fff == 0:
		s.l4 = 34
	case len(b) > 74 && b[12] == 0x86 && b[13] == 0xdd && b[14]>>4 == 6 && b[20] == protoTCP:
		s.l4, s.v6 = 54, true
	default:
		return s, false
	}
	s.hdr = s.l4 + int(b[s.l4+12]>>4)*4
	s.n = len(b) - s.hdr
	return s, s.hdr >= s.l4+20 && s.n > 0 && b[s.l4+13]&^flagPSH == onlyACK && frame.HeaderLen+ipLen(b) == len(b)
}

// intact reports whether the TCP checksum of a segment is right.
func (s segmentOf) intact(b []byte) bool {
	sum := uint32(^frame.Checksum(b[s.l4:])) + uint32(pseudo(b, protoTCP, len(b)-s.l4))
	return sum>>16+sum&0xffff == 0xffff
}

// alike reports whether two segments have the same headers as far as cutting
// makes them.
func (s segmentOf) alike(a, b []byte) bool {
	if s.v6 { // but for the payload length
		return bytes.Equal(a[:18], b[:18]) && bytes.Equal(a[20:s.l4+4], b[20:s.l4+4]) && s.sameTCP(a, b)
	}
	// But for length, identification and checksum.
	return bytes.Equal(a[:16], b[:16]) && bytes.Equal(a[20:24], b[20:24]) && bytes.Equal(a[26:s.l4+4], b[26:s.l4+4]) && s.sameTCP(a, b)
}

// sameTCP compares acknowledgement, offset, window and options.
func (s segmentOf) sameTCP(a, b []byte) bool {
	return bytes.Equal(a[s.l4+8:s.l4+13], b[s.l4+8:s.l4+13]) && bytes.Equal(a[s.l4+14:s.l4+16], b[s.l4+14:s.l4+16]) &&
		bytes.Equal(a[s.l4+18:s.hdr], b[s.l4+18:s.hdr])
}

// start begins a batch.
func (j *joiner) start() { j.used, j.f = 0, nil }

// full reports whether there may be no room for another joined frame.
func (j *joiner) full() bool { return len(j.arena)-j.used < maxJoined }

// offer takes the frame that the datagram with inner bytes in was made of, as one
// that may grow.
func (j *joiner) offer(f *frame.Frame, in []byte) {
	j.finish()
	s, ok := parse(in)
	if !ok || !s.v6 && frame.Checksum(in[frame.HeaderLen:s.l4]) != 0 || in[s.l4+13]&flagPSH != 0 || f.GSO != frame.GSONone || f.Flags&frame.NeedsCsum != 0 || s.hdr > int(f.Head) || j.full() || !s.intact(in) {
		return
	}
	j.f, j.first, j.in, j.count = f, s, in, 1
	j.next, j.joined = binary.BigEndian.Uint32(in[s.l4+4:])+uint32(s.n), s.n
}

// join adds the segment with inner bytes in to the frame that may grow. It
// reports false when it does not go on from there.
func (j *joiner) join(in []byte, vlan uint16) bool {
	if j.f == nil || j.f.TCI != vlan || len(in) > len(j.in) {
		return false
	}
	s, ok := parse(in)
	switch {
	case !ok, s.v6 != j.first.v6, s.hdr != j.first.hdr, s.n > j.first.n,
		binary.BigEndian.Uint32(in[s.l4+4:]) != j.next,
		j.first.hdr-frame.HeaderLen+j.joined+s.n > maxJoined,
		!s.v6 && frame.Checksum(in[frame.HeaderLen:s.l4]) != 0,
		!s.alike(j.in, in), !s.intact(in):
		return false
	}
	if j.count == 1 {
		j.begin = j.used
		j.used += copy(j.arena[j.used:], j.f.Tail)
	}
	j.used += copy(j.arena[j.used:], in[s.hdr:])
	j.f.Tail = j.arena[j.begin:j.used]
	j.count++
	j.joined += s.n
	j.next += uint32(s.n)
	j.pushing = in[s.l4+13]&flagPSH != 0
	if s.n < j.first.n || j.pushing {
		j.finish()
	}
	return true
}

// finish gives the frame that grew the headers of a super-frame.
func (j *joiner) finish() {
	f, s := j.f, j.first
	j.f = nil
	if f == nil || j.count == 1 {
		return
	}
	b := f.Bytes()
	kind := frame.GSOTCPv4
	length := s.hdr - frame.HeaderLen + j.joined
	if s.v6 {
		kind = frame.GSOTCPv6
		binary.BigEndian.PutUint16(b[18:], uint16(length-40))
	} else {
		binary.BigEndian.PutUint16(b[16:], uint16(length))
		b[24], b[25] = 0, 0
		binary.BigEndian.PutUint16(b[24:], frame.Checksum(b[14:34]))
	}
	if j.pushing {
		b[s.l4+13] |= flagPSH
	}
	binary.BigEndian.PutUint16(b[s.l4+csumTCP:], pseudo(b, protoTCP, s.hdr-s.l4+j.joined))
	f.Flags |= frame.NeedsCsum
	f.CsumStart, f.CsumOffset = uint16(s.l4), csumTCP
	f.GSO, f.HdrLen, f.GSOSize = kind, uint16(s.hdr), uint16(s.n)
	j.pushing = false
}
