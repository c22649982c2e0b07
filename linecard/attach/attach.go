// Package attach turns the ports a card should have into open devices, and
// keeps them so while devices come and go.
//
// The desired ports (Want) arrive as a whole by Set. One goroutine, Run, brings
// the open devices in line with them: it opens what is there, closes what has
// gone, and tries again when something changes. What changed it learns from
// netlink, but a message is only a hint to look again: decisions are made on a
// fresh dump of the links, so a lost or late message does no harm. What netlink
// does not tell (another namespace appearing, a device in it losing carrier) is
// looked at once a second.
//
// A port is a device of the card's namespace, a TAP, the host's own in-band
// port, a virtual machine's socket (vhost.go), a NIC adopted as Ethernet (nic.go), or an interface that the card
// creates in a workload's namespace (netns.go). Interfaces that the card
// creates for others are persistent: a card that stops leaves them, with the workload's
// addresses on them, and its successor attaches to them again. They are removed
// when the port is no longer wanted.
//
// Locking: Run's goroutine owns the entries. mu guards what callers hand over
// and the snapshot of states. Events are called from Run's goroutine with no
// lock held.
package attach

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/vishvananda/netlink"

	"trunkline/internal/ether"
	"trunkline/linecard/api"
	"trunkline/linecard/port"
	"trunkline/linecard/port/packet"
	"trunkline/linecard/port/tap"
	"trunkline/linecard/port/vxlan"
)

// Kind says what a port is attached to.
type Kind string

// Kinds of attachment.
const (
	Device Kind = "device" // a network device of the card's namespace, by AF_PACKET
	TAP    Kind = "tap"    // a TAP of the card's namespace that the card opens, created if missing
	Netns  Kind = "netns"  // an interface that the card creates in another namespace
	NIC    Kind = "nic"    // the adopted device with number Want.Number
	Inband Kind = "inband" // the host's own TAP into the switch
	SVI    Kind = "svi"    // the switch's own TAP: the supervisor gives it addresses, and sets it up and down

	VhostUser Kind = "vhost-user" // a virtual machine, by a socket

	VXLAN Kind = "vxlan" // a tunnel to another VTEP
)

// Want is one port that the card should have. It is comparable.
type Want struct {
	Name      string // of the port: "Vethernet3"
	Kind      Kind
	Device    string // kinds Device, TAP, Inband, SVI; the path of the socket of kind VhostUser
	Client    bool   // kind VhostUser: connect to the socket instead of listening on it
	Number    int    // kind NIC
	Namespace string // kind Netns: a name under /run/netns, or a path
	Ifname    string // kind Netns: name of the interface there
	// MTU in bytes; 0 leaves it alone. A device is raised to it, never lowered.
	MTU int
	// MAC is the workload's address of an interface that is created; zero for
	// the kernel's choice.
	MAC ether.MAC
	// Tunnel is what a port of kind VXLAN leads to.
	Tunnel Tunnel
}

// same reports whether two wants are the same attachment.
func (w Want) same(o Want) bool {
	w.MTU, o.MTU = 0, 0
	w.Tunnel.Table, o.Tunnel.Table = nil, nil
	return w == o
}

// Reasons of a State, in the words of cli.md §11.3.
const (
	None         = "none"
	NotConnected = "Link not connected"
)

// State is what is known of a port. It is comparable.
type State struct {
	Open   bool // the device is open
	Up     bool // open and with carrier
	Reason string
	Error  string // why it is not open; "" while the device is merely absent
	Info   port.Info
}

// Events are told what happens to ports. All are called from Run's goroutine,
// one at a time.
type Events struct {
	// Opened hands over a device. On an error the device is closed again (it may
	// be closed already) and tried later.
	Opened func(name string, p port.Port) error
	// Closing takes it back: on return no queue of the port is open. It may
	// close the port, too.
	Closing func(name string)
	// State reports a change, after Opened and after Closing.
	State func(name string, s State)
	// Adopted reports the NICs that are present, by number.
	Adopted func(nics []api.NIC)
}

// Options are fixed for the life of a Manager.
type Options struct {
	Namespace string // the card's; "" for the one of the process
	StateDir  string // where numbers of NICs are kept; "" keeps them in memory
	NoTUN     bool   // do without the TUN device: interfaces for workloads are veths
	Queues    int    // receive queues of a TAP that is created and of a virtual machine, as many as the card has workers; 0: 1
	Datapath  string // driver of devices that are not TAPs: Auto, Packet or XDP; "": Auto
	Log       *slog.Logger
}

// Manager attaches ports. Its methods may be called from any goroutine.
type Manager struct {
	options Options
	events  Events
	handle  *netlink.Handle // of the card's namespace
	kick    chan struct{}   // capacity 1: one pending kick is enough
	taps    tap.Shared
	tunnels vxlan.Shared
	rings   *packet.Memory // of receive rings

	// Owned by Run.
	links   map[string]link
	entries map[string]*entry
	turn    int  // first of wants that was looked at last
	missing bool // as the last look found
	crowded bool // see crowd
	numbers numbers
	nics    map[int]link
	told    []api.NIC
	spared  func(device string) bool // Rule.reserved of the rule in force

	mu     sync.Mutex
	asked  uint64        // calls of Set and Adopt
	looked uint64        // asked when the last look began, once it is over
	news   chan struct{} // closed when looked changes
	wants  []Want
	rule   Rule
	gone   map[string]bool
	states map[string]State
}

// entry is one wanted port.
type entry struct {
	want  Want
	open  attached // nil while the device is not open
	state State
	mtu   int // as last applied
}

// New makes a manager; nothing happens before Run.
func New(o Options, e Events) (*Manager, error) {
	m := &Manager{
		options: o, events: e, kick: make(chan struct{}, 1),
		entries: map[string]*entry{}, gone: map[string]bool{}, states: map[string]State{},
		spared: func(string) bool { return false }, news: make(chan struct{}), rings: packet.NewMemory(ringMemory),
	}
	var err error
	if m.handle, err = handleAt(o.Namespace); err != nil {
		return nil, err
	}
	if m.numbers, err = loadNumbers(o.StateDir); err != nil {
		m.handle.Close()
		return nil, err
	}
	return m, nil
}

// Set replaces the desired ports. It returns at once; Events tell the rest.
func (m *Manager) Set(desired []Want) {
	m.mu.Lock()
	m.wants = slices.Clone(desired)
	m.asked++
	m.mu.Unlock()
	m.poke()
}

// Settle waits until Run has acted on every Set and Adopt before it, or ctx
// ends. It does not wait for devices that are missing.
func (m *Manager) Settle(ctx context.Context) {
	m.mu.Lock()
	asked := m.asked
	for m.looked < asked {
		news := m.news
		m.mu.Unlock()
		select {
		case <-news:
		case <-ctx.Done():
			return
		}
		m.mu.Lock()
	}
	m.mu.Unlock()
}

// Gone tells the manager that a queue of the port returned port.ErrGone.
func (m *Manager) Gone(name string) {
	m.mu.Lock()
	m.gone[name] = true
	m.mu.Unlock()
	m.poke()
}

// States returns what is known of all wanted ports.
func (m *Manager) States() map[string]State {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.states)
}

func (m *Manager) poke() {
	select {
	case m.kick <- struct{}{}:
	default:
	}
}

// Intervals of Run: how often states are refreshed; how soon and how many times
// something that is missing is looked for sooner than that, after a change; and
// how close together dumps may follow.
const (
	refresh = time.Second
	retry   = 200 * time.Millisecond
	retries = 25
	quiet   = 5 * time.Millisecond
)

// On a card with more ports than slice, all of them open, a refresh looks at so
// many of them, in turn, and at the list of links every wholeLook times only: the
// cost of a card that has nothing to do does not grow with its ports. What
// netlink tells of is looked at at once, whatever the size.
const (
	slice     = 100
	wholeLook = 10
)

// Run keeps the ports attached until ctx ends, then closes them; what it made
// for workloads stays. It must be called once.
func (m *Manager) Run(ctx context.Context) error {
	defer m.handle.Close()
	w := watch(ctx, m.options.Namespace, m.options.Log)
	defer w.wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for tries, ticks := 0, 0; ; tries++ {
		whole := true
		select {
		case <-ctx.Done():
			m.closeAll()
			return nil
		case <-timer.C:
			whole = ticks%wholeLook == 0
			ticks++
		case <-m.kick:
			tries = 0
		case <-w.changed:
			tries = 0
			select { // a burst of messages, one dump
			case <-ctx.Done():
			case <-time.After(quiet):
			}
		}
		next := refresh
		if m.look(whole) && tries < retries {
			next = retry
		}
		timer.Reset(next)
	}
}

// look is reconcile, in which a panic is logged and looked at again: it must not
// end the process that forwards.
func (m *Manager) look(whole bool) (missing bool) {
	defer func() {
		if r := recover(); r != nil {
			m.options.Log.Error("panic while attaching ports", "panic", r, "stack", string(debug.Stack()))
			missing = true
		}
	}()
	return m.reconcile(whole)
}

// reconcile brings devices in line with the wants: with all of them, or with
// those whose turn it is. It reports whether one is still missing.
func (m *Manager) reconcile(whole bool) (missing bool) {
	m.mu.Lock()
	wants, rule, asked := m.wants, m.rule, m.asked
	gone := m.gone
	m.gone = map[string]bool{}
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.looked != asked {
			m.looked = asked
			close(m.news)
			m.news = make(chan struct{})
		}
	}()

	if !whole && !m.missing && len(gone) == 0 && len(wants) > slice {
		m.turn += slice
		if m.turn >= len(wants) {
			m.turn = 0
		}
		for _, w := range wants[m.turn:min(m.turn+slice, len(wants))] {
			// Named twice, or not the entry of the last whole look: of no use now.
			if e := m.entries[w.Name]; e != nil && e.want == w && !m.ensure(e) {
				m.missing = true
			}
		}
		return m.missing
	}
	defer func() { m.missing = missing }()
	if links, err := dump(m.handle); err != nil {
		m.options.Log.Warn("list network devices", "error", err)
		missing = true
	} else {
		m.links = links
	}
	m.spared = rule.reserved
	m.adopt(rule, wants)
	m.count(len(wants))

	desired := make(map[string]Want, len(wants))
	for _, w := range wants {
		desired[w.Name] = w
	}
	for _, name := range slices.Sorted(maps.Keys(m.entries)) {
		e := m.entries[name]
		if w, ok := desired[name]; !ok || !w.same(e.want) {
			m.shut(e, true)
			delete(m.entries, name)
			m.mu.Lock()
			delete(m.states, name)
			m.mu.Unlock()
		}
	}
	for _, w := range wants {
		if w != desired[w.Name] {
			continue // named twice: the last one counts
		}
		e := m.entries[w.Name]
		if e == nil {
			e = &entry{}
			m.entries[w.Name] = e
		}
		e.want = w
		e.segments()
		if e.open != nil && gone[w.Name] {
			m.shut(e, false)
		}
		if !m.ensure(e) {
			missing = true
		}
	}
	return missing
}

// ensure opens the device of an entry if it is not open, and reports its state.
func (m *Manager) ensure(e *entry) bool {
	var info port.Info
	if e.open != nil {
		m.tend(e)
		info = e.open.device().Info()
		if stale, remove := e.open.stale(m, info); stale {
			m.shut(e, remove)
		}
	}
	if e.open == nil {
		a, err := m.attach(e.want)
		if err == nil {
			if err = m.events.Opened(e.want.Name, a.device()); err != nil {
				err = errors.Join(err, a.close(m, false))
				a = nil
			}
		}
		if err != nil {
			s := State{Reason: NotConnected}
			if !errors.Is(err, errAbsent) {
				s.Error = err.Error()
			}
			m.report(e, s)
			return false
		}
		e.open = a
		e.mtu = 0
		info = a.device().Info()
	}
	if e.want.MTU != e.mtu {
		e.mtu = e.want.MTU
		if err := e.open.setMTU(m, e.want.MTU); err != nil {
			m.options.Log.Warn("set mtu", "port", e.want.Name, "error", err)
		}
		info = e.open.device().Info()
	}
	s := State{Open: true, Up: info.Carrier, Reason: NotConnected, Info: info}
	if s.Up {
		s.Reason = None
	}
	m.report(e, s)
	return true
}

// report tells a state when it changed.
func (m *Manager) report(e *entry, s State) {
	if e.state == s {
		return
	}
	was := e.state
	e.state = s
	m.mu.Lock()
	m.states[e.want.Name] = s
	m.mu.Unlock()
	if was.Up != s.Up || was.Open != s.Open || was.Error != s.Error {
		m.options.Log.Info("port attachment", "port", e.want.Name, "open", s.Open, "up", s.Up,
			"device", cmp.Or(s.Info.Device, e.want.Device), "driver", s.Info.Driver, "error", s.Error)
	}
	m.events.State(e.want.Name, s)
}

// shut closes the device of an entry; remove takes away what was made for it.
func (m *Manager) shut(e *entry, remove bool) {
	if e.open == nil {
		return
	}
	var err error
	if remove {
		err = e.open.forsake()
	}
	m.events.Closing(e.want.Name)
	if err = errors.Join(err, e.open.close(m, remove)); err != nil {
		m.options.Log.Warn("detach port", "port", e.want.Name, "error", err)
	}
	e.open = nil
	m.report(e, State{Reason: NotConnected})
}

func (m *Manager) closeAll() {
	for _, name := range slices.Sorted(maps.Keys(m.entries)) {
		m.shut(m.entries[name], false)
	}
}
