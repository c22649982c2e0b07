package vhost_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"trunkline/testbed/vhost"
)

// indices are values of a 16-bit index: those around everything that matters,
// and some more; all of them in a long run.
func indices(size int) []uint16 {
	var list []uint16
	if long() {
		for i := range 1 << 16 {
			list = append(list, uint16(i))
		}
		return list
	}
	rng := rand.New(rand.NewPCG(2, uint64(size)))
	for shift := range 17 {
		for d := -1; d <= 1; d++ {
			list = append(list, uint16(1<<shift+d))
		}
	}
	for d := -2; d <= 2; d++ {
		list = append(list, uint16(size+d), uint16(2*size+d), uint16(-size+d))
	}
	for range 60 {
		list = append(list, uint16(rng.Uint32()))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// restart starts the rings of a port anew, empty, after one was given up.
func (c *card) restart(i int, p *vhost.Peer, rings ...*vhost.Ring) {
	c.Helper()
	for _, r := range rings {
		if _, err := p.StopRing(r); err != nil {
			c.Fatal(err)
		}
		r.Reset(0)
		if err := p.StartRing(r); err != nil {
			c.Fatal(err)
		}
	}
	c.up(i)
}

// TestV2Index puts all values into each index that the back end reads: the
// index of the avail ring, its entries, next of a descriptor in the table and in
// an indirect one. What is no index must make it give the ring up, what is one
// must not.
func TestV2Index(t *testing.T) {
	const size = 64
	c := newCard(t, 2, nil)
	b := c.plug(1, vhost.Options{})
	c.offer(b)
	a := c.plug(0, vhost.Options{RingSize: size, Features: base | vhost.FeatureIndirect})
	r := a.Tx(0)
	for _, field := range []struct {
		name string
		put  func(v uint16)
		ok   func(v uint16) bool
	}{
		{"avail.idx", func(v uint16) {
			for i := range size {
				r.SetDesc(i, vhost.Desc{Addr: r.Buffer(0), Len: 20})
				r.SetAvail(uint16(i), uint16(i))
			}
			_, idx := r.AvailIdx()
			r.SetAvailIdx(0, idx+v)
		}, func(v uint16) bool { return v <= size }},
		{"avail.ring", func(v uint16) {
			for i := range size {
				r.SetDesc(i, vhost.Desc{Addr: r.Buffer(0), Len: 20})
			}
			_, idx := r.AvailIdx()
			r.SetAvail(idx, v)
			r.SetAvailIdx(0, idx+1)
		}, func(v uint16) bool { return v < size }},
		{"desc.next", func(v uint16) {
			for i := range size {
				r.SetDesc(i, vhost.Desc{Addr: r.Buffer(0), Len: 20})
			}
			r.SetDesc(0, vhost.Desc{Addr: r.Buffer(0), Len: 12, Flags: vhost.DescNext, Next: v})
			_, idx := r.AvailIdx()
			r.SetAvail(idx, 0)
			r.SetAvailIdx(0, idx+1)
		}, func(v uint16) bool { return v > 0 && v < size }},
		{"indirect next", func(v uint16) {
			table, set := r.Table(0)
			for i := range 32 {
				set(i, vhost.Desc{Addr: r.Buffer(0), Len: 20})
			}
			set(0, vhost.Desc{Addr: r.Buffer(0), Len: 12, Flags: vhost.DescNext, Next: v})
			r.SetDesc(0, vhost.Desc{Addr: table, Len: 16 * 32, Flags: vhost.DescIndirect})
			_, idx := r.AvailIdx()
			r.SetAvail(idx, 0)
			r.SetAvailIdx(0, idx+1)
		}, func(v uint16) bool { return v > 0 && v < 32 }},
	} {
		for _, v := range indices(size) {
			field.put(v)
			r.Notify()
			broken := c.outcome(0, r)
			if broken == field.ok(v) {
				t.Errorf("%s = %d: ring given up: %v", field.name, v, broken)
			}
			if broken {
				c.restart(0, a, r)
			}
		}
	}
	c.restart(0, a, r)
	c.offer(a)
	c.alive(a, b)
}

// TestV2Receive does the same to the ring that frames are written to.
func TestV2Receive(t *testing.T) {
	const size = 64
	c := newCard(t, 2, nil)
	b := c.plug(1, vhost.Options{})
	a := c.plug(0, vhost.Options{RingSize: size})
	r := a.Rx(0)
	for _, field := range []struct {
		name string
		put  func(v uint16)
		ok   func(v uint16) bool
	}{
		{"avail.idx", func(v uint16) { r.SetAvailIdx(0, v) }, func(v uint16) bool { return v > 0 && v <= size }},
		{"avail.ring", func(v uint16) {
			r.SetAvail(0, v)
			r.SetAvailIdx(0, 1)
		}, func(v uint16) bool { return v < size }},
		{"desc.next", func(v uint16) {
			r.SetDesc(0, vhost.Desc{Addr: r.Buffer(0), Len: 32, Flags: vhost.DescWrite | vhost.DescNext, Next: v})
			r.SetAvailIdx(0, 1)
			// A loop to itself takes the frame in pieces, one over the other.
		}, func(v uint16) bool { return v < size }},
	} {
		for _, v := range indices(size) {
			c.restart(0, a, r)
			for i := range size {
				r.SetDesc(i, vhost.Desc{Addr: r.Buffer(uint16(i)), Len: 2048, Flags: vhost.DescWrite})
				r.SetAvail(uint16(i), uint16(i))
			}
			field.put(v)
			if v == 0 && field.name == "avail.idx" {
				continue // empty: the frame is lost, and that is all
			}
			if err := b.Send(0, vhost.Frame{Data: numbered(100, 1, 2, 1)}, vhost.Shape{}); err != nil {
				t.Fatal(err)
			}
			broken := false
			c.until("the frame is written or the ring given up", func() bool {
				_, used := r.UsedIdx()
				broken = !c.port(0).Info().Carrier
				return broken || used != 0
			})
			if broken == field.ok(v) {
				t.Errorf("%s = %d: ring given up: %v", field.name, v, broken)
			}
		}
	}
	c.restart(0, a, r)
	c.offer(a, b)
	c.alive(a, b)
}

// TestV2UsedRing writes rubbish into the parts of the ring that are the back
// end's own, all the time: it must not believe them.
func TestV2UsedRing(t *testing.T) {
	c := newCard(t, 2, nil)
	a, b := c.plug(0, vhost.Options{Features: base | vhost.FeatureEventIdx}), c.plug(1, vhost.Options{})
	c.offer(b)
	alias, err := a.Memory.Alias()
	if err != nil {
		t.Fatal(err)
	}
	defer alias.Close()
	r := a.Tx(0)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		used := alias.At(r.Used, 4+8*r.Size+2)
		rng := rand.New(rand.NewPCG(2, 2))
		for {
			select {
			case <-stop:
				return
			default:
				used[rng.IntN(len(used))] = byte(rng.Uint32())
			}
		}
	})
	for i := range times(300, 30000) {
		// The used index tells nothing any more.
		head := uint16(i % r.Size)
		f := append(vhost.Header{}.Bytes(12), numbered(100, i, 1, 2)...)
		copy(a.Memory.At(r.Buffer(head), len(f)), f)
		r.SetDesc(int(head), vhost.Desc{Addr: r.Buffer(head), Len: uint32(len(f))})
		offer(r, head)
		got, err := b.Receive(0)
		if err != nil || string(got.Data) != string(f[12:]) {
			t.Fatalf("frame %d: %v", i, err)
		}
	}
	close(stop)
	wg.Wait()
}

// TestV8Loops offers chains that never end, and ones as long as allowed.
func TestV8Loops(t *testing.T) {
	c := newCard(t, 2, nil)
	b := c.plug(1, vhost.Options{})
	c.offer(b)
	a := c.plug(0, vhost.Options{RingSize: 64})
	r := a.Tx(0)
	next := func(addr uint64, n uint32, to uint16) vhost.Desc {
		return vhost.Desc{Addr: addr, Len: n, Flags: vhost.DescNext, Next: to}
	}
	buf := r.Buffer(0)
	all := func(n int, ends bool) []vhost.Desc {
		var list []vhost.Desc
		for i := range n {
			list = append(list, next(buf, 1, uint16(i+1)%64))
		}
		if ends {
			list[n-1].Flags = 0
		}
		return list
	}
	for _, x := range []struct {
		name  string
		chain []vhost.Desc
		table []vhost.Desc
		ok    bool
	}{
		{name: "itself", chain: []vhost.Desc{next(buf, 4, 0)}},
		{name: "itself, empty", chain: []vhost.Desc{next(buf, 0, 0)}},
		{name: "two", chain: []vhost.Desc{next(buf, 4, 1), next(buf, 4, 0)}},
		{name: "all", chain: all(64, false)},
		{name: "as long as the ring", chain: all(64, true), ok: true},
		{name: "indirect itself", table: []vhost.Desc{next(buf, 4, 0)}},
		{name: "indirect empty", table: []vhost.Desc{next(buf, 0, 1), next(buf, 0, 0)}},
		{name: "indirect in indirect", table: []vhost.Desc{{Addr: r.Tables, Len: 16, Flags: vhost.DescIndirect}}},
		{name: "indirect table with next", chain: []vhost.Desc{{Addr: r.Tables, Len: 16, Flags: vhost.DescIndirect | vhost.DescNext, Next: 0}}},
	} {
		chain := x.chain
		if x.table != nil {
			_, set := r.Table(0)
			for i, d := range x.table {
				set(i, d)
			}
			chain = []vhost.Desc{{Addr: r.Tables, Len: uint32(16 * len(x.table)), Flags: vhost.DescIndirect}}
		}
		raw(r, chain...)
		broken := c.outcome(0, r)
		if broken == x.ok {
			t.Errorf("%s: ring given up: %v", x.name, broken)
		}
		c.restart(0, a, r)
	}
	c.offer(a)
	c.alive(a, b)
}

// TestV8Racing has a guest that always has more to send, chains as long as they
// may be; two others must get their frames through meanwhile, without much
// delay.
func TestV8Racing(t *testing.T) {
	c := newCard(t, 3, nil)
	o := vhost.Options{RingSize: 1024}
	hog, a, b := c.plug(0, o), c.plug(1, vhost.Options{}), c.plug(2, vhost.Options{})
	c.offer(a, b)
	alias, err := hog.Memory.Alias()
	if err != nil {
		t.Fatal(err)
	}
	defer alias.Close()
	r := hog.Tx(0).View(alias)
	for i := range r.Size {
		r.SetDesc(i, vhost.Desc{Addr: r.Buffer(0), Flags: vhost.DescNext, Next: uint16(i + 1)}) // empty buffers
		r.SetAvail(uint16(i), 0)
	}
	r.SetDesc(r.Size-1, vhost.Desc{Addr: r.Buffer(0), Len: 20})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				_, idx := r.UsedIdx()
				r.SetAvailIdx(0, idx+uint16(r.Size))
				r.Notify()
			}
		}
	})
	n := 0
	for until := time.Now().Add(time.Duration(times(300, 10_000)) * time.Millisecond); time.Now().Before(until); n++ {
		c.pass(a, b, vhost.Frame{Data: numbered(200, n, 1, 2)}, vhost.Shape{})
	}
	close(stop)
	wg.Wait()
	if _, idx := r.UsedIdx(); idx == 0 {
		t.Error("the hog was not served at all")
	}
	if n < 3 {
		t.Errorf("%d frames came through beside a hog", n)
	}
	t.Logf("%d frames beside a hog", n)
}

// TestV2Heads offers the same head many times at once.
func TestV2Heads(t *testing.T) {
	c := newCard(t, 2, nil)
	b := c.plug(1, vhost.Options{})
	c.offer(b)
	a := c.plug(0, vhost.Options{RingSize: 64})
	r := a.Tx(0)
	want := numbered(100, 1, 1, 2)
	copy(a.Memory.At(r.Buffer(0)+12, 100), want)
	clear(a.Memory.At(r.Buffer(0), 12))
	r.SetDesc(0, vhost.Desc{Addr: r.Buffer(0), Len: 112})
	r.SetAvailIdx(0, 64) // all entries are 0
	r.Notify()
	if c.outcome(0, r) {
		t.Fatal("the ring was given up")
	}
	got := c.arrived(b)
	if len(got) != 64 || string(got[63]) != string(want) {
		t.Errorf("%d frames arrive, want 64", len(got))
	}
}
