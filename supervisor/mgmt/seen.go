package mgmt

import (
	"sync"
	"time"

	"trunkline/feature/management"
)

// seen remembers since when routes are there, which the kernel does not tell.
type seen struct {
	mu   sync.Mutex
	from map[management.Route]time.Time
}

// keep forgets the routes that are gone and begins the time of new ones.
func (s *seen) keep(routes []management.Route, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := make(map[management.Route]time.Time, len(routes))
	for _, r := range routes {
		from[r] = now
		if t, ok := s.from[r]; ok {
			from[r] = t
		}
	}
	s.from = from
}

// since returns when a route was first seen; now, if it has not been.
func (s *seen) since(r management.Route, now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.from[r]; ok {
		return t
	}
	return now
}
