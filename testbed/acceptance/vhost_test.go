package acceptance

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"trunkline/testbed/vhost/pmd"
)

// TestApplicationPorts gives a DPDK application two ports of the switch through
// shared memory. It forwards what it receives on one to the other, so a few
// frames circle through the switch for ever: both count the same, the addresses
// are learned, and the ports go down with the application and come up with the
// next.
func TestApplicationPorts(t *testing.T) {
	needRoot(t)
	a := runAppliance(t, "tlt-u", 1)
	dir := t.TempDir()
	path := [2]string{filepath.Join(dir, "a.sock"), filepath.Join(dir, "b.sock")}
	config := "configure terminal ; vlan 30"
	for i, p := range path {
		config += fmt.Sprintf(" ; interface vethernet %d ; switchport access vlan 30 ; owner vhost-user socket %s module 3", i+1, p)
	}
	if r := vsh(t, a.socket, config); r.code != 0 {
		t.Fatalf("configure: %s %s", r.out, r.log)
	}
	for round := range 2 {
		p := application(t, path)
		eventually(t, 10*time.Second, "the ports come up", func() error {
			return contains(vsh(t, a.socket, "show interface vethernet 1 ; show interface vethernet 2").out, "Vethernet1 is up", "Vethernet2 is up")
		})
		if r := vsh(t, a.socket, "clear counters"); r.code != 0 {
			t.Fatal(r.out, r.log)
		}
		if _, err := p.Do("start tx_first 2"); err != nil {
			t.Fatal(err)
		}
		eventually(t, 20*time.Second, "frames circle", func() error {
			if s, err := p.Stats(0); err != nil || s.RxFrames < 1000 {
				return fmt.Errorf("%+v %w", s, err)
			}
			return nil
		})
		if _, err := p.Do("stop"); err != nil {
			t.Fatal(err)
		}
		for i := range path {
			s, err := p.Stats(i)
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, 10*time.Second, fmt.Sprintf("round %d: the switch counts on port %d what the application counts", round, i), func() error {
				out := vsh(t, a.socket, fmt.Sprintf("show interface vethernet %d", i+1)).out
				rx, tx := packets(out, "input"), packets(out, "output")
				// Two bursts of 32 in each direction may wait in the rings of the
				// application.
				if rx != s.TxFrames || tx < s.RxFrames || tx > s.RxFrames+128 {
					return fmt.Errorf("the application counts %+v, the switch\n%s", s, out)
				}
				return nil
			})
		}
		if err := contains(vsh(t, a.socket, "show mac address-table vlan 30").out, "0200.0000.00a0", "0200.0000.00a1", "Veth1", "Veth2"); err != nil {
			t.Error(err)
		}
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
		eventually(t, 10*time.Second, "the ports go down", func() error {
			return contains(vsh(t, a.socket, "show interface vethernet 1 ; show interface vethernet 2").out, "Vethernet1 is down", "Vethernet2 is down")
		})
	}
}

// packets reads the count of frames from a block of show interface.
func packets(shown, direction string) uint64 {
	m := regexp.MustCompile(`(\d+) ` + direction + ` packets`).FindStringSubmatch(shown)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseUint(m[1], 10, 64) // digits
	return n
}

// application starts testpmd with a port on each socket.
func application(t *testing.T, path [2]string) *pmd.Process {
	t.Helper()
	o := pmd.Options{Args: []string{"--forward-mode=io", "--txd=256", "--rxd=256"}}
	for i, s := range path {
		o.Vdevs = append(o.Vdevs, fmt.Sprintf("net_virtio_user%d,path=%s,queue_size=256,mac=02:00:00:00:00:%02x", i, s, 0xa0+i))
	}
	p, err := pmd.Start(o)
	if errors.Is(err, pmd.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop() }) // stopped already, or failed
	for _, line := range []string{"set eth-peer 0 02:00:00:00:00:a1", "set eth-peer 1 02:00:00:00:00:a0", "set txpkts 60"} {
		if _, err := p.Do(line); err != nil {
			t.Fatal(err)
		}
	}
	return p
}
