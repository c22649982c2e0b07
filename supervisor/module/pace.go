package module

import "time"

// What a card may say in the long run. A card in service says a fraction of it;
// one that says more is read more slowly, which is its own trouble alone.
const (
	byteCost    = time.Second / (16 << 20) // of a byte of a message: 59 ns, 16 MiB/s
	messageCost = time.Millisecond         // of a message
	paceBurst   = 2 * time.Second          // what a card may be ahead
)

// pace holds a card to what it may say. Its zero value is ready.
type pace struct{ spent time.Time }

// after counts a message of so many bytes that came at a time, and returns how long
// the next one has to wait.
func (p *pace) after(now time.Time, bytes int) time.Duration {
	if first := now.Add(-paceBurst); p.spent.Before(first) {
		p.spent = first
	}
	p.spent = p.spent.Add(messageCost + time.Duration(bytes)*byteCost)
	return max(0, p.spent.Sub(now))
}

// bucket bounds how often something is done: burst times, and then once per
// interval. Its zero value is full.
type bucket struct{ spent time.Time }

// take reports whether it may be done now.
func (b *bucket) take(now time.Time, burst int, interval time.Duration) bool {
	if first := now.Add(-time.Duration(burst) * interval); b.spent.Before(first) {
		b.spent = first
	}
	if next := b.spent.Add(interval); !next.After(now) {
		b.spent = next
		return true
	}
	return false
}

// What the cards of a slot can have the log and the operator's messages say.
const (
	sayings     = 64 // at once
	sayInterval = 5 * time.Second
)
