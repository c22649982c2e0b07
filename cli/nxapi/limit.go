package nxapi

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"trunkline/feature"
	"trunkline/internal/quota"
)

// Limits bound what clients can use. Zero values are replaced by the defaults.
type Limits struct {
	Connections int // at a time, of one listener
	PerSource   int // of them, from one address, or /64 of IPv6
	Requests    int // of users who have proved who they are, at a time
	Reserved    int // of them, for network-admin
	PerUser     int // of them, of one user
	Running     int // of them, whose commands run
	AdminRuns   int // of them, for network-admin
	UserRuns    int // of them, of one user
	Rate, Burst int // requests of one user per second, and at once

	HeaderBytes int
	Body        int // of a request, in bytes
	Small       int // bodies up to that are read without waiting for others
	Large       int // larger ones that are read at a time
	Held        int // of larger ones whose requests are not answered, in bytes
	Commands    int // of one request
	Output      int // of one request, in bytes
	Replies     int // of all requests, that wait to be taken, in bytes

	Header, Read, Idle time.Duration // for the header, all of a request, and between requests
	Wait               time.Duration // for those who came before
	Run                time.Duration // for the commands of a request
	Write              time.Duration // for the reply to be taken
	Farewell           time.Duration // for replies, when the server stops
	Cookie             time.Duration // how long one is good
}

// DefaultLimits are those of a server in service.
var DefaultLimits = Limits{
	Connections: 4096, PerSource: 2048, Requests: 2048, Reserved: 256, PerUser: 1536, Running: 32, AdminRuns: 8, UserRuns: 16, Rate: 1000, Burst: 4000,
	HeaderBytes: 16 << 10, Body: 8 << 20, Small: 64 << 10, Large: 8, Held: 256 << 20, Commands: 16384, Output: 64 << 20, Replies: 256 << 20,
	Header: 10 * time.Second, Read: time.Minute, Idle: 2 * time.Minute, Wait: time.Minute, Run: 5 * time.Minute, Write: 2 * time.Minute,
	Farewell: 2 * time.Second, Cookie: 10 * time.Minute,
}

func (l Limits) complete() Limits {
	d := DefaultLimits
	for _, f := range []struct{ v, def *time.Duration }{
		{&l.Header, &d.Header}, {&l.Read, &d.Read}, {&l.Idle, &d.Idle}, {&l.Wait, &d.Wait}, {&l.Run, &d.Run},
		{&l.Write, &d.Write}, {&l.Farewell, &d.Farewell}, {&l.Cookie, &d.Cookie},
	} {
		if *f.v == 0 {
			*f.v = *f.def
		}
	}
	for _, f := range []struct{ v, def *int }{
		{&l.Connections, &d.Connections}, {&l.PerSource, &d.PerSource}, {&l.Requests, &d.Requests}, {&l.Reserved, &d.Reserved},
		{&l.PerUser, &d.PerUser}, {&l.Running, &d.Running}, {&l.AdminRuns, &d.AdminRuns}, {&l.UserRuns, &d.UserRuns}, {&l.Rate, &d.Rate}, {&l.Burst, &d.Burst},
		{&l.HeaderBytes, &d.HeaderBytes}, {&l.Body, &d.Body}, {&l.Small, &d.Small}, {&l.Large, &d.Large}, {&l.Held, &d.Held},
		{&l.Commands, &d.Commands}, {&l.Output, &d.Output}, {&l.Replies, &d.Replies},
	} {
		if *f.v == 0 {
			*f.v = *f.def
		}
	}
	return l
}

// request is how long a request takes at most, from its header to the end of its
// reply.
func (l Limits) request() time.Duration { return 2*l.Read + 2*l.Wait + l.Run + l.Write }

// gate limits requests of users who have proved who they are. All of it is shared
// as docs/adr/0020 says.
type gate struct {
	limits  Limits
	inside  quota.Counter
	running quota.Counter // requests whose commands run
	large   quota.Counter // bodies that are large and being read
	held    quota.Counter // bytes of large bodies, until their requests are answered
	replies quota.Counter // bytes of replies that wait to be taken; one for each request that runs

	runs, reads queue // for running and large

	mu    sync.Mutex
	users map[string]*guest
}

// guest is what the gate knows of a user.
type guest struct {
	inside  int
	limiter *rate.Limiter
}

// maxGuests is how many users are remembered who have no requests.
const maxGuests = 256

// refusal is why a request is not answered, as a status of HTTP; nil for none.
type refusal struct {
	status int
	reason string
}

// answer tells the client.
func (f *refusal) answer(w http.ResponseWriter) {
	switch f.status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	case http.StatusUnauthorized:
		w.Header().Set("Connection", "close")
		w.Header().Set("WWW-Authenticate", challenge)
	}
	http.Error(w, f.reason, f.status)
}

// quarters are shares of which a quarter is for network-admin and half is the most
// that one user has.
func quarters(total int) quota.Limits {
	return quota.Limits{Total: total, Reserved: total / 4, Each: max(1, total/2)}
}

// unlimited are the shares of what is there already.
var unlimited = quota.Limits{Total: math.MaxInt, Each: math.MaxInt}

func newGate(l Limits) *gate {
	g := &gate{limits: l, users: map[string]*guest{}}
	runs := quota.Limits{Total: l.Running, Reserved: l.AdminRuns, Each: l.UserRuns}
	g.runs.try = func(who feature.Identity) bool {
		user, admin := who.User, who.Role.Admin()
		if !g.replies.Take(quarters(l.Replies), user, admin) {
			return false
		}
		if !g.running.Take(runs, user, admin) {
			g.replies.Give(user, admin)
			return false
		}
		return true
	}
	g.reads.try = func(who feature.Identity) bool { return g.large.Take(quarters(l.Large), who.User, who.Role.Admin()) }
	return g
}

// enter lets a request in, until it leaves.
func (g *gate) enter(who feature.Identity) (leave func(), no *refusal) {
	u := g.guest(who.User, 1)
	out := func() { g.guest(who.User, -1) }
	if !u.limiter.Allow() {
		out()
		return nil, &refusal{http.StatusTooManyRequests, "too many requests per second"}
	}
	admin := who.Role.Admin()
	shares := quota.Limits{Total: g.limits.Requests, Reserved: g.limits.Reserved, Each: g.limits.PerUser}
	if !g.inside.Take(shares, who.User, admin) {
		out()
		return nil, &refusal{http.StatusTooManyRequests, "too many requests at a time"}
	}
	return func() {
		g.inside.Give(who.User, admin)
		out()
	}, nil
}

// guest finds a user who comes (1) or goes (-1).
func (g *gate) guest(user string, change int) *guest {
	g.mu.Lock()
	defer g.mu.Unlock()
	u := g.users[user]
	if u == nil {
		for name, v := range g.users {
			if len(g.users) < maxGuests {
				break
			}
			if v.inside == 0 {
				delete(g.users, name)
			}
		}
		u = &guest{limiter: rate.NewLimiter(rate.Limit(g.limits.Rate), g.limits.Burst)}
		g.users[user] = u
	}
	u.inside += change
	return u
}

// start waits until commands of a user may run: there is a turn for him, and
// replies of before have been taken. Done says that they have run and that their
// reply is kept.
func (g *gate) start(ctx context.Context, who feature.Identity) (done func(), no *refusal) {
	ctx, cancel := context.WithTimeout(ctx, g.limits.Wait)
	defer cancel()
	if !g.runs.wait(ctx, who) {
		return nil, &refusal{http.StatusServiceUnavailable, "too many requests run, or too many replies wait to be taken"}
	}
	return func() {
		user, admin := who.User, who.Role.Admin()
		g.replies.Give(user, admin)
		g.running.Give(user, admin)
		g.runs.wake()
	}, nil
}

// keep counts a reply that waits to be taken, until it has been. Replies are made
// already when their size is known, so what requests that ran have to say may be
// more than the limit.
func (g *gate) keep(who feature.Identity, bytes int) (taken func()) {
	user, admin := who.User, who.Role.Admin()
	g.replies.TakeN(unlimited, bytes, user, admin)
	return func() {
		g.replies.GiveN(bytes, user, admin)
		g.runs.wake()
	}
}

// receive reads and parses a request, which is in memory until it is let go of.
func (s *Server) receive(w http.ResponseWriter, r *http.Request, who feature.Identity) (q *request, out *reply, letGo func(), no *refusal) {
	tooLarge := &refusal{http.StatusRequestEntityTooLarge, "the request is too large"}
	user, admin := who.User, who.Role.Admin()
	if r.ContentLength < 0 || r.ContentLength > int64(s.limits.Small) {
		if r.ContentLength > int64(s.limits.Body) {
			return nil, nil, nil, tooLarge
		}
		ctx, cancel := context.WithTimeout(r.Context(), s.limits.Wait)
		defer cancel()
		if !s.gate.reads.wait(ctx, who) {
			return nil, nil, nil, &refusal{http.StatusServiceUnavailable, "too many large requests are read"}
		}
		defer func() { // it is parsed by then
			s.gate.large.Give(user, admin)
			s.gate.reads.wake()
		}()
		// The time of the client begins when he is listened to.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.limits.Read)) // the server has one
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(s.limits.Body)))
	if long := (*http.MaxBytesError)(nil); errors.As(err, &long) {
		return nil, nil, nil, tooLarge
	} else if err != nil {
		return nil, nil, nil, &refusal{http.StatusBadRequest, "the request ends early"}
	}
	letGo = func() {}
	if n := len(body); n > s.limits.Small {
		if !s.gate.held.TakeN(quarters(s.limits.Held), n, user, admin) {
			return nil, nil, nil, &refusal{http.StatusTooManyRequests, "too many large requests at a time"}
		}
		letGo = func() { s.gate.held.GiveN(n, user, admin) }
	}
	q, out = s.parse(r.Header.Get("Content-Type"), body)
	return q, out, letGo, nil
}
