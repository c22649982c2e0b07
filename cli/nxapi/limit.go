package nxapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
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
	UserRuns    int // of them, of one user
	Rate, Burst int // requests of one user per second, and at once

	HeaderBytes int
	Body        int // of a request, in bytes
	Small       int // bodies up to that are read without waiting for others
	Large       int // larger ones at a time
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
	Connections: 4096, PerSource: 2048, Requests: 2048, Reserved: 256, PerUser: 1536, Running: 32, UserRuns: 16, Rate: 1000, Burst: 4000,
	HeaderBytes: 16 << 10, Body: 8 << 20, Small: 64 << 10, Large: 8, Commands: 16384, Output: 64 << 20, Replies: 256 << 20,
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
		{&l.PerUser, &d.PerUser}, {&l.Running, &d.Running}, {&l.UserRuns, &d.UserRuns}, {&l.Rate, &d.Rate}, {&l.Burst, &d.Burst},
		{&l.HeaderBytes, &d.HeaderBytes}, {&l.Body, &d.Body}, {&l.Small, &d.Small}, {&l.Large, &d.Large},
		{&l.Commands, &d.Commands}, {&l.Output, &d.Output}, {&l.Replies, &d.Replies},
	} {
		if *f.v == 0 {
			*f.v = *f.def
		}
	}
	return l
}

// gate limits requests of users who have proved who they are.
type gate struct {
	limits  Limits
	inside  quota.Counter
	slots   chan struct{} // of requests whose commands run
	large   chan struct{} // of bodies that are large
	replies atomic.Int64  // bytes that wait to be taken

	mu    sync.Mutex
	users map[string]*guest
}

// guest is what the gate knows of a user.
type guest struct {
	inside  int
	slots   chan struct{}
	limiter *rate.Limiter
}

// maxGuests is how many users are remembered who have no requests.
const maxGuests = 256

func newGate(l Limits) *gate {
	return &gate{limits: l, slots: make(chan struct{}, l.Running), large: make(chan struct{}, l.Large), users: map[string]*guest{}}
}

// enter lets a request in; leave is nil if it cannot be, for a reason.
func (g *gate) enter(who feature.Identity) (leave func(), status int, reason string) {
	u := g.guest(who.User, 1)
	out := func() { g.guest(who.User, -1) }
	if !u.limiter.Allow() {
		out()
		return nil, http.StatusTooManyRequests, "too many requests per second"
	}
	admin := who.Role.Admin()
	shares := quota.Limits{Total: g.limits.Requests, Reserved: g.limits.Reserved, Each: g.limits.PerUser}
	if g.replies.Load() > int64(g.limits.Replies) || !g.inside.Take(shares, who.User, admin) {
		out()
		return nil, http.StatusTooManyRequests, "too many requests at a time"
	}
	return func() {
		g.inside.Give(who.User, admin)
		out()
	}, 0, ""
}

// guest finds a user who comes (1), goes (-1) or is there (0).
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
		u = &guest{slots: make(chan struct{}, g.limits.UserRuns), limiter: rate.NewLimiter(rate.Limit(g.limits.Rate), g.limits.Burst)}
		g.users[user] = u
	}
	u.inside += change
	return u
}

// start waits until commands of a user may run; done says that they have.
func (g *gate) start(ctx context.Context, user string) (done func(), ok bool) {
	ctx, cancel := context.WithTimeout(ctx, g.limits.Wait)
	defer cancel()
	own := g.guest(user, 0).slots
	for i, c := range []chan struct{}{own, g.slots} {
		select {
		case c <- struct{}{}:
		case <-ctx.Done():
			if i > 0 {
				<-own
			}
			return nil, false
		}
	}
	return func() { <-g.slots; <-own }, true
}

// keep counts a reply that waits to be taken, until it has been.
func (g *gate) keep(bytes int) (taken func()) {
	g.replies.Add(int64(bytes))
	return func() { g.replies.Add(int64(-bytes)) }
}

// read reads the body of a request. Done is nil if it cannot be, for a reason; a
// status of 0 is for who has gone.
func (s *Server) read(w http.ResponseWriter, r *http.Request) (body []byte, done func(), status int, reason string) {
	done = func() {}
	if r.ContentLength < 0 || r.ContentLength > int64(s.limits.Small) {
		if r.ContentLength > int64(s.limits.Body) {
			return nil, nil, http.StatusRequestEntityTooLarge, "the request is too large"
		}
		select {
		case s.gate.large <- struct{}{}:
			done = func() { <-s.gate.large }
		case <-r.Context().Done():
			return nil, nil, 0, ""
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(s.limits.Body)))
	if err == nil {
		return body, done, 0, ""
	}
	done()
	if long := (*http.MaxBytesError)(nil); errors.As(err, &long) {
		return nil, nil, http.StatusRequestEntityTooLarge, "the request is too large"
	}
	return nil, nil, http.StatusBadRequest, "the request ends early"
}
