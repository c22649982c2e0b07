package spinlock

import (
	"runtime"
	"sync"
	"testing"
)

// TestExclusion has threads add to a number that only the lock guards.
func TestExclusion(t *testing.T) {
	const threads, each = 4, 20_000
	var l Mutex
	var wg sync.WaitGroup
	n := 0
	for range threads {
		wg.Go(func() {
			runtime.LockOSThread()
			for range each {
				l.Lock()
				n++
				l.Unlock()
			}
		})
	}
	wg.Wait()
	if n != threads*each {
		t.Errorf("%d, want %d", n, threads*each)
	}
}
