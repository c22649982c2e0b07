// Package ntp keeps the time from the network (RFC 5905): it asks the servers that
// configuration names, chooses which one to follow, and sets the clock of the
// machine by it, where it may.
//
// Each source has a goroutine that asks it, more often at first. Of the last
// answers the one with the least delay counts (RFC 5905 §10). After each answer
// the choice is made anew, by the pure function choose.
//
// The clock is that of the machine, which other programs share: it is set only
// with a Clock, which the caller passes if he was told to. Small offsets are slewed
// by the kernel, others stepped. Without a Clock offsets are measured and shown.
//
// The mutex guards sources and what is known of them.
package ntp

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"time"

	"trunkline/feature"
	"trunkline/feature/ntp"
	"trunkline/internal/roster"
)

// Config is of a Service.
type Config struct {
	// Dial connects to a host by name or address from a local address, which may
	// be invalid.
	Dial func(ctx context.Context, host string, port uint16, local netip.Addr) (net.Conn, error)
	// Management returns the address of mgmt0, invalid for none.
	Management func() netip.Addr
	// Port is that of servers, 0 for 123.
	Port uint16
	// Clock is set by what is measured; nil: it is not, for the Reason.
	Clock  Clock
	Reason string
	// First is the pause between the first questions, 0 for 2 s.
	First time.Duration
	Log   *slog.Logger
}

// Clock is the clock of the machine. Both functions return at once.
type Clock interface {
	Step(by time.Duration) error // at once
	Slew(by time.Duration) error // little by little
}

// Service keeps the time.
type Service struct {
	cfg     Config
	changed chan struct{} // of one: the sources are others

	mu       sync.Mutex
	settings ntp.Settings
	sources  []*source
	selected *source // nil for none
	set      bool    // the clock follows
	failed   string  // why the clock could not be set
	right    bool    // the clock was right once
}

// Intervals.
const (
	defaultPort = 123
	firstPause  = 2 * time.Second
	minPoll     = 16 * time.Second
	maxPoll     = 64 * time.Second
	// stepLimit is the offset above which the clock is stepped (RFC 5905, STEPT).
	stepLimit = 128 * time.Millisecond
	// panicLimit is the offset above which a clock that was right once is left as
	// it is (RFC 5905, PANICT).
	panicLimit = 1000 * time.Second
	// enough is how many answers of a source it takes to follow it.
	enough = 3
)

// New returns a service without sources.
func New(cfg Config) *Service {
	if cfg.Port == 0 {
		cfg.Port = defaultPort
	}
	if cfg.First == 0 {
		cfg.First = firstPause
	}
	return &Service{cfg: cfg, changed: make(chan struct{}, 1)}
}

// Set has it do as configuration says from now on. Sources that are asked as
// before keep what is known of them.
func (s *Service) Set(settings ntp.Settings) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if reflect.DeepEqual(settings, s.settings) {
		return
	}
	same := settings.Authenticate == s.settings.Authenticate && settings.Source == s.settings.Source &&
		settings.SourceMgmt == s.settings.SourceMgmt && maps.Equal(settings.Keys, s.settings.Keys) && maps.Equal(settings.Trusted, s.settings.Trusted)
	next := make([]*source, len(settings.Sources))
	for i, want := range settings.Sources {
		at := slices.IndexFunc(s.sources, func(have *source) bool { return same && have.config == want })
		if at >= 0 {
			next[i] = s.sources[at]
			continue
		}
		next[i] = newSource(want, &settings)
	}
	s.settings, s.sources = settings, next
	s.chooseLocked()
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Snapshot returns how it goes.
func (s *Service) Snapshot() feature.Clock {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := feature.Clock{Reason: s.cfg.Reason, Sets: s.set}
	if s.failed != "" {
		c.Reason, c.Sets = s.failed, false
	}
	for _, src := range s.sources {
		t := src.state
		t.Selected = src == s.selected
		c.Sources = append(c.Sources, t)
	}
	if s.selected != nil {
		best := s.selected.best()
		c.Synced, c.Offset, c.Stratum = true, best.offset, best.stratum+1
	}
	return c
}

// Run asks until ctx ends.
func (s *Service) Run(ctx context.Context) {
	roster.Run(ctx, s.changed, func() []*source {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.sources
	}, s.keep)
}

// keep asks one source until ctx ends.
func (s *Service) keep(ctx context.Context, src *source) {
	for n := 0; ; n++ {
		a := s.ask(ctx, src)
		if ctx.Err() != nil {
			return
		}
		t := time.NewTimer(s.took(src, a, n))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
	}
}

// took notes an answer, or that there was none, and returns how long until the
// next question.
func (s *Service) took(src *source, a answer, n int) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	src.note(a)
	switch {
	case a.refused:
		src.state.Poll = 16 * maxPoll
	case a.err == nil && src.count <= enough, a.err != nil && n <= enough: // soon, to begin with
		src.state.Poll = s.cfg.First
	case a.err != nil || src.count < len(src.samples):
		src.state.Poll = minPoll
	default:
		src.state.Poll = min(max(2*src.state.Poll, minPoll), maxPoll)
	}
	s.chooseLocked()
	if a.err == nil && src == s.selected {
		s.discipline(src)
	}
	return src.state.Poll
}

// chooseLocked is called with the mutex held.
func (s *Service) chooseLocked() {
	var all []candidate
	for i, src := range s.sources {
		if c, ok := src.candidate(); ok {
			c.source = i
			all = append(all, c)
		}
	}
	before := s.selected
	s.selected = nil
	if i := choose(all); i >= 0 {
		s.selected = s.sources[i]
	}
	if s.selected != before {
		name := ""
		if s.selected != nil {
			name = s.selected.config.Host
		}
		s.cfg.Log.Info("time source", "source", name)
	}
	if s.selected == nil {
		s.set = false
	}
}

// discipline sets the clock by the source that is followed. A sample is used once
// and none that is older (RFC 5905 §10): the clock has moved since.
func (s *Service) discipline(src *source) {
	if s.cfg.Clock == nil {
		return
	}
	best := src.best()
	if best.number <= src.used {
		return
	}
	src.used = best.number
	by := best.offset
	var err error
	switch {
	case by.Abs() > panicLimit && s.right:
		err = fmt.Errorf("the offset of %v is too great to believe", by.Round(time.Second))
	case by.Abs() > stepLimit:
		if err = s.cfg.Clock.Step(by); err == nil {
			for _, other := range s.sources { // what was measured is of another clock
				other.forget()
			}
		}
	default:
		err = s.cfg.Clock.Slew(by)
	}
	if s.failed = ""; err != nil {
		s.failed = "cannot set the clock: " + err.Error()
	}
	s.set = err == nil
	s.right = s.right || s.set
}
