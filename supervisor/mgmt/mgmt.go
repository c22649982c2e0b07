// Package mgmt is the service of the supervisor's own interfaces: of mgmt0, a
// device of its machine, given to it by name, and of the SVIs, whose devices a
// line card makes (svi.go).
//
// What configuration sets (feature/management) the service brings about with
// netlink, again whenever the device changes. What it does not set is the
// machine's and stays: an address or route is removed only if the service has
// set it, or if configuration sets another in its place; what was replaced
// returns when configuration no longer sets it, as long as the service lives.
//
// Where the machine refuses (no NET_ADMIN, no such device), the reason is in
// the log and in the port's Error, and the service tries again when something
// changes and every few seconds.
//
// Run is the one writer; all other methods may be called from any goroutine.
package mgmt

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/vishvananda/netlink"

	"trunkline/feature"
	"trunkline/feature/management"
)

// Config says what mgmt0 is.
type Config struct {
	Device string // of the machine: "eth0"
	// Changed is called when anything but counters has changed; nil for never.
	Changed func()
	// Watchers are told when addresses have changed; nil for those of the service
	// alone.
	Watchers *Watchers
	Log      *slog.Logger
}

// Snapshot is mgmt0 at one moment. It never changes.
type Snapshot struct {
	Port feature.PortState
	// Prefixes are its global addresses with the lengths of their subnets,
	// IPv4 first.
	Prefixes []netip.Prefix
}

// Service keeps mgmt0.
type Service struct {
	dev     device
	log     *slog.Logger
	changed func()
	wake    chan struct{} // of one
	wanted  atomic.Pointer[management.Wanted]
	now     atomic.Pointer[Snapshot]
	owned   owned // of Run
	routes  seen

	watchers *Watchers
}

// New returns the service; what the device has is known at once.
func New(c Config) *Service {
	s := &Service{dev: device(c.Device), log: c.Log, changed: c.Changed, wake: make(chan struct{}, 1), watchers: c.Watchers}
	if s.watchers == nil {
		s.watchers = &Watchers{}
	}
	s.wanted.Store(&management.Wanted{})
	s.observe(nil)
	return s
}

// Set says what configuration wants. It does not block.
func (s *Service) Set(w management.Wanted) {
	s.wanted.Store(&w)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Snapshot returns mgmt0 as it was last seen, with its counters as they are.
func (s *Service) Snapshot() Snapshot {
	now := *s.now.Load()
	if c, err := s.dev.counters(); err == nil {
		now.Port.Counters = c
	}
	return now
}

// Subscribe returns a channel that holds a token once the addresses may have
// changed since it was last taken from; cancel ends it.
func (s *Service) Subscribe() (wake <-chan struct{}, cancel func()) { return s.watchers.Subscribe() }

// lookAgain is how often the device is looked at when nothing is heard of it:
// for its counters, and to try again.
const lookAgain = 10 * time.Second

// pause is the least time between two changes of the device.
const pause = 50 * time.Millisecond

// Run keeps the device as configuration wants it until ctx ends. The device is
// left as it is then.
func (s *Service) Run(ctx context.Context) {
	links := make(chan netlink.LinkUpdate, 64)
	addresses := make(chan netlink.AddrUpdate, 64)
	done := make(chan struct{})
	defer close(done)
	// Without them the device is looked at now and then.
	if err := netlink.LinkSubscribe(links, done); err != nil {
		s.log.Warn("watch links", "error", err)
		links = nil
	}
	if err := netlink.AddrSubscribe(addresses, done); err != nil {
		s.log.Warn("watch addresses", "error", err)
		addresses = nil
	}
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		changed, err := s.apply()
		s.observe(err)
		if changed && !sleep(ctx, pause) { // nobody may make it busy by undoing everything at once
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.wake:
			if s.cuts() && !sleep(ctx, grace) {
				return
			}
		case _, ok := <-links:
			if !ok {
				links = nil
			}
			drain(links)
		case _, ok := <-addresses:
			if !ok {
				addresses = nil
			}
			drain(addresses)
		}
	}
}

// sleep waits, and reports whether ctx lasts.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// grace is how long the device stays as it is after a change of configuration
// that may cut off who made it: the answer goes first.
const grace = 700 * time.Millisecond

// cuts reports whether what is wanted takes something away from the device.
func (s *Service) cuts() bool {
	_, has, err := s.dev.read()
	if err != nil {
		return false
	}
	actions, _ := plan(*s.wanted.Load(), has, s.owned)
	return slices.ContainsFunc(actions, func(x action) bool { return x.op == removeAddress || x.op == removeRoute || x.op == linkDown })
}

// drain takes what else is waiting, so that many changes are looked at once.
func drain[T any](c chan T) {
	for {
		select {
		case _, ok := <-c:
			if !ok {
				return
			}
		default:
			return
		}
	}
}

// apply makes the device what is wanted. It reports whether something had to
// change, and what could not be done.
func (s *Service) apply() (changed bool, err error) {
	w := *s.wanted.Load()
	_, before, err := s.dev.read()
	if err != nil {
		if w.Any {
			return false, err
		}
		return false, nil
	}
	actions, next := plan(w, before, s.owned)
	if len(actions) == 0 {
		s.owned = next
		return false, nil
	}
	var errs []error
	addressed := false
	for _, x := range actions {
		addressed = addressed || x.op == addAddress || x.op == removeAddress
		err := s.dev.apply(x)
		switch {
		case err == nil:
		case x.op == addAddress:
			next.addresses = slices.DeleteFunc(next.addresses, func(p netip.Prefix) bool { return p == x.address })
			if slices.Contains(s.owned.replacedAddresses, x.address) && !slices.Contains(next.replacedAddresses, x.address) {
				next.replacedAddresses = append(next.replacedAddresses, x.address)
			}
		case x.op == addRoute && slices.Contains(s.owned.replacedRoutes, x.route):
			// Its next hop cannot be reached from the configured address.
			if !slices.Contains(next.replacedRoutes, x.route) {
				next.replacedRoutes = append(next.replacedRoutes, x.route)
			}
			continue
		case x.op == addRoute:
			next.routes = slices.DeleteFunc(next.routes, func(r management.Route) bool { return r == x.route })
		}
		errs = append(errs, err)
	}
	s.owned = next
	if addressed {
		s.keepRoutes(before.routes)
	}
	return true, errors.Join(errs...)
}

// keepRoutes adds the machine's routes again that went with the address through
// which their next hop was reached, if another reaches it now.
func (s *Service) keepRoutes(before []management.Route) {
	_, now, err := s.dev.read()
	if err != nil {
		return
	}
	for _, r := range before {
		if slices.Contains(now.routes, r) || slices.Contains(s.owned.replacedRoutes, r) || slices.Contains(s.owned.routes, r) {
			continue
		}
		if err := s.dev.apply(action{op: addRoute, route: r}); err != nil {
			s.log.Debug("route of the machine is gone", "route", r, "error", err)
		}
	}
}

// observe makes the snapshot, with what could not be done.
func (s *Service) observe(failed error) {
	port, has, err := s.dev.read()
	if failed == nil && err != nil {
		failed = err
	}
	if failed != nil {
		port.Error = failed.Error()
	}
	was := s.now.Load()
	port.Since = time.Time{}
	if was != nil {
		port.Since = was.Port.Since
		if was.Port.Up != port.Up {
			port.Since = time.Now()
		}
	}
	if failed != nil && (was == nil || was.Port.Error != port.Error) {
		s.log.Warn("mgmt0", "device", string(s.dev), "error", failed)
	}
	s.routes.keep(has.routes, time.Now())
	s.now.Store(&Snapshot{Port: port, Prefixes: has.addresses})
	if was != nil && s.changed != nil && (was.Port.Up != port.Up || was.Port.Reason != port.Reason || was.Port.MTU != port.MTU ||
		was.Port.MAC != port.MAC || was.Port.Kind != port.Kind || was.Port.Error != port.Error || !slices.Equal(was.Prefixes, has.addresses)) {
		s.changed()
	}
	if was != nil && slices.Equal(was.Prefixes, has.addresses) {
		return
	}
	s.watchers.wake()
}
