package mgmt

import "sync"

// Watchers are those who want to know when addresses of the switch may have
// changed. The zero value has none.
type Watchers struct {
	mu  sync.Mutex
	all map[chan struct{}]bool
}

// Subscribe returns a channel that holds a token once the addresses may have
// changed since it was last taken from; cancel ends it.
func (w *Watchers) Subscribe() (wake <-chan struct{}, cancel func()) {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[chan struct{}]bool{}
	}
	w.all[c] = true
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.all, c)
	}
}

// wake tells them.
func (w *Watchers) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.all {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
