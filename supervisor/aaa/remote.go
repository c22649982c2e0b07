package aaa

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
	users "trunkline/feature/aaa"
	"trunkline/internal/radius"
	"trunkline/internal/tacacs"
)

// remote asks servers. One that is slow or silent holds the login or command that
// asks it and no other. Those who ask at a time are bounded, and so are those of one
// source: when strangers hold all places, users of the configuration get in where the
// methods name them, and else nobody does.
type remote struct {
	dial Dial
	// places are for logins, and others for those who are logged in: strangers take
	// none of them.
	places, commands chan struct{}

	mu sync.Mutex
	// asking is how many logins of a source wait for servers.
	asking   map[string]int
	dead     map[grave]time.Time // until when a silent server is not asked
	counters map[feature.ServerKey]feature.ServerCounters
	kept     map[link]*tacacs.Kept
	// who are those whom servers have let in, for Lookup.
	who map[string]feature.Identity
	// fallen are those who were looked for in the configuration as no server
	// answered, until they are told so.
	fallen map[string]bool
}

// Bounds of remote logins.
const (
	maxAsking = 64
	maxSource = 8    // of them, those from one source
	maxRemote = 1024 // users who are remembered
	maxKnown  = 256  // servers that something is known of
)

// errFull is the answer when all places are taken, whoever has them; it is ErrBusy.
var errFull = fmt.Errorf("servers are asked: %w", ErrBusy)

// errUnanswered says that no server gave an answer.
var errUnanswered = errors.New("no server answers")

// purpose is what a request is for.
type purpose uint8

// Purposes.
const (
	toProve purpose = iota
	toAuthorize
	toAccount
)

// of are the counters of requests for it.
func (p purpose) of(c *feature.ServerCounters) *feature.Requests {
	switch p {
	case toAuthorize:
		return &c.Authorization
	case toAccount:
		return &c.Accounting
	}
	return &c.Authentication
}

// each asks servers in turn, until one answers, but those that were lately silent to such requests
// and those without a secret. It takes one of some places. The error is ErrBusy,
// errUnanswered or that of ctx.
func (r *remote) each(ctx context.Context, places chan struct{}, what purpose, servers []users.Server, ask func(context.Context, users.Server) error) error {
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
	default:
		return errFull
	}
	for _, s := range servers {
		g := grave{keyOf(s), what == toAccount}
		if s.Key == "" || r.skip(g) {
			continue
		}
		err := ask(ctx, s)
		if ctx.Err() != nil {
			return fmt.Errorf("ask %s: %w", s.Host, ctx.Err())
		}
		if err == nil {
			return nil
		}
		if silent(err) {
			r.bury(g, s.Deadtime)
		}
	}
	return errUnanswered
}

// grave is a server that was silent: as to accounting, which RADIUS has on a port and
// often a process of its own, or as to all else.
type grave struct {
	server     feature.ServerKey
	accounting bool
}

// silent reports whether an error is that of a server that did not answer, or of the
// network. One that reports an error is not dead, as it may not know the user; nor is
// one that was not asked, as no request can say that.
func silent(err error) bool {
	return !errors.Is(err, tacacs.ErrServer) && !unsaid(err)
}

// unsaid reports whether an error is that of what no request can say.
func unsaid(err error) bool {
	return errors.Is(err, radius.ErrRecord) || errors.Is(err, tacacs.ErrTooLong)
}

func keyOf(s users.Server) feature.ServerKey {
	return feature.ServerKey{Protocol: string(s.Protocol), Host: s.Host}
}

// counted makes a request and counts what becomes of it.
func (r *remote) counted(s users.Server, what purpose, request func() error) error {
	err := request()
	if unsaid(err) {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counters == nil || len(r.counters) > maxKnown {
		r.counters = map[feature.ServerKey]feature.ServerCounters{}
	}
	c := r.counters[keyOf(s)]
	n := what.of(&c)
	n.Sent++
	var late net.Error
	switch {
	case err == nil:
		n.Answered++
	case errors.Is(err, radius.ErrSilent), errors.As(err, &late) && late.Timeout(), errors.Is(err, context.DeadlineExceeded):
		n.TimedOut++
	case errors.Is(err, tacacs.ErrServer), errors.Is(err, tacacs.ErrPacket):
		n.Errors++
	default:
		n.Failed++
	}
	r.counters[keyOf(s)] = c
	return err
}

// enter counts a login from a source, "" if it is not known, and reports whether there
// is a place for it; leave is its end.
func (r *remote) enter(source string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if source == "" {
		return true
	}
	if r.asking[source] >= maxSource {
		return false
	}
	if r.asking == nil {
		r.asking = map[string]int{}
	}
	r.asking[source]++
	return true
}

func (r *remote) leave(source string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asking[source]--; r.asking[source] <= 0 {
		delete(r.asking, source)
	}
}

// login asks servers for a user. The error is ErrDenied, ErrBusy, errUnanswered or
// that of ctx.
func (r *remote) login(ctx context.Context, t tree.Tree, servers []users.Server, user, password, source, door string) (feature.Identity, error) {
	if !r.enter(source) {
		return feature.Identity{}, ErrBusy
	}
	defer r.leave(source)
	who, ok := feature.Identity{User: user}, false
	err := r.each(ctx, r.places, toProve, servers, func(ctx context.Context, s users.Server) (err error) {
		if s.Protocol == users.Tacacs {
			who.Role, ok, err = r.tacacsLogin(ctx, t, s, user, password, source, door)
		} else {
			who.Role, ok, err = r.radiusLogin(ctx, t, s, user, password, source)
		}
		return err
	})
	if err == nil && !ok {
		err = ErrDenied
	}
	if err != nil {
		return feature.Identity{}, err
	}
	return who, nil
}

// Try reports whether the first of some servers that answers lets a user in. Nobody
// is logged in or locked out by it, and servers that were silent are asked.
func (a *Authenticator) Try(ctx context.Context, servers []feature.ServerKey, user, password string) (bool, error) {
	t := a.cfg.Running()
	var all []users.Server
	for _, s := range servers {
		a.remote.raise(grave{server: s})
		all = append(all, users.ServerOf(t, users.Protocol(s.Protocol), s.Host))
	}
	_, err := a.remote.login(ctx, t, all, user, password, "", "test")
	if errors.Is(err, ErrDenied) {
		return false, nil
	}
	return err == nil, err
}

// Counters are what became of requests to servers.
func (a *Authenticator) Counters() map[feature.ServerKey]feature.ServerCounters {
	a.remote.mu.Lock()
	defer a.remote.mu.Unlock()
	all := make(map[feature.ServerKey]feature.ServerCounters, len(a.remote.counters))
	for k, v := range a.remote.counters {
		all[k] = v
	}
	return all
}

// ClearCounters forgets what became of requests to a server.
func (a *Authenticator) ClearCounters(server feature.ServerKey) {
	a.remote.mu.Lock()
	defer a.remote.mu.Unlock()
	delete(a.remote.counters, server)
}

// rolesOf are the roles in attributes of an answer, shell:roles="a b", as far as
// there are such here; "" without any.
func rolesOf(t tree.Tree, pairs []string) feature.Role {
	const most = 16
	known := map[string]bool{}
	for _, name := range users.Roles(t) {
		known[name] = true
	}
	var names []string
	for _, pair := range pairs {
		for _, name := range rolesIn(pair) {
			if known[name] && len(names) < most {
				names = append(names, name)
			}
		}
	}
	return feature.Roles(names...)
}

// rolesIn are the roles in one attribute.
func rolesIn(pair string) []string {
	for _, begin := range []string{"cisco-av-pair=", "cisco-av-pair*"} {
		pair = strings.TrimPrefix(pair, begin)
	}
	for _, begin := range []string{"shell:roles=", "shell:roles*"} {
		if list, ok := strings.CutPrefix(pair, begin); ok {
			return strings.Fields(strings.Trim(list, `"`))
		}
	}
	return nil
}

// skip reports whether a server is left out for having been silent.
func (r *remote) skip(g grave) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	until, ok := r.dead[g]
	if ok && !time.Now().Before(until) {
		delete(r.dead, g)
		return false
	}
	return ok
}

// bury leaves a silent server out for a while; raise has it asked again.
func (r *remote) bury(g grave, deadtime time.Duration) {
	if deadtime == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dead == nil || len(r.dead) >= maxKnown {
		r.dead = map[grave]time.Time{}
	}
	r.dead[g] = time.Now().Add(deadtime)
}

func (r *remote) raise(g grave) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.dead, g)
}

// remember keeps who a server has let in; with no role it forgets him.
func (r *remote) remember(who feature.Identity) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if who.Role == "" {
		delete(r.who, who.User)
		return
	}
	if r.who == nil {
		r.who = map[string]feature.Identity{}
	}
	for user := range r.who {
		if len(r.who) < maxRemote {
			break
		}
		delete(r.who, user) // his sessions end with the next change of users
	}
	r.who[who.User] = who
}

// lookup returns who a server has let in last under a name.
func (r *remote) lookup(user string) (feature.Identity, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	who, ok := r.who[user]
	return who, ok
}

// fell notes that a user is looked for in the configuration as no server answered;
// told reports whether he was, once.
func (r *remote) fell(user string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fallen == nil || len(r.fallen) >= maxRemote {
		r.fallen = map[string]bool{}
	}
	r.fallen[user] = true
}

func (r *remote) told(user string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	ok := r.fallen[user]
	delete(r.fallen, user)
	return ok
}
