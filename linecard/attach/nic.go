package attach

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"

	"trunkline/linecard/api"
)

// Rule says which devices the card adopts as Ethernet ports.
type Rule struct {
	// Lab numbers devices by their names (gnmi.md §4): ethN is N, eS-P and
	// ethS_P are P, and so is a device with the alternative name EthernetS-P.
	// eth0 is never adopted.
	Lab bool
	// Map numbers devices by name and goes before the names' own numbers.
	Map map[string]int
	// Slot is the slot S that names may carry besides 1, the front panel.
	Slot int
	// Phys are further devices, numbered at first sight.
	Phys []Phys
	// Uplinks are such devices by their exact names: those of the program,
	// which must not reach for devices by a pattern.
	Uplinks []string
	// Exclude are names that are never adopted, nor attached to a port: the
	// management device.
	Exclude []string
}

// reserved reports whether a device is none of the card's business.
func (r Rule) reserved(name string) bool {
	return slices.Contains(r.Exclude, name) || r.Lab && name == "eth0"
}

// Phys is a device of the card's own configuration: a name or a pattern of
// path.Match, and the port-profile asked for its port.
type Phys struct{ Device, Profile string }

// Adopt sets the rule.
func (m *Manager) Adopt(r Rule) {
	m.mu.Lock()
	m.rule = Rule{r.Lab, maps.Clone(r.Map), r.Slot, slices.Clone(r.Phys), slices.Clone(r.Uplinks), slices.Clone(r.Exclude)}
	m.asked++
	m.mu.Unlock()
	m.poke()
}

var (
	plainName = regexp.MustCompile(`^eth([1-9][0-9]{0,3})$`)
	slotName  = regexp.MustCompile(`^(?:e([1-9][0-9]?)-|eth([1-9][0-9]?)_|Ethernet([1-9][0-9]?)-)([1-9][0-9]{0,3})$`)
)

// labNumber returns the port number that a name stands for, 0 for none.
func labNumber(name string, slot int) int {
	if p := plainName.FindStringSubmatch(name); p != nil {
		n, _ := strconv.Atoi(p[1])
		return n
	}
	p := slotName.FindStringSubmatch(name)
	if p == nil {
		return 0
	}
	s, _ := strconv.Atoi(p[1] + p[2] + p[3]) // one of them is set
	if s != 1 && s != slot {
		return 0
	}
	n, _ := strconv.Atoi(p[4])
	return n
}

// number returns the number of a link by its name or alternative names, 0 for
// none.
func (r Rule) number(l link) int {
	if n := r.Map[l.name]; n > 0 {
		return n
	}
	if !r.Lab {
		return 0
	}
	if n := labNumber(l.name, r.Slot); n != 0 {
		return n
	}
	for _, a := range l.alt {
		if n := labNumber(a, r.Slot); n != 0 {
			return n
		}
	}
	return 0
}

// asked returns whether the rule names a link, and the profile for its port.
func (r Rule) asked(l link) (profile string, ok bool) {
	names := append([]string{l.name}, l.alt...)
	for _, p := range r.Phys {
		for _, name := range names {
			if hit, err := path.Match(p.Device, name); err == nil && hit {
				return p.Profile, true
			}
		}
	}
	for _, name := range names {
		if slices.Contains(r.Uplinks, name) {
			return "", true
		}
	}
	return "", false
}

// adopt numbers the devices that the rule names and tells of changes. Devices
// that a card made, and those that are ports by their owner, are no NICs.
func (m *Manager) adopt(r Rule, wants []Want) {
	owned := map[string]bool{}
	for _, w := range wants {
		if w.Kind != NIC && w.Device != "" {
			owned[w.Device] = true
		}
	}
	m.nics = map[int]link{}
	var later []link
	profiles := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(m.links)) {
		l := m.links[name]
		if !l.ethernet || r.reserved(name) || l.made() || owned[name] {
			continue
		}
		profile, asked := r.asked(l)
		profiles[name] = profile
		n := r.number(l)
		if _, taken := m.nics[n]; n != 0 && !taken {
			m.nics[n] = l
		} else if asked && n == 0 {
			later = append(later, l)
		}
	}
	changed := m.numbers.assign(m.nics, later, m.links)
	if changed {
		if err := m.numbers.save(); err != nil {
			m.options.Log.Warn("keep numbers of ethernet ports", "error", err)
		}
	}
	list := make([]api.NIC, 0, len(m.nics))
	for n, l := range m.nics {
		list = append(list, api.NIC{Number: n, Device: l.name, MAC: l.mac.String(), Profile: profiles[l.name]})
	}
	slices.SortFunc(list, func(a, b api.NIC) int { return a.Number - b.Number })
	if !slices.Equal(list, m.told) {
		m.told = list
		m.events.Adopted(slices.Clone(list))
	}
}
