package vhost_test

import (
	"fmt"
	"testing"

	"trunkline/linecard/frame"
	"trunkline/testbed/vhost"
)

// TestV6Short sends chains that are shorter than a header and a frame.
func TestV6Short(t *testing.T) {
	c := newCard(t, 2, nil)
	b := c.plug(1, vhost.Options{})
	c.offer(b)
	for _, features := range []uint64{base, base | vhost.FeatureIndirect, vhost.FeatureProtocol} {
		a := c.plug(0, vhost.Options{Features: features})
		h := a.HeaderLen()
		before, _ := c.engine.Counters(c.names[0])
		runts := 0
		for n := range h + 14 + 2 {
			for _, s := range []vhost.Shape{{}, {Pieces: []int{1, 1, 1}}, {Pieces: []int{0, n / 2, 0, 0}, Gap: 9}, {Pieces: []int{h}}} {
				s.Indirect = a.Has(vhost.FeatureIndirect)
				if err := a.PostBytes(0, append(make([]byte, h), numbered(16, n, 1, 2)...)[:n], s); err != nil {
					t.Fatal(err)
				}
				if err := a.Drain(0); err != nil {
					t.Fatalf("%d bytes in %v: %v", n, s, err)
				}
				got := c.arrived(b)
				if want := b2i(n >= h+14); len(got) != want || want == 1 && string(got[0]) != string(numbered(16, n, 1, 2)[:n-h]) {
					t.Errorf("%d bytes in %v, header of %d: %x arrive", n, s, h, got)
				}
				runts += b2i(n < h+14)
			}
		}
		after, _ := c.engine.Counters(c.names[0])
		if got := after.RxDrops[frame.Runt] - before.RxDrops[frame.Runt]; got != uint64(runts) {
			t.Errorf("%d runts are counted, want %d", got, runts)
		}
		c.unplug(0, a)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestV6Directions has descriptors of a chain go the wrong way.
func TestV6Directions(t *testing.T) {
	c := newCard(t, 2, nil)
	b := c.plug(1, vhost.Options{})
	c.offer(b)
	a := c.plug(0, vhost.Options{RingSize: 64})
	for wrong := range 3 {
		for i, flag := range []uint16{0, vhost.DescWrite} {
			r := []*vhost.Ring{a.Tx(0), a.Rx(0)}[i]
			chain := make([]vhost.Desc, 3)
			for k := range chain {
				chain[k] = vhost.Desc{Addr: r.Buffer(0), Len: 50, Flags: flag, Next: uint16(k + 1)}
				if k < 2 {
					chain[k].Flags |= vhost.DescNext
				}
				if k == wrong {
					chain[k].Flags ^= vhost.DescWrite
				}
			}
			raw(r, chain...)
			if i == 1 {
				if err := b.Send(0, vhost.Frame{Data: numbered(120, 1, 2, 1)}, vhost.Shape{}); err != nil {
					t.Fatal(err)
				}
			}
			if !c.outcome(0, r) {
				t.Errorf("ring %d: descriptor %d goes the wrong way, and the chain is used", i, wrong)
			}
			c.restart(0, a, r)
		}
	}
	if got := c.arrived(b); len(got) != 0 {
		t.Errorf("%d frames arrive", len(got))
	}
	c.offer(a)
	c.alive(a, b)
}

// TestV6Runts offers receive buffers that are too small for a header, for a
// frame, or for anything. With MRG_RXBUF a frame takes as many as it needs.
func TestV6Runts(t *testing.T) {
	c := newCard(t, 2, nil)
	b := c.plug(1, vhost.Options{})
	for _, features := range []uint64{base, base | vhost.FeatureMrgRxbuf} {
		for _, size := range []int{0, 1, 9, 10, 11, 12, 13, 20, 64, 111, 112, 113} {
			name := fmt.Sprintf("features %#x, buffers of %d", features, size)
			a := c.plug(0, vhost.Options{Features: features, Guard: true})
			merge := a.Has(vhost.FeatureMrgRxbuf)
			if _, err := a.Offer(0, 256, size, vhost.Shape{}); err != nil {
				t.Fatal(err)
			}
			want := numbered(100, 1, 2, 1)
			if err := b.Send(0, vhost.Frame{Data: want}, vhost.Shape{}); err != nil {
				t.Fatal(err)
			}
			if err := b.Drain(0); err != nil {
				t.Fatal(err)
			}
			up := c.port(0).Info().Carrier
			_, used := a.Rx(0).UsedIdx()
			switch {
			case size >= 112 || merge && size >= 12:
				if f, err := a.Receive(0); err != nil || string(f.Data) != string(want) {
					t.Errorf("%s: %x, %v", name, f.Data, err)
				}
			case used != 0:
				t.Errorf("%s: used index is %d", name, used)
			case up && size < 12 && merge:
				t.Errorf("%s: the ring is not given up", name)
			}
			c.unplug(0, a)
		}
	}
	a := c.plug(0, vhost.Options{})
	c.offer(a, b)
	c.alive(a, b)
}

// TestV6Lengths sends chains that are longer than any frame.
func TestV6Lengths(t *testing.T) {
	c := newCard(t, 2, nil)
	b := c.plug(1, vhost.Options{})
	c.offer(b)
	o := vhost.Options{RingSize: 64, Stride: 256 << 10}
	a := c.plug(0, o)
	for _, n := range []int{frame.MaxWire - 1, frame.MaxWire, frame.MaxWire + 1, 65535, frame.MaxLen, frame.MaxLen + 1, 200 << 10} {
		for _, s := range []vhost.Shape{{}, {Pieces: []int{12}}, {Pieces: []int{100, 4000, 4000, 4000, 30000}}} {
			if err := a.PostBytes(0, make([]byte, 12+n), s); err != nil {
				t.Fatal(err)
			}
			if err := a.Drain(0); err != nil {
				t.Fatalf("%d bytes: %v", n, err)
			}
		}
	}
	// Descriptors of 4 GiB minus 1 byte are no memory; those of a whole region are.
	r := a.Tx(0)
	region := a.Memory.Regions[0]
	c.restart(0, a, r)
	raw(r, vhost.Desc{Addr: region.Guest, Len: uint32(region.Size)})
	if c.outcome(0, r) {
		t.Error("a buffer of all the memory is refused")
	}
	if got := c.arrived(b); len(got) != 0 {
		t.Errorf("%d frames arrive", len(got))
	}
	c.restart(0, a, r)
	c.offer(a)
	c.alive(a, b)
}

// TestJumbo passes frames that are longer than a receive buffer, in pieces, and
// through merged buffers.
func TestJumbo(t *testing.T) {
	c := newCard(t, 2, nil)
	o := vhost.Options{Features: base | vhost.FeatureMrgRxbuf | vhost.FeatureIndirect, Stride: 12 << 10, Guard: true}
	a, b := c.plug(0, o), c.plug(1, o)
	if _, err := b.Offer(0, 200, 700, vhost.Shape{Pieces: []int{100, 300}, Gap: 2}); err != nil {
		t.Fatal(err)
	}
	for i, n := range []int{1600, 2048, 4096, 9000, frame.MaxWire} {
		for k, s := range shapes {
			s.Indirect = (i+k)%2 == 0
			c.pass(a, b, vhost.Frame{Data: numbered(n, i, 1, 2)}, s)
		}
	}
}
