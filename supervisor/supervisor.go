// Package supervisor wires a supervisor (VSM): the store, the configuration
// engine with the features' checks, the programs of line cards and their
// sessions, the state they report, and the operators' sessions.
//
//	operators ── cli/session ──▶ config.Store ──▶ program.Compiler ──▶ module.Manager ══▶ cards
//	                 ▲                                                       │ reports
//	                 └──────────── feature.Query ◀── state.Store ◀───────────┘
//
// Open builds it, Run runs it until its context ends or the operator reloads
// it.
package supervisor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"trunkline/cli/remote"
	"trunkline/cli/session"
	"trunkline/config"
	"trunkline/config/effective"
	"trunkline/config/history"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/flash"
	"trunkline/internal/nsid"
	"trunkline/internal/unixsock"
	"trunkline/internal/version"
	"trunkline/supervisor/aaa"
	"trunkline/supervisor/accounting"
	"trunkline/supervisor/listen"
	"trunkline/supervisor/mgmt"
	"trunkline/supervisor/module"
	"trunkline/supervisor/names"
	"trunkline/supervisor/ntp"
	"trunkline/supervisor/pki"
	"trunkline/supervisor/program"
	"trunkline/supervisor/scheduler"
	"trunkline/supervisor/state"
	"trunkline/supervisor/store"
	"trunkline/supervisor/syslog"
)

// Config says how a supervisor runs.
type Config struct {
	StateDir string
	// StartupConfig is a file of configuration lines that a chassis without a
	// stored configuration boots from; "" for the factory default.
	StartupConfig string
	// Socket is where vsh reaches it; "" for nowhere.
	Socket string
	// Cards are the addresses it listens on for line cards: "HOST:PORT" or
	// "unix:PATH".
	Cards []string
	// SSH is where the SSH server listens.
	SSH listen.Where
	// NXAPI is where NX-API is served while configuration has it on.
	NXAPI listen.Where
	// Endpoints are those of an external etcd; none: the store is embedded.
	Endpoints []string
	// Base is configuration that a new chassis has besides the factory's, as
	// lines; Lab gives the ports of slot 3 their front-panel names.
	Base string
	// Admin is the first user of a new chassis.
	Admin Admin
	// GNMI is how gNMI is served; the zero value is not at all.
	GNMI GNMI
	// Mgmt is the device that is mgmt0, "" for none.
	Mgmt string
	// SetClock has the clock of the machine set by NTP and by clock set.
	SetClock bool
	// Extra features are those of the caller: the lab's commands.
	Extra []feature.Feature
	// Console takes the messages that configuration has on the console; nil for
	// none.
	Console io.Writer
	// Clock is what confirmed commits and jobs are timed by, nil for that of the machine.
	Clock config.Clock
	// Reset is why it starts, for show version.
	Reset string
	Log   *slog.Logger
}

// ErrReload ends Run when the operator asked for a reload: the caller opens the
// supervisor again, which then boots from its startup configuration.
var ErrReload = errors.New("reload")

// Supervisor is an open supervisor.
type Supervisor struct {
	cfg      Config
	fresh    bool // nothing was stored
	log      *slog.Logger
	began    time.Time
	features []feature.Feature

	store       *store.Store
	config      *config.Store
	history     *history.History
	compiler    *program.Compiler
	authority   *pki.Authority
	modules     *module.Manager
	state       *state.Store
	operational *schema.Schema // of the leaves of state
	messages    *accounting.Log
	accounts    *accounting.Accounts
	accounting  *aaa.Accounting // by servers
	syslog      *syslog.Service
	names       *names.Resolver
	time        *ntp.Service
	jobs        *scheduler.Service
	machine     *machine
	files       *flash.Store
	mgmt        *mgmt.Service // nil: there is no mgmt0
	svis        *mgmt.SVIs
	watchers    mgmt.Watchers // of the addresses of both
	cli         *session.CLI
	users       *aaa.Authenticator
	remote      *remote.Server
	ssh         *ssh       // nil for none
	nxapi       *apiServer // nil for none
	gnmi        door
	sockets     []net.Listener
	inventory   chan struct{} // of one: cards or configuration have changed
	reload      chan struct{} // closed once
	reloading   func()

	inbandMu sync.Mutex
	inband   int // see inbandOn
}

// settleTime is how long a commit waits for the cards (architecture §4).
const settleTime = 500 * time.Millisecond

// Open builds a supervisor. What it opened is closed again on an error.
func Open(ctx context.Context, cfg Config) (s *Supervisor, err error) {
	s = &Supervisor{
		cfg: cfg, log: cfg.Log, began: time.Now(),
		features:  append(Features(), cfg.Extra...),
		inventory: make(chan struct{}, 1), reload: make(chan struct{}),
	}
	s.reloading = closeOnce(s.reload)
	opened := s // the result is nil by the time an error is seen
	defer func() {
		if err != nil {
			opened.close()
		}
	}()
	sch, operational, err := Schemas(s.features)
	if err != nil {
		return nil, err
	}
	s.operational = operational
	if s.store, err = store.Open(ctx, store.Config{Dir: filepath.Join(cfg.StateDir, "store"), Endpoints: cfg.Endpoints, Log: s.log}); err != nil {
		return nil, err
	}
	base, err := s.base(ctx, sch)
	if err != nil {
		return nil, err
	}
	resolve := func(t tree.Tree) func(string) tree.Tree { return effective.New(sch, t).Port }
	s.compiler = program.New(s.features, resolve, s.log)
	s.config, err = config.Open(ctx, sch, s.store, config.Hooks{
		Check: s.check(sch), Stamp: s.stamp, Compile: s.compile, Settle: s.settle, Panicked: s.panicked, Clock: cfg.Clock,
	}, base)
	if err != nil {
		return nil, err
	}
	if s.history, err = history.Open(ctx, s.config, s.store); err != nil {
		return nil, err
	}
	s.compiler.Publish(s.config.Running())
	s.names = names.New(names.Config{})
	s.syslog = syslog.New(syslog.Config{Dial: s.names.Dial, File: s.certificates, Log: s.log})
	s.time = ntp.New(s.ntp())
	s.serve()
	if s.messages, err = accounting.Open(accounting.Config{
		Dir: filepath.Join(cfg.StateDir, "log"), Settings: s.logging, Console: cfg.Console, Servers: s.syslog, Log: s.log,
	}); err != nil {
		return nil, err
	}
	if s.accounts, err = accounting.OpenAccounts(filepath.Join(cfg.StateDir, "log"), s.config.Commits(config.MaxCommits), s.log); err != nil {
		return nil, err
	}
	s.users = aaa.New(aaa.Config{Running: func() tree.Tree { return s.config.Running().Tree }, Events: s.messages, Dial: s.dialServer})
	s.accounting = s.users.Accounting()
	if s.authority, err = pki.Open(filepath.Join(cfg.StateDir, pki.Dir)); err != nil {
		return nil, err
	}
	s.state = state.New(state.Sources{
		Features: s.features, Running: s.running,
		Modules: func() []feature.Module { return s.modules.Snapshot() }, Supervisor: s.facts,
	})
	s.machine = newMachine(cfg.StateDir, s.authority.Chassis())
	s.modules = module.New(module.Config{
		Authority: s.authority, Settings: s.settings, Bindings: bindings{s}, Programs: s.compiler, Versions: versions(s.features), Term: 1,
		Report: s.report, Lost: s.lost, Changed: s.state.Poke, Event: s.moduleEvent, Log: s.log,
		Namespace: nsid.Current(), Inband: s.inbandOn,
	})
	s.svis = mgmt.NewSVIs(&s.watchers, s.state.PokeSystem, s.log)
	if cfg.Mgmt != "" {
		s.mgmt = mgmt.New(mgmt.Config{Device: cfg.Mgmt, Changed: s.state.PokeSystem, Watchers: &s.watchers, Log: s.log})
		s.manage()
	}
	if s.files, err = flash.Open(flash.Config{Dir: cfg.StateDir}); err != nil {
		return nil, fmt.Errorf("file systems: %w", err)
	}
	s.cli, err = session.New(session.Product{
		Store: s.config, History: s.history, Schema: sch, Features: s.features, Query: s.query, Host: host{s}, Version: version.String, Support: support(),
		Files: s.files, Transfer: s.transfers(), Setup: SetupDialogue(cmp.Or(cfg.Admin.Name, defaultAdmin), cfg.Mgmt != ""),
		Accounting: accounts{s.accounts, s.accounting}, Now: s.now, Rights: rightsIn, Authorizer: s.users,
	})
	if err != nil {
		return nil, err
	}
	s.jobs = s.scheduler()
	s.remote = &remote.Server{CLI: s.cli, Log: s.log, Messages: s.monitor, Idle: func(who feature.Session) time.Duration { return s.login().Idle(who) },
		Entered: s.accounting.Entered, Left: s.accounting.Left}
	if s.ssh, err = s.openSSH(); err != nil {
		return nil, err
	}
	if err := s.openGNMI(); err != nil {
		return nil, err
	}
	if s.nxapi, err = s.openNXAPI(); err != nil {
		return nil, err
	}
	for _, a := range cfg.Cards {
		l, err := listenCards(a)
		if err != nil {
			return nil, fmt.Errorf("listen for line cards: %w", err)
		}
		s.sockets = append(s.sockets, l)
	}
	return s, nil
}

func listenCards(address string) (net.Listener, error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return unixsock.Listen(path)
	}
	return net.Listen("tcp", address)
}

// closeOnce returns what closes c, however often it is called.
func closeOnce(c chan struct{}) func() {
	once := make(chan struct{}, 1)
	once <- struct{}{}
	return func() {
		select {
		case <-once:
			close(c)
		default:
		}
	}
}

// check returns the features' part of the check of a candidate.
func (s *Supervisor) check(sch *schema.Schema) func(old, new tree.Tree) []schema.Problem {
	return func(old, new tree.Tree) []schema.Problem {
		c := feature.Candidate{Old: old, New: new, Effective: effective.New(sch, new).Port, Attached: s.attached, Online: s.online}
		var all []schema.Problem
		for _, f := range s.features {
			if f.Check != nil {
				all = append(all, f.Check(c)...)
			}
		}
		return append(all, s.checkCertificate(old, new)...)
	}
}

// panicked logs what was an internal error to who committed.
func (s *Supervisor) panicked(stage string, value any, stack []byte) {
	s.log.Error("panic in a commit", "stage", stage, "value", fmt.Sprint(value), "stack", string(stack))
}

// notReverted logs why a confirmed commit whose time is over still runs.
func (s *Supervisor) notReverted(err error) {
	s.log.Error("bring back the configuration before an unconfirmed commit", "error", err)
}

// attached reports the slot on which a port is present now, 0 for none.
func (s *Supervisor) attached(port string) int {
	if s.state == nil {
		return 0
	}
	for _, p := range s.state.Ports() {
		if p.Name == port && p.Adapter != "" {
			return p.Module
		}
	}
	return 0
}

// settle makes programs of what was committed, has them sent, and waits a
// moment for the cards.
func (s *Supervisor) settle(ctx context.Context, now config.Snapshot) {
	s.compiler.Publish(s.config.Running())
	s.modules.Converge()
	s.manage()
	s.setSVIs()
	s.serve()
	s.poke()
	s.state.PokeSystem()
	s.modules.WaitApplied(ctx, now.Generation, settleTime)
}

// poke has the inventory looked at again.
func (s *Supervisor) poke() {
	select {
	case s.inventory <- struct{}{}:
	default:
	}
}

// Run serves cards and operators until ctx ends (nil) or the operator reloads
// (ErrReload). All sessions have ended and the supervisor is closed when it
// returns.
func (s *Supervisor) Run(ctx context.Context) error {
	defer s.close()
	defer s.remote.Stop()
	var socket *unixsock.Listener
	if s.cfg.Socket != "" {
		var err error
		if socket, err = unixsock.Listen(s.cfg.Socket); err != nil {
			return err
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.modules.Run(ctx, s.sockets...) })
	g.Go(func() error { return s.config.KeepTrials(ctx, s.notReverted) })
	g.Go(func() error { s.keepInventory(ctx); return nil })
	g.Go(func() error { s.machine.run(ctx); return nil })
	if s.mgmt != nil {
		g.Go(func() error { s.mgmt.Run(ctx); return nil })
	}
	g.Go(func() error { s.svis.Run(ctx); return nil })
	g.Go(func() error { s.keepSVIs(ctx); return nil })
	g.Go(func() error { s.state.Run(ctx); return nil })
	g.Go(func() error { s.messages.Run(ctx); return nil })
	g.Go(func() error { s.syslog.Run(ctx); return nil })
	g.Go(func() error { s.accounting.Run(ctx); return nil })
	g.Go(func() error { s.time.Run(ctx); return nil })
	g.Go(func() error { s.jobs.Run(ctx); return nil })
	g.Go(func() error { s.watch(ctx); return nil })
	g.Go(func() error { return s.serveGNMI(ctx) })
	if s.ssh != nil {
		g.Go(func() error { s.ssh.run(ctx); return nil })
	}
	if s.nxapi != nil {
		g.Go(func() error { s.nxapi.run(ctx); return nil })
	}
	if socket != nil {
		g.Go(func() error { return s.remote.ServeSocket(ctx, socket) })
	}
	g.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case <-s.store.Failed():
			return errors.New("the configuration store has stopped")
		case <-s.reload:
		}
		select { // the operator who asked gets the answer first
		case <-time.After(farewell):
		case <-ctx.Done():
		}
		return ErrReload
	})
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// farewell is how long sessions go on after a reload was answered.
const farewell = 100 * time.Millisecond

// Reloading reports whether the operator has asked for a reload.
func (s *Supervisor) Reloading() bool {
	select {
	case <-s.reload:
		return true
	default:
		return false
	}
}

func (s *Supervisor) close() {
	s.gnmi.close()
	for _, l := range s.sockets {
		_ = l.Close() // closed already when the manager ran
	}
	s.ssh.close()
	s.nxapi.close()
	if s.files != nil {
		if err := s.files.Close(); err != nil {
			s.log.Warn("close the file systems", "error", err)
		}
	}
	if s.accounts != nil {
		_ = s.accounts.Close() // what it could not write was told when it was
	}
	if s.store != nil {
		if err := s.store.Close(); err != nil {
			s.log.Warn("close the configuration store", "error", err)
		}
	}
}

// Sessions is what serves operators' terminals in the process.
func (s *Supervisor) Sessions() *remote.Server { return s.remote }

// CLI is the command language, for commands without a terminal.
func (s *Supervisor) CLI() *session.CLI { return s.cli }

// State is the source of the state tree.
func (s *Supervisor) State() feature.Observer { return s.state }

// StateSchema is the schema of the leaves of the state tree.
func (s *Supervisor) StateSchema() *schema.Schema { return s.operational }

// Users proves users, for doors with a login.
func (s *Supervisor) Users() *aaa.Authenticator { return s.users }

// Modules returns what is known of the line cards.
func (s *Supervisor) Modules() []feature.Module { return s.modules.Snapshot() }

// report takes one section of a card's report.
func (s *Supervisor) report(slot int, section string, data []byte) error {
	if err := s.state.Report(slot, section, data); err != nil {
		return err
	}
	s.poke()
	return nil
}

func (s *Supervisor) lost(slot int) { s.state.Lost(slot) }

// Ready reports whether so many cards have their program in force and so many
// ports are up.
func (s *Supervisor) Ready(cards, ports int) bool {
	ok, up := 0, 0
	for _, m := range s.modules.Snapshot() {
		if m.Status == feature.ModuleOK {
			ok++
		}
	}
	for _, p := range s.state.Ports() {
		if p.Up {
			up++
		}
	}
	return ok >= cards && up >= ports
}
