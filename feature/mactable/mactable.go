// Package mactable is the feature of the MAC address table: ageing, static
// entries, the size of a card's table, and the view of all cards' tables as
// one.
//
// Each card learns by itself, so an address is known to every card that has
// seen a frame of it: on the port it lives behind by its own card, on an uplink
// by the others. The switch-wide view keeps one row per VLAN and address, that
// of the card it lives on.
package mactable

import (
	"fmt"
	"strconv"
	"strings"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/ether"
)

// DefaultAge is the ageing time in seconds when none is configured (cli.md
// §9.4).
const DefaultAge = 1800

// MaxStatic is the number of static entries of a switch: what the table of one
// card holds by default (cli.md §15).
const MaxStatic = 32768

// Config is what an operator sets for the whole table, VLAN for one VLAN, and
// Entry for one address.
type (
	Config struct{ Age, Limit uint32 }
	VLAN   struct{ Age uint32 }
	Entry  struct{ Target Target }
)

// Target is where a static entry leads: a port, or nowhere.
type Target struct {
	Port string
	Drop bool
}

// ageType is 0, or seconds.
var ageType = func() schema.Type[uint32] {
	const lo, hi = 120, 918000
	t := schema.Uint("aging-time", "Aging time in seconds, 0 to never age", 0, hi)
	t.Syntax.Notation = fmt.Sprintf("<0-0>,<%d-%d>", lo, hi)
	parse := t.Parse
	t.Parse = func(s string) (uint32, error) {
		n, err := parse(s)
		if err != nil && err != error(schema.ErrInvalid) || err == nil && n != 0 && n < lo {
			return 0, schema.ErrRange(lo, hi)
		}
		return n, err
	}
	t.Yang = fmt.Sprintf("uint32 { range \"0 | %d..%d\"; }", lo, hi)
	return t
}()

// targetType is written "interface Vethernet3" or "drop".
var targetType = schema.Type[Target]{
	Name: "mac-target",
	Syntax: schema.Syntax{
		Help:  "Where the entry leads",
		Forms: []string{"interface <interface>", "drop"},
		Types: map[string]schema.AnyType{"interface": feature.Interface},
		Words: schema.Words{"interface": "Interface the address is behind", "drop": "Drop frames to and from the address"},
	},
	Parse: func(s string) (Target, error) {
		if s == "drop" {
			return Target{Drop: true}, nil
		}
		name, ok := strings.CutPrefix(s, "interface ")
		if !ok {
			return Target{}, schema.ErrInvalid
		}
		name, err := feature.Interface.Parse(name)
		return Target{Port: name}, err
	},
	Format: func(t Target) string {
		if t.Drop {
			return "drop"
		}
		return "interface " + t.Port
	},
}

const section = 16

// Feature is the feature.
var Feature = feature.Feature{
	Name: "mactable",
	Schema: schema.Group{
		Blocks: []schema.Block{
			{
				Path: "mac-table/vlan", Keys: []schema.Key{{Name: "vlan", Type: schema.VLAN}},
				Section: section, Order: 2, Help: "VLAN",
			},
			{
				Path: "mac-table/static", Keys: []schema.Key{{Name: "vlan", Type: schema.VLAN}, {Name: "mac", Type: schema.MAC}},
				Section: section, Order: 3, Help: "Static entry",
			},
		},
		Leaves: []schema.Leaf{
			schema.Bind("mac-table/aging-time", ageType, func(c *Config) *uint32 { return &c.Age },
				"mac address-table aging-time <seconds>", "Aging time").With(func(l *schema.Leaf) {
				l.Default = uint32(DefaultAge)
				l.Section = section
			}),
			schema.Bind("mac-table/limit",
				schema.Uint("mac-limit", "Entries of the table of each module", 100, 1000000),
				func(c *Config) *uint32 { return &c.Limit },
				"mac address-table limit <entries>", "Size of the table of each module").With(func(l *schema.Leaf) {
				l.Section, l.Order = section, 1
			}),
			schema.Bind("mac-table/vlan/aging-time", ageType, func(c *VLAN) *uint32 { return &c.Age },
				"mac address-table aging-time <seconds> vlan <vlan>", "Aging time").With(func(l *schema.Leaf) {
				l.Section, l.Order = section, 2 // without a value of its own a VLAN has the table's
			}),
			schema.Bind("mac-table/static/target", targetType, func(c *Entry) *Target { return &c.Target },
				"mac address-table static <mac> vlan <vlan> <target>", "Static entry").With(func(l *schema.Leaf) {
				l.Section, l.Order = section, 3
			}),
		},
		Words: schema.Words{
			"mac":                               "MAC configuration commands",
			"mac address-table":                 "MAC address table configuration commands",
			"mac address-table aging-time":      "Aging time",
			"mac address-table aging-time vlan": "Aging time of one VLAN",
			"mac address-table limit":           "Size of the table of each module",
			"mac address-table static":          "Static entry",
			"mac address-table static vlan":     "VLAN of the entry",
		},
	},
	Check:   check,
	Compile: compile,
	Reads:   []tree.Path{agePath[:1:1]},
	Show:    shows,
	Exec:    execs,
}

var (
	agePath    = tree.Path{{Name: "mac-table"}, {Name: "aging-time"}}
	limitPath  = tree.Path{{Name: "mac-table"}, {Name: "limit"}}
	vlansPath  = tree.Path{{Name: "mac-table"}, {Name: "vlan"}}
	staticPath = tree.Path{{Name: "mac-table"}, {Name: "static"}}
)

// static is one configured entry.
type static struct {
	key    string
	vlan   ether.VLANID
	mac    ether.MAC
	target Target
}

func targetPath(key string) tree.Path {
	return tree.Path{{Name: "mac-table"}, {Name: "static", Key: key}, {Name: "target"}}
}

// statics returns the configured entries, by VLAN and address.
func statics(t tree.Tree) []static {
	var all []static
	for key := range t.Keys(staticPath) {
		vlan, mac, _ := strings.Cut(key, " ")
		e := static{key: key, target: feature.Read(t, targetPath(key), Target{})}
		e.vlan, _ = schema.VLAN.Parse(vlan)
		e.mac, _ = ether.ParseMAC(mac)
		if e.target != (Target{}) {
			all = append(all, e)
		}
	}
	return all
}

// ages returns the ageing times that differ by VLAN.
func ages(t tree.Tree) map[ether.VLANID]uint32 {
	out := map[ether.VLANID]uint32{}
	for key := range t.Keys(vlansPath) {
		vlan, err := strconv.ParseUint(key, 10, 16)
		age, ok := t.Get(tree.Path{{Name: "mac-table"}, {Name: "vlan", Key: key}, {Name: "aging-time"}})
		if age, isAge := age.(uint32); err == nil && ok && isAge {
			out[ether.VLANID(vlan)] = age
		}
	}
	return out
}

func check(c feature.Candidate) []schema.Problem {
	if !c.Changed(tree.Path{{Name: "mac-table"}}, feature.InterfacesRoot) {
		return nil
	}
	var problems []schema.Problem
	all := statics(c.New)
	for i, e := range all {
		problem := schema.Problem{Path: targetPath(e.key)}
		switch {
		case i == MaxStatic:
			problem.Rule = "scale"
			problem.Text = fmt.Sprintf("ERROR: Maximum number of static MAC entries (%d) reached.", MaxStatic)
		case e.mac.Group() || e.mac == (ether.MAC{}):
			problem.Rule = "unicast"
			problem.Text = fmt.Sprintf("ERROR: %s is not a unicast address.", e.mac)
		case e.target.Port != "" && !c.New.Exists(feature.InterfacePath(e.target.Port)) &&
			(e.target != feature.Read(c.Old, targetPath(e.key), Target{}) || c.Old.Exists(feature.InterfacePath(e.target.Port))):
			problem.Severity, problem.Rule = schema.Warning, "interface-missing"
			problem.Text = fmt.Sprintf("Warning: Interface does not exist: %s; the static entry %s is inactive.", e.target.Port, e.mac)
		default:
			continue
		}
		problems = append(problems, problem)
	}
	return problems
}

// compile gives a card the entries of its own ports, and those that drop: an
// address behind another card's port is learned where its frames come in.
func compile(in feature.Input) (any, error) {
	p := Program{
		AgeSeconds: feature.Read(in.Config, agePath, uint32(DefaultAge)),
		Limit:      feature.Read(in.Config, limitPath, uint32(0)),
	}
	if byVLAN := ages(in.Config); len(byVLAN) > 0 {
		p.AgeVLAN = byVLAN
	}
	own := map[string]bool{}
	for _, name := range in.Ports {
		own[name] = true
	}
	for _, e := range statics(in.Config) {
		if e.target.Drop || own[e.target.Port] {
			p.Static = append(p.Static, Static{VLAN: e.vlan, MAC: e.mac.String(), Port: e.target.Port, Drop: e.target.Drop})
		}
	}
	return p, nil
}
