// Package state keeps what line cards report and gives readers snapshots of it:
// as records for show commands (Ports, Reports), and as the tree of the leaves
// that features make of them (View; architecture §7).
//
//	reports ──▶ records ──▶ dirty ports ─┐
//	commits ──▶ what differs ────────────┼──▶ Observe of features ──▶ tree ──▶ subscribers
//	modules ──▶ what differs ────────────┘                             └─ View
//	                 records ──▶ samples of counters, when a View is asked
//
// A report replaces the earlier one of the same card, so a card that is slow or
// repeats itself does no harm. Reports are the words of another machine: they
// are decoded strictly and within bounds, and a bad one leaves the state as it
// was.
//
// A port is observed anew only when its report says something besides counters
// and rates, when its configuration changes, or when its card comes or goes. So
// a report of ten thousand quiet ports costs its decoding and one comparison
// each. Run observes as things happen; a View observes what Run has yet to, so
// it is never older than the call.
//
// Times are the card's where it says when something came about (the last change
// of a link), else those of the report, the commit or the loss that made it so.
// Sessions do not measure the offset of a card's clock; what a card says
// happened in the future happened now.
//
// All methods may be called from any goroutine. Mu guards the records, seen the
// observation; seen is taken first, and no mutex is held across a call of
// Sources but seen.
package state

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/linecard/api"
)

// Sources are where the state is from besides the reports of cards. Functions
// may be nil: nothing is known of it.
type Sources struct {
	Features   []feature.Feature
	Running    func() feature.Running
	Modules    func() []feature.Module
	Supervisor func() feature.Supervisor
}

// Store is the merged state of all cards.
type Store struct {
	src      Sources
	decoders map[string]func([]byte) (any, error) // by section; never changes
	wake     chan struct{}                        // of one: there is something to observe
	tree     atomic.Pointer[tree.Tree]
	system   atomic.Bool // the supervisor's own facts are to be observed at once

	mu          sync.Mutex
	cards       map[int]*card // by slot; inner values never change
	nics        map[int][]api.NIC
	reports     map[string]map[int]any // by section and slot; inner maps never change
	transitions map[string]uint64      // by port
	dirty       map[string]time.Time   // ports to observe, with the time of what they do
	subscribers map[chan struct{}]bool

	seen     sync.Mutex
	observed observed
}

// card is one report of ports.
type card struct {
	at    time.Time
	ports []feature.PortState
	index map[string]int
}

// port returns what the card says of a port, nil for nothing.
func (c *card) port(name string) *feature.PortState {
	if c != nil {
		if i, ok := c.index[name]; ok {
			return &c.ports[i]
		}
	}
	return nil
}

// New returns an empty store.
func New(src Sources) *Store {
	if src.Running == nil {
		src.Running = func() feature.Running { return feature.Running{} }
	}
	if src.Modules == nil {
		src.Modules = func() []feature.Module { return nil }
	}
	if src.Supervisor == nil {
		src.Supervisor = func() feature.Supervisor { return feature.Supervisor{} }
	}
	s := &Store{
		src: src, wake: make(chan struct{}, 1),
		cards: map[int]*card{}, nics: map[int][]api.NIC{}, transitions: map[string]uint64{},
		dirty: map[string]time.Time{}, subscribers: map[chan struct{}]bool{},
		decoders: map[string]func([]byte) (any, error){}, reports: map[string]map[int]any{},
	}
	s.tree.Store(new(tree.Tree))
	for _, f := range src.Features {
		if f.Report != nil {
			s.decoders[f.Name] = f.Report
		}
	}
	return s
}

// Poke says that something that Sources tell of has changed.
func (s *Store) Poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// PokeSystem says that what the supervisor says of itself has changed.
func (s *Store) PokeSystem() {
	s.system.Store(true)
	s.Poke()
}

// Report takes one section of a card's report; unknown sections are ignored,
// as a newer card may send them.
func (s *Store) Report(slot int, section string, data []byte) error {
	if len(data) > maxReport {
		return fmt.Errorf("report %s of module %d: %d bytes is too long", section, slot, len(data))
	}
	switch section {
	case api.ReportPorts:
		var r api.PortReport
		if err := decode(data, &r); err != nil {
			return fmt.Errorf("report %s of module %d: %w", section, slot, err)
		}
		now := time.Now()
		ports, err := portStates(slot, r, now)
		if err != nil {
			return fmt.Errorf("report %s of module %d: %w", section, slot, err)
		}
		s.replace(slot, &card{at: now, ports: ports})
	case api.ReportNICs:
		var r api.NICReport
		if err := decode(data, &r); err != nil {
			return fmt.Errorf("report %s of module %d: %w", section, slot, err)
		}
		if err := checkNICs(r.NICs); err != nil {
			return fmt.Errorf("report %s of module %d: %w", section, slot, err)
		}
		s.mu.Lock()
		s.nics[slot] = r.NICs
		s.mu.Unlock()
	default:
		decode := s.decoders[section]
		if decode == nil {
			return nil
		}
		r, err := decode(data)
		if err != nil {
			return fmt.Errorf("report %s of module %d: %w", section, slot, err)
		}
		s.mu.Lock()
		s.keep(section, slot, r)
		s.mu.Unlock()
	}
	return nil
}

// replace puts a card's ports in the place of those it reported before, and has
// what differs observed.
func (s *Store) replace(slot int, now *card) {
	running := s.src.Running().Tree
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.cards[slot]
	now.index = indexOf(was, now.ports)
	moved := len(s.dirty)
	for i := range now.ports {
		p := &now.ports[i]
		old := was.port(p.Name)
		if old != nil && quiet(old, p) {
			continue
		}
		s.dirty[p.Name] = now.at
		switch at := feature.SlotOf(running, p.Name); {
		case old == nil, at != 0 && at != slot: // it is not this card's to say
		case old.Up != p.Up:
			s.transitions[p.Name]++
		case !old.Since.Equal(p.Since):
			s.transitions[p.Name] += 2 // there and back between two reports
		}
	}
	if was != nil {
		for i := range was.ports {
			if name := was.ports[i].Name; now.port(name) == nil {
				s.dirty[name] = now.at
				if at := feature.SlotOf(running, name); at == 0 || at == slot {
					delete(s.transitions, name)
				}
			}
		}
	}
	s.cards[slot] = now
	if len(s.dirty) != moved {
		s.Poke()
	}
}

// indexOf returns the places of ports by name: those of the report before when
// it has the same names in the same places, as it mostly does.
func indexOf(was *card, ports []feature.PortState) map[string]int {
	if was != nil && slices.EqualFunc(was.ports, ports, func(a, b feature.PortState) bool { return a.Name == b.Name }) {
		return was.index
	}
	index := make(map[string]int, len(ports))
	for i := range ports {
		index[ports[i].Name] = i
	}
	return index
}

// quiet reports whether two reports of a port differ in counters and rates only.
func quiet(a, b *feature.PortState) bool {
	return a.Name == b.Name && a.Module == b.Module && a.Up == b.Up && a.Reason == b.Reason && a.Kind == b.Kind &&
		a.Adapter == b.Adapter && a.Owner == b.Owner && a.Driver == b.Driver && a.MAC == b.MAC && a.MTU == b.MTU &&
		a.Mbps == b.Mbps && a.Since.Equal(b.Since) && a.Cleared.Equal(b.Cleared) && a.Resets == b.Resets && a.Error == b.Error
}

// Lost marks the ports of a card that has gone: they are down at once.
func (s *Store) Lost(slot int) {
	running := s.src.Running().Tree
	s.mu.Lock()
	defer s.mu.Unlock()
	for section := range s.reports {
		s.keep(section, slot, nil)
	}
	was := s.cards[slot]
	if was == nil {
		return
	}
	now := &card{at: time.Now(), ports: slices.Clone(was.ports), index: was.index} // snapshots share the old slice
	for i := range now.ports {
		p := &now.ports[i]
		if p.Up {
			p.Since = now.at
			if at := feature.SlotOf(running, p.Name); at == 0 || at == slot {
				s.transitions[p.Name]++
			}
		}
		p.Up, p.Reason, p.Rates = false, "VEM absent", [2]feature.Rates{}
		s.dirty[p.Name] = now.at
	}
	s.cards[slot] = now
	s.Poke()
}

// keep stores, or with nil removes, what a card reports in a section. Called
// with mu held.
func (s *Store) keep(section string, slot int, report any) {
	of := maps.Clone(s.reports[section])
	if of == nil {
		of = map[int]any{}
	}
	if of[slot] = report; report == nil {
		delete(of, slot)
	}
	s.reports[section] = of
}

// Reports returns what features decoded of their sections (feature.Report), by
// section and slot, as far as cards have a session.
func (s *Store) Reports() map[string]map[int]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.reports)
}

// NICs returns the devices a card has adopted.
func (s *Store) NICs(slot int) []api.NIC {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.nics[slot])
}

// Ports returns the ports of all cards in the order of cli.md §1. A port is what
// the card says that configuration has it on. One that configuration has on no
// card and two report appears once: where it is up.
func (s *Store) Ports() []feature.PortState {
	s.mu.Lock()
	cards := maps.Clone(s.cards)
	s.mu.Unlock()
	return portsOf(cards, s.src.Running().Tree)
}

func portsOf(cards map[int]*card, running tree.Tree) []feature.PortState {
	n := 0
	for _, c := range cards {
		n += len(c.ports)
	}
	all := make([]feature.PortState, 0, n)
	for _, c := range cards {
		all = append(all, c.ports...)
	}
	all = slices.DeleteFunc(all, func(p feature.PortState) bool {
		slot := feature.SlotOf(running, p.Name)
		return slot != 0 && slot != p.Module
	})
	slices.SortFunc(all, func(a, b feature.PortState) int {
		if c := feature.CompareNames(a.Name, b.Name); c != 0 {
			return c
		}
		if prefer(&a, &b) {
			return -1
		}
		return 1
	})
	all = slices.CompactFunc(all, func(a, b feature.PortState) bool { return a.Name == b.Name })
	for i := range all {
		all[i].Owner = owner(running, all[i].Name)
	}
	return all
}

// portOf is portsOf for one port, nil for none.
func portOf(cards map[int]*card, running tree.Tree, name string) *feature.PortState {
	var best *feature.PortState
	if slot := feature.SlotOf(running, name); slot != 0 {
		best = cards[slot].port(name)
	} else {
		for _, c := range cards {
			if p := c.port(name); p != nil && (best == nil || prefer(p, best)) {
				best = p
			}
		}
	}
	if best == nil {
		return nil
	}
	p := *best
	p.Owner = owner(running, name)
	return &p
}

// prefer reports whether a is what counts of a port that two cards report.
func prefer(a, b *feature.PortState) bool {
	if a.Up != b.Up {
		return a.Up
	}
	return a.Module < b.Module
}

// owner names a port's owner for tables, "" for none.
func owner(running tree.Tree, name string) string {
	if b := feature.BindingOf(running, name); b != nil {
		return b.Owner()
	}
	return ""
}
