package linecard

import (
	"maps"
	"sync"
)

// stamp stands for all that reports of ports are made from: while it stays the
// same, so do they.
type stamp struct {
	plan     uint64 // generation
	activity uint64 // frames and clearings, see pipeline.Engine.Activity
	changes  uint64 // programs, devices, events
	moving   uint64 // readings so far at which an average was not zero
}

// stamp returns the present one. It is taken before what it stands for is read:
// a change meanwhile shows in the next.
func (c *Card) stamp() stamp {
	c.mu.Lock()
	moving := c.moving
	c.mu.Unlock()
	return stamp{c.engine.Generation(), c.engine.Activity(), c.changes.Load(), moving}
}

// still keeps the reports of a card that has nothing to do, so that a thousand
// idle ports are not described anew each second.
type still struct {
	mu       sync.Mutex
	stamp    stamp
	sections map[string][]byte
}

// take returns the sections kept under a stamp, nil when there are none.
func (s *still) take(now stamp) map[string][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sections == nil || s.stamp != now {
		return nil
	}
	return maps.Clone(s.sections)
}

// keep keeps sections under the stamp that was taken before they were made.
func (s *still) keep(at stamp, sections map[string][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stamp, s.sections = at, maps.Clone(sections)
}
