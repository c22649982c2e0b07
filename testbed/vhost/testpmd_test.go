package vhost_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"trunkline/linecard/frame"
	"trunkline/linecard/port/vhostuser"
	"trunkline/testbed/vhost"
	"trunkline/testbed/vhost/pmd"
)

// guest starts testpmd with two ports on the card's and lets it forward what it
// receives on one to the other. The frames it starts with then circle for ever:
// out of one port, through the card, into the other.
func guest(t *testing.T, c *card, queues int) *pmd.Process {
	t.Helper()
	o := pmd.Options{Args: []string{"--forward-mode=io", "--txd=256", "--rxd=256", fmt.Sprintf("--rxq=%d", queues), fmt.Sprintf("--txq=%d", queues)}}
	for i, path := range c.paths {
		o.Vdevs = append(o.Vdevs, fmt.Sprintf("net_virtio_user%d,path=%s,queues=%d,queue_size=256,mac=02:00:00:00:00:%02x", i, path, queues, 0xa0+i))
	}
	p, err := pmd.Start(o)
	if errors.Is(err, pmd.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(p.Output())
		}
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	for _, line := range []string{"set eth-peer 0 02:00:00:00:00:a1", "set eth-peer 1 02:00:00:00:00:a0", "set txpkts 60"} {
		if _, err := p.Do(line); err != nil {
			t.Fatal(err)
		}
	}
	for i := range c.paths {
		c.up(i)
	}
	return p
}

// TestApplication has a DPDK application as the guest of two ports: what the
// card counts is what it counts, the addresses are learned, and not a frame is
// lost.
func TestApplication(t *testing.T) {
	for _, queues := range []int{1, 2} {
		t.Run(fmt.Sprintf("%d queues", queues), func(t *testing.T) {
			c := newCard(t, 2, func(o *vhostuser.Config) { o.Queues = queues })
			p := guest(t, c, queues)
			if _, err := p.Do("start tx_first 4"); err != nil {
				t.Fatal(err)
			}
			const want = 5_000
			c.until("frames circle", func() bool {
				s, err := p.Stats(0)
				if err != nil {
					t.Fatal(err)
				}
				return s.RxFrames >= want
			})
			if _, err := p.Do("stop"); err != nil {
				t.Fatal(err)
			}
			// What was on its way when it stopped waits in the rings of the guest:
			// 4 bursts of 32 in each direction.
			const circling = 2 * 4 * 32
			for i, name := range c.names {
				s, err := p.Stats(i)
				if err != nil {
					t.Fatal(err)
				}
				// The card may have some of what the guest sent last yet to take.
				n, _ := c.engine.Counters(name)
				for deadline := time.Now().Add(30 * time.Second); n.Rx() < s.TxFrames && time.Now().Before(deadline); {
					n, _ = c.engine.Counters(name)
				}
				if n.Rx() != s.TxFrames || n.Tx() < s.RxFrames || n.Tx() > s.RxFrames+circling*uint64(queues) {
					t.Errorf("port %d: the card received %d and sent %d, the guest sent %d and received %d", i, n.Rx(), n.Tx(), s.TxFrames, s.RxFrames)
				}
				for r, k := range n.RxDrops {
					if k+n.TxDrops[r] != 0 {
						t.Errorf("port %d: %d frames are dropped as %v", i, k+n.TxDrops[r], r)
					}
				}
			}
			if n, _ := c.engine.FDB().Counts(); n != 2 {
				t.Errorf("%d addresses are learned, want 2", n)
			}
		})
	}
}

// TestLoad runs the closed loop through the card: nothing may be lost, and a
// frame must cost no allocation on either side.
func TestLoad(t *testing.T) {
	for _, l := range []vhost.Load{{}, {Size: 1514}, {Flows: 1000}, {InFlight: 1}} {
		t.Run(fmt.Sprintf("%d bytes, %d flows, %d in flight", l.Size, l.Flows, l.InFlight), func(t *testing.T) {
			c := newCard(t, 2, nil)
			o := vhost.Options{Features: base | vhost.FeatureMrgRxbuf | vhost.FeatureIndirect, RingSize: 1024}
			a, b := c.plug(0, o), c.plug(1, o)
			l.Warmup, l.Duration = 20*time.Millisecond, time.Duration(times(200, 5000))*time.Millisecond
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r, err := vhost.Drive(t.Context(), a, b, l)
			runtime.ReadMemStats(&after)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%+v: %.0f frames/s, %d allocations", r, r.PerSecond(), after.Mallocs-before.Mallocs)
			if r.Frames == 0 || r.Lost != 0 {
				t.Errorf("%d frames came through, %d were lost", r.Frames, r.Lost)
			}
			for _, p := range c.engine.Ports() {
				for why, n := range p.Counters.RxDrops {
					if n += p.Counters.TxDrops[why]; n != 0 && frame.Reason(why) != frame.Forward {
						t.Errorf("%s dropped %d frames: %v", p.Name, n, frame.Reason(why))
					}
				}
			}
			if n := after.Mallocs - before.Mallocs; n > uint64(2000+4*l.Flows) && n > r.Frames/10 {
				t.Errorf("%d allocations for %d frames", n, r.Frames)
			}
		})
	}
}
