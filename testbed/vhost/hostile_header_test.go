package vhost_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"trunkline/linecard/frame"
	"trunkline/testbed/vhost"
)

// segment returns a frame of TCP or UDP with a partial checksum, as a guest
// sends it, and where the checksum is.
func segment(t *testing.T, v6, udp bool, payload int) (b []byte, start, offset uint16) {
	t.Helper()
	e := &layers.Ethernet{SrcMAC: []byte{2, 0, 0, 0, 0, 1}, DstMAC: []byte{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4}
	var ip gopacket.NetworkLayer = &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: []byte{10, 0, 0, 1}, DstIP: []byte{10, 0, 0, 2}}
	if v6 {
		e.EthernetType = layers.EthernetTypeIPv6
		ip = &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP, SrcIP: make([]byte, 16), DstIP: make([]byte, 16)}
	}
	var l4 gopacket.SerializableLayer
	offset = 16
	if udp {
		u := &layers.UDP{SrcPort: 1, DstPort: 2}
		_ = u.SetNetworkLayerForChecksum(ip) // both kinds are accepted
		l4, offset = u, 6
		switch x := ip.(type) {
		case *layers.IPv4:
			x.Protocol = layers.IPProtocolUDP
		case *layers.IPv6:
			x.NextHeader = layers.IPProtocolUDP
		}
	} else {
		x := &layers.TCP{SrcPort: 1, DstPort: 2, Seq: 3, ACK: true, PSH: true}
		_ = x.SetNetworkLayerForChecksum(ip) // both kinds are accepted
		l4 = x
	}
	data := make([]byte, payload)
	for i := range data {
		data[i] = byte(i)
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, e, ip.(gopacket.SerializableLayer), l4, gopacket.Payload(data)); err != nil {
		t.Fatal(err)
	}
	start = 34
	if v6 {
		start = 54
	}
	return buf.Bytes(), start, offset
}

// TestV10Headers sends all combinations of extreme header fields with frames of
// several lengths and kinds. What arrives must have a header that its frame
// bears out, at a receiver that takes everything and at one that takes nothing.
func TestV10Headers(t *testing.T) {
	for _, features := range []uint64{0, base | vhost.FeatureMrgRxbuf} {
		c := newCard(t, 2, nil)
		a := c.plug(0, vhost.Options{Stride: 72 << 10, RingSize: 64})
		b := c.plug(1, vhost.Options{Features: features, RingSize: 1024, Guard: true})
		c.offer(b)
		rng := rand.New(rand.NewPCG(10, 10))
		extremes := []uint16{0, 1, 13, 14, 33, 34, 35, 53, 54, 55, 60, 65533, 65534, 65535}
		arrived, sent := 0, 0
		take := func() {
			if err := a.Drain(0); err != nil {
				t.Fatal(err)
			}
			r := b.Rx(0)
			for {
				if _, idx := r.UsedIdx(); idx == r.Seen() {
					return
				}
				f, err := b.Receive(0)
				if err != nil {
					t.Fatal(err)
				}
				arrived++
				borneOut(t, b, f)
			}
		}
		send := func(h vhost.Header, data []byte) {
			sent++
			if err := a.PostFrame(0, vhost.Frame{Header: h, Data: data}, vhost.Shape{}); err != nil {
				t.Fatal(err)
			}
			if sent%16 == 0 {
				a.Tx(0).Publish()
				take()
			}
		}
		for kind := range 4 {
			for _, payload := range []int{0, 1, 100, 1400, 9000, 60000} {
				data, start, offset := segment(t, kind&1 != 0, kind&2 != 0, payload)
				gso := []byte{0, 1, 3, 4, 5, 0x81, 0x84, 0x85, 2, 0xff}
				for range times(120, 20_000) {
					h := vhost.Header{Flags: byte(rng.IntN(4)), GSO: gso[rng.IntN(len(gso))], CsumStart: start, CsumOffset: offset, HdrLen: start + 20, GSOSize: 1400}
					for _, x := range []*uint16{&h.CsumStart, &h.CsumOffset, &h.HdrLen, &h.GSOSize, &h.Buffers} {
						switch rng.IntN(5) {
						case 0:
							*x = extremes[rng.IntN(len(extremes))]
						case 1:
							*x = uint16(len(data) + rng.IntN(3) - 1)
						}
					}
					d := data
					if rng.IntN(6) == 0 {
						d = d[:14+rng.IntN(len(d)-13)]
					}
					if rng.IntN(10) == 0 { // lies about lengths inside
						d = append([]byte(nil), d...)
						d[14+rng.IntN(min(len(d)-14+1, 40))%max(len(d)-14, 1)] = byte(rng.Uint32())
					}
					send(h, d)
				}
			}
		}
		a.Tx(0).Publish()
		take()
		if arrived == 0 {
			t.Error("nothing arrives: the test tests nothing")
		}
		t.Logf("features %#x: of %d frames sent, %d arrive", b.Offered&b.Features, sent, arrived)
		for _, p := range c.engine.Ports() {
			if p.ErrDisabled != frame.Forward {
				t.Errorf("%s is quarantined: %v", p.Name, p.ErrDisabled)
			}
		}
	}
}

// borneOut checks that the header of a frame is true and was negotiated.
func borneOut(t *testing.T, p *vhost.Peer, f vhost.Frame) {
	t.Helper()
	h, n := f.Header, len(f.Data)
	switch {
	case h.Flags&^(vhost.NeedsCsum|vhost.DataValid) != 0:
		t.Fatalf("flags %#x", h.Flags)
	case h.Flags != 0 && !p.Has(vhost.FeatureGuestCsum):
		t.Fatalf("flags %#x without GUEST_CSUM", h.Flags)
	case h.Flags&vhost.NeedsCsum != 0 && (h.CsumStart < 14 || int(h.CsumStart)+int(h.CsumOffset)+2 > n):
		t.Fatalf("checksum at %d+%d of a frame of %d", h.CsumStart, h.CsumOffset, n)
	case h.Flags&vhost.NeedsCsum == 0 && (h.CsumStart != 0 || h.CsumOffset != 0):
		t.Fatalf("no checksum, but %+v", h)
	case h.GSO == 0 && (h.GSOSize != 0 || h.HdrLen != 0):
		t.Fatalf("no segments, but %+v", h)
	case h.GSO == 0 && n > frame.MaxWire:
		t.Fatalf("frame of %d bytes", n)
	}
	if h.GSO == 0 {
		return
	}
	need := map[uint8]uint64{vhost.GSOTCPv4: vhost.FeatureGuestTSO4, vhost.GSOTCPv6: vhost.FeatureGuestTSO6, vhost.GSOUDPL4: vhost.FeatureGuestUSO4, vhost.GSOUDP: vhost.FeatureGuestUFO}[h.GSO&0x7f]
	if need == 0 || !p.Has(need) || h.Flags&vhost.NeedsCsum == 0 {
		t.Fatalf("segmentation %#x, flags %#x, with features %#x", h.GSO, h.Flags, p.Offered&p.Features)
	}
	if h.GSO&0x80 != 0 && !p.Has(vhost.FeatureGuestECN) {
		t.Fatalf("segmentation %#x without GUEST_ECN", h.GSO)
	}
	if h.GSOSize == 0 || int(h.HdrLen) >= n || h.HdrLen < h.CsumStart+8 {
		t.Fatalf("%+v of a frame of %d", h, n)
	}
}

// TestOffload passes a super-frame whole to a guest that takes it, in segments
// with partial checksums to one that takes those, and finished to one that takes
// nothing.
func TestOffload(t *testing.T) {
	data, start, offset := segment(t, false, false, 50_000)
	// The partial sum: of the pseudo header alone.
	pseudo := []byte{10, 0, 0, 1, 10, 0, 0, 2, 0, 6, 0, 0}
	binary.BigEndian.PutUint16(pseudo[10:], uint16(len(data)-int(start)))
	binary.BigEndian.PutUint16(data[start+offset:], ^frame.Checksum(pseudo))
	h := vhost.Header{Flags: vhost.NeedsCsum, GSO: vhost.GSOTCPv4, HdrLen: 54, GSOSize: 1400, CsumStart: start, CsumOffset: offset}
	for _, x := range []struct {
		name     string
		features uint64
		frames   int
	}{
		{"whole", base | vhost.FeatureMrgRxbuf | vhost.FeatureGuestCsum | vhost.FeatureGuestTSO4, 1},
		{"checksums", base | vhost.FeatureMrgRxbuf | vhost.FeatureGuestCsum, 36},
		{"nothing", base, 36},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := newCard(t, 2, nil)
			a := c.plug(0, vhost.Options{Stride: 72 << 10, RingSize: 64})
			b := c.plug(1, vhost.Options{Features: x.features, Guard: true})
			c.offer(b)
			for _, s := range []vhost.Shape{{}, {Pieces: []int{12, 54, 4096, 4096, 16384}, Gap: 1}, {Pieces: []int{66, 1000}, Indirect: true}} {
				if err := a.Send(0, vhost.Frame{Header: h, Data: data}, s); err != nil {
					t.Fatal(err)
				}
				total := 0
				for range x.frames {
					f, err := b.Receive(0)
					if err != nil {
						t.Fatal(err)
					}
					borneOut(t, b, f)
					if f.Flags == 0 {
						p := gopacket.NewPacket(f.Data, layers.LayerTypeEthernet, gopacket.Default)
						ip, _ := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
						sum := append([]byte{10, 0, 0, 1, 10, 0, 0, 2, 0, 6, 0, 0}, ip.Payload...)
						binary.BigEndian.PutUint16(sum[10:], uint16(len(ip.Payload)))
						if frame.Checksum(sum) != 0 || frame.Checksum(ip.Contents) != 0 {
							t.Error("a segment has a wrong checksum")
						}
					}
					total += len(f.Data) - 54
				}
				if total != 50_000 {
					t.Errorf("%d bytes of payload arrive", total)
				}
			}
		})
	}
}
