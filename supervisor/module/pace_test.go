package module

import (
	"testing"
	"time"
)

// TestPace has a card say all it can: in the long run it is read at the pace, and
// one in service is never held up.
func TestPace(t *testing.T) {
	began := time.Unix(1000, 0)
	for _, c := range []struct {
		name        string
		bytes, each int // messages of so many bytes, so many a second that are sent
		least, most float64
	}{
		{"in service", 1 << 20, 10, 10, 10},
		{"many", 10, 100_000, 990, 1300},
		{"long", 16 << 20, 1000, 0.9, 1.3},
	} {
		var p pace
		now, n := began, 0
		for ; now.Sub(began) < 10*time.Second; n++ {
			now = now.Add(max(p.after(now, c.bytes), time.Second/time.Duration(c.each)))
		}
		if rate := float64(n) / now.Sub(began).Seconds(); rate < c.least-0.2 || rate > c.most {
			t.Errorf("%s: %.1f messages a second, want %.1f to %.1f", c.name, rate, c.least, c.most)
		}
	}
}

func TestBucket(t *testing.T) {
	var b bucket
	now, n := time.Unix(1000, 0), 0
	for range 100 {
		if b.take(now, 5, time.Second) {
			n++
		}
	}
	for range 100 {
		now = now.Add(100 * time.Millisecond)
		if b.take(now, 5, time.Second) {
			n++
		}
	}
	if n != 15 {
		t.Errorf("done %d times, want 5 at once and 10 in ten seconds", n)
	}
}
