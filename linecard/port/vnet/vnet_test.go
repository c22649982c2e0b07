package vnet_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
	"trunkline/linecard/port/vnet"
	"trunkline/testbed/traffic"
)

// at puts bytes into a frame as a driver does.
func at(b []byte) *frame.Frame {
	f := &frame.Frame{Buf: make([]byte, frame.Headroom+1920), Off: frame.Headroom}
	n := copy(f.Buf[frame.Headroom:], b)
	f.Head = uint32(n)
	if n < len(b) {
		f.Tail = b[n:]
	}
	return f
}

func header(flags, gso byte, hdrLen, size, start, offset uint16) []byte {
	h := make([]byte, frame.VnetLen)
	h[0], h[1] = flags, gso
	for i, v := range []uint16{hdrLen, size, start, offset} {
		binary.NativeEndian.PutUint16(h[2+2*i:], v)
	}
	return h
}

// tcp4 and the others are frames with a transport header at a known place.
func tcp4(payload int) []byte {
	b := make([]byte, 14+20+32+payload)
	b[12], b[13] = 0x08, 0x00
	b[14], b[23] = 0x45, 6
	b[34+12] = 8 << 4
	return b
}

func tcp6(payload int) []byte {
	b := make([]byte, 14+40+8+20+payload)
	b[12], b[13] = 0x86, 0xdd
	b[14], b[20] = 0x60, 60 // destination options before TCP
	b[54] = 6
	b[62+12] = 5 << 4
	return b
}

func udp4(payload int) []byte {
	b := make([]byte, 14+20+8+payload)
	b[12], b[13] = 0x08, 0x00
	b[14], b[23] = 0x45, 17
	return b
}

// udp sets the length that a datagram says, at its place l4.
func udp(b []byte, l4 int) []byte {
	binary.BigEndian.PutUint16(b[l4+4:], uint16(len(b)-l4))
	return b
}

func udp6(payload int) []byte {
	b := make([]byte, 14+40+8+8+payload)
	b[12], b[13] = 0x86, 0xdd
	b[14], b[20] = 0x60, 0 // hop-by-hop options before UDP
	b[54] = 17
	return udp(b, 62)
}

// with changes one byte.
func with(b []byte, at int, x byte) []byte {
	b[at] = x
	return b
}

func tagged(b []byte, tags int) []byte {
	for range tags {
		b = append(b[:12:12], append([]byte{0x81, 0, 0, 5}, b[12:]...)...)
	}
	return b
}

func TestDecode(t *testing.T) {
	fragment := tcp4(9000)
	fragment[20] = 0x20
	short := tcp4(9000)
	short[34+12] = 4 << 4
	type want struct {
		reason frame.Reason
		gso    frame.GSO
		hdrLen uint16
	}
	for _, c := range []struct {
		name  string
		bytes []byte
		hdr   []byte
		want  want
	}{
		{"ordinary", tcp4(100), header(0, 0, 0, 0, 0, 0), want{frame.Forward, 0, 0}},
		{"runt", make([]byte, 13), header(0, 0, 0, 0, 0, 0), want{frame.Runt, 0, 0}},
		{"empty", nil, header(1, 1, 0, 0, 0, 0), want{frame.Runt, 0, 0}},
		{"giant", make([]byte, frame.MaxWire+1), header(0, 0, 0, 0, 0, 0), want{frame.Giant, 0, 0}},
		{"longest", make([]byte, frame.MaxWire), header(0, 0, 0, 0, 0, 0), want{frame.Forward, 0, 0}},
		{"checksum", udp4(100), header(1, 0, 0, 0, 34, 6), want{frame.Forward, 0, 0}},
		{"checksum outside", udp4(100), header(1, 0, 0, 0, 141, 6), want{frame.BadHeader, 0, 0}},
		{"checksum over the end", udp4(0), header(1, 0, 0, 0, 34, 7), want{frame.BadHeader, 0, 0}},
		{"checksum offset wraps", udp4(100), header(1, 0, 0, 0, 34, 0xffff), want{frame.BadHeader, 0, 0}},
		{"checksum in the addresses", udp4(100), header(1, 0, 0, 0, 4, 0), want{frame.BadHeader, 0, 0}},
		{"checksum, giant", make([]byte, frame.MaxWire+1), header(1, 0, 0, 0, 34, 6), want{frame.Giant, 0, 0}},
		// hdr_len is the linear length in Linux: a hint that is not believed.
		{"tso4", tcp4(9000), header(1, 1, 0xffff, 1448, 34, 16), want{frame.Forward, frame.GSOTCPv4, 66}},
		{"tso4 ecn", tcp4(9000), header(1, 0x81, 0, 1448, 34, 16), want{frame.Forward, frame.GSOTCPv4 | frame.GSOECN, 66}},
		{"tso4 behind a tag", tagged(tcp4(9000), 1), header(1, 1, 0, 1448, 38, 16), want{frame.Forward, frame.GSOTCPv4, 70}},
		{"tso4 behind three tags", tagged(tcp4(9000), 3), header(1, 1, 0, 1448, 46, 16), want{frame.BadHeader, 0, 0}},
		{"tso6 with options", tcp6(9000), header(1, 4, 0, 1428, 62, 16), want{frame.Forward, frame.GSOTCPv6, 82}},
		{"uso", udp4(9000), header(1, 5, 0, 1400, 34, 6), want{frame.Forward, frame.GSOUDPL4, 42}},
		{"uso with ecn", udp4(9000), header(1, 0x85, 0, 1400, 34, 6), want{frame.BadHeader, 0, 0}},
		{"ufo", udp(udp4(9000), 34), header(1, 3, 0, 1400, 34, 6), want{frame.Forward, frame.GSOUDP, 34}},
		{"ufo, hdr_len lies", udp(udp4(9000), 34), header(1, 3, 0xffff, 1400, 34, 6), want{frame.Forward, frame.GSOUDP, 34}},
		{"ufo behind a tag", tagged(udp(udp4(9000), 34), 1), header(1, 3, 0, 1400, 38, 6), want{frame.Forward, frame.GSOUDP, 38}},
		{"ufo6 with options", udp6(9000), header(1, 3, 0, 1400, 62, 6), want{frame.Forward, frame.GSOUDP, 62}},
		{"ufo6, longest fragments", udp6(20000), header(1, 3, 0, 9448, 62, 6), want{frame.Forward, frame.GSOUDP, 62}},
		{"ufo6, too long fragments", udp6(20000), header(1, 3, 0, 9456, 62, 6), want{frame.Giant, 0, 0}},
		{"ufo, longest fragments", udp(udp4(20000), 34), header(1, 3, 0, 9480, 34, 6), want{frame.Forward, frame.GSOUDP, 34}},
		{"ufo, too long fragments", udp(udp4(20000), 34), header(1, 3, 0, 9488, 34, 6), want{frame.Giant, 0, 0}},
		{"ufo, longest datagram", udp(udp4(65507), 34), header(1, 3, 0, 1480, 34, 6), want{frame.Forward, frame.GSOUDP, 34}},
		{"ufo, too long datagram", udp(udp4(65508), 34), header(1, 3, 0, 1480, 34, 6), want{frame.BadHeader, 0, 0}},
		{"ufo that needs no fragments", udp(udp4(1392), 34), header(1, 3, 0, 1400, 34, 6), want{frame.Forward, 0, 0}},
		{"ufo that needs two", udp(udp4(1393), 34), header(1, 3, 0, 1400, 34, 6), want{frame.Forward, frame.GSOUDP, 34}},
		{"ufo, giant without fragments", udp(udp4(9600), 34), header(1, 3, 0, 16000, 34, 6), want{frame.Giant, 0, 0}},
		{"ufo, size 0", udp(udp4(9000), 34), header(1, 3, 0, 0, 34, 6), want{frame.BadHeader, 0, 0}},
		{"ufo, size no multiple of 8", udp(udp4(9000), 34), header(1, 3, 0, 1401, 34, 6), want{frame.BadHeader, 0, 0}},
		{"ufo, wrong start", udp(udp4(9000), 34), header(1, 3, 0, 1400, 42, 6), want{frame.BadHeader, 0, 0}},
		{"ufo, wrong offset", udp(udp4(9000), 34), header(1, 3, 0, 1400, 34, 16), want{frame.BadHeader, 0, 0}},
		{"ufo with ecn", udp(udp4(9000), 34), header(1, 0x83, 0, 1400, 34, 6), want{frame.BadHeader, 0, 0}},
		{"ufo without checksum", udp(udp4(9000), 34), header(0, 3, 0, 1400, 34, 6), want{frame.BadHeader, 0, 0}},
		{"ufo of tcp", tcp4(9000), header(1, 3, 0, 1400, 34, 6), want{frame.BadHeader, 0, 0}},
		{"ufo, another length", with(udp(udp4(9000), 34), 39, 1), header(1, 3, 0, 1400, 34, 6), want{frame.BadHeader, 0, 0}},
		{"ufo, not to be fragmented", with(udp(udp4(9000), 34), 20, 0x40), header(1, 3, 0, 1400, 34, 6), want{frame.BadHeader, 0, 0}},
		{"ufo, first fragment", with(udp(udp4(9000), 34), 20, 0x20), header(1, 3, 0, 1400, 34, 6), want{frame.BadHeader, 0, 0}},
		{"ufo, other fragment", with(udp(udp4(9000), 34), 21, 1), header(1, 3, 0, 1400, 34, 6), want{frame.BadHeader, 0, 0}},
		{"ufo6, fragment", with(udp6(9000), 54, 44), header(1, 3, 0, 1400, 62, 6), want{frame.BadHeader, 0, 0}},
		{"ufo without ip", make([]byte, 9000), header(1, 3, 0, 1400, 34, 6), want{frame.BadHeader, 0, 0}},
		{"unknown type", udp4(9000), header(1, 6, 0, 1400, 34, 6), want{frame.BadHeader, 0, 0}},
		{"no checksum", tcp4(9000), header(0, 1, 0, 1448, 34, 16), want{frame.BadHeader, 0, 0}},
		{"size 0", tcp4(9000), header(1, 1, 0, 0, 34, 16), want{frame.BadHeader, 0, 0}},
		{"segments too long", tcp4(60000), header(1, 1, 0, 9500, 34, 16), want{frame.Giant, 0, 0}},
		{"v4 said v6", tcp4(9000), header(1, 4, 0, 1448, 34, 16), want{frame.BadHeader, 0, 0}},
		{"tcp said udp", tcp4(9000), header(1, 5, 0, 1448, 34, 6), want{frame.BadHeader, 0, 0}},
		{"wrong start", tcp4(9000), header(1, 1, 0, 1448, 33, 16), want{frame.BadHeader, 0, 0}},
		{"wrong offset", tcp4(9000), header(1, 1, 0, 1448, 34, 6), want{frame.BadHeader, 0, 0}},
		{"headers only", tcp4(0), header(1, 1, 0, 1448, 34, 16), want{frame.BadHeader, 0, 0}},
		{"fragment", fragment, header(1, 1, 0, 1448, 34, 16), want{frame.BadHeader, 0, 0}},
		{"tcp header too short", short, header(1, 1, 0, 1448, 34, 16), want{frame.BadHeader, 0, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := at(c.bytes)
			r := vnet.Decode(c.hdr, f, 0)
			if got := (want{r, f.GSO, f.HdrLen}); got != c.want {
				t.Errorf("Decode = %v %d %d, want %v %d %d", got.reason, got.gso, got.hdrLen,
					c.want.reason, c.want.gso, c.want.hdrLen)
			}
		})
	}
}

// The extremes of every field against real lengths (dataplane.md §10, V10).
func TestDecodeExtremes(t *testing.T) {
	extremes := []uint16{0, 1, 13, 14, 33, 34, 35, 62, 66, 127, 128, 1919, 1920, 1921, 0x7fff, 0xfffe, 0xffff}
	for _, b := range [][]byte{nil, make([]byte, 14), udp4(0), udp4(1500), udp(udp4(1500), 34), udp6(40000), tcp4(0), tcp4(1), tcp4(60000), tcp6(0), tcp6(40000)} {
		f := at(b)
		for _, gso := range []byte{0, 1, 2, 3, 4, 5, 0x81, 0x84, 0xff} {
			for _, size := range []uint16{0, 1, 8, 1448, 0xfff8, 0xffff} {
				for _, start := range extremes {
					for _, offset := range extremes {
						h := header(1, gso, 0xffff, size, start, offset)
						if vnet.Decode(h, f, 0) == frame.Forward {
							sound(t, f, h)
						}
					}
				}
			}
		}
	}
}

// sound checks what every later stage relies on.
func sound(t *testing.T, f *frame.Frame, h []byte) {
	t.Helper()
	fail := func(what string) {
		t.Fatalf("%s: header %x on %d bytes gives %+v", what, h, f.Len(), fmt.Sprint(f.GSO, f.HdrLen, f.GSOSize, f.CsumStart, f.CsumOffset))
	}
	if f.Len() < frame.MinLen || f.Len() > frame.MaxLen {
		fail("length")
	}
	if f.Flags&frame.NeedsCsum != 0 && (int(f.CsumStart)+int(f.CsumOffset)+2 > int(f.Head) || f.CsumStart < frame.HeaderLen) {
		fail("checksum outside the head")
	}
	if f.GSO == frame.GSONone {
		if f.Len() > frame.MaxWire {
			fail("giant")
		}
		return
	}
	if f.GSO == frame.GSOUDP {
		// What is more than the switch cuts, the pipeline refuses.
		var s frame.Segmenter
		if r := s.Start(f, false); r != frame.Forward && f.Segments() <= frame.MaxSegments {
			fail("fragments")
		}
		if f.Segments() < 2 || f.WireLen() > frame.MaxWire {
			fail("fragments' lengths")
		}
		return
	}
	if f.Flags&frame.NeedsCsum == 0 || f.GSOSize == 0 || int(f.HdrLen) > int(f.Head) || int(f.HdrLen) >= f.Len() ||
		f.HdrLen <= f.CsumStart || int(f.HdrLen)+int(f.GSOSize) > frame.MaxWire {
		fail("segments")
	}
}

func TestPopPush(t *testing.T) {
	plain := traffic.Build(traffic.Spec{
		Src: ether.MAC{2, 1}, Dst: ether.MAC{2, 2}, From: netip.MustParseAddrPort("192.0.2.1:1"),
		To: netip.MustParseAddrPort("192.0.2.2:2"), Payload: []byte("hello"),
	})
	f := at(tagged(plain, 1))
	if n := vnet.Pop(f); n != frame.TagLen || f.TCI != 5 || f.Flags&frame.Tagged == 0 {
		t.Fatalf("Pop = %d, TCI %d, flags %d", n, f.TCI, f.Flags)
	}
	if d := traffic.Diff(f.Bytes(), plain); d != "" {
		t.Error(d)
	}
	// The header of a TAP counts with the tag.
	if r := vnet.Decode(header(1, 0, 0, 0, 38, 6), f, frame.TagLen); r != frame.Forward || f.CsumStart != 34 {
		t.Errorf("Decode = %v, start %d, want 34", r, f.CsumStart)
	}
	var h [frame.VnetLen]byte
	vnet.Encode(h[:], f, frame.TagLen)
	if got, want := fmt.Sprintf("%x", h), fmt.Sprintf("%x", header(1, 0, 0, 0, 38, 6)); got != want {
		t.Errorf("Encode = %s, want %s", got, want)
	}
	vnet.Push(f, 0x88a8, 7)
	if b := f.Bytes(); len(b) != len(plain)+4 || binary.BigEndian.Uint32(b[12:]) != 0x88a80007 {
		t.Errorf("Push: % x", b[:20])
	}
	if n := vnet.Pop(f); n != 0 {
		t.Errorf("Pop took an S-tag")
	}
}

func TestPartial(t *testing.T) {
	f := at(udp4(10))
	if !vnet.Partial(f) || f.CsumStart != 34 || f.CsumOffset != 6 || f.Flags&frame.NeedsCsum == 0 {
		t.Errorf("udp: %+v", f)
	}
	f = at(tcp4(0)[:40])
	if vnet.Partial(f) {
		t.Error("a truncated TCP header has no checksum")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(header(1, 1, 0, 1448, 34, 16), tcp4(3000), false)
	f.Add(header(1, 4, 0, 1428, 62, 16), tcp6(3000), false)
	f.Add(header(1, 5, 0, 1400, 38, 6), tagged(udp4(3000), 1), true)
	f.Add(header(1, 3, 0, 1400, 34, 6), udp(udp4(3000), 34), false)
	f.Add(header(1, 3, 0, 1400, 62, 6), udp6(3000), false)
	f.Add(header(1, 3, 0, 1400, 38, 6), tagged(udp(udp4(3000), 34), 1), true)
	f.Add(header(0, 0, 0, 0, 0, 0), []byte{}, false)
	f.Fuzz(func(t *testing.T, h, b []byte, pop bool) {
		if len(h) < vnet.ShortLen || len(b) > frame.MaxLen {
			return
		}
		x, shift := at(b), 0
		if pop {
			shift = vnet.Pop(x)
		}
		if vnet.Decode(h, x, shift) == frame.Forward {
			sound(t, x, h)
		}
		vnet.Partial(x)
	})
}
