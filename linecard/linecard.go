// Package linecard wires a line card (VEM): the data plane, the devices that
// are its ports, the session with a supervisor and the local tool.
//
//	agent ── program ──▶ Card.Apply ──▶ pipeline.Engine (what to do with frames)
//	                              └──▶ attach.Manager (which devices to open)
//	attach.Manager ── open device ──▶ pipeline.Engine
//
// Everything runs under one errgroup; Run returns when all of it has ended.
package linecard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"trunkline/internal/cores"
	"trunkline/internal/dirlock"
	"trunkline/internal/ether"
	"trunkline/internal/nsid"
	"trunkline/linecard/agent"
	"trunkline/linecard/api"
	"trunkline/linecard/attach"
	"trunkline/linecard/frame"
	"trunkline/linecard/local"
	"trunkline/linecard/pipeline"
	"trunkline/linecard/port"
	"trunkline/linecard/punt"
	"trunkline/linecard/rate"
)

// Config says how a card runs.
type Config struct {
	StateDir string
	// Supervisors are "HOST:PORT" or "unix:PATH".
	Supervisors []string
	Domain      uint32 // 0: that of the chassis
	Slot        int    // asked for, 0 for any
	Token       string // for enrolment, "" for none
	UUID, Host  string
	Address     string
	// Phys are devices to adopt as Ethernet ports; Lab adopts by name instead
	// (ethN), never Exclude.
	Phys    []agent.Phys
	Lab     bool
	Exclude []string
	// Socket is where vemcmd reaches the card; "" for nowhere.
	Socket  string
	Workers int           // without cores of their own; 0: cores.Default
	Spin    time.Duration // of the workers, see pipeline.Config; 0: the default
	// Datapath goes before what the program says; both take effect at the start.
	Datapath Datapath
	NoTUN    bool // interfaces in namespaces are veths, not TAPs
	Version  string
	Log      *slog.Logger
}

// Card is a running line card.
type Card struct {
	cfg    Config
	log    *slog.Logger
	engine *pipeline.Engine
	attach *attach.Manager
	agent  *agent.Agent
	lock   *dirlock.Lock // of the state directory, until Run ends
	path   Datapath      // in force
	began  time.Time

	services []service
	punt     *punt.Queue
	handlers map[ether.EtherType]punt.Handler // filled in before Run

	changes atomic.Uint64 // see stamp
	still   still

	mu     sync.Mutex
	nics   []api.NIC
	meters map[string]*rate.Meter
	loads  loads
	moving uint64 // see stamp
	moved  bool   // at the last reading
	// uplinks are the devices that the program wants adopted.
	uplinks []string
	vtep    string // address of the card as VTEP, "" for none
}

// New builds a card. Nothing runs before Run. The state directory is the card's
// until Run ends: New refuses one that another card has.
func New(cfg Config) (*Card, error) {
	l, err := dirlock.Acquire(cfg.StateDir)
	if err != nil {
		return nil, fmt.Errorf("start line card: %w", err)
	}
	c, err := build(cfg)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start line card: %w", err), l.Release())
	}
	c.lock = l
	return c, nil
}

func build(cfg Config) (*Card, error) {
	c := &Card{cfg: cfg, log: cfg.Log, meters: map[string]*rate.Meter{}, handlers: map[ether.EtherType]punt.Handler{}, began: time.Now()}
	c.punt = punt.New(punt.Config{
		PortName: func(index uint16) string { return c.engine.PortName(index) }, Handlers: c.handlers, Panicked: c.panicked,
	})
	var err error
	if c.path, err = datapath(cfg); err != nil {
		return nil, err
	}
	workers := cfg.Workers
	if workers == 0 {
		workers = cores.Default(runtime.NumCPU())
	}
	if len(c.path.Cores) > 0 {
		workers = len(c.path.Cores)
		if others, err := cores.Isolate(c.path.Cores); err != nil {
			// Switching on other cores is better than none.
			c.log.Error("cores of workers", "error", err)
			c.path.Cores = nil
		} else {
			c.log.Info("workers have cores of their own", "cores", cores.Format(c.path.Cores), "others", cores.Format(others))
		}
	}
	c.engine = pipeline.New(pipeline.Config{Workers: workers, CPUs: c.path.Cores, Spin: cfg.Spin, OnEvent: c.event, Punt: c.punt})
	c.serve()
	c.attach, err = attach.New(attach.Options{StateDir: cfg.StateDir, NoTUN: cfg.NoTUN, Queues: workers, Datapath: c.path.Driver, Log: cfg.Log}, attach.Events{
		Opened:  c.opened,
		Closing: c.closing,
		State:   c.changed,
		Adopted: c.adopted,
	})
	if err != nil {
		return nil, err
	}
	features := map[string]uint32{}
	for _, f := range Features() {
		features[f.Name] = f.Version
	}
	c.agent, err = agent.New(agent.Config{
		StateDir: cfg.StateDir, Supervisors: cfg.Supervisors, Domain: cfg.Domain, Slot: cfg.Slot,
		Token: cfg.Token, UUID: cfg.UUID, Host: cfg.Host, Address: cfg.Address, Version: cfg.Version,
		OS: system(), Namespace: nsid.Current(), Features: features, Card: c, Log: cfg.Log,
	})
	if err != nil {
		return nil, err
	}
	c.adopt()
	return c, nil
}

// Run forwards and keeps the session until ctx ends.
func (c *Card) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	// Devices close before the data plane that holds their queues.
	engineCtx, stopEngine := context.WithCancel(context.WithoutCancel(ctx))
	g.Go(func() error { return c.engine.Run(engineCtx) })
	g.Go(func() error {
		defer stopEngine()
		return c.attach.Run(ctx)
	})
	g.Go(func() error { return c.agent.Run(ctx) })
	g.Go(func() error { c.sample(ctx); return nil })
	g.Go(func() error { return c.punt.Run(ctx) })
	for _, s := range c.services {
		g.Go(func() error { return s.Run(ctx) })
	}
	if c.cfg.Socket != "" {
		g.Go(func() error { return local.Serve(ctx, c.cfg.Socket, c.command, c.log) })
	}
	return errors.Join(g.Wait(), c.lock.Release())
}

// lent keeps the engine from closing a device: attach opened it and closes it.
type lent struct{ port.Port }

func (lent) Close() error { return nil }

// Lost implements port.Lossy.
func (l lent) Lost() uint64 { return port.Lost(l.Port) }

// Receivers implements port.Multi.
func (l lent) Receivers() int { return port.Receivers(l.Port) }

func (c *Card) opened(name string, p port.Port) error { return c.engine.SetPort(name, lent{p}) }

func (c *Card) closing(name string) {
	if err := c.engine.RemovePort(name); err != nil {
		c.log.Warn("detach port", "port", name, "error", err)
	}
}

func (c *Card) changed(name string, s attach.State) {
	c.changes.Add(1)
	c.engine.Refresh(name)
	c.poke()
	c.log.Debug("port state", "port", name, "up", s.Up, "reason", s.Reason, "error", s.Error)
	c.agent.Changed()
}

func (c *Card) adopted(nics []api.NIC) {
	c.mu.Lock()
	c.nics = nics
	c.mu.Unlock()
	c.changes.Add(1)
	c.agent.Changed()
}

// adopt tells attach which devices are Ethernet ports: those of the card's own
// configuration and those of the program.
func (c *Card) adopt() {
	rule := attach.Rule{Lab: c.cfg.Lab, Slot: c.cfg.Slot, Exclude: c.cfg.Exclude}
	for _, p := range c.cfg.Phys {
		rule.Phys = append(rule.Phys, attach.Phys{Device: p.Device, Profile: p.Profile})
	}
	c.mu.Lock()
	rule.Uplinks = c.uplinks
	c.mu.Unlock()
	c.attach.Adopt(rule)
}

// event takes what the data plane has to say.
func (c *Card) event(e pipeline.Event) {
	switch e.Kind {
	case pipeline.EventGone:
		c.attach.Gone(e.Port)
	case pipeline.EventLoop:
		c.log.Warn("port err-disabled by the MAC-move guard", "port", e.Port, "recovery", pipeline.RecoverAfter)
	case pipeline.EventRecovered:
		c.log.Info("err-disabled port recovered", "port", e.Port, "cause", frame.LoopDetected)
	case pipeline.EventFault:
		c.log.Error("fault on the frame path: port quarantined", "port", e.Port, "cause", fmt.Sprint(e.Fault.Cause))
		if err := c.keep(e.Port, e.Fault); err != nil {
			c.log.Error("save the frames of a fault", "port", e.Port, "error", err)
		}
	}
	c.changes.Add(1)
	c.poke()
	c.agent.Changed()
}

// sample reads the counters for the averages of show interface once a second.
func (c *Card) sample(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			c.meter(now)
		}
	}
}

func (c *Card) meter(now time.Time) {
	workers := c.engine.Workers()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loads.sample(now, workers)
	seen, moving := 0, false
	c.engine.Totals(func(name string, t pipeline.Totals) {
		m := c.meters[name]
		if m == nil {
			m = &rate.Meter{}
			c.meters[name] = m
		}
		seen++
		m.Sample(now, rate.Totals(t))
		moving = moving || m.Rates() != [2]api.Rates{}
	})
	if moving || c.moved {
		c.moving++ // once more when they have come to zero
	}
	c.moved = moving
	if seen == len(c.meters) {
		return
	}
	for name := range c.meters {
		if c.engine.PortIndex(name) == 0 {
			delete(c.meters, name)
		}
	}
}

// system names the operating system: "Linux 6.12.9".
func system() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return runtime.GOOS
	}
	return unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
}

// Hostname returns the name of this host, "localhost" when it has none.
func Hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return name
}

// Address returns the first address of a device, "" when it has none.
func Address(device string) string {
	ifi, err := net.InterfaceByName(device)
	if err != nil {
		return ""
	}
	addrs, err := ifi.Addrs()
	if err != nil || len(addrs) == 0 {
		return ""
	}
	ip, _, err := net.ParseCIDR(addrs[0].String())
	if err != nil {
		return ""
	}
	return ip.String()
}

// errQuery is what an unknown query is answered with.
var errQuery = errors.New("the card does not know this query")
