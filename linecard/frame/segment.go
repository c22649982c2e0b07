package frame

import (
	"encoding/binary"
)

// MaxSegments bounds what one super-frame may stand for: 64 KiB at the
// smallest segment that Linux sends (48 bytes). A guest that asks for smaller
// ones wants the switch to do its sending for it.
const MaxSegments = 1366

// Segmenter cuts super-frames in software, for receivers that cannot take them:
// TCP over IPv4 and IPv6, and UDP (USO), and into IP fragments (UFO, see
// fragment.go). It copies each segment into a buffer
// of its own, since the payload of the super-frame is read-only and may lie in
// two pieces.
//
// Length fields, IPv4 identification and checksum, sequence number, FIN, PSH
// and CWR are set as a sender's stack would have. The transport checksum starts
// from the super-frame's partial sum, of which only the length changes, so
// address rewriting extension headers need not be understood.
//
// The zero value is ready; a Segmenter belongs to one worker.
type Segmenter struct {
	f       *Frame
	partial bool
	l3, l4  int
	v6, udp bool
	length  uint16 // of transport header and payload of the super-frame, folded
	seed    uint16 // partial checksum of the super-frame
	seq     uint32
	id      uint16
	done    int // payload bytes handed out
	total   int
	index   int

	frag fragments
	ids  idents
}

// TCP header flags.
const (
	tcpFIN = 0x01
	tcpPSH = 0x08
	tcpCWR = 0x80
)

// Start begins with a super-frame. With partial, segments keep a partial
// checksum for a device that completes it; fragments have none. It returns Forward, or BadHeader
// when the bytes are not what the metadata say.
func (s *Segmenter) Start(f *Frame, partial bool) Reason {
	*s = Segmenter{f: f, partial: partial, ids: s.ids}
	if f.GSO == GSOUDP {
		return s.startUFO()
	}
	b := f.Bytes()
	hdr := int(f.HdrLen)
	s.total = f.Len() - hdr
	if f.Flags&NeedsCsum == 0 || f.GSOSize == 0 || hdr > len(b) || s.total <= 0 ||
		f.Segments() > MaxSegments || hdr+int(f.GSOSize) > MaxWire {
		return BadHeader
	}
	if s.l3 = network(b); s.l3 == 0 {
		return BadHeader
	}
	s.l4 = int(f.CsumStart)
	s.v6 = b[s.l3]>>4 == 6
	kind := f.GSO &^ GSOECN
	s.udp = kind == GSOUDPL4
	fixed, field := s.l3+20, 16
	if s.v6 {
		fixed = s.l3 + 40
	}
	least := s.l4 + 20
	if s.udp {
		field, least = 6, s.l4+8
	}
	switch {
	case kind != GSOTCPv4 && kind != GSOTCPv6 && kind != GSOUDPL4,
		kind == GSOTCPv4 && s.v6, kind == GSOTCPv6 && !s.v6,
		s.l4 < fixed, hdr < least, int(f.CsumOffset) != field:
		return BadHeader
	}
	all := uint64(f.Len() - s.l4)
	s.length = fold(all)
	s.seed = binary.BigEndian.Uint16(b[s.l4+field:])
	if !s.udp {
		s.seq = binary.BigEndian.Uint32(b[s.l4+4:])
	}
	if !s.v6 {
		if n := int(b[s.l3]&15) * 4; n < 20 || s.l3+n > s.l4 {
			return BadHeader
		}
		s.id = binary.BigEndian.Uint16(b[s.l3+4:])
	}
	return Forward
}

// network returns the offset of the IP header behind up to two payload tags, 0
// when there is none.
func network(b []byte) int {
	at := 12
	for range 3 {
		if at+4 > len(b) {
			return 0
		}
		switch binary.BigEndian.Uint16(b[at:]) {
		case 0x8100, 0x88a8:
			at += TagLen
		case 0x0800:
			if b[at+2]>>4 != 4 {
				return 0
			}
			return at + 2
		case 0x86dd:
			if b[at+2]>>4 != 6 {
				return 0
			}
			return at + 2
		default:
			return 0
		}
	}
	return 0
}

// Next writes the next segment into buf, behind Headroom bytes, and describes
// it in out. It reports false when there is none left. buf must hold
// SegmentBuf bytes.
func (s *Segmenter) Next(out *Frame, buf []byte) bool {
	if s.frag.on {
		return s.fragment(out, buf)
	}
	left := s.total - s.done
	if left <= 0 {
		return false
	}
	n := min(left, int(s.f.GSOSize))
	hdr := int(s.f.HdrLen)
	if Headroom+hdr+n > len(buf) {
		return false
	}
	b := buf[Headroom : Headroom+hdr+n]
	copy(b, s.f.Bytes()[:hdr])
	s.payload(b[hdr:])
	s.headers(b, n, left == n)

	*out = Frame{
		Buf: buf, Off: Headroom, Head: uint32(len(b)),
		Flags: s.f.Flags & (Tagged | NeedsCsum), TCI: s.f.TCI, BD: s.f.BD,
		CsumStart: s.f.CsumStart, CsumOffset: s.f.CsumOffset,
	}
	if !s.partial {
		CompleteChecksum(out)
	}
	s.done += n
	s.index++
	return true
}

// payload copies the next bytes of the super-frame's payload.
func (s *Segmenter) payload(dst []byte) {
	head := s.f.Bytes()
	from := int(s.f.HdrLen) + s.done
	n := 0
	if from < len(head) {
		n = copy(dst, head[from:])
		from = len(head)
	}
	copy(dst[n:], s.f.Tail[from-len(head):])
}

// headers rewrites the copied headers of a segment with n bytes of payload.
func (s *Segmenter) headers(b []byte, n int, last bool) {
	hdr := int(s.f.HdrLen)
	if s.v6 {
		binary.BigEndian.PutUint16(b[s.l3+4:], uint16(hdr-s.l3-40+n))
	} else {
		ip := b[s.l3 : s.l3+int(b[s.l3]&15)*4]
		binary.BigEndian.PutUint16(ip[2:], uint16(hdr-s.l3+n))
		binary.BigEndian.PutUint16(ip[4:], s.id+uint16(s.index))
		ip[10], ip[11] = 0, 0
		binary.BigEndian.PutUint16(ip[10:], Checksum(ip))
	}
	check := adjust(s.seed, s.length, uint16(hdr-s.l4+n))
	t := b[s.l4:]
	if s.udp {
		binary.BigEndian.PutUint16(t[4:], uint16(8+n))
		binary.BigEndian.PutUint16(t[6:], check)
		return
	}
	binary.BigEndian.PutUint32(t[4:], s.seq+uint32(s.done))
	if !last {
		t[13] &^= tcpFIN | tcpPSH
	}
	if s.index > 0 {
		t[13] &^= tcpCWR
	}
	binary.BigEndian.PutUint16(t[16:], check)
}

// SegmentBuf is the length in bytes of a buffer that holds any segment: of
// those whose length no driver refuses.
const SegmentBuf = Headroom + MaxWire + HeaderLen
