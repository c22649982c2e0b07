package gnmi

import (
	"errors"
	"io"
	"sync"
	"time"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Periods of subscriptions (spec/gnmi.md §1.8).
const (
	minSample     = time.Second
	counterPeriod = 2 * time.Second  // of samples in an ON_CHANGE subscription
	targetPeriod  = 10 * time.Second // of samples in a TARGET_DEFINED one
)

// subscription is one path of a stream.
type subscription struct {
	at        *place
	onChange  bool
	period    time.Duration // of samples
	heartbeat time.Duration // 0: none
	suppress  bool          // samples that have not changed
	changed   bool          // samples only if they have moved

	held int            // samples of sent that are counted as held
	last *image         // sent last
	sent map[string]any // samples sent last, by path
	next time.Time      // of the next sample
	beat time.Time      // of the next heartbeat
}

// Subscribe implements the gNMI service (gNMI specification §3.5).
func (s *Server) Subscribe(rpc pb.GNMI_SubscribeServer) error {
	user, admin := callerOf(rpc.Context()).share()
	if !s.shares.streams.Take(streamShares, user, admin) {
		return status.Errorf(codes.ResourceExhausted, "too many subscriptions: at most %d of one user and %d of all, of which %d are network-admin's",
			streamShares.Each, streamShares.Total, streamShares.Reserved)
	}
	defer s.shares.streams.Give(user, admin)
	first, err := rpc.Recv()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	list := first.GetSubscribe()
	if list == nil {
		return status.Error(codes.InvalidArgument, "the first message is no subscription list")
	}
	ext, err := extensions(first.GetExtension(), onSubscribe)
	if err != nil {
		return err
	}
	subs, err := s.subscriptions(list)
	if err != nil {
		return err
	}
	stuck := make(chan struct{})
	timer := time.AfterFunc(never, sync.OnceFunc(func() { close(stuck) }))
	timer.Stop()
	out := &sender{rpc: rpc, stuck: timer, wait: s.patience, hold: func(n int) error { return s.hold(rpc.Context(), n) }, target: list.GetPrefix().GetTarget(), enc: list.GetEncoding(), depth: ext.depth}
	// Only the end of the RPC interrupts a send that waits for the client.
	result := make(chan error, 1)
	s.sending.Go(func() { result <- s.serve(out, subs, list) })
	closed, why := gone(rpc.Context())
	select {
	case err := <-result:
		return err
	case <-stuck:
		return status.Errorf(codes.ResourceExhausted, "the client has read nothing for %v", s.patience)
	case <-closed:
		return why()
	}
}

// serve answers a subscription list in its mode.
func (s *Server) serve(out *sender, subs []*subscription, list *pb.SubscriptionList) error {
	switch list.GetMode() {
	case pb.SubscriptionList_ONCE:
		return s.once(out, subs, list.GetUpdatesOnly())
	case pb.SubscriptionList_POLL:
		return s.poll(out, subs, list.GetUpdatesOnly())
	case pb.SubscriptionList_STREAM:
		return s.stream(out, subs, list.GetUpdatesOnly())
	}
	return status.Errorf(codes.InvalidArgument, "mode %d is not defined", list.GetMode())
}

// subscriptions checks a list.
func (s *Server) subscriptions(list *pb.SubscriptionList) ([]*subscription, error) {
	if err := checkEncoding(list.GetEncoding()); err != nil {
		return nil, err
	}
	if err := s.checkModels(list.GetUseModels()); err != nil {
		return nil, err
	}
	if n := len(list.GetSubscription()); n > maxPaths {
		return nil, status.Errorf(codes.InvalidArgument, "%d subscriptions: at most %d", n, maxPaths)
	}
	if len(list.GetSubscription()) == 0 {
		return nil, status.Error(codes.InvalidArgument, "the list has no subscription")
	}
	var subs []*subscription
	for _, one := range list.GetSubscription() {
		at, err := s.locate(list.GetPrefix(), one.GetPath(), codes.InvalidArgument)
		if err != nil {
			return nil, err
		}
		if at.cli {
			return nil, status.Error(codes.Unimplemented, "origin cli cannot be subscribed to")
		}
		sub := &subscription{at: at}
		if list.GetMode() == pb.SubscriptionList_STREAM {
			if err := sub.timing(one); err != nil {
				return nil, err
			}
		}
		subs = append(subs, sub)
	}
	return subs, nil
}

// timing reads when a subscription of a stream sends.
func (u *subscription) timing(one *pb.Subscription) error {
	text := u.at.pattern.text
	interval := time.Duration(min(one.GetSampleInterval(), uint64(1<<62)))
	u.heartbeat = time.Duration(min(one.GetHeartbeatInterval(), uint64(1<<62)))
	if u.heartbeat != 0 && u.heartbeat < minSample {
		return invalid(text, "a heartbeat interval of %v is too short; at least %v", u.heartbeat, minSample)
	}
	switch one.GetMode() {
	case pb.SubscriptionMode_SAMPLE:
		if interval != 0 && interval < minSample {
			return invalid(text, "a sample interval of %v is too short; at least %v", interval, minSample)
		}
		u.period, u.suppress = max(interval, minSample), one.GetSuppressRedundant()
		return nil
	case pb.SubscriptionMode_ON_CHANGE:
		u.onChange, u.period, u.changed = true, counterPeriod, true
	case pb.SubscriptionMode_TARGET_DEFINED:
		u.onChange, u.period = true, targetPeriod
	default:
		return invalid(text, "subscription mode %d is not defined", one.GetMode())
	}
	if interval != 0 {
		return invalid(text, "a sample interval goes with mode SAMPLE only")
	}
	return nil
}

func (s *Server) once(out *sender, subs []*subscription, updatesOnly bool) error {
	out.left = s.answer
	if !updatesOnly {
		i := s.imageFor(callerOf(out.rpc.Context()))
		for _, u := range subs {
			if err := out.all(u, i, 0); err != nil {
				return err
			}
		}
	}
	return out.sync()
}

func (s *Server) poll(out *sender, subs []*subscription, updatesOnly bool) error {
	for {
		m, err := out.rpc.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case m.GetPoll() == nil:
			return status.Error(codes.InvalidArgument, "a polled subscription takes only polls")
		}
		if err := s.once(out, subs, updatesOnly); err != nil {
			return err
		}
	}
}

// stream serves a subscription until the client cancels it. That it half-closes
// its side says nothing.
func (s *Server) stream(out *sender, subs []*subscription, updatesOnly bool) error {
	ctx := out.rpc.Context()
	more := make(chan error, 1)
	// The goroutine ends with the RPC: Recv fails then.
	go func() {
		_, err := out.rpc.Recv()
		if err == nil {
			err = status.Error(codes.InvalidArgument, "a stream takes one subscription list and no poll")
		}
		if !errors.Is(err, io.EOF) {
			more <- err
		}
	}()
	config, cancel := s.cfg.Store.Subscribe()
	defer cancel()
	state, cancel := s.cfg.Observer.Subscribe()
	defer cancel()
	i := s.imageFor(callerOf(ctx))
	out.left = s.answer
	start := time.Now()
	for _, u := range subs {
		u.begin(start)
		if !updatesOnly {
			if err := out.all(u, i, 0); err != nil {
				return err
			}
		} else {
			u.note(i)
		}
		if err := out.remember(u); err != nil {
			return err
		}
		u.last = i
	}
	if err := out.sync(); err != nil {
		return err
	}
	out.left = unbounded // each round is what has changed
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(time.Until(earliest(subs)))
		select {
		case <-config:
		case <-state:
		case <-timer.C:
		case err := <-more:
			return err
		case <-ctx.Done():
			return ended(ctx)
		}
		i := s.imageFor(callerOf(ctx))
		moment := time.Now()
		for _, u := range subs {
			if err := out.due(u, i, moment); err != nil {
				return err
			}
			if err := out.remember(u); err != nil {
				return err
			}
		}
	}
}

// begin starts the clocks of a subscription.
func (u *subscription) begin(start time.Time) {
	u.sent = map[string]any{}
	u.next = start.Add(u.period)
	if u.heartbeat > 0 {
		u.beat = start.Add(u.heartbeat)
	}
}

// never is later than everything.
const never = 24 * time.Hour

// earliest is when something is next due by the clock.
func earliest(subs []*subscription) time.Time {
	at := time.Now().Add(never)
	for _, u := range subs {
		if u.ticks() && u.next.Before(at) {
			at = u.next
		}
		if !u.beat.IsZero() && u.beat.Before(at) {
			at = u.beat
		}
	}
	return at
}

// ticks reports whether the subscription has anything to sample.
func (u *subscription) ticks() bool {
	if !u.onChange {
		return true
	}
	for _, n := range u.at.pattern.nodes {
		if n.moving {
			return true
		}
	}
	return false
}

// advance moves a deadline beyond the present moment.
func advance(at time.Time, period time.Duration, moment time.Time) time.Time {
	at = at.Add(period)
	if at.Before(moment) { // the client was slow: what was missed is not made up for
		return moment.Add(period)
	}
	return at
}
