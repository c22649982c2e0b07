package sshd

import (
	"slices"
	"sync"

	"trunkline/feature"
	"trunkline/internal/quota"
)

// door limits connections. Strangers are those that have not logged in; when
// there are too many, the oldest one of the address that has most makes room for
// a newcomer from an address that has fewer, so that one source cannot keep
// others out.
type door struct {
	limits Limits

	mu        sync.Mutex
	strangers []*ticket // oldest first
	clients   quota.Counter
}

// ticket is one connection at the door.
type ticket struct {
	source string
	turn   func() // closes the connection
	inside bool   // it has logged in, as
	who    feature.Identity
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

// admit makes a stranger a client, if there may be another of that user.
func (d *door) admit(t *ticket, who feature.Identity) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	shares := quota.Limits{Total: d.limits.Clients, Reserved: d.limits.Reserved, Each: d.limits.PerUser}
	if !slices.Contains(d.strangers, t) || !d.clients.Take(shares, who.User, administrator(who)) {
		return false
	}
	d.remove(t)
	t.inside, t.who = true, who
	return true
}

// administrator reports whether a user has a part in what is kept for
// administrators.
func administrator(who feature.Identity) bool { return who.Role.Admin() }

// terminals divides the sessions with a terminal that configuration allows: one
// of eight, or part of it, is kept for administrators, but never the only one.
func terminals(sessions int) quota.Limits {
	return quota.Limits{Total: sessions, Reserved: min((sessions+7)/8, sessions-1), Each: (sessions + 1) / 2}
}

// leave forgets a connection.
func (d *door) leave(t *ticket) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t.inside {
		d.clients.Give(t.who.User, administrator(t.who))
		return
	}
	d.remove(t)
}
