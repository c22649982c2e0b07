package sshd

import (
	"slices"
	"sync"
)

// door limits connections. Strangers are those that have not logged in; when
// there are too many, the oldest one of the address that has most makes room for
// a newcomer from an address that has fewer, so that one source cannot keep
// others out.
type door struct {
	limits Limits

	mu        sync.Mutex
	strangers []*ticket // oldest first
	clients   int
}

// ticket is one connection at the door.
type ticket struct {
	source string
	turn   func() // closes the connection
	inside bool   // it has logged in
}

func newDoor(l Limits) door { return door{limits: l} }

// knock lets a connection try to log in. Turn closes it.
func (d *door) knock(source string, turn func()) (*ticket, bool) {
	t, out := d.queue(&ticket{source: source, turn: turn})
	if out != nil {
		out.turn()
	}
	return t, t != nil
}

// queue puts a stranger on the list and returns it, nil if there is no room, and
// who has to go for it.
func (d *door) queue(t *ticket) (in, out *ticket) {
	d.mu.Lock()
	defer d.mu.Unlock()
	count := map[string]int{}
	most := ""
	for _, s := range d.strangers {
		if count[s.source]++; count[s.source] > count[most] {
			most = s.source
		}
	}
	if count[t.source] >= d.limits.PerSource {
		return nil, nil
	}
	if len(d.strangers) >= d.limits.Strangers {
		if count[t.source]+1 >= count[most] {
			return nil, nil
		}
		out = d.strangers[slices.IndexFunc(d.strangers, func(s *ticket) bool { return s.source == most })]
		d.remove(out)
	}
	d.strangers = append(d.strangers, t)
	return t, out
}

// remove takes a stranger off the list and reports whether it was on it.
func (d *door) remove(t *ticket) bool {
	i := slices.Index(d.strangers, t)
	if i < 0 {
		return false
	}
	d.strangers = slices.Delete(d.strangers, i, i+1)
	return true
}

// admit makes a stranger a client, if there may be another.
func (d *door) admit(t *ticket) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.clients >= d.limits.Clients || !d.remove(t) {
		return false
	}
	t.inside = true
	d.clients++
	return true
}

// leave forgets a connection.
func (d *door) leave(t *ticket) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t.inside {
		d.clients--
		return
	}
	d.remove(t)
}

// slots counts what is limited by a setting that may change.
type slots struct {
	mu   sync.Mutex
	used int
}

// take takes one of limit and reports whether one was free.
func (s *slots) take(limit int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used >= limit {
		return false
	}
	s.used++
	return true
}

func (s *slots) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used--
}
