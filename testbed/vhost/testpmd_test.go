package vhost_test

import (
	"errors"
	"fmt"
	"testing"

	"trunkline/linecard/port/vhostuser"
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
				n, _ := c.engine.Counters(name)
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
