// Package quota shares what a service has a limited number of among users who
// have proved who they are: some is kept for administrators, and no other user has
// it all. So a user who takes what he can get keeps neither an administrator out
// nor, unless several do it together, another user.
package quota

import "sync"

// Limits divide a number of things.
type Limits struct {
	Total    int
	Reserved int // of them, for administrators alone
	Each     int // that one user may have who is no administrator
}

// Counter counts what is in use. Its zero value is ready; one mutex guards it.
type Counter struct {
	mu    sync.Mutex
	all   int
	plain int // of those who are no administrators
	users map[string]int
}

// Take takes one thing for a user, for Give to give back, and reports whether
// there was one for him. Limits may differ from call to call.
func (c *Counter) Take(l Limits, user string, admin bool) bool { return c.TakeN(l, 1, user, admin) }

// Give gives back what Take took for the same user in the same role.
func (c *Counter) Give(user string, admin bool) { c.GiveN(1, user, admin) }

// TakeN takes n things, or none.
func (c *Counter) TakeN(l Limits, n int, user string, admin bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all+n > l.Total || !admin && (c.users[user]+n > l.Each || c.plain+n > l.Total-l.Reserved) {
		return false
	}
	c.add(n, user, admin)
	return true
}

// GiveN gives n things back.
func (c *Counter) GiveN(n int, user string, admin bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(-n, user, admin)
}

// Used is how many things are in use.
func (c *Counter) Used() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all
}

func (c *Counter) add(n int, user string, admin bool) {
	if c.users == nil {
		c.users = map[string]int{}
	}
	c.all += n
	if c.users[user] += n; c.users[user] == 0 {
		delete(c.users, user)
	}
	if !admin {
		c.plain += n
	}
}
