package roster

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// What is wanted runs, once each, and nothing else does.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var wanted, running []string
		began := 0
		changed := make(chan struct{})
		set := func(names ...string) {
			mu.Lock()
			wanted = names
			mu.Unlock()
		}
		check := func(began1 int, names ...string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			slices.Sort(running)
			if !slices.Equal(running, names) || began != began1 {
				t.Errorf("%q run, %d began; want %q, %d", running, began, names, began1)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		set("a", "b")
		go Run(ctx, changed, func() []string {
			mu.Lock()
			defer mu.Unlock()
			return wanted
		}, func(ctx context.Context, name string) {
			mu.Lock()
			running, began = append(running, name), began+1
			mu.Unlock()
			<-ctx.Done()
			mu.Lock()
			running = slices.DeleteFunc(running, func(s string) bool { return s == name })
			mu.Unlock()
		})
		check(2, "a", "b")
		set("b", "c")
		changed <- struct{}{}
		check(3, "b", "c")
		changed <- struct{}{} // nothing is new
		check(3, "b", "c")
		cancel()
		check(3)
	})
}
