// Package management is the feature of mgmt0, the supervisor's own port, and of
// its VRF (cli.md §9.1, §13.6): address, and routes.
//
// What configuration does not set is the machine's: a supervisor in a container
// takes the address over that the container has. So nothing here has a default,
// and Wanted says what configuration sets, for supervisor/mgmt to bring about.
package management

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// VRF is the only VRF that mgmt0 can be in.
const VRF = "management"

// Config is what an operator sets on mgmt0.
type Config struct {
	IPv4, IPv6 netip.Prefix
	VRF        string
}

// Feature is the feature.
var Feature = feature.Feature{
	Name: "management",
	Schema: schema.Group{
		Blocks: []schema.Block{{
			Path: "vrfs/vrf", Keys: []schema.Key{{Name: "vrf", Type: vrf}}, Line: "vrf context <vrf>", Mode: "config-vrf",
			Section: 14, Help: "Create a VRF and enter its mode",
		}, {
			Path: "vrfs/vrf/ipv4-route", Keys: []schema.Key{{Name: "prefix", Type: feature.Prefix4}, {Name: "next-hop", Type: schema.IPv4}},
			Line: "ip route <prefix> <next-hop>", Parent: "vrfs/vrf", Help: "Route IP packets",
		}, {
			Path: "vrfs/vrf/ipv6-route", Keys: []schema.Key{{Name: "prefix", Type: feature.Prefix6}, {Name: "next-hop", Type: schema.IPv6}},
			Line: "ipv6 route <prefix> <next-hop>", Parent: "vrfs/vrf", Help: "Route IPv6 packets", Order: 1,
		}},
		Leaves: schema.Augment(feature.Interfaces,
			schema.Bind("vrf", vrf, func(c *Config) *string { return &c.VRF }, "vrf member <vrf>", "Set the VRF of the interface").
				With(mgmt(1)),
			schema.Bind("ipv4", feature.Interface4, func(c *Config) *netip.Prefix { return &c.IPv4 }, "ip address <address>", "Set the IP address of the interface").
				With(mgmt(2)).With(addressed),
			schema.Bind("ipv6", feature.Interface6, func(c *Config) *netip.Prefix { return &c.IPv6 }, "ipv6 address <address>", "Set the IPv6 address of the interface").
				With(mgmt(4)).With(addressed),
		),
		Words: schema.Words{
			"vrf": "Virtual routing and forwarding", "vrf context": "Create a VRF and enter its mode", "vrf member": "Set the VRF of the interface",
			"ip": "IP features", "ip route": "Route IP packets", "ip address": "Set the IP address of the interface",
			"ipv6": "IPv6 features", "ipv6 route": "Route IPv6 packets", "ipv6 address": "Set the IPv6 address of the interface",
		},
	},
	Check: check, Show: shows,
	State: operational, Observe: feature.Observe{System: observe},
}

func mgmt(order int) func(*schema.Leaf) {
	return func(l *schema.Leaf) {
		l.Kinds, l.NoInherit, l.Order = []string{feature.Management}, true, order
	}
}

// addressed has a leaf on SVIs too (feature interface-vlan).
func addressed(l *schema.Leaf) { l.Kinds = []string{feature.Management, feature.SVI} }

var vrf = schema.Enum("vrf", schema.Keyword{Text: VRF, Help: "The VRF of mgmt0"})

// Route is a route through mgmt0.
type Route struct {
	To  netip.Prefix
	Via netip.Addr
}

// Wanted is what configuration sets of mgmt0. Zero values are left to the
// machine.
type Wanted struct {
	IPv4, IPv6 netip.Prefix
	Shutdown   bool
	Routes     []Route
	// Any says that mgmt0 is configured at all.
	Any bool
}

var routes = []string{"ipv4-route", "ipv6-route"}

// Of returns what a configuration sets.
func Of(t tree.Tree) Wanted {
	at := feature.InterfacePath(feature.Mgmt0)
	w := Wanted{
		IPv4:     feature.Read(t, feature.InterfacePath(feature.Mgmt0, "ipv4"), netip.Prefix{}),
		IPv6:     feature.Read(t, feature.InterfacePath(feature.Mgmt0, "ipv6"), netip.Prefix{}),
		Shutdown: feature.Read(t, feature.InterfacePath(feature.Mgmt0, "shutdown"), false),
		Any:      t.Exists(at),
	}
	for _, list := range routes {
		for key := range t.Keys(tree.Path{{Name: "vrfs"}, {Name: "vrf", Key: VRF}, {Name: list}}) {
			to, via, _ := strings.Cut(key, " ")
			p, err1 := netip.ParsePrefix(to)
			a, err2 := netip.ParseAddr(via)
			if err1 == nil && err2 == nil { // else not of the schema
				w.Routes = append(w.Routes, Route{p, a})
			}
		}
	}
	slices.SortFunc(w.Routes, func(a, b Route) int { return cmp.Or(a.To.Compare(b.To), a.Via.Compare(b.Via)) })
	return w
}

// maxRoutes is how many routes the VRF takes.
const maxRoutes = 64

func check(c feature.Candidate) []schema.Problem {
	root := tree.Path{{Name: "vrfs"}}
	if !c.Changed(root, feature.InterfacePath(feature.Mgmt0)) {
		return nil
	}
	if n := len(Of(c.New).Routes); n > maxRoutes {
		return []schema.Problem{{Path: root, Rule: "scale", Text: fmt.Sprintf("ERROR: Maximum number of routes (%d) reached.", maxRoutes)}}
	}
	return nil
}
