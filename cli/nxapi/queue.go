package nxapi

import (
	"context"
	"slices"
	"sync"

	"trunkline/feature"
)

// queue has requests wait for a turn, in the order in which they came. One that
// may not have it yet holds up nobody behind it who may.
type queue struct {
	// try takes a turn for a user and reports whether there was one for him.
	try func(who feature.Identity) bool

	mu      sync.Mutex
	waiting []*waiter
}

// waiter is a request that waits.
type waiter struct {
	who  feature.Identity
	turn chan struct{} // closed when it has its turn
}

// wait waits for a turn, and reports whether there was one before ctx was done.
func (q *queue) wait(ctx context.Context, who feature.Identity) bool {
	q.mu.Lock()
	if q.try(who) {
		q.mu.Unlock()
		return true
	}
	w := &waiter{who, make(chan struct{})}
	q.waiting = append(q.waiting, w)
	q.mu.Unlock()
	select {
	case <-w.turn:
		return true
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	n := slices.Index(q.waiting, w)
	if n < 0 { // it came just now
		return true
	}
	q.waiting = slices.Delete(q.waiting, n, n+1)
	return false
}

// wake gives turns to those who may have them now. It is called after each thing
// that is given back.
func (q *queue) wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = slices.DeleteFunc(q.waiting, func(w *waiter) bool {
		if !q.try(w.who) {
			return false
		}
		close(w.turn)
		return true
	})
}
