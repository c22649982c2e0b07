// Package cdp is the feature of the Cisco Discovery Protocol: line cards
// announce the switch on their Ethernet ports and report who announces itself
// there. It is on by default. VEthernets neither send nor receive: what a guest
// says of itself is not the network's topology.
package cdp

import (
	"slices"
	"strings"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/linecard/api"
)

// Config is what an operator sets for the whole switch; PortConfig what is set
// on an Ethernet port or in a port-profile of type ethernet.
type (
	Config struct {
		Enabled        bool
		Advertise      string // "v1" or "v2"
		DeviceID       string
		Hold, Interval uint32
	}
	PortConfig struct{ Enabled bool }
)

// Defaults (cli.md §9.16), times in seconds.
const (
	DefaultHold      = 180
	DefaultInterval  = 60
	defaultAdvertise = "v2"
)

// Forms of the device id: the words of cdp format device-id.
const (
	ByName   = "system-name"
	BySerial = "serial-number"
	ByMAC    = "mac-address"
	ByOther  = "other" // the name with the serial number in parentheses
)

// DeviceIDs are the forms of the device id.
var DeviceIDs = []string{ByName, BySerial, ByMAC, ByOther}

// section of show running-config: that of protocols without one of their own.
const section = 16

// name is that of the feature, of its section and of its report.
const name = "cdp"

// Feature is the feature.
var Feature = feature.Feature{
	Name:    name,
	Schema:  schema.Group{Leaves: leaves(), Words: configWords},
	Compile: compile,
	Reads:   []tree.Path{{{Name: "cdp"}}, {{Name: "system"}}, feature.InterfacePath(feature.Mgmt0)},
	Report: func(data []byte) (any, error) {
		return api.DecodeDiscovery(data, clean)
	},
	Show: shows,
	Exec: execs,
}

var configWords = schema.Words{
	"cdp":                  "Configure CDP parameters",
	"cdp advertise":        "Version of the frames that are sent",
	"cdp format":           "Form of what is sent",
	"cdp format device-id": "Form of the device id",
	"cdp holdtime":         "Time a receiver keeps what was sent to it",
	"cdp timer":            "Time between frames",
}

func leaves() []schema.Leaf {
	at := func(order int, def any) func(*schema.Leaf) {
		return func(l *schema.Leaf) { l.Default, l.Section, l.Order = def, section, order }
	}
	version := schema.Enum("cdp-version", schema.Keyword{Text: "v1", Help: "Version 1"}, schema.Keyword{Text: "v2", Help: "Version 2"})
	form := schema.Enum("cdp-device-id",
		schema.Keyword{Text: ByName, Help: "Name of the switch"},
		schema.Keyword{Text: BySerial, Help: "Serial number of the chassis"},
		schema.Keyword{Text: ByMAC, Help: "MAC address of the chassis"},
		schema.Keyword{Text: ByOther, Help: "Name with the serial number"})
	return append([]schema.Leaf{
		schema.Bind("cdp/advertise", version, func(c *Config) *string { return &c.Advertise },
			"cdp advertise <version>", "Version of the frames that are sent").With(at(20, defaultAdvertise)),
		schema.Bind("cdp/enable", schema.Flag, func(c *Config) *bool { return &c.Enabled },
			"cdp enable", "Enable CDP").With(at(21, true)),
		schema.Bind("cdp/device-id", form, func(c *Config) *string { return &c.DeviceID },
			"cdp format device-id <form>", "Form of the device id").With(at(22, ByName)),
		schema.Bind("cdp/holdtime", schema.Uint("cdp-holdtime", "Seconds", 10, 255), func(c *Config) *uint32 { return &c.Hold },
			"cdp holdtime <seconds>", "Time a receiver keeps what was sent to it").With(at(23, uint32(DefaultHold))),
		schema.Bind("cdp/timer", schema.Uint("cdp-timer", "Seconds", 5, 254), func(c *Config) *uint32 { return &c.Interval },
			"cdp timer <seconds>", "Time between frames").With(at(24, uint32(DefaultInterval))),
	}, schema.Augment(feature.Port,
		schema.Bind("cdp/enable", schema.Flag, func(c *PortConfig) *bool { return &c.Enabled },
			"cdp enable", "Enable CDP").With(func(l *schema.Leaf) {
			l.Default, l.Kinds = true, []string{feature.Ethernet}
		}),
	)...)
}

var enablePath = tree.Path{{Name: "cdp"}, {Name: "enable"}} // of the switch, and of a port

// config returns the settings in force.
func config(t tree.Tree) Config {
	at := func(name string) tree.Path { return tree.Path{{Name: "cdp"}, {Name: name}} }
	return Config{
		Enabled:   feature.Read(t, enablePath, true),
		Advertise: feature.Read(t, at("advertise"), defaultAdvertise), DeviceID: feature.Read(t, at("device-id"), ByName),
		Hold: feature.Read(t, at("holdtime"), uint32(DefaultHold)), Interval: feature.Read(t, at("timer"), uint32(DefaultInterval)),
	}
}

// compile gives a card its Ethernet ports, less those that configuration keeps
// down: a port that is shut down says goodbye as one that is turned off.
func compile(in feature.Input) (any, error) {
	c := config(in.Config)
	if !c.Enabled {
		return nil, nil
	}
	p := Program{
		System: feature.Hostname(in.Config), DeviceID: c.DeviceID, V1: c.Advertise == "v1",
		Interval: c.Interval, Hold: c.Hold, Management: feature.ManagementAddresses(in.Config), Ports: []Port{},
	}
	for _, port := range in.Ports {
		if feature.KindOf(port) != feature.Ethernet {
			continue
		}
		effective := in.Effective(port)
		if feature.AdminState(in.Config, effective, port) == "" && feature.Read(effective, enablePath, true) {
			p.Ports = append(p.Ports, Port{Name: port})
		}
	}
	return p, nil
}

// clean makes what a card reports fit to be shown.
func clean(n *Neighbour) {
	for _, s := range []*string{&n.Device, &n.Port, &n.System, &n.Platform, &n.Duplex, &n.Addresses, &n.Management} {
		*s = api.Printable(*s, false)
	}
	n.Software = api.Printable(n.Software, true)
}

// Switch is the capability bit of a switch.
const Switch = 1 << 3

// capability is one bit of the capabilities with its letter and word.
type capability struct {
	bit          uint32
	letter, word string
}

// capabilities in the order in which they are printed.
var capabilities = []capability{
	{1 << 0, "R", "Router"}, {1 << 1, "T", "Trans-Bridge"}, {1 << 2, "B", "Source-Route-Bridge"}, {Switch, "S", "Switch"},
	{1 << 4, "H", "Host"}, {1 << 5, "I", "IGMP Filtering"}, {1 << 6, "r", "Repeater"}, {1 << 7, "V", "VoIP-Phone"},
	{1 << 8, "D", "Remotely-Managed-Device"}, {1 << 9, "s", "Supports-STP-Dispute"},
}

func capable(set uint32) []capability {
	return slices.DeleteFunc(slices.Clone(capabilities), func(c capability) bool { return set&c.bit == 0 })
}

func letters(set uint32) string {
	var all []string
	for _, c := range capable(set) {
		all = append(all, c.letter)
	}
	return strings.Join(all, " ")
}

func capabilityWords(set uint32) string {
	var all []string
	for _, c := range capable(set) {
		all = append(all, c.word)
	}
	return strings.Join(all, " ")
}
