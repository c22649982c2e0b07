package pipeline

import (
	"math"
	"time"
)

// Spin times with a meaning of their own, for Config.Spin.
const (
	SpinOff     = time.Duration(1)             // a worker sleeps as soon as it has nothing to do
	SpinForever = time.Duration(math.MaxInt64) // a worker never sleeps
)

// spin decides how long a worker polls before it sleeps. Polling saves a sleep
// and a wake-up when the next frame is near, and is for nothing when it is not,
// so the length follows what the sleeps were like: one that was shorter than
// the longest spin doubles it, one that was longer halves it, down to nothing.
type spin struct {
	length, most int64 // ns
}

// least is the shortest spin above none, in ns.
const leastSpin = int64(2 * time.Microsecond)

func newSpin(most time.Duration) spin {
	switch {
	case most == 0:
		most = DefaultSpin
	case most == SpinOff:
		most = 0
	case most < 0:
		most = SpinForever
	}
	return spin{length: int64(most), most: int64(most)}
}

// slept says how long a sleep was.
func (s *spin) slept(ns int64) {
	if ns < s.most {
		s.length = min(max(2*s.length, leastSpin), s.most)
		return
	}
	if s.length /= 2; s.length < leastSpin {
		s.length = 0
	}
}
