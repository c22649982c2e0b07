package vhost_test

import (
	"bytes"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"trunkline/linecard/frame"
	"trunkline/testbed/vhost"
)

// scribble writes to the descriptors, the avail ring and the buffers of a ring
// at full speed through a mapping of its own, until stop is closed: values that
// are right, values that are nearly right, and rubbish, so that a second read
// of anything finds it changed.
func scribble(r *vhost.Ring, m *vhost.Memory, seed uint64, stop chan struct{}) {
	rng := rand.New(rand.NewPCG(7, seed))
	end := m.Regions[0].Guest + m.Regions[0].Size
	var write uint16
	if r.Index%2 == 0 {
		write = vhost.DescWrite
	}
	for n := 0; ; n++ {
		if n&15 == 0 {
			select {
			case <-stop:
				return
			default:
			}
		}
		i := rng.IntN(r.Size)
		good := vhost.Desc{Addr: r.Buffer(uint16(i)), Len: uint32(60 + rng.IntN(1500)), Flags: write}
		d := good
		switch rng.IntN(9) {
		case 0:
			d.Len = rng.Uint32()
		case 1:
			d.Addr = end - uint64(rng.IntN(100))
		case 2:
			d.Addr = rng.Uint64()
		case 3:
			d.Flags |= vhost.DescNext
			d.Next = uint16(rng.IntN(2 * r.Size))
		case 4:
			d.Addr, _ = r.Table(uint16(i))
			d.Flags, d.Len = vhost.DescIndirect, uint32(16*(1+rng.IntN(4)))
			_, set := r.Table(uint16(i))
			set(rng.IntN(4), vhost.Desc{Addr: end - 200 + uint64(rng.IntN(400)), Len: 100, Flags: write | vhost.DescNext, Next: uint16(rng.IntN(5))})
		case 5:
			d.Flags ^= vhost.DescWrite
		case 6:
			d.Len = 0
		}
		r.SetDesc(i, d)
		if rng.IntN(4) == 0 {
			r.SetAvail(uint16(i), uint16(rng.IntN(r.Size+rng.IntN(2))))
		}
		b := m.At(r.Buffer(uint16(i)), 64)
		b[rng.IntN(64)] = byte(rng.Uint32())
		r.SetDesc(i, good)
	}
}

// TestV7DoubleFetch has another thread of the guest rewrite everything it
// shares while frames go both ways. Whatever becomes of the frames, nothing
// outside the shared memory may change, and the other guest must be able to go
// on.
func TestV7DoubleFetch(t *testing.T) {
	c := newCard(t, 3, nil)
	b, d := c.plug(1, vhost.Options{Guard: true}), c.plug(2, vhost.Options{Guard: true})
	c.offer(b, d)
	until := time.Now().Add(time.Duration(times(1500, 60_000)) * time.Millisecond)
	rounds, given := 0, 0
	for ; time.Now().Before(until); rounds++ {
		m, err := vhost.NewMemory(
			vhost.Region{Guest: 1 << 32, User: 0x7f00_0000_0000, Size: 4 << 20, Offset: page, Behind: page},
			vhost.Region{Guest: 2 << 32, User: 0x7e00_0000_0000, Size: page, Offset: page, Behind: page})
		if err != nil {
			t.Fatal(err)
		}
		before := canaries(m)
		a := c.dial(0, vhost.Options{Memory: m, RingSize: 128, Features: []uint64{0, base, base | vhost.FeatureIndirect | vhost.FeatureMrgRxbuf}[rounds%3]})
		for _, r := range a.Rings {
			for i := range r.Size {
				flags := uint16(0)
				if r.Index%2 == 0 {
					flags = vhost.DescWrite
				}
				r.SetDesc(i, vhost.Desc{Addr: r.Buffer(uint16(i)), Len: 1600, Flags: flags})
				r.SetAvail(uint16(i), uint16(i))
			}
		}
		if err := a.Start(); err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		var wg sync.WaitGroup
		alias, err := m.Alias()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range a.Rings {
			view := r.View(alias)
			wg.Go(func() { scribble(view, alias, uint64(rounds), stop) })
		}
		for i := range 200 {
			for _, r := range a.Rings {
				_, used := r.UsedIdx()
				r.SetAvailIdx(0, used+uint16(r.Size))
				r.Notify()
			}
			if err := b.Send(0, vhost.Frame{Data: numbered(60+i*7, i, 2, 1)}, vhost.Shape{}); err != nil {
				t.Fatal(err)
			}
			c.arrived(b)
			c.arrived(d)
			if !c.port(0).Info().Carrier {
				given++
				break
			}
		}
		close(stop)
		wg.Wait()
		c.unplug(0, a)
		if !bytes.Equal(canaries(m), before) {
			t.Fatal("bytes outside the regions are changed")
		}
		if err := alias.Close(); err != nil {
			t.Error(err)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d guests, of which %d rings were given up", rounds, given)
	for _, name := range c.names {
		if l := c.engine.Ports(); len(l) == 0 {
			t.Fatal("no ports")
		} else {
			for _, p := range l {
				if p.Name == name && p.ErrDisabled != frame.Forward {
					t.Errorf("%s is quarantined: %v", name, p.ErrDisabled)
				}
			}
		}
	}
	// What the guest sent may have taught the card any address.
	c.engine.Flush()
	a := c.plug(0, vhost.Options{})
	c.offer(a)
	c.arrived(b)
	c.alive(a, b)
}

// TestV12Truncate cuts the memory of a guest off under the back end, at each
// place that it uses: as a sender, as a receiver, and with the tail of a frame
// on its way to another. The port must lose its session and nothing else.
func TestV12Truncate(t *testing.T) {
	c := newCard(t, 2, nil)
	b := c.plug(1, vhost.Options{Stride: 4096})
	if _, err := b.Offer(0, 256, 4000, vhost.Shape{}); err != nil {
		t.Fatal(err)
	}
	for round := range times(3, 300) {
		for _, x := range []struct {
			name string
			size func(a *vhost.Peer) uint64
			do   func(a *vhost.Peer)
			must bool // the back end cannot help but notice
		}{
			{"all, sending", func(*vhost.Peer) uint64 { return 0 }, func(a *vhost.Peer) { a.Tx(0).Notify() }, true},
			{"all, receiving", func(*vhost.Peer) uint64 { return 0 }, func(*vhost.Peer) {
				if err := b.Send(0, vhost.Frame{Data: numbered(1000, 1, 2, 1)}, vhost.Shape{}); err != nil {
					t.Fatal(err)
				}
			}, true},
			{"all, stopping a ring", func(*vhost.Peer) uint64 { return 0 }, func(a *vhost.Peer) { _, _ = a.StopRing(a.Tx(0)) }, false},
			{"all, new addresses", func(*vhost.Peer) uint64 { return 0 }, func(a *vhost.Peer) {
				_ = a.RingAddr(a.Tx(0)) // may be refused, or the session ends
				_ = a.RingFD(vhost.SetVringKick, a.Tx(0), a.Tx(0).Kick)
				a.Tx(0).Notify()
			}, false},
			{"all, new memory table", func(*vhost.Peer) uint64 { return 0 }, func(a *vhost.Peer) { _ = a.MemTable(a.Memory.Regions) }, false},
			{"buffers, receiving", func(a *vhost.Peer) uint64 { return floor(a, a.Rx(0).Buf) }, func(*vhost.Peer) {
				if err := b.Send(0, vhost.Frame{Data: numbered(1000, 1, 2, 1)}, vhost.Shape{}); err != nil {
					t.Fatal(err)
				}
			}, true},
			{"buffers, sending", func(a *vhost.Peer) uint64 { return floor(a, a.Tx(0).Buf) }, func(a *vhost.Peer) { post(a, a.Tx(0).Buffer(100), 1500) }, true},
			// The head of the frame is there, its tail is not.
			{"tail", func(a *vhost.Peer) uint64 { return floor(a, a.Tx(0).Buffer(100)) + page }, func(a *vhost.Peer) {
				at := a.Memory.Regions[0].Guest + floor(a, a.Tx(0).Buffer(100)) + page - 600
				copy(a.Memory.At(at, 12+600-12), append(make([]byte, 12), numbered(588, 1, 1, 2)...))
				post(a, at, 1500)
			}, true},
		} {
			a := c.plug(0, vhost.Options{RingSize: 128, Memory: fresh(t)})
			if _, err := a.Offer(0, 128, 1600, vhost.Shape{}); err != nil {
				t.Fatal(err)
			}
			if round%2 == 1 {
				c.alive(a, b)
			}
			size := x.size(a)
			// Nothing of what was cut off is touched here from now on.
			if err := a.Memory.Truncate(0, size); err != nil {
				t.Fatal(err)
			}
			x.do(a)
			if x.must {
				c.until(x.name+": the port goes down", func() bool { return !c.engine.Link(c.names[0]).Up })
			}
			c.unplug(0, a)
			for _, p := range c.engine.Ports() {
				if p.ErrDisabled != frame.Forward {
					t.Fatalf("%s: %s is quarantined: %v", x.name, p.Name, p.ErrDisabled)
				}
			}
			c.arrived(b)
			if err := b.Reclaim(0); err != nil {
				t.Fatal(err)
			}
		}
	}
	a := c.plug(0, vhost.Options{})
	c.offer(a)
	c.alive(a, b)
}

// fresh makes memory of one region that is closed with the test.
func fresh(t *testing.T) *vhost.Memory {
	t.Helper()
	m, err := vhost.NewMemory(vhost.Region{Guest: 1 << 32, User: 0x7f00_0000_0000, Size: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// floor returns the offset of the page of a guest address in the memory file.
func floor(a *vhost.Peer, guest uint64) uint64 {
	return (guest - a.Memory.Regions[0].Guest) &^ (page - 1)
}

// post makes a chain of one buffer available to the back end.
func post(a *vhost.Peer, at uint64, n uint32) {
	r := a.Tx(0)
	r.SetDesc(100, vhost.Desc{Addr: at, Len: n})
	offer(r, 100)
}

// TestV12Traffic cuts the memory off while another thread is sending as fast as
// it can, so that it strikes anywhere.
func TestV12Traffic(t *testing.T) {
	c := newCard(t, 2, nil)
	b := c.plug(1, vhost.Options{})
	c.offer(b)
	for round := range times(10, 1000) {
		a := c.plug(0, vhost.Options{RingSize: 256, Memory: fresh(t)})
		r := a.Tx(0)
		for i := range r.Size {
			f := append(make([]byte, 12), numbered(1400, i, 1, 2)...)
			copy(a.Memory.At(r.Buffer(uint16(i)), len(f)), f)
			r.SetDesc(i, vhost.Desc{Addr: r.Buffer(uint16(i)), Len: uint32(len(f))})
			r.SetAvail(uint16(i), uint16(i))
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			// It meets the end of the memory, too, which ends it.
			debug.SetPanicOnFault(true)
			defer func() { _ = recover() }()
			for {
				_, used := r.UsedIdx()
				r.SetAvailIdx(0, used+uint16(r.Size))
				r.Notify()
				if !c.engine.Link(c.names[0]).Up {
					return
				}
			}
		})
		for deadline := time.Now().Add(time.Duration(1+round%5) * time.Millisecond); time.Now().Before(deadline); {
			c.arrived(b)
		}
		size := []uint64{0, floor(a, r.Desc), floor(a, r.Buf), floor(a, r.Buffer(128))}[round%4]
		if err := a.Memory.Truncate(0, size); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		c.unplug(0, a)
		for _, f := range c.arrived(b) {
			if !whole(f) {
				t.Fatal("a broken frame arrives")
			}
		}
	}
	for _, p := range c.engine.Ports() {
		if p.ErrDisabled != frame.Forward {
			t.Errorf("%s is quarantined: %v", p.Name, p.ErrDisabled)
		}
	}
	a := c.plug(0, vhost.Options{})
	c.offer(a)
	c.alive(a, b)
}
