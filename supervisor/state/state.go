// Package state keeps what line cards report and gives readers snapshots of it.
//
// A report replaces the earlier one of the same card, so a card that is slow or
// repeats itself does no harm. Reports are the words of another machine: they
// are decoded strictly and within bounds, and a bad one leaves the state as it
// was. All methods may be called from any goroutine; a snapshot is built on
// demand and never changes.
package state

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"trunkline/feature"
	"trunkline/internal/ether"
	"trunkline/linecard/api"
)

// Bounds of a report.
const (
	maxReport = 8 << 20 // bytes
	maxPorts  = 2048    // ports of one card (cli.md §15)
	maxNICs   = 64      // devices that one card has adopted
	maxText   = 256     // bytes of one name or reason
)

// Store is the merged state of all cards.
type Store struct {
	mu    sync.Mutex
	ports map[int][]feature.PortState // by slot
	nics  map[int][]api.NIC
	owner func(port string) string
	slot  func(port string) int

	decoders map[string]func([]byte) (any, error) // by section; set before use
	reports  map[string]map[int]any               // by section and slot; inner maps never change
}

// Decode has a section of reports decoded and kept for Reports. It is called
// before the first Report.
func (s *Store) Decode(section string, decode func([]byte) (any, error)) {
	s.decoders[section] = decode
}

// Reports returns what was decoded of the sections that Decode named, by
// section and slot, as far as cards have a session.
func (s *Store) Reports() map[string]map[int]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.reports)
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

// New returns an empty store. Owner gives the text of a port's owner for
// tables, "" for none. SlotOf gives the slot of the card that configuration has
// a port on, 0 for none: what another card says of the port is not shown. Both
// may be nil.
func New(owner func(port string) string, slotOf func(port string) int) *Store {
	if owner == nil {
		owner = func(string) string { return "" }
	}
	if slotOf == nil {
		slotOf = func(string) int { return 0 }
	}
	return &Store{
		ports: map[int][]feature.PortState{}, nics: map[int][]api.NIC{}, owner: owner, slot: slotOf,
		decoders: map[string]func([]byte) (any, error){}, reports: map[string]map[int]any{},
	}
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
		ports, err := portStates(slot, r)
		if err != nil {
			return fmt.Errorf("report %s of module %d: %w", section, slot, err)
		}
		s.mu.Lock()
		s.ports[slot] = ports
		s.mu.Unlock()
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

// Lost marks the ports of a card that has gone: they are down at once.
func (s *Store) Lost(slot int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ports := slices.Clone(s.ports[slot]) // snapshots share the old slice
	for i := range ports {
		ports[i].Up, ports[i].Reason = false, "VEM absent"
		ports[i].Rates = [2]feature.Rates{}
	}
	s.ports[slot] = ports
	for section := range s.reports {
		s.keep(section, slot, nil)
	}
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
	n := 0
	for _, p := range s.ports {
		n += len(p)
	}
	all := make([]feature.PortState, 0, n)
	for _, p := range s.ports {
		all = append(all, p...)
	}
	s.mu.Unlock()
	all = slices.DeleteFunc(all, func(p feature.PortState) bool {
		slot := s.slot(p.Name)
		return slot != 0 && slot != p.Module
	})
	slices.SortFunc(all, func(a, b feature.PortState) int {
		if c := feature.CompareNames(a.Name, b.Name); c != 0 {
			return c
		}
		switch {
		case a.Up && !b.Up:
			return -1
		case b.Up && !a.Up:
			return 1
		}
		return a.Module - b.Module
	})
	all = slices.CompactFunc(all, func(a, b feature.PortState) bool { return a.Name == b.Name })
	for i := range all {
		all[i].Owner = s.owner(all[i].Name)
	}
	return all
}

func decode(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	return d.Decode(v)
}

// checkNICs refuses devices that cannot be: their numbers become names of
// interfaces, and a number or a device that comes twice would make two of one.
func checkNICs(nics []api.NIC) error {
	if len(nics) > maxNICs {
		return fmt.Errorf("%d devices are too many", len(nics))
	}
	numbers, devices := map[int]bool{}, map[string]bool{}
	for _, n := range nics {
		switch {
		case n.Number < 1 || n.Number > feature.MaxUplink:
			return fmt.Errorf("number %d of a device is not from 1 to %d", n.Number, feature.MaxUplink)
		case n.Device == "" || !fits(n.Device, 15):
			return fmt.Errorf("%.32q is no name of a device", n.Device)
		case !fits(n.Profile, 80):
			return fmt.Errorf("device %s: %.96q is no port-profile", n.Device, n.Profile)
		case numbers[n.Number] || devices[n.Device]:
			return fmt.Errorf("device %d %s comes twice", n.Number, n.Device)
		}
		if _, err := ether.ParseMAC(n.MAC); err != nil && n.MAC != "" {
			return fmt.Errorf("device %s: %w", n.Device, err)
		}
		numbers[n.Number], devices[n.Device] = true, true
	}
	return nil
}

// fits reports whether a text can be shown and has at most limit bytes.
func fits(text string, limit int) bool {
	return len(text) <= limit && utf8.ValidString(text) && !strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) })
}

func portStates(slot int, r api.PortReport) ([]feature.PortState, error) {
	if len(r.Ports) > maxPorts {
		return nil, fmt.Errorf("%d ports are too many", len(r.Ports))
	}
	ports := make([]feature.PortState, 0, len(r.Ports))
	for _, p := range r.Ports {
		for _, text := range []string{p.Name, p.Reason, p.Kind, p.Device, p.Driver, p.Error} {
			if !fits(text, maxText) {
				return nil, fmt.Errorf("port %.32q: text that cannot be shown", p.Name)
			}
		}
		if _, err := feature.Interface.Parse(p.Name); err != nil {
			return nil, fmt.Errorf("%.32q is no interface", p.Name)
		}
		var mac ether.MAC
		if p.MAC != "" {
			var err error
			if mac, err = ether.ParseMAC(p.MAC); err != nil {
				return nil, fmt.Errorf("port %s: %w", p.Name, err)
			}
		}
		out := feature.PortState{
			Name: p.Name, Module: slot, Up: p.Up, Reason: p.Reason, Kind: p.Kind, Adapter: p.Device,
			Driver: p.Driver, MAC: mac, MTU: p.MTU, Mbps: p.Mbps, Since: p.Since, Cleared: p.Cleared,
			Resets: p.Resets, Error: p.Error, Counters: feature.Counters(p.Counters),
		}
		for i, rate := range p.Rates {
			out.Rates[i] = feature.Rates(rate)
		}
		ports = append(ports, out)
	}
	return ports, nil
}
