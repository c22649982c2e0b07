package module_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// ours returns the stacks of goroutines that run code of this module or of the
// transport, other than this test.
func ours() (stacks []string) {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	for _, g := range strings.Split(string(buf), "\n\n")[1:] { // the first is this one
		if strings.Contains(g, "trunkline/") && !strings.Contains(g, "testing.(*T).Run") || strings.Contains(g, "grpc") {
			stacks = append(stacks, g)
		}
	}
	return stacks
}

func TestNoGoroutineIsLeft(t *testing.T) {
	c := newChassis(t, "tcp")
	a, b := newCard(t, hostA, c.address).start(), newCard(t, hostB, c.address).start()
	c.waitOK(3)
	c.waitOK(4)
	a.kill()
	c.kill()
	b.kill()
	deadline := time.Now().Add(patience)
	left := ours()
	for len(left) > 0 && time.Now().Before(deadline) {
		runtime.Gosched()
		left = ours()
	}
	if len(left) > 0 {
		t.Errorf("%d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
	}
}

// TestAttachAndDetachAThousandTimes has cards come and go, and compares memory
// of the second half with the first.
func TestAttachAndDetachAThousandTimes(t *testing.T) {
	if testing.Short() {
		t.Skip("short: skipping 1,000 sessions")
	}
	c := newChassis(t, "unix")
	const cards, times = 10, 100
	var all []*card
	for i := range cards {
		all = append(all, newCard(t, fmt.Sprintf("%s%d", hostA[:len(hostA)-1], i), c.address).start())
	}
	heap := func() uint64 {
		c.mu.Lock()
		c.events, c.lost = nil, nil
		c.log.Reset()
		c.mu.Unlock()
		for _, k := range all {
			k.mu.Lock()
			k.applied = nil
			k.mu.Unlock()
		}
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var half uint64
	for i := range uint64(times) {
		for slot := 3; slot < 3+cards; slot++ {
			eventually(t, "attached", func() bool { return c.module(slot).Insertions == i+1 })
		}
		if i == times/2 {
			half = heap()
		}
		if i == times-1 {
			break
		}
		for slot := 3; slot < 3+cards; slot++ {
			if err := c.manager.Reset(slot); err != nil {
				t.Fatal(err)
			}
		}
	}
	end := heap()
	t.Logf("heap after %d sessions: %d KiB, after %d: %d KiB", cards*times/2, half>>10, cards*times, end>>10)
	if end > half+2<<20 {
		t.Errorf("heap grew from %d to %d bytes in %d sessions", half, end, cards*times/2)
	}
}
