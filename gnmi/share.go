package gnmi

import (
	"context"
	"sync"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"trunkline/feature"
	"trunkline/internal/quota"
)

// What clients share. Each user has a part, and a part is kept for network-admin.
var (
	rpcShares    = quota.Limits{Total: 4096, Reserved: 512, Each: 1536} // RPCs under way
	streamShares = quota.Limits{Total: maxStreams, Reserved: 128, Each: 512}
	// Bytes of requests (see client), of answers that clients have not taken, and
	// of samples that subscriptions remember.
	heldShares = quota.Limits{Total: 512 << 20, Reserved: 128 << 20, Each: 192 << 20}
)

// maxAnswer bounds what one Get answers, or one round of a Subscribe, in encoded
// bytes.
const maxAnswer = 64 << 20

// atOnce is how many answers of Get are made at a time for network-admin, and for
// all others.
const atOnce = 2

// shares counts what clients use.
type shares struct {
	rpcs, streams, held, conns quota.Counter
	making                     [2]chan struct{} // a token for each answer; the second for network-admin

	mu   sync.Mutex
	last uint64
	live map[uint64]*live // RPCs that end with their user
}

// live is an RPC under way. Its end is no end of its context: gRPC would answer
// that in its own words.
type live struct {
	who  caller
	gone chan struct{} // closed when the user is not who he was
	why  error         // then
}

// end ends the RPC, once.
func (l *live) end(why error) {
	l.why = why
	close(l.gone)
}

type liveKey struct{}

// gone returns a channel that is closed when the user of an RPC is not who he was,
// nil for never, and why returns the status then.
func gone(ctx context.Context) (closed <-chan struct{}, why func() error) {
	l, ok := ctx.Value(liveKey{}).(*live)
	if !ok {
		return nil, func() error { return nil }
	}
	return l.gone, func() error { return l.why }
}

func newShares() shares {
	return shares{
		making: [2]chan struct{}{make(chan struct{}, atOnce), make(chan struct{}, atOnce)},
		live:   map[uint64]*live{},
	}
}

// share is who has a part: those of a local socket are one user of their own.
func (c caller) share() (user string, admin bool) {
	if c.local {
		return "", true
	}
	return c.User, c.Role.Admin()
}

// admit counts an RPC in until its context, that of the stream, ends. See gone for
// what ends it early; not a Set, which is one transaction and short.
func (s *Server) admit(ctx context.Context, who caller, method string) (context.Context, error) {
	user, admin := who.share()
	if !clientOf(ctx).login(user, admin) {
		return ctx, status.Error(codes.ResourceExhausted, "too many connections")
	}
	if !s.shares.rpcs.Take(rpcShares, user, admin) {
		return ctx, status.Error(codes.ResourceExhausted, "too many RPCs under way")
	}
	one := &live{who: who, gone: make(chan struct{})}
	l := &s.shares
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	id := l.last
	if !who.local && method != pb.GNMI_Set_FullMethodName {
		if why := s.changed(who); why != nil { // since he proved who he is
			l.rpcs.Give(user, admin)
			return ctx, why
		}
		l.live[id] = one
	}
	context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.live, id)
		l.rpcs.Give(user, admin)
	})
	return context.WithValue(context.WithValue(ctx, callerKey{}, who), liveKey{}, one), nil
}

// changed says why a user is not who he was when his RPC began, nil if he is.
func (s *Server) changed(who caller) error {
	if who.local || s.cfg.Users == nil {
		return nil
	}
	switch now, ok := s.cfg.Users.Lookup(who.User); {
	case !ok:
		return status.Error(codes.Unauthenticated, "the user has been removed")
	case now != who.Identity:
		return status.Error(codes.PermissionDenied, "the user has another role now")
	}
	return nil
}

// review ends the RPCs of users who have changed.
func (s *Server) review() {
	l := &s.shares
	l.mu.Lock()
	defer l.mu.Unlock()
	asked := map[feature.Identity]error{}
	for id, one := range l.live {
		why, ok := asked[one.who.Identity]
		if !ok {
			why = s.changed(one.who)
			asked[one.who.Identity] = why
		}
		if why != nil {
			one.end(why)
			delete(l.live, id)
		}
	}
}

// turn waits for a turn to make an answer.
func (s *Server) turn(ctx context.Context, who caller) (done func(), err error) {
	making := s.shares.making[0]
	if _, admin := who.share(); admin {
		making = s.shares.making[1]
	}
	closed, why := gone(ctx)
	select {
	case making <- struct{}{}:
		return func() { <-making }, nil
	case <-closed:
		return nil, why()
	case <-ctx.Done():
		return nil, ended(ctx)
	}
}

// hold counts bytes as held until ctx ends.
func (s *Server) hold(ctx context.Context, n int) error {
	if n == 0 {
		return nil
	}
	user, admin := callerOf(ctx).share()
	if !s.shares.held.TakeN(heldShares, n, user, admin) {
		return status.Error(codes.ResourceExhausted, "answers that wait for clients, and what subscriptions remember, take too much memory")
	}
	context.AfterFunc(ctx, func() { s.shares.held.GiveN(n, user, admin) })
	return nil
}

// ended is the status of a context that has ended.
func ended(ctx context.Context) error { return status.FromContextError(context.Cause(ctx)).Err() }

var errAnswer = status.Error(codes.ResourceExhausted, "the answer is too long; ask for less at a time")
