// Package interfacevlan is the feature of the switch's own interfaces in VLANs
// (SVIs; cli.md §9.6): interface vlan N, by which operators and services reach
// the switch in-band, and the static routes of its VRF.
//
// An SVI is a host of its VLAN, not a router between VLANs. It is a port of the
// line card that runs in the network namespace of the supervisor: that card makes
// the device vlanN and switches its frames like those of any other port, and
// supervisor/mgmt gives the device its addresses and routes. Without such a card
// an SVI is down.
//
// The feature is off until feature interface-vlan.
package interfacevlan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/ether"
)

// Max is the number of SVIs of a switch.
const Max = 64

// name is that of the feature.
const name = "interface-vlan"

// section of show running-config (cli.md §8), at its end: vrf context follows, in
// whose mode the same lines are routes of that VRF.
const (
	section = 13
	last    = 90
)

// Config is what an operator sets on an SVI.
type Config struct {
	Secondary feature.Secondary
	Autostate bool
}

// Feature is the feature.
var Feature = feature.Gate("interfaces of the switch in VLANs", feature.Feature{
	Name: name,
	Schema: schema.Group{
		Kinds: map[string]string{feature.Interfaces[0]: feature.SVI},
		Blocks: []schema.Block{{
			Path: "static-routes/ipv4-route", Keys: []schema.Key{{Name: "prefix", Type: feature.Prefix4}, {Name: "next-hop", Type: schema.IPv4}},
			Line: "ip route <prefix> <next-hop>", Section: section, Order: last, Help: "Route IP packets",
		}, {
			Path: "static-routes/ipv6-route", Keys: []schema.Key{{Name: "prefix", Type: feature.Prefix6}, {Name: "next-hop", Type: schema.IPv6}},
			Line: "ipv6 route <prefix> <next-hop>", Section: section, Order: last + 1, Help: "Route IPv6 packets",
		}},
		Leaves: schema.Augment(feature.Interfaces,
			schema.Bind("ipv4-secondary", secondary, func(c *Config) *feature.Secondary { return &c.Secondary },
				"ip address <prefix> secondary", "Set a further IP address of the interface").With(svi(3)).
				With(func(l *schema.Leaf) { l.Join, l.Part, l.Lines = join, part, lines }),
			schema.Bind("autostate", schema.Flag, func(c *Config) *bool { return &c.Autostate },
				"autostate", "Follow the state of the ports in the VLAN").With(svi(5)).
				With(func(l *schema.Leaf) { l.Default = true }),
		),
		Words: schema.Words{
			"ip": "IP features", "ip route": "Route IP packets", "ip address": "Set the IP address of the interface",
			"ip address secondary": "A further IP address",
			"ipv6":                 "IPv6 features", "ipv6 route": "Route IPv6 packets",
			"autostate": "Follow the state of the ports in the VLAN",
		},
	},
	Check:   check,
	Compile: compile,
	Reads:   feature.PortsOnly,
})

func svi(order int) func(*schema.Leaf) {
	return func(l *schema.Leaf) { l.Kinds, l.NoInherit, l.Order = []string{feature.SVI}, true, order }
}

// Device is the network device of the SVI of a VLAN.
func Device(vlan ether.VLANID) string { return fmt.Sprintf("vlan%d", vlan) }

// Route is a static route of the default VRF.
type Route struct {
	To  netip.Prefix
	Via netip.Addr
}

// Interface is what configuration sets of one SVI.
type Interface struct {
	Name   string // "Vlan10"
	VLAN   ether.VLANID
	Device string
	// Addresses are the primary IPv4 address, the secondary ones, and the IPv6
	// address, as far as they are set, with the lengths of their subnets.
	Addresses []netip.Prefix
	Up        bool // no shutdown
	Autostate bool
	MTU       uint32 // bytes
}

// Read yields the SVIs of a configuration, by VLAN.
func Read(t tree.Tree) []Interface {
	var all []Interface
	for _, port := range feature.PortsByKind.Members(t, feature.SVI) {
		i := Interface{
			Name: port, VLAN: feature.SVIVLAN(port), Device: Device(feature.SVIVLAN(port)),
			Up:        feature.AdminState(t, t.Sub(feature.InterfacePath(port)), port) == "",
			Autostate: feature.Read(t, feature.InterfacePath(port, "autostate"), true),
			Addresses: feature.Addresses(t, port),
			MTU:       feature.Read(t, feature.InterfacePath(port, "mtu"), uint32(1500)),
		}
		all = append(all, i)
	}
	return all
}

// Routes returns the static routes of the default VRF, by prefix.
func Routes(t tree.Tree) []Route {
	var all []Route
	for _, list := range []string{"ipv4-route", "ipv6-route"} {
		for key := range t.Keys(tree.Path{{Name: "static-routes"}, {Name: list}}) {
			to, via, _ := strings.Cut(key, " ")
			p, err1 := netip.ParsePrefix(to)
			a, err2 := netip.ParseAddr(via)
			if err1 == nil && err2 == nil { // else not of the schema
				all = append(all, Route{p, a})
			}
		}
	}
	return all
}

func compile(in feature.Input) (any, error) {
	var p Program
	for _, i := range Read(in.Config) {
		if slices.Contains(in.Ports, i.Name) {
			p.Ports = append(p.Ports, Port{Name: i.Name, VLAN: i.VLAN, Device: i.Device, MTU: i.MTU})
		}
	}
	if p.Ports == nil {
		return nil, nil
	}
	return p, nil
}
