package vhost_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"trunkline/linecard/port/vhostuser"
	"trunkline/testbed/vhost"
)

// TestV4DirtyLog compares the memory of a guest before and after traffic: every
// byte that the back end has changed must lie on a page that it marked.
func TestV4DirtyLog(t *testing.T) {
	c := newCard(t, 2, nil)
	b := c.plug(1, vhost.Options{})
	c.offer(b)
	for _, features := range []uint64{
		base, base | vhost.FeatureMrgRxbuf, base | vhost.FeatureEventIdx | vhost.FeatureIndirect | vhost.FeatureMrgRxbuf, vhost.FeatureProtocol,
	} {
		for _, acks := range []uint64{0, vhost.ProtoReplyAck} {
			a := c.plug(0, vhost.Options{Features: features, Protocol: acks | vhost.ProtoLogShmFD, Stride: 5000, RingSize: 128})
			if _, err := a.Offer(0, 40, 700, vhost.Shape{Pieces: []int{12, 300}, Gap: 999, Indirect: a.Has(vhost.FeatureIndirect)}); err != nil {
				t.Fatal(err)
			}
			if err := a.StartLog(); err != nil {
				t.Fatal(err)
			}
			for round := range 4 {
				a.Dirty.Clear()
				// All that the guest writes it writes before.
				for i := range 10 {
					if err := a.PostFrame(0, vhost.Frame{Data: numbered(300, i, 1, 2)}, vhost.Shape{}); err != nil {
						t.Fatal(err)
					}
				}
				before := bytes.Clone(a.Memory.Regions[0].Bytes())
				_, txWas := a.Tx(0).UsedIdx()
				_, rxWas := a.Rx(0).UsedIdx()
				// Publishing changes the avail ring alone, which is left out below.
				a.Tx(0).Publish()
				n := 60 + 211*round
				if !a.Has(vhost.FeatureMrgRxbuf) {
					n = 60 + 150*round
				}
				for i := range 5 {
					if err := b.Send(0, vhost.Frame{Data: numbered(n, i, 2, 1)}, vhost.Shape{}); err != nil {
						t.Fatal(err)
					}
				}
				c.until("traffic is through", func() bool {
					_, tx := a.Tx(0).UsedIdx()
					_, rx := a.Rx(0).UsedIdx()
					return tx-txWas == 10 && int(rx-rxWas) >= 5*((n+a.HeaderLen()+699)/700)
				})
				// A question that is answered behind all that was written.
				if err := a.Sync(); err != nil {
					t.Fatal(err)
				}
				// The mark of the last index may follow what it marks.
				var changed int
				var first string
				for deadline := time.Now().Add(2 * time.Second); ; {
					changed, first = unmarked(a, before)
					if first == "" || time.Now().After(deadline) {
						break
					}
				}
				if first != "" {
					t.Fatalf("features %#x, round %d: %s", features, round, first)
				}
				if pages := a.Dirty.Pages(); changed == 0 || pages > 60 {
					t.Errorf("%d bytes are changed, %d pages marked", changed, pages)
				}
				for range 5 {
					if f, err := a.Receive(0); err != nil || !whole(f.Data) {
						t.Fatalf("features %#x: %v", features, err)
					}
				}
				if err := a.Drain(0); err != nil {
					t.Fatal(err)
				}
			}
			// Off again: nothing is marked any more.
			log := a.Dirty
			a.Dirty = nil
			if err := a.SetFeatures(a.Offered & a.Features); err != nil {
				t.Fatal(err)
			}
			for _, r := range a.Rings {
				if err := a.RingAddr(r); err != nil {
					t.Fatal(err)
				}
			}
			if err := a.Sync(); err != nil {
				t.Fatal(err)
			}
			log.Clear()
			c.arrived(b)
			for i := range 5 {
				c.pass(b, a, vhost.Frame{Data: numbered(100, i, 2, 1)}, vhost.Shape{})
				c.pass(a, b, vhost.Frame{Data: numbered(100, i, 1, 2)}, vhost.Shape{})
			}
			if n := log.Pages(); n != 0 {
				t.Errorf("%d pages are marked after logging has ended", n)
			}
			if err := log.Close(); err != nil {
				t.Error(err)
			}
			c.unplug(0, a)
		}
	}
}

// unmarked counts the bytes that are not as before, but for those that the guest
// itself writes, and describes the first on a page that is not marked.
func unmarked(p *vhost.Peer, before []byte) (changed int, first string) {
	r := p.Memory.Regions[0]
	for i, x := range r.Bytes() {
		guest := r.Guest + uint64(i)
		if x == before[i] || inAvail(p, guest) {
			continue
		}
		changed++
		if first == "" && !p.Dirty.Marked(guest) {
			first = fmt.Sprintf("byte at offset %#x (%s) has changed, its page is not marked", i, part(p, guest))
		}
	}
	return changed, first
}

func inAvail(p *vhost.Peer, guest uint64) bool {
	for _, r := range p.Rings {
		if guest >= r.Avail && guest < r.Avail+uint64(4+2*r.Size+2) {
			return true
		}
	}
	return false
}

// part says what lies at an address.
func part(p *vhost.Peer, guest uint64) string {
	for _, r := range p.Rings {
		switch {
		case guest >= r.Used && guest < r.Used+uint64(4+8*r.Size+2):
			return fmt.Sprintf("used ring %d, byte %d", r.Index, guest-r.Used)
		case guest >= r.Buf && guest < r.Buf+uint64(r.Size*r.Stride):
			return fmt.Sprintf("buffer %d of ring %d", (guest-r.Buf)/uint64(r.Stride), r.Index)
		}
	}
	return "elsewhere"
}

// TestRestart stops rings in the middle of traffic and starts them where they
// stopped, as a migration does; no frame is lost or comes twice.
func TestRestart(t *testing.T) {
	c := newCard(t, 2, nil)
	for _, features := range []uint64{base, 0} {
		a, b := c.plug(0, vhost.Options{Features: features, Base: 65530, RingSize: 64}), c.plug(1, vhost.Options{RingSize: 1024})
		c.offer(b, a)
		next := 0
		for round := range times(40, 3000) {
			for i := range 20 {
				if err := a.PostFrame(0, vhost.Frame{Data: numbered(100, 20*round+i, 1, 2)}, vhost.Shape{}); err != nil {
					t.Fatal(err)
				}
			}
			a.Tx(0).Publish()
			at, err := a.StopRing(a.Tx(0))
			if err != nil {
				t.Fatal(err)
			}
			_, used := a.Tx(0).UsedIdx()
			if used != at {
				t.Fatalf("round %d: stopped at %d, but %d are returned: chains in flight", round, at, used)
			}
			if round%3 == 0 {
				if _, err := a.StopRing(a.Rx(0)); err != nil {
					t.Fatal(err)
				}
				if err := a.StartRing(a.Rx(0)); err != nil {
					t.Fatal(err)
				}
			}
			if err := a.StartRing(a.Tx(0)); err != nil {
				t.Fatal(err)
			}
			a.Tx(0).Notify()
			c.up(0)
			if err := a.Drain(0); err != nil {
				t.Fatal(err)
			}
			for _, f := range c.arrived(b) {
				if n := int(binary.BigEndian.Uint32(f[14:])); n < next {
					t.Fatalf("frame %d comes after %d", n, next-1)
				} else {
					next = n + 1
				}
			}
		}
		c.alive(a, b)
		c.unplug(0, a)
		c.unplug(1, b)
	}
}

// TestInflight kills the back end with chains in flight and starts another with
// the record of the first: every chain comes back once.
func TestInflight(t *testing.T) {
	c := newCard(t, 2, nil)
	b := c.plug(1, vhost.Options{})
	c.offer(b)
	m := fresh(t)
	o := vhost.Options{Memory: m, RingSize: 64, Protocol: vhost.ProtoInflight | vhost.ProtoReplyAck}
	a := c.plug(0, o)
	if !a.HasProtocol(vhost.ProtoInflight) {
		t.Skip("the back end keeps no inflight record")
	}
	for round := range 10 {
		for i := range 30 {
			if err := a.PostFrame(0, vhost.Frame{Data: numbered(100, i, 1, 2)}, vhost.Shape{}); err != nil {
				t.Fatal(err)
			}
		}
		a.Tx(0).Publish()
		// The connection is lost; rings and memory stay as they are.
		if err := a.Replace(c.paths[0]); err != nil {
			t.Fatal(err)
		}
		if err := a.Start(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		c.up(0)
		a.Tx(0).Notify()
		if err := a.Drain(0); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		c.arrived(b)
	}
	c.offer(a)
	c.alive(a, b)
	c.unplug(0, a)
}

// TestMemorySlots adds and removes regions while frames pass.
func TestMemorySlots(t *testing.T) {
	c := newCard(t, 2, nil)
	a, b := c.plug(0, vhost.Options{}), c.plug(1, vhost.Options{})
	if !a.HasProtocol(vhost.ProtoConfigureMem) {
		t.Skip("the back end has no memory slots")
	}
	c.offer(a, b)
	extra, err := vhost.NewMemory(vhost.Region{Guest: 8 << 32, User: 0x7d00_0000_0000, Size: 64 * page})
	if err != nil {
		t.Fatal(err)
	}
	defer extra.Close()
	r := extra.Regions[0]
	want := numbered(500, 1, 1, 2)
	copy(r.Bytes()[12:], want)
	for range times(30, 2000) {
		if err := a.AddRegion(r); err != nil {
			t.Fatal(err)
		}
		c.alive(a, b)
		tx := a.Tx(0)
		head, err := tx.PostAt(vhost.Piece{Addr: r.Guest, Len: 512})
		if err != nil {
			t.Fatal(err)
		}
		tx.Publish()
		f, err := b.Receive(0)
		if err != nil || !bytes.Equal(f.Data, want) {
			t.Fatalf("frame from a region that was added, chain %d: %v", head, err)
		}
		if err := a.Drain(0); err != nil {
			t.Fatal(err)
		}
		if err := a.RemoveRegion(r); err != nil {
			t.Fatal(err)
		}
		c.alive(a, b)
	}
	if err := a.RemoveRegion(r); err == nil {
		t.Error("a region that is not there can be removed")
	}
}

// TestRARP has the front end announce a guest that cannot do so itself.
func TestRARP(t *testing.T) {
	c := newCard(t, 2, nil)
	a, b := c.plug(0, vhost.Options{}), c.plug(1, vhost.Options{})
	if !a.HasProtocol(vhost.ProtoRARP) {
		t.Skip("the back end announces nobody")
	}
	c.offer(b)
	for i := range 5 {
		mac := []byte{2, 0, 0, 0, 9, byte(i)}
		if err := a.Do(vhost.Message{Request: vhost.SendRARP, Payload: append(bytes.Clone(mac), 0, 0)}); err != nil {
			t.Fatal(err)
		}
		f, err := b.Receive(0)
		if err != nil {
			t.Fatal(err)
		}
		head := append(append(bytes.Repeat([]byte{0xff}, 6), mac...), 0x80, 0x35)
		if len(f.Data) != 60 || !bytes.HasPrefix(f.Data, head) || !bytes.Equal(f.Data[22:28], mac) || !bytes.Equal(f.Data[32:38], mac) {
			t.Errorf("announced with %x", f.Data)
		}
	}
}

// TestMTU has the front end say how long its frames are.
func TestMTU(t *testing.T) {
	c := newCard(t, 1, func(o *vhostuser.Config) { o.MTU = 9000 })
	a := c.plug(0, vhost.Options{})
	if !a.HasProtocol(vhost.ProtoMTU) {
		t.Skip("the back end does not ask")
	}
	for _, x := range []struct {
		mtu  uint64
		want int
	}{{1500, 1500}, {9000, 9000}, {65535, 9000}, {1 << 40, 9000}, {0, 9000}, {1400, 1400}} {
		err := a.Do(vhost.Message{Request: vhost.NetSetMTU, Payload: binary.NativeEndian.AppendUint64(nil, x.mtu)})
		if got := c.port(0).Info().MTU; err == nil && got != x.want {
			t.Errorf("MTU %d: the port says %d, want %d", x.mtu, got, x.want)
		}
	}
}

// TestSleep sends frames one at a time with pauses, so that each side sleeps:
// every frame needs a notification that the other asked for.
func TestSleep(t *testing.T) {
	for _, features := range []uint64{base, base | vhost.FeatureEventIdx} {
		c := newCard(t, 2, nil)
		o := vhost.Options{Features: features}
		a, b := c.plug(0, o), c.plug(1, o)
		c.offer(a, b)
		kicks := a.Tx(0).Kicks()
		for i := range times(60, 5000) {
			c.pass(a, b, vhost.Frame{Data: numbered(100, i, 1, 2)}, vhost.Shape{})
			time.Sleep(time.Duration(i%4) * 100 * time.Microsecond)
			c.pass(b, a, vhost.Frame{Data: numbered(100, i, 2, 1)}, vhost.Shape{})
		}
		if a.Tx(0).Kicks() == kicks {
			t.Error("the back end was never notified: it does not sleep")
		}
	}
}
