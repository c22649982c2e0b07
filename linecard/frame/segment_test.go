package frame_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"trunkline/linecard/frame"
)

// super describes a super-frame to build.
type super struct {
	name    string
	v6, udp bool
	options int // bytes of IPv4 options, or of IPv6 extension headers
	tcpOpt  bool
	qinq    bool
	payload int
	size    int
	head    int // bytes in the head, 0: all
	ecn     bool
}

var (
	src4, dst4 = net.IP{10, 0, 0, 1}, net.IP{10, 0, 0, 2}
	src6, dst6 = net.ParseIP("2001:db8::1"), net.ParseIP("2001:db8::2")
)

const firstID, firstSeq = 0xfffe, 0xfffff000

// build returns the frame, its payload and the offset of its transport header.
func build(t testing.TB, s super) (*frame.Frame, []byte) {
	t.Helper()
	payload := make([]byte, s.payload)
	r := rand.New(rand.NewPCG(uint64(s.payload), 1))
	for i := range payload {
		payload[i] = byte(r.Uint32())
	}
	b := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}
	if s.qinq {
		b = append(b, 0x81, 0, 0, 42)
	}
	l4len := 8 + len(payload)
	if !s.udp {
		l4len = 20 + len(payload)
		if s.tcpOpt {
			l4len += 12
		}
	}
	proto := byte(6)
	if s.udp {
		proto = 17
	}
	var pseudo []byte
	if s.v6 {
		b = append(b, 0x86, 0xdd)
		h := make([]byte, 40, 40+s.options)
		h[0] = 0x60
		binary.BigEndian.PutUint16(h[4:], uint16(l4len+s.options))
		h[6], h[7] = proto, 64
		copy(h[8:], src6)
		copy(h[24:], dst6)
		if s.options > 0 { // destination options, padded
			h[6] = 60
			x := make([]byte, s.options)
			x[0], x[1] = proto, byte(s.options/8-1)
			x[2], x[3] = 1, byte(s.options-4)
			h = append(h, x...)
		}
		b = append(b, h...)
		pseudo = append(append(pseudo, src6...), dst6...)
	} else {
		b = append(b, 0x08, 0x00)
		h := make([]byte, 20+s.options)
		h[0] = 0x40 | byte(len(h)/4)
		binary.BigEndian.PutUint16(h[2:], uint16(len(h)+l4len))
		binary.BigEndian.PutUint16(h[4:], firstID)
		h[6] = 0x40
		h[8], h[9] = 64, proto
		copy(h[12:], src4)
		copy(h[16:], dst4)
		for i := 20; i < len(h); i++ {
			h[i] = 1 // no operation
		}
		b = append(b, h...)
		pseudo = append(append(pseudo, src4...), dst4...)
	}
	pseudo = append(pseudo, 0, proto, byte(l4len>>8), byte(l4len))
	l4 := len(b)
	partial := ^reference(pseudo)
	f := &frame.Frame{Flags: frame.NeedsCsum, CsumStart: uint16(l4), GSOSize: uint16(s.size), BD: 7}
	if s.udp {
		h := []byte{0x10, 0, 0x20, 0, byte(l4len >> 8), byte(l4len), byte(partial >> 8), byte(partial)}
		b = append(b, h...)
		f.GSO, f.CsumOffset = frame.GSOUDPL4, 6
	} else {
		h := make([]byte, l4len-len(payload))
		h[0], h[2] = 0x10, 0x20
		seq := uint32(firstSeq)
		binary.BigEndian.PutUint32(h[4:], seq)
		h[12] = byte(len(h)/4) << 4
		h[13] = 0x01 | 0x08 | 0x10 | 0x80 // FIN, PSH, ACK, CWR
		binary.BigEndian.PutUint16(h[14:], 1000)
		binary.BigEndian.PutUint16(h[16:], partial)
		for i := 20; i < len(h); i++ {
			h[i] = 1
		}
		b = append(b, h...)
		f.GSO, f.CsumOffset = frame.GSOTCPv4, 16
		if s.v6 {
			f.GSO = frame.GSOTCPv6
		}
		if s.ecn {
			f.GSO |= frame.GSOECN
		}
	}
	f.HdrLen = uint16(len(b))
	b = append(b, payload...)
	head := len(b)
	if s.head != 0 {
		head = min(head, s.head)
	}
	f.Buf = append(make([]byte, frame.Headroom), b[:head]...)
	f.Off, f.Head = frame.Headroom, uint32(head)
	if head < len(b) {
		f.Tail = b[head:]
	}
	return f, payload
}

// reference is the Internet checksum, the slow way.
func reference(b []byte) uint16 {
	var s uint32
	for i := 0; i < len(b); i += 2 {
		w := uint32(b[i]) << 8
		if i+1 < len(b) {
			w |= uint32(b[i+1])
		}
		s += w
		s = s>>16 + s&0xffff
	}
	return ^uint16(s)
}

var supers = []super{
	{name: "tcp4", payload: 10000, size: 1448, tcpOpt: true, head: 128},
	{name: "tcp4 whole in head", payload: 4000, size: 1460},
	{name: "tcp4 exact multiple", payload: 4 * 1460, size: 1460, head: 1920},
	{name: "tcp4 options", payload: 9000, size: 1400, options: 8, head: 200},
	{name: "tcp4 odd split", payload: 9000, size: 1401, head: 201},
	{name: "tcp4 one segment", payload: 100, size: 1460},
	{name: "tcp4 in a payload tag", payload: 9000, size: 1460, qinq: true, head: 128},
	{name: "tcp4 ecn", payload: 9000, size: 1460, ecn: true, head: 128},
	{name: "tcp4 full", payload: 65000, size: 1448, head: 1920},
	{name: "tcp4 small segments", payload: 65000, size: 48, head: 1920},
	{name: "tcp6", v6: true, payload: 10000, size: 1428, head: 128},
	{name: "tcp6 extension", v6: true, payload: 10001, size: 1428, options: 16, head: 133},
	{name: "uso4", udp: true, payload: 10000, size: 1472, head: 128},
	{name: "uso6", udp: true, v6: true, payload: 9999, size: 1452, head: 1920},
	{name: "jumbo segments", payload: 60000, size: 8960, head: 1920},
}

func TestSegments(t *testing.T) {
	for _, s := range supers {
		t.Run(s.name, func(t *testing.T) {
			for _, partial := range []bool{false, true} {
				f, payload := build(t, s)
				segments := cut(t, f, partial)
				if len(segments) != f.Segments() {
					t.Fatalf("%d segments, Segments says %d", len(segments), f.Segments())
				}
				octets := 0
				var joined []byte
				for i, b := range segments {
					octets += len(b)
					joined = append(joined, verify(t, s, b, i, len(segments))...)
				}
				if !bytes.Equal(joined, payload) {
					t.Error("the payload was damaged")
				}
				if octets != f.WireOctets() {
					t.Errorf("%d octets, WireOctets says %d", octets, f.WireOctets())
				}
			}
		})
	}
}

// cut segments a frame. Partial checksums are completed as a device would.
func cut(t testing.TB, f *frame.Frame, partial bool) [][]byte {
	t.Helper()
	var s frame.Segmenter
	if r := s.Start(f, partial); r != frame.Forward {
		t.Fatalf("refused: %v", r)
	}
	var list [][]byte
	buf := make([]byte, frame.SegmentBuf)
	var out frame.Frame
	for s.Next(&out, buf) {
		if partial {
			if out.Flags&frame.NeedsCsum == 0 {
				t.Fatal("a checksum is complete that should be partial")
			}
			frame.CompleteChecksum(&out)
		}
		if out.Flags&frame.NeedsCsum != 0 || out.GSO != frame.GSONone || out.BD != f.BD {
			t.Fatalf("metadata of segment %d: %+v", len(list), out)
		}
		list = append(list, append([]byte(nil), out.Bytes()...))
	}
	return list
}

// verify decodes a segment, checks every field that segmentation sets, and
// returns its payload.
func verify(t testing.TB, s super, b []byte, i, n int) []byte {
	t.Helper()
	pkt := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Default)
	if e := pkt.ErrorLayer(); e != nil {
		t.Fatalf("segment %d: %v", i, e.Error())
	}
	var pseudo []byte
	if s.v6 {
		ip := pkt.Layer(layers.LayerTypeIPv6).(*layers.IPv6)
		if int(ip.Length) != len(ip.Payload) {
			t.Errorf("segment %d: length %d, %d bytes follow", i, ip.Length, len(ip.Payload))
		}
		pseudo = append(append(pseudo, src6...), dst6...)
	} else {
		ip := pkt.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
		if int(ip.Length) != len(ip.Contents)+len(ip.Payload) {
			t.Errorf("segment %d: length %d, have %d", i, ip.Length, len(ip.Contents)+len(ip.Payload))
		}
		if reference(ip.Contents) != 0 {
			t.Errorf("segment %d: header checksum is wrong", i)
		}
		if id := firstID + i; ip.Id != uint16(id) {
			t.Errorf("segment %d: id %d", i, ip.Id)
		}
		pseudo = append(append(pseudo, src4...), dst4...)
	}
	transport := pkt.TransportLayer()
	whole := append(append([]byte(nil), transport.LayerContents()...), transport.LayerPayload()...)
	proto := byte(6)
	if s.udp {
		proto = 17
	}
	pseudo = append(pseudo, 0, proto, byte(len(whole)>>8), byte(len(whole)))
	if got := reference(append(pseudo, whole...)); got != 0 {
		t.Errorf("segment %d: transport checksum is off by %#x", i, got)
	}
	last := i == n-1
	if s.udp {
		u := transport.(*layers.UDP)
		if int(u.Length) != len(whole) {
			t.Errorf("segment %d: udp length %d, have %d", i, u.Length, len(whole))
		}
	} else {
		tcp := transport.(*layers.TCP)
		if seq := uint64(firstSeq) + uint64(i*s.size); tcp.Seq != uint32(seq) {
			t.Errorf("segment %d: seq %d", i, tcp.Seq)
		}
		if tcp.FIN != last || tcp.PSH != last || tcp.CWR != (i == 0) || !tcp.ACK {
			t.Errorf("segment %d of %d: FIN %v PSH %v CWR %v", i, n, tcp.FIN, tcp.PSH, tcp.CWR)
		}
	}
	if got := len(transport.LayerPayload()); !last && got != s.size || last && (got == 0 || got > s.size) {
		t.Errorf("segment %d of %d: %d bytes", i, n, got)
	}
	return transport.LayerPayload()
}

func TestCompleteChecksum(t *testing.T) {
	for n := range 200 {
		for _, head := range []int{128, 129, 5000} {
			f, _ := build(t, super{payload: n * 7, size: 1460, head: head, udp: n%2 == 0, v6: n%3 == 0})
			f.GSO, f.GSOSize = frame.GSONone, 0
			if !frame.CompleteChecksum(f) || f.Flags&frame.NeedsCsum != 0 {
				t.Fatal("not completed")
			}
			b := append(append([]byte(nil), f.Bytes()...), f.Tail...)
			l4 := b[f.CsumStart:]
			var pseudo []byte
			if n%3 == 0 {
				pseudo = append(append(pseudo, src6...), dst6...)
			} else {
				pseudo = append(append(pseudo, src4...), dst4...)
			}
			proto := byte(6)
			if n%2 == 0 {
				proto = 17
			}
			pseudo = append(pseudo, 0, proto, byte(len(l4)>>8), byte(len(l4)))
			if got := reference(append(pseudo, l4...)); got != 0 {
				t.Fatalf("payload %d head %d: off by %#x", n*7, head, got)
			}
		}
	}
}

// TestZeroChecksum checks that a UDP checksum that comes out as zero is sent as
// ones.
func TestZeroChecksum(t *testing.T) {
	b := make([]byte, 64)
	f := &frame.Frame{Buf: b, Head: 64, Flags: frame.NeedsCsum, CsumStart: 34, CsumOffset: 6}
	b[40], b[41] = 0xff, 0xff
	frame.CompleteChecksum(f)
	if b[40] != 0xff || b[41] != 0xff {
		t.Errorf("checksum %x%x", b[40], b[41])
	}
}

func TestChecksum(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for n := range 300 {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
			if n%5 == 0 {
				b[i] = 0xff
			}
		}
		if got, want := frame.Checksum(b), reference(b); got != want && !(got == 0 && want == 0xffff) {
			t.Errorf("%d bytes: %#x, want %#x", n, got, want)
		}
	}
}

// FuzzSegments gives the segmenter hostile metadata and bytes. Whatever it
// accepts must come out whole.
func FuzzSegments(f *testing.F) {
	for _, s := range supers[:6] {
		x, _ := build(f, s)
		b := append(append([]byte(nil), x.Bytes()...), x.Tail...)
		f.Add(b, uint16(128), uint8(x.GSO), x.HdrLen, x.GSOSize, x.CsumStart, x.CsumOffset)
	}
	for _, s := range ufos {
		x, _ := ufo(f, s)
		b := append(append([]byte(nil), x.Bytes()...), x.Tail...)
		f.Add(b, uint16(128), uint8(x.GSO), x.HdrLen, x.GSOSize, x.CsumStart, x.CsumOffset)
	}
	f.Add([]byte{}, uint16(0), uint8(1), uint16(0), uint16(0), uint16(0), uint16(0))
	f.Fuzz(func(t *testing.T, b []byte, head uint16, gso uint8, hdr, size, start, offset uint16) {
		if len(b) > frame.MaxLen {
			return
		}
		n := min(int(head), len(b))
		x := &frame.Frame{
			Buf: b[:n], Head: uint32(n), Tail: b[n:], GSO: frame.GSO(gso), Flags: frame.NeedsCsum,
			HdrLen: hdr, GSOSize: size, CsumStart: start, CsumOffset: offset,
		}
		var s frame.Segmenter
		if s.Start(x, false) == frame.Forward {
			buf := make([]byte, frame.SegmentBuf)
			var out frame.Frame
			segments, octets := 0, 0
			for s.Next(&out, buf) {
				segments++
				octets += out.Len()
				if out.Len() > x.WireLen() {
					t.Errorf("segment of %d bytes, WireLen says %d", out.Len(), x.WireLen())
				}
			}
			if segments != x.Segments() || octets != x.WireOctets() {
				t.Errorf("%d segments of %d octets, want %d of %d", segments, octets, x.Segments(), x.WireOctets())
			}
		}
		x.GSO = frame.GSONone
		frame.CompleteChecksum(x)
	})
}

func BenchmarkSegment(b *testing.B) {
	f, payload := build(b, supers[8])
	cutAll(b, f, payload)
}

// cutAll measures the cutting of a super-frame.
func cutAll(b *testing.B, f *frame.Frame, payload []byte) {
	buf := make([]byte, frame.SegmentBuf)
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	var s frame.Segmenter
	var out frame.Frame
	for b.Loop() {
		s.Start(f, false)
		for s.Next(&out, buf) {
			continue
		}
	}
}
