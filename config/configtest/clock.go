package configtest

import (
	"slices"
	"sync"
	"time"
)

// Clock is a config.Clock that stands still until it is moved. The zero value is
// not usable.
type Clock struct {
	mu     sync.Mutex
	now    time.Time
	timers []*timer
}

type timer struct {
	at   time.Time
	ring chan time.Time // of one
}

// NewClock returns a clock that shows a time.
func NewClock(now time.Time) *Clock { return &Clock{now: now} }

// Now implements config.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Timer implements config.Clock.
func (c *Clock) Timer(at time.Time) (<-chan time.Time, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{at, make(chan time.Time, 1)}
	c.timers = append(c.timers, t)
	c.ring()
	return t.ring, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.timers = slices.DeleteFunc(c.timers, func(o *timer) bool { return o == t })
	}
}

// Advance moves the clock on. Timers that are due ring before it returns; what
// they wake runs after.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.ring()
}

// ring rings timers that are due; mu is held.
func (c *Clock) ring() {
	c.timers = slices.DeleteFunc(c.timers, func(t *timer) bool {
		due := !t.at.After(c.now)
		if due {
			t.ring <- c.now
		}
		return due
	})
}
