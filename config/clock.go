package config

import "time"

// Clock is what a store tells by when a confirmed commit is over. A test gives it
// one whose time it moves (Hooks.Clock).
type Clock interface {
	Now() time.Time
	// Timer returns a channel that receives once it is the given time, which may
	// be over, and what gives the timer up.
	Timer(at time.Time) (ring <-chan time.Time, stop func())
}

// systemClock is the clock of the machine.
type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) Timer(at time.Time) (<-chan time.Time, func()) {
	t := time.NewTimer(time.Until(at))
	return t.C, func() { t.Stop() }
}
