// Package roster keeps a goroutine for each thing of a list that changes.
package roster

import (
	"context"
	"slices"
	"sync"
)

// Run runs a goroutine for each of what is wanted until ctx ends. It looks again
// whenever changed can be received from: for what is no longer wanted it cancels
// the context of run and waits, for what is new it begins. All have ended when
// Run returns.
func Run[K comparable](ctx context.Context, changed <-chan struct{}, wanted func() []K, run func(context.Context, K)) {
	running := map[K]func(){}
	stop := func(which func(K) bool) {
		for k, end := range running {
			if which(k) {
				end()
				delete(running, k)
			}
		}
	}
	for {
		now := wanted()
		stop(func(k K) bool { return !slices.Contains(now, k) })
		for _, k := range now {
			if running[k] == nil {
				running[k] = start(ctx, func(ctx context.Context) { run(ctx, k) })
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			stop(func(K) bool { return true })
			return
		}
	}
}

// start runs f in a goroutine; the function it returns ends it and waits.
func start(ctx context.Context, f func(context.Context)) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { f(ctx) })
	return func() { cancel(); done.Wait() }
}
