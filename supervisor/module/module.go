// Package module is the supervisor's side of the line cards: who may attach to
// which slot, and one session per card that keeps its program up to date.
//
//	card ══ stream ══▶ receiver ──events──▶ runner ──actions──▶ outbox ──▶ sender ══▶ card
//	                      │                   │ life.step                     (blocks on
//	                      ▼                   ▼                                a slow card)
//	                  Report, reply     Events, snapshot
//
// A session is three goroutines: the receiver reads the stream, the sender
// writes it, and the runner, in between, owns the card's life: a pure machine
// (life.go) that it feeds with what arrives and with a tick per heartbeat
// interval. Only the sender ever waits for the card. Its outbox is bounded: a
// program replaces the one before it, heartbeats and requests are refused and
// counted when the card does not take them. So a slow card delays nobody.
//
// A card is known by its certificate: the host UUID in it, bound to a slot by
// configuration. Programs are pulled by the session when Converge says that
// configuration has changed.
//
// Who is not known as a card yet is given little: time, bytes, and connections
// from one address (door.go). A card is known by its certificate before a word
// of it is read. A panic ends the session that it happens in, not the others.
//
// A card that is known may have been taken over. It is read at a pace (pace.go),
// it can fill neither the log nor, by coming and going, the switch's messages, and
// what does not answer is not waited for.
//
// One mutex guards the table of slots and sessions; no callback runs under it.
package module

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"trunkline/feature"
	"trunkline/linecard/api"
	"trunkline/supervisor/pki"
)

// Settings are what configuration says of sessions; see feature svs-domain.
type Settings struct {
	Domain    uint32 // 0: none
	AutoSlot  bool   // unknown hosts get the next free slot
	Admission pki.Admission
	Interval  time.Duration // between heartbeats
	Loss      int           // heartbeats missed until a card is removed
}

// Bindings are the slots that configuration binds to hosts: the leaf
// vems/vem[SLOT]/host-id. All see the configuration as committed last.
type Bindings interface {
	// Slot returns the slot bound to the host UUID, 0 for none.
	Slot(host string) int
	// Host returns the host UUID bound to a slot, "" for none.
	Host(slot int) string
	// Bind binds a free slot to a host, by a commit.
	Bind(ctx context.Context, slot int, host string) error
}

// Programs are the programs of all cards for the configuration as committed
// last; package supervisor/program implements it.
type Programs interface {
	// Program returns the sections for a slot, the generation in which they
	// last changed, and the generation of the configuration they are of.
	// Nobody changes the sections. An error means that there is no program to
	// send, only Config is set; the card keeps the program it has.
	Program(slot int) (Program, error)
}

// Program is the desired state of one card.
type Program struct {
	Generation uint64 // changes only when the sections do
	Config     uint64 // generation of the configuration
	Sections   map[string][]byte
}

// Config is what a Manager is built from. All functions may be called from any
// goroutine, at the same time for different cards.
type Config struct {
	Authority *pki.Authority
	// Namespace is the network namespace of the supervisor, "" for not known, and
	// Inband is told before a card that is in it gets a program; nil for nobody.
	Namespace string
	Inband    func(slot int)
	Settings  func() Settings
	Bindings  Bindings
	Programs  Programs
	// Versions are those of the sections that programs have, by name. A card
	// gets the sections that it knows in this version or a newer one; a section
	// that is not in Versions goes to every card.
	Versions map[string]uint32
	// Term is the fencing term of this supervisor; cards refuse a smaller one
	// than they have seen.
	Term uint64
	// Report takes one section of a card's report; an error is logged. Lost
	// says that a card has gone. Both may be nil.
	Report func(slot int, section string, data []byte) error
	Lost   func(slot int)
	// Changed says that a module's state is another, counters and the time of
	// its last message aside. It may be nil.
	Changed func()
	// Event takes what an operator should read (cli.md §14); may be nil.
	Event func(Event)
	Log   *slog.Logger
}

// Bounds.
const (
	maxMessage   = 16 << 20 // bytes of one message from a card
	maxSections  = 64       // of one report
	maxEnrolling = 4        // enrolments at a time; others wait
	maxStreams   = 2        // of one connection
	maxHeaders   = 16 << 10 // bytes
	window       = 64 << 10 // bytes that a connection, or a stream, may be ahead of who reads it
	helloTime    = 5 * time.Second
)

// Manager attaches cards. It is made by New and works while Run does.
type Manager struct {
	api.UnimplementedSupervisorServer

	cfg       Config
	enrolling chan struct{}
	admission sync.Mutex     // one admission at a time, so that no slot is given twice
	streams   sync.WaitGroup // readers and writers of streams: they end when the stream does, which is after the handler

	mu       sync.Mutex
	slots    map[int]*slot
	refused  map[string]refusal // by host, to log each reason once in a while
	moved    chan struct{}      // closed and replaced when a session's progress changes
	draining bool
}

// slot is what is known of a slot; it outlives sessions. Guarded by Manager.mu.
type slot struct {
	view    feature.Module // without what the session adds
	session *session       // nil while absent
	said    bucket         // what cards in it have had said of them
	silent  bool           // … it was said that there is more
}

// New returns a manager.
func New(cfg Config) *Manager {
	if cfg.Report == nil {
		cfg.Report = func(int, string, []byte) error { return nil }
	}
	if cfg.Lost == nil {
		cfg.Lost = func(int) {}
	}
	if cfg.Changed == nil {
		cfg.Changed = func() {}
	}
	if cfg.Event == nil {
		cfg.Event = func(Event) {}
	}
	return &Manager{
		cfg:       cfg,
		enrolling: make(chan struct{}, maxEnrolling),
		slots:     map[int]*slot{},
		refused:   map[string]refusal{},
		moved:     make(chan struct{}),
	}
}

// Run serves cards on the listeners, which it closes, until ctx ends. It
// returns when every session has.
func (m *Manager) Run(ctx context.Context, listeners ...net.Listener) error {
	m.mu.Lock()
	m.draining = false
	m.mu.Unlock()
	server := grpc.NewServer(
		grpc.Creds(m.credentials()),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxHeaderListSize(maxHeaders),
		grpc.InitialWindowSize(window),
		grpc.InitialConnWindowSize(window),
		grpc.ConnectionTimeout(helloTime),
		grpc.WaitForHandlers(true),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: time.Minute, Time: 10 * time.Second, Timeout: 10 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second}),
	)
	api.RegisterSupervisorServer(server, m)
	door := newDoor()
	g, gctx := errgroup.WithContext(ctx)
	for _, l := range listeners {
		g.Go(func() error {
			if err := server.Serve(limited{l, door}); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
				return fmt.Errorf("serve line cards on %s: %w", l.Addr(), err)
			}
			return nil
		})
	}
	g.Go(func() error {
		<-gctx.Done()
		m.drain()
		server.Stop()
		return nil
	})
	err := g.Wait()
	m.streams.Wait()
	return err
}

// drain ends all sessions and refuses new ones.
func (m *Manager) drain() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.draining = true
	for _, s := range m.slots {
		if s.session != nil {
			s.session.end(ended{why: "supervisor stops"})
		}
	}
}

// Converge makes every session compare its card's program, slot and settings
// with the configuration as committed last. It never blocks; call it after each
// commit.
func (m *Manager) Converge() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.slots {
		if s.session != nil {
			s.session.changed()
		}
	}
}

// Reset ends the session of a card, which attaches again and gets its program
// anew. Forwarding does not stop.
func (m *Manager) Reset(slot int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.slots[slot]
	if s == nil || s.session == nil {
		return notAttached(slot)
	}
	s.session.end(ended{why: "reset by operator"})
	return nil
}

func notAttached(slot int) error { return fmt.Errorf("module %d is not attached", slot) }
