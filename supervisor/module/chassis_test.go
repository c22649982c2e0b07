package module_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/feature"
	"trunkline/linecard/agent"
	"trunkline/supervisor/module"
	"trunkline/supervisor/pki"
)

// Hosts of the tests.
const (
	hostA = "0f1d9a66-91fc-4d0b-8a0e-5c7d1e2f3a4b"
	hostB = "55b1c3d0-7a4e-4a0f-9a67-1c0de51f7e21"
)

// patience is how long a condition may take to come true.
const patience = 10 * time.Second

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !cond(); {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

// chassis is a supervisor as far as cards see it.
type chassis struct {
	t       *testing.T
	manager *module.Manager
	ca      *pki.Authority
	network string
	address string // as an agent dials it

	stop context.CancelFunc
	done chan struct{}

	mu       sync.Mutex
	settings module.Settings
	bound    map[int]string
	program  module.Program
	events   []module.Event
	reports  map[string]string
	lost     []int
	log      bytes.Buffer
}

// newChassis makes one whose cards call on a Unix socket, or on TCP.
func newChassis(t *testing.T, network string) *chassis {
	t.Helper()
	c := &chassis{t: t, network: network, bound: map[int]string{}, reports: map[string]string{},
		settings: module.Settings{Domain: 100, AutoSlot: true, Admission: pki.AdmitTOFU, Interval: time.Second, Loss: 15}}
	ca, err := pki.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c.ca = ca
	c.publish(1, map[string]string{"vlan": "1"})
	c.start(1)
	t.Cleanup(c.kill)
	return c
}

// start runs a manager with nothing but what a restarted supervisor has.
func (c *chassis) start(term uint64) {
	c.t.Helper()
	where := "127.0.0.1:0"
	if c.network == "unix" {
		where = filepath.Join(c.t.TempDir(), "cards")
	}
	if c.address != "" {
		where = strings.TrimPrefix(c.address, "unix:")
	}
	l, err := net.Listen(c.network, where)
	if err != nil {
		c.t.Fatal(err)
	}
	c.address = l.Addr().String()
	if c.network == "unix" {
		c.address = "unix:" + c.address
	}
	c.manager = module.New(module.Config{
		Authority: c.ca, Settings: c.current, Bindings: c, Programs: c, Term: term,
		Versions: map[string]uint32{"acl": 1, "qos": 2},
		Report:   c.report, Lost: c.gone, Event: c.event,
		Log: slog.New(slog.NewTextHandler(locked{&c.mu, &c.log}, nil)),
	})
	ctx, cancel := context.WithCancel(context.Background())
	c.stop, c.done = cancel, make(chan struct{})
	m, done := c.manager, c.done
	go func() {
		defer close(done)
		if err := m.Run(ctx, l); err != nil {
			c.t.Errorf("Run: %v", err)
		}
	}()
}

func (c *chassis) kill() {
	c.stop()
	<-c.done
}

func (c *chassis) current() module.Settings {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.settings
}

func (c *chassis) set(f func(*module.Settings)) {
	c.mu.Lock()
	f(&c.settings)
	c.mu.Unlock()
	c.manager.Converge()
}

func (c *chassis) Slot(host string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for slot, h := range c.bound {
		if h == host {
			return slot
		}
	}
	return 0
}

func (c *chassis) Host(slot int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bound[slot]
}

func (c *chassis) Bind(_ context.Context, slot int, host string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bound[slot] != "" {
		return errors.New("taken")
	}
	c.bound[slot] = host
	return nil
}

// publish is a commit that changes the program of all cards.
func (c *chassis) publish(generation uint64, sections map[string]string) {
	p := module.Program{Generation: generation, Config: generation, Sections: map[string][]byte{}}
	for name, text := range sections {
		p.Sections[name] = []byte(text)
	}
	c.mu.Lock()
	c.program = p
	m := c.manager
	c.mu.Unlock()
	if m != nil {
		m.Converge()
	}
}

func (c *chassis) Program(int) (module.Program, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.program, nil
}

func (c *chassis) report(slot int, section string, data []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if section == "panic" {
		panic("bug")
	}
	c.reports[fmt.Sprintf("%d %s", slot, section)] = string(data)
	return nil
}

func (c *chassis) gone(slot int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost = append(c.lost, slot)
}

func (c *chassis) event(e module.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, e)
}

// said reports whether there was an event with the text.
func (c *chassis) said(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.events {
		if strings.Contains(e.String(), text) {
			return true
		}
	}
	return false
}

func (c *chassis) module(slot int) feature.Module {
	for _, m := range c.manager.Snapshot() {
		if m.Slot == slot {
			return m
		}
	}
	return feature.Module{}
}

func (c *chassis) waitOK(slot int) {
	c.t.Helper()
	eventually(c.t, fmt.Sprintf("module %d ok", slot), func() bool { return c.module(slot).Status == feature.ModuleOK })
}

// card is a line card in memory.
type card struct {
	t     *testing.T
	cfg   agent.Config
	agent *agent.Agent
	stop  context.CancelFunc
	done  chan struct{}

	mu      sync.Mutex
	applied []map[string]string
	refuse  error
	faults  map[string]string
	hold    chan struct{} // Apply waits for it, if not nil
	report  map[string][]byte
}

func newCard(t *testing.T, host string, addresses ...string) *card {
	t.Helper()
	return &card{t: t, report: map[string][]byte{"ports": []byte("up")}, cfg: agent.Config{
		StateDir: t.TempDir(), Supervisors: addresses, Domain: 100, UUID: host, Host: "kvm-" + host[:1],
		Version: "1.0(1)", OS: "Linux 6.12", Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}}
}

func (c *card) start() *card {
	c.t.Helper()
	c.cfg.Card = c
	a, err := agent.New(c.cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	c.agent, c.stop, c.done = a, cancel, done
	go func() {
		defer close(done)
		if err := a.Run(ctx); err != nil {
			c.t.Errorf("Run: %v", err)
		}
	}()
	c.t.Cleanup(c.kill)
	return c
}

func (c *card) kill() {
	c.stop()
	<-c.done
}

func (c *card) Apply(_ uint64, sections map[string][]byte) (map[string]string, error) {
	c.mu.Lock()
	hold := c.hold
	c.mu.Unlock()
	if hold != nil {
		<-hold
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse != nil {
		return nil, c.refuse
	}
	p := map[string]string{}
	for name, data := range sections {
		p[name] = string(data)
	}
	c.applied = append(c.applied, p)
	return c.faults, nil
}

func (c *card) Reports() map[string][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.report)
}

func (c *card) Query(ctx context.Context, feature string, request []byte) ([]byte, error) {
	switch feature {
	case "echo":
		return append([]byte("re: "), request...), nil
	case "panic":
		panic("bug")
	case "wait":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return nil, fmt.Errorf("no feature %s", feature)
}

func (c *card) programs() []map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.applied[:len(c.applied):len(c.applied)]
}

func (c *card) waitError(text string) {
	c.t.Helper()
	eventually(c.t, "card says "+text, func() bool { return strings.Contains(c.agent.Status().Error, text) })
}

type locked struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
