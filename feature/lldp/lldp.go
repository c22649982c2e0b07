// Package lldp is the feature of the Link Layer Discovery Protocol (IEEE
// 802.1AB-2016): line cards announce the switch on their Ethernet ports and
// report who announces itself there. VEthernets neither send nor receive: what a
// guest says of itself is not the network's topology.
//
// The feature is off until feature lldp.
package lldp

import (
	"slices"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/linecard/api"
)

// Config is what an operator sets for the whole switch; Port what is set on an
// Ethernet port or in a port-profile of type ethernet.
type (
	Config struct {
		Hold, Interval, Reinit uint32
		TLVs                   [6]bool // in the order of TLVs
	}
	PortConfig struct{ Transmit, Receive bool }
)

// Defaults in seconds (cli.md §9.16).
const (
	DefaultHold     = 120
	DefaultInterval = 30
	DefaultReinit   = 2
)

// TLVs are the words of lldp tlv-select with their help; all are sent by
// default.
var TLVs = []schema.Keyword{
	{Text: "management-address", Help: "Management address"},
	{Text: "port-description", Help: "Port description"},
	{Text: "port-vlan", Help: "Port VLAN ID"},
	{Text: "system-capabilities", Help: "System capabilities"},
	{Text: "system-description", Help: "System description"},
	{Text: "system-name", Help: "System name"},
}

// section of show running-config: that of protocols without one of their own.
const section = 16

// name is that of the feature, of its section and of its report.
const name = "lldp"

// Feature is the feature.
var Feature = feature.Gate("LLDP", feature.Feature{
	Name:    name,
	Schema:  schema.Group{Leaves: leaves(), Words: configWords},
	Compile: compile,
	Reads:   []tree.Path{{{Name: "lldp"}}, {{Name: "system"}}, feature.InterfacePath(feature.Mgmt0)},
	Report: func(data []byte) (any, error) {
		return api.DecodeDiscovery(data, clean)
	},
	Show: shows,
	Exec: execs,
})

var configWords = schema.Words{
	"lldp":            "Configure LLDP parameters",
	"lldp holdtime":   "Time a receiver keeps what was sent to it",
	"lldp timer":      "Time between frames",
	"lldp reinit":     "Time before a port that was turned off sends again",
	"lldp tlv-select": "Optional TLVs to send",
}

func leaves() []schema.Leaf {
	number := func(name, line, help string, field func(*Config) *uint32, lo, hi, def uint32, order int) schema.Leaf {
		return schema.Bind("lldp/"+name, schema.Uint("lldp-"+name, help+" in seconds", lo, hi), field, line, help).
			With(func(l *schema.Leaf) { l.Default, l.Section, l.Order = def, section, order })
	}
	all := []schema.Leaf{
		number("holdtime", "lldp holdtime <seconds>", "Time a receiver keeps what was sent to it",
			func(c *Config) *uint32 { return &c.Hold }, 10, 255, DefaultHold, 30),
		number("reinit", "lldp reinit <seconds>", "Time before a port that was turned off sends again",
			func(c *Config) *uint32 { return &c.Reinit }, 1, 10, DefaultReinit, 31),
		number("timer", "lldp timer <seconds>", "Time between frames",
			func(c *Config) *uint32 { return &c.Interval }, 5, 254, DefaultInterval, 32),
	}
	for i, k := range TLVs {
		all = append(all, schema.Bind("lldp/tlv-select/"+k.Text, schema.Flag, func(c *Config) *bool { return &c.TLVs[i] },
			"lldp tlv-select "+k.Text, k.Help).With(func(l *schema.Leaf) { l.Default, l.Section, l.Order = true, section, 33+i }))
	}
	port := func(l *schema.Leaf) { l.Default, l.Kinds = true, []string{feature.Ethernet} }
	return append(all, schema.Augment(feature.Port,
		schema.Bind("lldp/transmit", schema.Flag, func(c *PortConfig) *bool { return &c.Transmit },
			"lldp transmit", "Send LLDP frames").With(port),
		schema.Bind("lldp/receive", schema.Flag, func(c *PortConfig) *bool { return &c.Receive },
			"lldp receive", "Receive LLDP frames").With(port),
	)...)
}

var (
	transmitPath = tree.Path{{Name: "lldp"}, {Name: "transmit"}}
	receivePath  = tree.Path{{Name: "lldp"}, {Name: "receive"}}
	namePath     = tree.Path{{Name: "description"}}
)

// config returns the settings in force.
func config(t tree.Tree) Config {
	at := func(name string, def uint32) uint32 {
		return feature.Read(t, tree.Path{{Name: "lldp"}, {Name: name}}, def)
	}
	c := Config{
		Hold: at("holdtime", DefaultHold), Interval: at("timer", DefaultInterval), Reinit: at("reinit", DefaultReinit),
	}
	for i, k := range TLVs {
		c.TLVs[i] = feature.Read(t, tree.Path{{Name: "lldp"}, {Name: "tlv-select"}, {Name: k.Text}}, true)
	}
	return c
}

// compile gives a card its Ethernet ports, less those that configuration keeps
// down: a port that is shut down says goodbye as one that is turned off.
func compile(in feature.Input) (any, error) {
	c := config(in.Config)
	p := Program{System: feature.Hostname(in.Config), Interval: c.Interval, Hold: c.Hold, Reinit: c.Reinit,
		Management: feature.ManagementAddresses(in.Config), Ports: []Port{}}
	for i, k := range TLVs {
		if !c.TLVs[i] {
			p.Omit = append(p.Omit, k.Text)
		}
	}
	for _, name := range in.Ports {
		if feature.KindOf(name) != feature.Ethernet {
			continue
		}
		effective := in.Effective(name)
		if feature.AdminState(in.Config, effective, name) != "" {
			continue
		}
		p.Ports = append(p.Ports, Port{
			Name: name, Description: feature.Read(effective, namePath, ""),
			Transmit: feature.Read(effective, transmitPath, true), Receive: feature.Read(effective, receivePath, true),
		})
	}
	return p, nil
}

// clean makes what a card reports fit to be shown.
func clean(n *Neighbour) {
	for _, s := range []*string{&n.Chassis, &n.Port, &n.PortDescription, &n.System, &n.Management4, &n.Management6} {
		*s = api.Printable(*s, false)
	}
	n.Description = api.Printable(n.Description, true)
}

// capability is one bit of IEEE 802.1AB-2016 table 8-4 with its letter.
type capability struct {
	bit    uint16
	letter string
}

// capabilities in the order in which they are printed.
var capabilities = []capability{{1 << 2, "B"}, {1 << 4, "R"}, {1 << 5, "T"}, {1 << 6, "C"}, {1 << 3, "W"}, {1 << 1, "P"}, {1 << 7, "S"}, {1 << 0, "O"}}

func letters(set uint16) []string {
	var all []string
	for _, c := range capabilities {
		if set&c.bit != 0 {
			all = append(all, c.letter)
		}
	}
	return slices.Clip(all)
}
