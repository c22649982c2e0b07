package aaa

import (
	"container/list"
	"iter"
	"net"
	"strings"
	"sync"
	"time"

	"trunkline/internal/tcpsock"
)

// When failures lock out. A user at one source may fail a few times, a source in
// all some more; the lock then lasts twice as long after every further failure.
// A failure is forgotten when nothing has happened for a while.
const (
	freeFailures   = 5  // of a user at a source
	freeFromSource = 20 // of a source
	firstLock      = 30 * time.Second
	longestLock    = 15 * time.Minute
	forgetAfter    = 30 * time.Minute
	maxCounted     = 4096 // users and sources with failures
)

// lockout counts failed logins. Its memory is bounded: when it is full, what has
// rested longest is forgotten.
type lockout struct {
	mu      sync.Mutex
	entries map[counted]*list.Element // of *failures
	order   *list.List                // the one that rested longest first
}

// counted is what failures are counted of: a user at a source, or with an empty
// user a source.
type counted struct{ user, source string }

type failures struct {
	of    counted
	n     int
	last  time.Time
	until time.Time // the end of the lock, zero for none
}

func newLockout() *lockout {
	return &lockout{entries: map[counted]*list.Element{}, order: list.New()}
}

// locked reports whether a user at a source may not try.
func (l *lockout) locked(user, source string) bool {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, of := range countedFor(user, source) {
		if e, ok := l.entries[of]; ok && now.Before(e.Value.(*failures).until) {
			return true
		}
	}
	return false
}

// countedFor are the things that a login of user from source counts for. Names
// that no user has are alike, so that they take no memory each.
func countedFor(user, source string) [2]counted {
	if len(user) > maxPrinted || user == "" {
		user = "?"
	}
	return [2]counted{{user, source}, {"", source}}
}

// failed counts a failure and yields what is locked by it, and for how long.
func (l *lockout) failed(user, source string) iter.Seq2[string, time.Duration] {
	now := time.Now()
	locks := map[string]time.Duration{}
	l.mu.Lock()
	for _, of := range countedFor(user, source) {
		f := l.entry(of, now)
		f.n++
		f.last = now
		free := freeFailures
		what := "user " + user
		if of.user == "" {
			free, what = freeFromSource, "all users"
		}
		if f.n < free {
			continue
		}
		d := longestLock
		if times := f.n - free; times < 10 {
			d = min(d, firstLock<<times)
		}
		f.until = now.Add(d)
		locks[what] = d
	}
	l.mu.Unlock()
	return func(yield func(string, time.Duration) bool) {
		for what, d := range locks {
			if !yield(what, d) {
				return
			}
		}
	}
}

// entry returns the count of something, moved to the end of the order.
func (l *lockout) entry(of counted, now time.Time) *failures {
	if e, ok := l.entries[of]; ok {
		f := e.Value.(*failures)
		if now.Sub(f.last) > forgetAfter {
			f.n = 0
		}
		l.order.MoveToBack(e)
		return f
	}
	for len(l.entries) >= maxCounted {
		l.drop(l.order.Front())
	}
	f := &failures{of: of}
	l.entries[of] = l.order.PushBack(f)
	return f
}

func (l *lockout) drop(e *list.Element) {
	delete(l.entries, e.Value.(*failures).of)
	l.order.Remove(e)
}

// succeeded forgets the failures of a user at a source. Those of the source
// stay, or one account of his own would give an attacker as many tries as he
// likes.
func (l *lockout) succeeded(user, source string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.entries[countedFor(user, source)[0]]; ok {
		l.drop(e)
	}
}

// sourceOf is what of an address failures are counted by: the host without its
// port or terminal, of IPv6 the /64 that one site has.
func sourceOf(from string) string {
	host, _, _ := strings.Cut(from, "@")
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return tcpsock.Site(printable(host))
}
