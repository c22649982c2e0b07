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
)

// remote asks RADIUS servers. A server that is slow or silent holds the login that
// asks it and no other: local users need none of its places, and those who ask are
// bounded.
type remote struct {
	dial   Dial
	places chan struct{}

	mu   sync.Mutex
	dead map[string]time.Time // until when a silent server is not asked, by host
	// who are those whom servers have let in, for Lookup.
	who map[string]feature.Identity
}

// Bounds of remote logins.
const (
	maxAsking = 64
	maxRemote = 1024 // users who are remembered
)

// errUnanswered says that no server gave an answer.
var errUnanswered = errors.New("no server answers")

// login asks the servers of groups in turn, until one answers, but those that were
// silent lately. The error is ErrDenied, ErrBusy, errUnanswered or that of ctx.
func (r *remote) login(ctx context.Context, t tree.Tree, groups []string, user, password, source string) (feature.Identity, error) {
	var servers []users.Server
	for _, g := range groups {
		for _, s := range users.GroupServers(t, g) {
			if !r.skip(s.Host) {
				servers = append(servers, s)
			}
		}
	}
	return r.first(ctx, t, servers, user, password, source)
}

// first asks servers in turn, until one answers; the error is as of login.
func (r *remote) first(ctx context.Context, t tree.Tree, servers []users.Server, user, password, source string) (feature.Identity, error) {
	select {
	case r.places <- struct{}{}:
		defer func() { <-r.places }()
	default:
		return feature.Identity{}, ErrBusy
	}
	for _, s := range servers {
		if s.Key == "" {
			continue
		}
		answer, err := r.ask(ctx, s, user, password, source)
		if ctx.Err() != nil {
			return feature.Identity{}, fmt.Errorf("ask %s: %w", s.Host, ctx.Err())
		}
		if err != nil {
			r.bury(s.Host, users.Deadtime(t))
			continue
		}
		if answer.Code != radius.AccessAccept {
			return feature.Identity{}, ErrDenied
		}
		return feature.Identity{User: user, Role: roleOf(t, answer)}, nil
	}
	return feature.Identity{}, errUnanswered
}

// Try reports whether the first of some servers that answers lets a user in. Nobody
// is logged in or locked out by it.
func (a *Authenticator) Try(ctx context.Context, hosts []string, user, password string) (bool, error) {
	t := a.cfg.Running()
	var servers []users.Server
	for _, h := range hosts {
		servers = append(servers, users.ServerOf(t, h))
	}
	_, err := a.remote.first(ctx, t, servers, user, password, "")
	if errors.Is(err, ErrDenied) {
		return false, nil
	}
	return err == nil, err
}

// ask sends a login to a server; from nowhere if source is "".
func (r *remote) ask(ctx context.Context, s users.Server, user, password, source string) (*radius.Packet, error) {
	more := []radius.Attribute{{Type: radius.NASIdentifier, Value: []byte("trunkline")}}
	if source != "" {
		more = append(more, radius.Attribute{Type: radius.CallingStationID, Value: []byte(source)})
	}
	request, err := radius.Login(user, password, s.Key, more...)
	if err != nil {
		return &radius.Packet{Code: radius.AccessReject}, nil // no server has such a user
	}
	return radius.Server{
		Dial:   func(ctx context.Context) (net.Conn, error) { return r.dial(ctx, "udp", s.Host, s.Port) },
		Secret: s.Key, Timeout: s.Timeout, Retransmit: s.Retransmit,
	}.Exchange(ctx, request)
}

// roleOf are the roles in an answer, shell:roles="a b", as far as there are such
// here; network-operator without any.
func roleOf(t tree.Tree, answer *radius.Packet) feature.Role {
	const most = 16
	known := map[string]bool{}
	for _, name := range users.Roles(t) {
		known[name] = true
	}
	var names []string
	for _, pair := range answer.AVPairs() {
		for _, sign := range []string{"=", "*"} {
			if list, ok := strings.CutPrefix(pair, "shell:roles"+sign); ok {
				for _, name := range strings.Fields(strings.Trim(list, `"`)) {
					if known[name] && len(names) < most {
						names = append(names, name)
					}
				}
			}
		}
	}
	if names == nil {
		return feature.NetworkOperator
	}
	return feature.Roles(names...)
}

// skip reports whether a server is left out for having been silent.
func (r *remote) skip(host string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	until, ok := r.dead[host]
	if ok && !time.Now().Before(until) {
		delete(r.dead, host)
		return false
	}
	return ok
}

// bury leaves a silent server out for a while.
func (r *remote) bury(host string, d time.Duration) {
	if d == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dead == nil || len(r.dead) >= maxRemote {
		r.dead = map[string]time.Time{}
	}
	r.dead[host] = time.Now().Add(d)
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
