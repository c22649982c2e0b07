// Package agent is the line card's side of its session with a supervisor. It
// keeps the card's identity and last program in the state directory, so that
// the card forwards before, without and after any session.
//
//	Run: restore ─▶ dial ─▶ enrol? ─▶ hello, welcome ─▶ session ─┐
//	                 ▲                                            │ over
//	                 └──────────── headless, at most 1 s ─────────┘
//
// What is in force never depends on the session: a program changes only when
// another one arrives, and one that is equal to the one in force is answered
// without touching the card. One goroutine, the applier, hands programs to the
// card one at a time; while it works, newer programs replace each other in its
// mailbox, and heartbeats go on. A program is answered once it is in force and
// saved.
//
// A card is enrolled with one chassis and talks to no other; a token of another
// chassis moves it. Supervisors with a smaller fencing term than one already
// seen are refused.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"trunkline/linecard/api"
)

// Card is what the agent drives. Apply is never called twice at the same time;
// the others may be called at any time.
type Card interface {
	// Apply puts a program in force. Ports that could not take it are
	// returned with the reason; an error refuses the program as a whole and
	// leaves the one before in force. Nobody changes the sections.
	Apply(generation uint64, sections map[string][]byte) (ports map[string]string, err error)
	// Reports returns the observed state by section; see api.PortReport. The
	// result belongs to the agent.
	Reports() map[string][]byte
	// Query answers a request of a feature's other half.
	Query(ctx context.Context, feature string, request []byte) ([]byte, error)
}

// EntryTaker is implemented by cards that use entries. It is called with what
// is stored at the start, as a snapshot, and with each change.
type EntryTaker interface {
	Entries(e *api.Entries)
}

// Config is what an Agent is built from.
type Config struct {
	StateDir string
	// Supervisors are "HOST:PORT" or "unix:PATH", tried in turn.
	Supervisors []string
	Domain      uint32 // 0: that of the chassis
	Slot        int    // asked for; 0 for any
	Token       string // enrolment token, "" for none
	UUID        string // of the host; see HostUUID
	Host        string // its name
	Address     string // of the host, for operators; "" for where it calls from
	Version, OS string
	// Namespace is the network namespace of the card, "" for not known.
	Namespace string
	Features  map[string]uint32 // section name → version understood
	Card      Card
	Log       *slog.Logger
}

// Status is what the agent knows of itself, for vemcmd.
type Status struct {
	UUID       string
	Chassis    string // "" while not enrolled
	Slot       int    // 0 before the first session
	Supervisor string // address of the session, "" while headless
	Headless   bool
	Since      time.Time // of Headless
	Generation uint64    // of the program in force, 0 for none
	Term       uint64
	Refused    string // why the last program was refused, "" if it was not
	Error      string // why there is no session
	// Faults are what was wrong with the state directory at the start.
	Faults []string
}

// Agent is the card's side of its session.
type Agent struct {
	cfg     Config
	store   store
	entries entryTable
	jobs    mailbox
	reports chan struct{} // of one: there is something to report

	id      *identity // nil: none yet; belongs to attach
	damaged bool      // it could not be read

	mu     sync.Mutex
	status Status
}

// Waiting times.
const (
	minBackoff = 10 * time.Millisecond
	maxBackoff = time.Second
	answerTime = 5 * time.Second // for the supervisor to answer a hello
)

// New reads the state directory. Damage in it is reported in Status and does
// not keep the card from starting: what cannot be read counts as not there.
func New(cfg Config) (*Agent, error) {
	if !api.ValidUUID(cfg.UUID) {
		return nil, fmt.Errorf("%q is no UUID of a host", cfg.UUID)
	}
	if err := os.MkdirAll(cfg.StateDir, 0o700); err != nil {
		return nil, fmt.Errorf("start agent: %w", err)
	}
	a := &Agent{
		cfg:     cfg,
		store:   store{dir: cfg.StateDir},
		jobs:    mailbox{ready: make(chan struct{}, 1)},
		reports: make(chan struct{}, 1),
	}
	a.status = Status{UUID: cfg.UUID, Headless: true, Since: time.Now()}
	var err error
	if a.id, err = a.store.identity(); err != nil {
		a.damaged = true
		a.fault(err)
	} else if a.id.enrolled() {
		a.status.Chassis = a.id.chassis
	}
	program, faults := a.store.program()
	for _, err := range faults {
		a.fault(err)
	}
	if program != nil {
		a.jobs.inForce = program
		a.status.Term = program.GetTerm()
	}
	stored, err := a.store.entries()
	if err != nil {
		a.fault(err)
	}
	a.entries.load(stored)
	return a, nil
}

func (a *Agent) fault(err error) {
	a.cfg.Log.Error("state directory is damaged", "error", err)
	a.status.Faults = append(a.status.Faults, err.Error())
}

// Run puts the last program in force and keeps a session until ctx ends.
func (a *Agent) Run(ctx context.Context) error {
	a.restore()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		a.applier(ctx)
		return nil
	})
	g.Go(func() error {
		a.attach(ctx)
		return nil
	})
	err := g.Wait()
	return errors.Join(err, a.saveEntries())
}

// Changed makes the agent report soon instead of with the next second.
func (a *Agent) Changed() {
	select {
	case a.reports <- struct{}{}:
	default:
	}
}

// Status returns what the agent knows of itself.
func (a *Agent) Status() Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.status
}

func (a *Agent) update(f func(*Status)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(&a.status)
}

// attach keeps trying one supervisor after the other.
func (a *Agent) attach(ctx context.Context) {
	wait, said := minBackoff, ""
	for n := 0; len(a.cfg.Supervisors) > 0; n++ {
		address := a.cfg.Supervisors[n%len(a.cfg.Supervisors)]
		welcomed, err := a.session(ctx, address)
		if ctx.Err() != nil {
			return
		}
		if welcomed {
			wait, said = minBackoff, ""
		}
		text := err.Error()
		a.update(func(s *Status) {
			if !s.Headless {
				s.Headless, s.Since = true, time.Now()
			}
			s.Supervisor, s.Error = "", text
		})
		if text != said { // with several supervisors the words alternate; that is rare enough
			level := slog.LevelWarn
			if n == 0 {
				level = slog.LevelInfo // at the start the supervisor may still be on its way
			}
			a.cfg.Log.Log(ctx, level, "headless", "supervisor", address, "error", err)
			said = text
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		wait = min(2*wait, maxBackoff)
	}
	<-ctx.Done()
}
