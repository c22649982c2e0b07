package vhost_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"trunkline/linecard/port/vhostuser"
	"trunkline/testbed/vhost"
)

// shapes are ways to cut a chain: the header alone, over several pieces, and in
// a piece with data; pieces of 0 and 1 byte.
var shapes = []vhost.Shape{
	{},
	{Pieces: []int{10}},
	{Pieces: []int{12}},
	{Pieces: []int{12, 14}, Gap: 1},
	{Pieces: []int{1}},
	{Pieces: []int{0, 12, 0, 0}},
	{Pieces: []int{5, 7, 1, 1, 1, 1}, Gap: 7},
	{Pieces: slices.Repeat([]int{1}, 30)},
	{Pieces: []int{200, 100, 100}, Gap: 64},
	{Pieces: []int{13, 0, 255}, Gap: 3},
}

var sizes = []int{60, 61, 64, 127, 128, 129, 243, 244, 245, 256, 257, 268, 269, 1000, 1513, 1514}

// TestSizes sends frames of every length through two ports.
func TestSizes(t *testing.T) {
	c := newCard(t, 2, nil)
	for _, features := range []uint64{base, 0} {
		o := vhost.Options{Features: features, Guard: true}
		a, b := c.plug(0, o), c.plug(1, o)
		c.offer(a, b)
		for n := 60; n <= 1514; n += times(7, 1) {
			f := vhost.Frame{Data: numbered(n, n, 1, 2)}
			c.pass(a, b, f, vhost.Shape{})
			f.Data = numbered(n, n, 2, 1)
			c.pass(b, a, f, shapes[n%len(shapes)])
		}
		c.unplug(0, a)
		c.unplug(1, b)
	}
}

// TestBursts sends many frames at once, more than a batch and more than the
// receiver's ring, and expects all that arrive to be whole and in order.
func TestBursts(t *testing.T) {
	c := newCard(t, 2, nil)
	o := vhost.Options{Guard: true, RingSize: 256, Base: 65400}
	a, b := c.plug(0, o), c.plug(1, o)
	c.offer(a, b)
	n := 0
	for round := range times(20, 2000) {
		for range 200 {
			if err := a.PostFrame(0, vhost.Frame{Data: numbered(60+n%1400, n, 1, 2)}, vhost.Shape{Indirect: n%3 == 0}); err != nil {
				t.Fatal(err)
			}
			n++
		}
		a.Tx(0).Publish()
		for i := range 200 {
			f, err := b.Receive(0)
			if err != nil {
				t.Fatalf("round %d, frame %d: %v", round, i, err)
			}
			if want := numbered(60+(n-200+i)%1400, n-200+i, 1, 2); string(want) != string(f.Data) {
				t.Fatalf("round %d: frame %d is not the one that was sent", round, i)
			}
		}
	}
	if err := a.Drain(0); err != nil {
		t.Fatal(err)
	}
}

// TestV11Features takes every subset of the features that change how a ring or
// a header looks, and sends frames in every shape. The other end has all.
func TestV11Features(t *testing.T) {
	bits := []uint64{
		vhost.FeatureVersion1, vhost.FeatureMrgRxbuf, vhost.FeatureIndirect, vhost.FeatureEventIdx,
		vhost.FeatureProtocol, vhost.FeatureCsum | vhost.FeatureGuestCsum, vhost.FeatureGuestTSO4 | vhost.FeatureHostTSO4,
	}
	c := newCard(t, 2, nil)
	b := c.plug(1, vhost.Options{Guard: true})
	c.offer(b)
	rng := rand.New(rand.NewPCG(11, 11))
	for subset := range 1 << len(bits) {
		features := uint64(vhost.FeatureAnyLayout)
		for i, bit := range bits {
			if subset>>i&1 != 0 {
				features |= bit
			}
		}
		t.Run(fmt.Sprintf("%#x", features), func(t *testing.T) {
			s := *c
			s.T = t
			a := s.plug(0, vhost.Options{Features: features, Guard: true, RingSize: 64})
			if a.Offered&features&^uint64(vhost.FeatureAnyLayout) != features&^uint64(vhost.FeatureAnyLayout) {
				t.Logf("offered are %#x", a.Offered)
			}
			rx := shapes[rng.IntN(len(shapes))]
			rx.Indirect = a.Has(vhost.FeatureIndirect) && rng.IntN(2) == 0
			if _, err := a.Offer(0, 64, 1600, rx); err != nil {
				t.Fatal(err)
			}
			for i := range times(len(shapes), 20*len(shapes)) {
				n := sizes[rng.IntN(len(sizes))]
				tx := shapes[i%len(shapes)]
				tx.Indirect = a.Has(vhost.FeatureIndirect) && i%2 == 0
				s.pass(a, b, vhost.Frame{Data: numbered(n, i, 1, 2)}, tx)
				f := vhost.Frame{Data: numbered(n, i, 2, 1)}
				if err := b.Send(0, f, tx); err != nil {
					t.Fatal(err)
				}
				got, err := a.Receive(0)
				if err != nil {
					t.Fatalf("receive in %v: %v", rx, err)
				}
				if string(got.Data) != string(f.Data) {
					t.Fatalf("got %x, want %x", got.Data, f.Data)
				}
				s.clean(a, got, n)
			}
			s.unplug(0, a)
		})
	}
}

// clean checks the header of a plain frame (V13): zero but for num_buffers.
func (c *card) clean(p *vhost.Peer, f vhost.Frame, n int) {
	c.Helper()
	want := vhost.Header{}
	if p.HeaderLen() == 12 {
		want.Buffers = 1
		if p.Has(vhost.FeatureMrgRxbuf) {
			want.Buffers = f.Buffers
		}
	}
	if f.Header != want {
		c.Errorf("header of a plain frame is %+v, want %+v", f.Header, want)
	}
	if len(f.Data) != n {
		c.Errorf("frame of %d bytes arrives with %d", n, len(f.Data))
	}
}

// TestV13Stale looks for bytes that nobody wrote: in the header, behind the
// frame, and in merged buffers, whatever lay there before.
func TestV13Stale(t *testing.T) {
	c := newCard(t, 2, nil)
	a := c.plug(0, vhost.Options{})
	for _, features := range []uint64{
		base, base | vhost.FeatureMrgRxbuf, vhost.FeatureProtocol, vhost.FeatureProtocol | vhost.FeatureMrgRxbuf, 0,
	} {
		for _, size := range []int{64, 100, 777, 1600} {
			b := c.plug(1, vhost.Options{Features: features, Guard: true})
			if !b.Has(vhost.FeatureMrgRxbuf) && size < 1600 {
				c.unplug(1, b)
				continue
			}
			if _, err := b.Offer(0, 256, size, vhost.Shape{}); err != nil {
				t.Fatal(err)
			}
			for i, n := range append([]int{14, 15, 20, 30, 59}, sizes...) {
				if err := a.Send(0, vhost.Frame{Data: numbered(n, i, 1, 2)}, shapes[i%len(shapes)]); err != nil {
					t.Fatal(err)
				}
				f, err := b.Receive(0)
				if err != nil {
					t.Fatalf("features %#x, buffers of %d, frame of %d: %v", features, size, n, err)
				}
				c.clean(b, f, n)
				if want := (n + b.HeaderLen() + size - 1) / size; b.Has(vhost.FeatureMrgRxbuf) && int(f.Buffers) != want {
					t.Errorf("frame of %d bytes in %d buffers of %d, want %d", n, f.Buffers, size, want)
				}
			}
			c.unplug(1, b)
		}
	}
}

// TestQueues uses several pairs of queues.
func TestQueues(t *testing.T) {
	const pairs = 4
	c := newCard(t, 2, func(o *vhostuser.Config) { o.Queues = pairs })
	o := vhost.Options{Pairs: pairs, Guard: true}
	a, b := c.plug(0, o), c.plug(1, o)
	if a.MaxQueues != pairs {
		t.Errorf("%d pairs of queues on offer, want %d", a.MaxQueues, pairs)
	}
	for q := range pairs {
		if _, err := b.Offer(q, 256, 1600, vhost.Shape{}); err != nil {
			t.Fatal(err)
		}
	}
	const each = 30
	for q := range pairs {
		for i := range each {
			if err := a.Send(q, vhost.Frame{Data: numbered(100+i, q*each+i, 1, 2)}, vhost.Shape{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := 0
	c.until("frames of all queues arrive", func() bool {
		for q := range pairs {
			for {
				if _, idx := b.Rx(q).UsedIdx(); idx == b.Rx(q).Seen() {
					break
				}
				f, err := b.Receive(q)
				if err != nil || !whole(f.Data) {
					t.Fatalf("queue %d: %x, %v", q, f.Data, err)
				}
				got++
			}
		}
		return got >= pairs*each
	})
	if got != pairs*each {
		t.Errorf("%d frames, want %d", got, pairs*each)
	}
}
