package frame_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"trunkline/linecard/frame"
)

// ufo makes a frame of build one of UFO.
func ufo(t testing.TB, s super) (*frame.Frame, []byte) {
	t.Helper()
	s.udp = true
	f, payload := build(t, s)
	f.GSO, f.HdrLen = frame.GSOUDP, f.CsumStart
	if !s.v6 {
		b := f.Bytes()
		b[int(f.CsumStart)-20-s.options+6] = 0 // may be fragmented
	}
	return f, payload
}

var ufos = []super{
	{name: "v4", payload: 10000, size: 1480, head: 128},
	{name: "v4 in head", payload: 4000, size: 1480},
	{name: "v4 exact multiple", payload: 4*1480 - 8, size: 1480, head: 1920},
	{name: "v4 two", payload: 1473, size: 1480, head: 128},
	{name: "v4 odd", payload: 9001, size: 1000, head: 201},
	{name: "v4 options", payload: 9000, size: 1472, options: 8, head: 200},
	{name: "v4 in a payload tag", payload: 9000, size: 1480, qinq: true, head: 128},
	{name: "v4 longest", payload: 65507, size: 1480, head: 1920},
	{name: "v4 smallest fragments", payload: 2000, size: 8, head: 128},
	{name: "v4 largest fragments", payload: 60000, size: 9480, head: 1920},
	{name: "v6", v6: true, payload: 10000, size: 1448, head: 128},
	{name: "v6 short end", v6: true, payload: 1448 - 8 + 1, size: 1448, head: 128},
	{name: "v6 odd", v6: true, payload: 10001, size: 1448, head: 133},
	{name: "v6 extension", v6: true, payload: 10001, size: 1448, options: 16, head: 133},
	{name: "v6 in a payload tag", v6: true, payload: 9000, size: 1448, qinq: true, head: 128},
	{name: "v6 longest", v6: true, payload: 65491, size: 1448, head: 1920},
	{name: "v6 largest fragments", v6: true, payload: 60000, size: 9448, head: 1920},
}

// Fragments, put together by their offsets, are the datagram that was sent, with
// a right checksum; each of them is a sound packet.
func TestFragments(t *testing.T) {
	for _, s := range ufos {
		for _, partial := range []bool{false, true} {
			t.Run(fmt.Sprint(s.name, " ", partial), func(t *testing.T) {
				f, payload := ufo(t, s)
				f.Flags |= frame.Tagged
				f.TCI = 0x2005
				whole := append(append([]byte(nil), f.Bytes()...), f.Tail...)
				list := cutUFO(t, f)
				if len(list) != f.Segments() {
					t.Errorf("%d fragments, Segments says %d", len(list), f.Segments())
				}
				octets, longest := 0, 0
				for _, b := range list {
					octets += len(b)
					longest = max(longest, len(b))
				}
				if octets != f.WireOctets() || longest != f.WireLen() && f.Segments() > 2 || longest > f.WireLen() {
					t.Errorf("%d octets, the longest %d; WireOctets says %d, WireLen %d", octets, longest, f.WireOctets(), f.WireLen())
				}
				if got := reassemble(t, s, list); !bytes.Equal(got, payload) {
					t.Errorf("%d bytes of payload are not the %d that were sent", len(got), len(payload))
				}
				if now := append(append([]byte(nil), f.Bytes()...), f.Tail...); !bytes.Equal(now, whole) || f.Flags&frame.NeedsCsum == 0 {
					t.Error("the super-frame, which others may have, was changed")
				}
			})
		}
	}
}

func cutUFO(t testing.TB, f *frame.Frame) (list [][]byte) {
	t.Helper()
	var s frame.Segmenter
	if r := s.Start(f, true); r != frame.Forward {
		t.Fatalf("refused: %v", r)
	}
	buf := make([]byte, frame.SegmentBuf)
	var out frame.Frame
	for s.Next(&out, buf) {
		if out.Flags != f.Flags&frame.Tagged || out.GSO != 0 || out.BD != f.BD || out.TCI != f.TCI || out.CsumStart != 0 {
			t.Fatalf("metadata of fragment %d: %+v", len(list), out)
		}
		list = append(list, append([]byte(nil), out.Bytes()...))
	}
	return list
}

// reassemble puts fragments together as a receiver does, and returns the payload
// of the datagram.
func reassemble(t testing.TB, s super, list [][]byte) []byte {
	t.Helper()
	var whole []byte
	var ident uint32
	for i, b := range list {
		last := i == len(list)-1
		pkt := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Default)
		var offset int
		var more bool
		var id uint32
		var payload []byte
		if s.v6 {
			ip := pkt.Layer(layers.LayerTypeIPv6).(*layers.IPv6)
			x, _ := pkt.Layer(layers.LayerTypeIPv6Fragment).(*layers.IPv6Fragment)
			if x == nil || x.NextHeader != layers.IPProtocolUDP || x.Reserved1 != 0 || x.Reserved2 != 0 {
				t.Fatalf("fragment %d: fragment header %+v", i, x)
			}
			l3 := 14
			if s.qinq {
				l3 += frame.TagLen
			}
			if int(ip.Length) != len(b)-l3-40 {
				t.Errorf("fragment %d: length %d in a frame of %d", i, ip.Length, len(b))
			}
			offset, more, id, payload = int(x.FragmentOffset)*8, x.MoreFragments, x.Identification, x.LayerPayload()
		} else {
			ip := pkt.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
			if int(ip.Length) != len(ip.Contents)+len(ip.Payload) || reference(ip.Contents) != 0 || ip.Id != firstID || ip.Protocol != layers.IPProtocolUDP {
				t.Errorf("fragment %d: header %+v", i, ip)
			}
			if ip.Flags&layers.IPv4DontFragment != 0 {
				t.Errorf("fragment %d: not to be fragmented", i)
			}
			offset, more, id, payload = int(ip.FragOffset)*8, ip.Flags&layers.IPv4MoreFragments != 0, uint32(ip.Id), ip.Payload
		}
		if i == 0 {
			ident = id
		}
		if offset != len(whole) || more == last || id != ident || !last && len(payload) != s.size || last && len(payload) > s.size {
			t.Fatalf("fragment %d of %d: %d bytes at %d, more %v, id %d", i, len(list), len(payload), offset, more, id)
		}
		whole = append(whole, payload...)
	}
	pseudo := append(append([]byte(nil), src4...), dst4...)
	if s.v6 {
		pseudo = append(append([]byte(nil), src6...), dst6...)
	}
	pseudo = append(pseudo, 0, 17, byte(len(whole)>>8), byte(len(whole)))
	if got := reference(append(pseudo, whole...)); got != 0 {
		t.Errorf("checksum is off by %#x", got)
	}
	if n := int(binary.BigEndian.Uint16(whole[4:])); n != len(whole) {
		t.Errorf("datagram of %d bytes says %d", len(whole), n)
	}
	return whole[8:]
}

// Of IPv4 options, those without the copied flag are in the first fragment only.
func TestFragmentOptions(t *testing.T) {
	f, _ := ufo(t, super{payload: 4000, size: 1480, options: 12})
	options := []byte{
		1,          // no operation
		0x83, 3, 4, // loose source route, copied
		7, 5, 4, 0, 0, // record route
		1, 0, 9, // end
	}
	copy(f.Bytes()[34:], options)
	for i, b := range cutUFO(t, f) {
		want := options
		if i > 0 {
			want = []byte{1, 0x83, 3, 4, 1, 1, 1, 1, 1, 1, 0, 9}
		}
		if got := b[34:46]; !bytes.Equal(got, want) {
			t.Errorf("options of fragment %d: % x, want % x", i, got, want)
		}
	}
}

// Identifications of IPv6 datagrams do not repeat, nor follow one another.
func TestFragmentIdentification(t *testing.T) {
	const datagrams = 100_000
	f, _ := ufo(t, super{v6: true, payload: 100, size: 64})
	var s frame.Segmenter
	buf := make([]byte, frame.SegmentBuf)
	var out frame.Frame
	seen := map[uint32]bool{}
	last, steps := uint32(0), 0
	for range datagrams {
		if s.Start(f, false) != frame.Forward || !s.Next(&out, buf) {
			t.Fatal("refused")
		}
		id := binary.BigEndian.Uint32(out.Bytes()[58:])
		if seen[id] {
			t.Fatalf("identification %#x again after %d", id, len(seen))
		}
		seen[id] = true
		if id-last < 256 {
			steps++
		}
		last = id
	}
	if steps > datagrams/100 {
		t.Errorf("%d of %d identifications follow the last", steps, datagrams)
	}
}

// What metadata or bytes contradict is refused.
func TestFragmentsRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		v6     bool
		change func(f *frame.Frame, b []byte)
	}{
		{"size 0", false, func(f *frame.Frame, b []byte) { f.GSOSize = 0 }},
		{"size no multiple of 8", false, func(f *frame.Frame, b []byte) { f.GSOSize = 1001 }},
		{"size too large", false, func(f *frame.Frame, b []byte) { f.GSOSize = 9488 }},
		{"one fragment", false, func(f *frame.Frame, b []byte) { f.GSOSize = 20008 }},
		{"too many", false, func(f *frame.Frame, b []byte) { f.GSOSize = 8 }},
		{"no checksum", false, func(f *frame.Frame, b []byte) { f.Flags = 0 }},
		{"checksum elsewhere", false, func(f *frame.Frame, b []byte) { f.CsumStart += 8 }},
		{"checksum of tcp", false, func(f *frame.Frame, b []byte) { f.CsumOffset = 16 }},
		{"headers longer", false, func(f *frame.Frame, b []byte) { f.HdrLen += 8 }},
		{"headers elsewhere", false, func(f *frame.Frame, b []byte) { f.HdrLen += 8; f.CsumStart += 8 }},
		{"headers beyond the head", false, func(f *frame.Frame, b []byte) { f.HdrLen, f.CsumStart = 20000, 20000 }},
		{"headers 0", false, func(f *frame.Frame, b []byte) { f.HdrLen, f.CsumStart = 0, 0 }},
		{"not to be fragmented", false, func(f *frame.Frame, b []byte) { b[20] = 0x40 }},
		{"fragment", false, func(f *frame.Frame, b []byte) { b[20] = 0x20 }},
		{"other fragment", false, func(f *frame.Frame, b []byte) { b[21] = 1 }},
		{"not udp", false, func(f *frame.Frame, b []byte) { b[23] = 6 }},
		{"not ip", false, func(f *frame.Frame, b []byte) { b[12] = 0x09 }},
		{"datagram of another length", false, func(f *frame.Frame, b []byte) { b[38]++ }},
		{"header too long", false, func(f *frame.Frame, b []byte) { b[14] = 0x4f }},
		{"v6 not udp", true, func(f *frame.Frame, b []byte) { b[20] = 6 }},
		{"v6 fragment", true, func(f *frame.Frame, b []byte) { b[20] = 44 }},
		{"v6 options that are none", true, func(f *frame.Frame, b []byte) { b[20] = 60 }},
		{"v6 fragments too long", true, func(f *frame.Frame, b []byte) { f.GSOSize = 9464 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, _ := ufo(t, super{payload: 20000, size: 1480, v6: c.v6, head: 1920})
			var s frame.Segmenter
			if r := s.Start(f, false); r != frame.Forward {
				t.Fatalf("unchanged: %v", r)
			}
			c.change(f, f.Bytes())
			if r := s.Start(f, false); r != frame.BadHeader {
				t.Errorf("%v, want %v", r, frame.BadHeader)
			}
		})
	}
	// More than fits IP, whatever its header says.
	f, _ := ufo(t, super{payload: 65508, size: 1480, head: 1920})
	var s frame.Segmenter
	if r := s.Start(f, false); r != frame.BadHeader {
		t.Errorf("datagram of 65516 bytes: %v", r)
	}
}

// A Segmenter that has cut fragments cuts segments, and the other way round; none
// of it allocates.
func TestFragmentsAllocate(t *testing.T) {
	a, _ := ufo(t, ufos[10])
	b, _ := build(t, supers[0])
	c, _ := ufo(t, ufos[0])
	buf := make([]byte, frame.SegmentBuf)
	var s frame.Segmenter
	var out frame.Frame
	all := func() {
		for _, f := range [...]*frame.Frame{a, b, c} {
			if s.Start(f, false) != frame.Forward {
				t.Fatal("refused")
			}
			n := 0
			for s.Next(&out, buf) {
				n++
			}
			if n != f.Segments() {
				t.Fatalf("%d segments, want %d", n, f.Segments())
			}
		}
	}
	if n := testing.AllocsPerRun(100, all); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkFragment(b *testing.B) {
	f, payload := ufo(b, ufos[7])
	cutAll(b, f, payload)
}
