package config

import "context"

// publish makes a snapshot the running configuration and wakes subscribers. It
// is called with the commit lock held and never blocks.
func (s *Store) publish(now Snapshot) {
	s.running.Store(&now)
	s.mu.Lock()
	defer s.mu.Unlock()
	for wake := range s.subscribers {
		select {
		case wake <- struct{}{}:
		default: // it has yet to take note of an earlier commit, and will read this one
		}
	}
}

// Subscribe returns a channel that receives after every commit, until cancel is
// called. It holds one wake-up: who is slow misses none but sees several commits
// as one, reading Running for the latest. A subscriber cannot refuse a commit
// and cannot hold one up.
func (s *Store) Subscribe() (wake <-chan struct{}, cancel func()) {
	c := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscribers[c] = true
	return c, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.subscribers, c)
	}
}

// Follow calls f with what ran and what runs, first with an empty snapshot and
// the present one, then after commits, until ctx is done. Commits that come
// while f runs are handed over together. It returns ctx.Err().
func (s *Store) Follow(ctx context.Context, f func(old, new Snapshot)) error {
	wake, cancel := s.Subscribe()
	defer cancel()
	var last Snapshot
	for first := true; ; first = false {
		if now := s.Running(); first || now.Generation != last.Generation {
			f(last, now)
			last = now
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
