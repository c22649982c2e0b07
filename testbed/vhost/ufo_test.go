package vhost_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"trunkline/linecard/frame"
	"trunkline/linecard/port/vhostuser"
	"trunkline/testbed/vhost"
)

// datagram returns a UFO super-frame as a guest sends it: with the sum of the
// pseudo header for a checksum.
func datagram(t *testing.T, v6 bool, payload int, size uint16) vhost.Frame {
	t.Helper()
	data, start, offset := segment(t, v6, true, payload)
	binary.BigEndian.PutUint16(data[start+offset:], ^frame.Checksum(udpPseudo(data, payload+8)))
	return vhost.Frame{Data: data, Header: vhost.Header{
		Flags: vhost.NeedsCsum, GSO: vhost.GSOUDP, HdrLen: start + 8, GSOSize: size, CsumStart: start, CsumOffset: offset,
	}}
}

// udpPseudo is the pseudo header of the frame, of a datagram of n bytes.
func udpPseudo(data []byte, n int) []byte {
	addresses := data[26:34]
	if data[12] == 0x86 {
		addresses = data[22:54]
	}
	return append(append([]byte(nil), addresses...), 0, 17, byte(n>>8), byte(n))
}

// assembled receives the fragments of a datagram, puts them together and
// returns them as one frame with a complete checksum, and their number.
func assembled(t *testing.T, p *vhost.Peer, v6 bool, longest int) (data []byte, n int) {
	t.Helper()
	for more := true; more; n++ {
		f, err := p.Receive(0)
		if err != nil {
			t.Fatalf("after %d fragments: %v", n, err)
		}
		if want := (vhost.Header{Buffers: f.Buffers}); f.Header != want || len(f.Data) > longest {
			t.Fatalf("fragment %d of %d bytes: header %+v", n, len(f.Data), f.Header)
		}
		pkt := gopacket.NewPacket(f.Data, layers.LayerTypeEthernet, gopacket.Default)
		offset, payload := 0, []byte(nil)
		if v6 {
			x, _ := pkt.Layer(layers.LayerTypeIPv6Fragment).(*layers.IPv6Fragment)
			if x == nil {
				t.Fatalf("fragment %d has no fragment header: %x", n, f.Data[:70])
			}
			offset, more, payload = int(x.FragmentOffset)*8, x.MoreFragments, x.LayerPayload()
		} else {
			ip := pkt.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
			if frame.Checksum(ip.Contents) != 0 {
				t.Fatalf("fragment %d: header checksum", n)
			}
			offset, more, payload = int(ip.FragOffset)*8, ip.Flags&layers.IPv4MoreFragments != 0, ip.Payload
		}
		if n == 0 {
			data = append(data, f.Data[:map[bool]int{false: 34, true: 54}[v6]]...)
		}
		if start := map[bool]int{false: 34, true: 54}[v6]; offset != len(data)-start {
			t.Fatalf("fragment %d is at %d, %d bytes are there", n, offset, len(data)-start)
		}
		data = append(data, payload...)
	}
	return data, n
}

// TestUFO sends datagrams that are to be fragmented between guests of all kinds:
// one that takes them has them whole, others have fragments, whatever they take
// of other offloads. A sender that has not agreed to UFO finishes its own frames.
func TestUFO(t *testing.T) {
	const all = vhost.KnownFeatures
	const plain = all &^ (vhost.FeatureGuestUFO | vhost.FeatureHostUFO)
	for _, x := range []struct {
		name     string
		from, to uint64
	}{
		{"ufo to ufo", all, all},
		{"ufo to plain", all, plain},
		{"ufo to nothing", all, base | vhost.FeatureMrgRxbuf},
		{"ufo to legacy", all, 0},
		{"plain to ufo", plain, all},
		{"plain to plain", plain, plain},
		// Of no use without: virtio 1.3 §5.1.3.1.
		{"ufo to ufo without checksums", all, all &^ vhost.FeatureGuestCsum},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := newCard(t, 2, nil)
			a := c.plug(0, vhost.Options{Features: x.from, Stride: 72 << 10, RingSize: 64})
			b := c.plug(1, vhost.Options{Features: x.to, Guard: true})
			c.offer(b)
			if a.Offered&vhost.FeatureHostUFO == 0 || b.Offered&vhost.FeatureGuestUFO == 0 {
				t.Fatalf("UFO is not offered: %#x", a.Offered)
			}
			whole := b.Has(vhost.FeatureGuestUFO) && b.Has(vhost.FeatureGuestCsum)
			frames, octets := 0, 0
			for _, v6 := range []bool{false, true} {
				for i, payload := range []int{100, 1473, 2952 + 8, 9001, 60_000} {
					size := 1480
					if v6 {
						size = 1448
					}
					f := datagram(t, v6, payload, uint16(size))
					start := int(f.CsumStart)
					n := (payload + 8 + size - 1) / size
					super := a.Has(vhost.FeatureHostUFO) && n > 1
					if !a.Has(vhost.FeatureHostUFO) {
						if n > 6 {
							continue // longer than a frame may be
						}
						n = 1
						f.GSO, f.GSOSize, f.HdrLen = 0, 0, 0
					}
					f.Header.Buffers = uint16(i) // of no meaning here
					if err := a.Send(0, f, []vhost.Shape{{}, {Pieces: []int{12, 42, 4096, 4096}, Gap: 1}, {Pieces: []int{66, 1000}, Indirect: true}}[i%3]); err != nil {
						t.Fatal(err)
					}
					frames += n
					octets += len(f.Data) + (n-1)*start
					if v6 && n > 1 {
						octets += 8 * n
					}
					if super && !whole {
						got, k := assembled(t, b, v6, start+8+size)
						if k != n {
							t.Errorf("v6 %v, %d bytes: %d fragments, want %d", v6, payload, k, n)
						}
						intact(t, f, got)
						continue
					}
					got, err := b.Receive(0)
					if err != nil {
						t.Fatal(err)
					}
					borneOut(t, b, got)
					if super != (got.GSO == vhost.GSOUDP) || super && (got.GSOSize != f.GSOSize || got.HdrLen != f.HdrLen || got.CsumStart != f.CsumStart) {
						t.Errorf("v6 %v, %d bytes: %+v arrives as %+v", v6, payload, f.Header, got.Header)
					}
					if got.Header.Flags&vhost.NeedsCsum == 0 {
						intact(t, f, got.Data)
					} else if !bytes.Equal(got.Data, f.Data) {
						t.Errorf("v6 %v, %d bytes: the frame was changed", v6, payload)
					}
				}
			}
			// A super-frame counts as its fragments, at both ends, however it went.
			in, out := c.totals(0), c.totals(1)
			c.until("both ends count", func() bool {
				in, out = c.totals(0), c.totals(1)
				return in.rx >= frames && out.tx >= frames
			})
			want := counted{rx: frames, rxOctets: octets}
			if in != want {
				t.Errorf("sender's port counts %+v, want %+v", in, want)
			}
			if want = (counted{tx: frames, txOctets: octets}); out != want {
				t.Errorf("receiver's port counts %+v, want %+v", out, want)
			}
		})
	}
}

// intact compares a frame with a complete checksum with the one that was sent.
func intact(t *testing.T, sent vhost.Frame, got []byte) {
	t.Helper()
	start := int(sent.CsumStart)
	if len(got) != len(sent.Data) || !bytes.Equal(got[start+8:], sent.Data[start+8:]) || !bytes.Equal(got[start:start+6], sent.Data[start:start+6]) {
		t.Errorf("%d bytes arrive that are not the %d sent", len(got), len(sent.Data))
		return
	}
	if frame.Checksum(append(udpPseudo(got, len(got)-start), got[start:]...)) != 0 {
		t.Errorf("checksum of %d bytes is wrong", len(got))
	}
}

// counted are counters of a port.
type counted struct{ rx, tx, rxOctets, txOctets, rxDrops, txDrops int }

func (c *card) totals(i int) (n counted) {
	k, _ := c.engine.Counters(c.names[i])
	n = counted{rx: int(k.Rx()), tx: int(k.Tx()), rxOctets: int(k.RxOctets), txOctets: int(k.TxOctets)}
	for r := range frame.Reasons {
		n.rxDrops += int(k.RxDrops[r])
		n.txDrops += int(k.TxDrops[r])
	}
	return n
}

// TestUFOLimits compares the fragments, headers included, with the port's MTU,
// and counts what is refused under its reason.
func TestUFOLimits(t *testing.T) {
	c := newCard(t, 2, func(o *vhostuser.Config) { o.MTU = 1500 })
	a := c.plug(0, vhost.Options{Stride: 72 << 10, RingSize: 64})
	for _, features := range []uint64{base | vhost.FeatureMrgRxbuf, vhost.KnownFeatures} {
		b := c.plug(1, vhost.Options{Features: features, Guard: true})
		c.offer(b)
		for _, x := range []struct {
			name   string
			v6     bool
			size   uint16
			change func(*vhost.Frame)
			rx, tx frame.Reason
			n      int // fragments that are counted; of a frame refused by its header: 1
		}{
			{"v4, longest", false, 1480, nil, 0, 0, 0},
			{"v4, too long", false, 1488, nil, 0, frame.Giant, 7},
			{"v6, longest", true, 1448, nil, 0, 0, 0},
			{"v6, too long", true, 1456, nil, 0, frame.Giant, 7},
			{"too many", false, 8, func(f *vhost.Frame) { f.Data = datagram(t, false, 12_000, 8).Data }, frame.BadHeader, 0, 1501},
			{"size", false, 1401, nil, frame.BadHeader, 0, 1},
			{"not to be fragmented", false, 1400, func(f *vhost.Frame) { f.Data[20] = 0x40 }, frame.BadHeader, 0, 1},
			{"a fragment", false, 1400, func(f *vhost.Frame) { f.Data[20] = 0x20 }, frame.BadHeader, 0, 1},
			{"checksum elsewhere", false, 1400, func(f *vhost.Frame) { f.CsumStart += 2 }, frame.BadHeader, 0, 1},
			{"not UDP", true, 1400, func(f *vhost.Frame) { f.Data[20] = 6 }, frame.BadHeader, 0, 1},
			{"another length", true, 1400, func(f *vhost.Frame) { f.Data = f.Data[:9000] }, frame.BadHeader, 0, 1},
			{"longer than a frame may be", false, 9488, nil, frame.Giant, 0, 1},
		} {
			t.Run(fmt.Sprintf("%s to %#x", x.name, features), func(t *testing.T) {
				c := &card{T: t, engine: c.engine, names: c.names, wiring: c.wiring}
				f := datagram(t, x.v6, 10_000, x.size)
				if x.change != nil {
					x.change(&f)
				}
				before, _ := c.engine.Counters(c.names[0])
				after, _ := c.engine.Counters(c.names[1])
				if err := a.Send(0, f, vhost.Shape{}); err != nil {
					t.Fatal(err)
				}
				if x.rx == 0 && x.tx == 0 {
					if b.Has(vhost.FeatureGuestUFO) {
						got, err := b.Receive(0)
						if err != nil || got.GSO != vhost.GSOUDP {
							t.Fatalf("%+v, %v", got.Header, err)
						}
					} else {
						got, _ := assembled(t, b, x.v6, 1514)
						intact(t, f, got)
					}
					return
				}
				count := func(reason frame.Reason, rx bool) int {
					if rx {
						now, _ := c.engine.Counters(c.names[0])
						return int(now.RxDrops[reason] - before.RxDrops[reason])
					}
					now, _ := c.engine.Counters(c.names[1])
					return int(now.TxDrops[reason] - after.TxDrops[reason])
				}
				reason, rx := x.rx, true
				if x.tx != 0 {
					reason, rx = x.tx, false
				}
				for deadline := time.Now().Add(30 * time.Second); count(reason, rx) < x.n && time.Now().Before(deadline); {
					time.Sleep(time.Millisecond)
				}
				if got := count(reason, rx); got != x.n {
					t.Errorf("%d frames are counted as %v, want %d", got, reason, x.n)
				}
			})
		}
		c.unplug(1, b)
	}
}
