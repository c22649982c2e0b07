package aaa

import (
	"slices"
	"strings"
	"sync"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
	users "trunkline/feature/aaa"
)

// bans lock local users out, wherever they come from, as configuration says (aaa
// authentication rejected). It counts users that there are, so it is as large as
// the configuration. The guard of each source (lockout) is beside it.
type bans struct {
	mu    sync.Mutex
	users map[string]*ban
}

// ban is what is known of the failures of one user.
type ban struct {
	n     uint32
	first time.Time // of those counted
	until time.Time // of the lock, zero for none
}

// failed counts a failure of a user who exists, and reports whether he is locked
// out by it.
func (b *bans) failed(t tree.Tree, user string) bool {
	rule := users.Lockout(t)
	if rule == (users.Rejected{}) || !users.Exists(t, user) {
		return false
	}
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.users == nil {
		b.users = map[string]*ban{}
	}
	for u := range b.users {
		if !users.Exists(t, u) {
			delete(b.users, u)
		}
	}
	f := b.users[user]
	if f == nil {
		f = &ban{}
		b.users[user] = f
	}
	if f.n == 0 || now.Sub(f.first) > time.Duration(rule.Within)*time.Second {
		f.n, f.first = 0, now
	}
	if f.n++; f.n < rule.Attempts {
		return false
	}
	f.n, f.until = 0, now.Add(time.Duration(rule.Ban)*time.Second)
	return true
}

// banned reports whether a user is locked out.
func (b *bans) banned(user string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.users[user]
	return f != nil && time.Now().Before(f.until)
}

// succeeded forgets the failures of a user.
func (b *bans) succeeded(user string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.users, user)
}

// Blocked are the users who are locked out, by name.
func (a *Authenticator) Blocked() []feature.Blocked {
	a.bans.mu.Lock()
	defer a.bans.mu.Unlock()
	var all []feature.Blocked
	for user, f := range a.bans.users {
		if time.Now().Before(f.until) {
			all = append(all, feature.Blocked{User: user, Until: f.until})
		}
	}
	slices.SortFunc(all, func(x, y feature.Blocked) int { return strings.Compare(x.User, y.User) })
	return all
}

// Unblock lets a user log in again, or all for "", and reports whether there was
// one who was locked out. What guards against one source is not changed.
func (a *Authenticator) Unblock(user string) bool {
	a.bans.mu.Lock()
	defer a.bans.mu.Unlock()
	found := false
	for u, f := range a.bans.users {
		if user == "" || u == user {
			found = found || time.Now().Before(f.until)
			delete(a.bans.users, u)
		}
	}
	return found
}
