// Package nve is the feature of network virtualization edges: interface nve1,
// which joins the VLANs that have a VXLAN segment with those of other switches
// (cli.md §9.15, RFC 7348), by lists of their VTEPs (static ingress replication).
//
// The interface is one for the whole chassis; each line card is a VTEP of its own
// with an address of its host, so every card has a tunnel to each peer but itself.
//
// The feature is off until feature nv overlay.
package nve

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/ether"
)

// MaxPeers bounds the VTEPs that one card has tunnels to.
const MaxPeers = 256

// Config is what an operator sets on the interface; VTEP on a line card.
type (
	Config struct {
		Shutdown    bool
		Description string
	}
	VTEP struct{ Address netip.Addr }
)

const (
	list  = "nves/nve"
	vnis  = list + "/vni"
	lists = vnis + "/ingress-replication"
	peers = lists + "/peer"
)

// name is that of the feature, of its section and of its report.
const name = "nve"

// Feature is the feature.
var Feature = feature.GateLine("NV Overlay", "feature nv overlay", feature.Feature{
	Name: name,
	Schema: schema.Group{
		Blocks: []schema.Block{
			{
				Path: list, Keys: []schema.Key{{Name: "number", Type: number}},
				Line: "interface nve~<number>", Mode: "config-if-nve", Section: 19, Order: -1, Help: "Network virtualization edge",
			},
			{
				Path: vnis, Parent: list, Keys: []schema.Key{{Name: "vni", Type: feature.VNI}},
				Line: "member vni <vni>", Mode: "config-if-nve-vni", Order: 10, Help: "VXLAN segment id",
			},
			{
				Path: lists, Parent: vnis, Keys: []schema.Key{{Name: "protocol", Type: protocolType}},
				Line: "ingress-replication protocol <protocol>", Mode: "config-if-nve-vni-ingr-rep",
				Help: "How the other VTEPs of the segment are known",
			},
			{
				Path: peers, Parent: lists, Keys: []schema.Key{{Name: "peer", Type: vtepType}},
				Line: "peer-ip <peer>", Help: "Address of another VTEP",
			},
		},
		Leaves: slices.Concat(
			schema.Augment([]string{list},
				schema.Bind("description", schema.Line("description", "Description of the interface", 254),
					func(c *Config) *string { return &c.Description }, "description <text>", "Interface description"),
				schema.Bind("shutdown", schema.Flag, func(c *Config) *bool { return &c.Shutdown },
					"shutdown", "Take the interface out of service").With(func(l *schema.Leaf) { l.Default = true }),
			),
			schema.Augment([]string{"vems/vem"},
				schema.Bind("vtep-address", vtepType, func(c *VTEP) *netip.Addr { return &c.Address },
					"host vtep address <address>", "Address of the host that is the module's VTEP"),
			)),
		Words: schema.Words{
			"feature nv": "Network virtualization", "interface": "Configure interfaces", "interface nve": "Network virtualization edge",
			"member": "Add a segment", "member vni": "VXLAN segment id",
			"ingress-replication": "How frames with many receivers are sent",
			"peer-ip":             "Address of another VTEP",
			"host":                "Host of the module", "host vtep": "The module as VXLAN tunnel end point",
			"host vtep address": "Address of the host that is the module's VTEP",
		},
	},
	Check:   check,
	Compile: compile,
	Reads:   []tree.Path{nvesRoot, vemsRoot, {{Name: "vlans"}}},
	Report:  decode,
	Show:    shows,
})

// static is the only protocol: peers are listed.
const static = "static"

var protocolType = schema.Enum("ingress-replication-protocol", schema.Keyword{Text: static, Help: "List of VTEPs"})

// number is the type of the interface's number. There is one interface.
var number = schema.Uint("nve-number", "NVE interface number", 1, 1)

// vtepType is the type of addresses of VTEPs: those that a host can have.
var vtepType = func() schema.Type[netip.Addr] {
	t := schema.IPv4
	parse := t.Parse
	t.Name, t.Syntax.Help = "vtep-address", "IP address of a VTEP"
	t.Parse = func(s string) (netip.Addr, error) {
		a, err := parse(s)
		if err == nil && (!a.IsGlobalUnicast() || a.As4()[0] >= 224) {
			return netip.Addr{}, schema.ErrIPv4
		}
		return a, err
	}
	return t
}()

var (
	nvesRoot = tree.Path{{Name: "nves"}}
	vemsRoot = tree.Path{{Name: "vems"}}
	nvesPath = tree.Path{{Name: "nves"}, {Name: "nve"}}
	vemsPath = tree.Path{{Name: "vems"}, {Name: "vem"}}
)

func nvePath(nve string, below ...tree.Elem) tree.Path {
	return append(tree.Path{nvesPath[0], {Name: "nve", Key: nve}}, below...)
}

// interfaceName is the name of the interface with a number: "nve1".
func interfaceName(nve string) string { return "nve" + nve }

// up reports whether the interface is in service by configuration.
func up(t tree.Tree, nve string) bool {
	return !feature.Read(t, nvePath(nve, tree.Elem{Name: "shutdown"}), true)
}

// address returns the VTEP address of a slot, zero for none.
func address(t tree.Tree, slot string) netip.Addr {
	return feature.Read(t, tree.Path{vemsPath[0], {Name: "vem", Key: slot}, {Name: "vtep-address"}}, netip.Addr{})
}

// member is a segment of the interface.
type member struct {
	vni   uint32
	peers []netip.Addr // in order
}

// members returns the segments of the interface in order.
func members(t tree.Tree, nve string) []member {
	var all []member
	for key := range t.Keys(nvePath(nve, tree.Elem{Name: "vni"})) {
		n, err := strconv.ParseUint(key, 10, 32)
		if err != nil {
			continue
		}
		m := member{vni: uint32(n)}
		for peer := range t.Keys(nvePath(nve, tree.Elem{Name: "vni", Key: key}, tree.Elem{Name: "ingress-replication", Key: static}, tree.Elem{Name: "peer"})) {
			if a, err := netip.ParseAddr(peer); err == nil {
				m.peers = append(m.peers, a)
			}
		}
		slices.SortFunc(m.peers, netip.Addr.Compare)
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b member) int { return int(a.vni) - int(b.vni) })
	return all
}

// vlanOf returns the VLANs of segments.
func vlanOf(t tree.Tree) map[uint32]ether.VLANID {
	vlans := map[uint32]ether.VLANID{}
	for vlan, vni := range feature.Segments(t) {
		vlans[vni] = vlan
	}
	return vlans
}

// check refuses two cards with one address, and more peers than a card has room
// for.
func check(c feature.Candidate) []schema.Problem {
	if !c.Changed(nvesRoot, vemsRoot) {
		return nil
	}
	var problems []schema.Problem
	taken := map[netip.Addr]string{}
	for slot := range c.New.Keys(vemsPath) {
		a := address(c.New, slot)
		if !a.IsValid() {
			continue
		}
		if other, ok := taken[a]; ok {
			problems = append(problems, schema.Problem{
				Path: tree.Path{vemsPath[0], {Name: "vem", Key: slot}, {Name: "vtep-address"}}, Rule: "vtep-taken",
				Text: fmt.Sprintf("ERROR: VTEP address %s is that of module %s already.", a, other),
			})
			continue
		}
		taken[a] = slot
	}
	for nve := range c.New.Keys(nvesPath) {
		all := map[netip.Addr]bool{}
		for _, m := range members(c.New, nve) {
			for _, p := range m.peers {
				all[p] = true
			}
		}
		if len(all) > MaxPeers {
			problems = append(problems, schema.Problem{
				Path: nvePath(nve), Rule: "scale", Text: fmt.Sprintf("ERROR: Maximum number of VTEPs (%d) reached.", MaxPeers),
			})
		}
	}
	return problems
}

// compile gives a card its tunnels: one to each peer, with the segments that both
// take part in and that have a VLAN. There are none without an address.
func compile(in feature.Input) (any, error) {
	local := address(in.Config, strconv.Itoa(in.Module))
	if !local.IsValid() {
		return nil, nil
	}
	for nve := range in.Config.Keys(nvesPath) {
		p := Program{Interface: interfaceName(nve), Local: local.String(), Tunnels: []Tunnel{}}
		if !up(in.Config, nve) {
			return p, nil
		}
		vlans := vlanOf(in.Config)
		segments := map[netip.Addr][]Segment{}
		var order []netip.Addr
		for _, m := range members(in.Config, nve) {
			vlan, ok := vlans[m.vni]
			if !ok {
				continue
			}
			for _, a := range m.peers {
				if a == local {
					continue
				}
				if segments[a] == nil {
					order = append(order, a)
				}
				segments[a] = append(segments[a], Segment{vlan, m.vni})
			}
		}
		slices.SortFunc(order, netip.Addr.Compare)
		for _, a := range order {
			p.Tunnels = append(p.Tunnels, Tunnel{a.String(), segments[a]})
		}
		return p, nil
	}
	return nil, nil
}
