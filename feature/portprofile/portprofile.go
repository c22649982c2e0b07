// Package portprofile is the feature of port-profiles: named sets of interface
// lines that ports and other profiles inherit (cli.md §9.5, §11.13).
//
// What a profile sets is the leaves that other features mount on feature.Port;
// here is only what makes it a profile. config/effective resolves inheritance,
// so a change reaches every member in the commit that makes it, and there is
// nothing to compile. A profile that is not enabled keeps its members down.
package portprofile

import (
	"cmp"
	"strings"

	"trunkline/config/effective"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// Config is what an operator sets on a profile besides interface lines.
type Config struct {
	Type        string // feature.Ethernet or feature.Vethernet
	Description string
	State       string // "enabled" or "disabled"
	Inherit     string // the parent, "" for none
	MaxPorts    uint32 // 0: by type
}

// Port is what an operator sets on an interface.
type Port struct {
	Inherit string // the profile, "" for none
}

const (
	list     = "port-profiles/port-profile"
	enabled  = "enabled"
	disabled = "disabled"
)

// Limits (cli.md §9.5, §15).
const (
	maxProfiles    = 6144
	maxDepth       = effective.Depth // profiles in a chain
	maxPortsLimit  = 1024
	vethernetPorts = 32 // max-ports where none is configured
	ethernetPorts  = 512
)

// Feature is the port-profile feature.
var Feature = feature.Feature{
	Name: "port-profile",
	Schema: schema.Group{
		Blocks: []schema.Block{{
			Path: list,
			Keys: []schema.Key{{Name: "name", Type: name}},
			Line: "port-profile [type <type>] <name>", Mode: "config-port-prof",
			Options: []string{"type"},
			Section: 17, Less: less, Kind: kind,
			Help: "Configure a port-profile",
		}},
		Leaves: leaves(),
		Words: schema.Words{
			"port-profile type": "Type of the port-profile",
			"inherit":           "Inherit a port-profile",
		},
	},
	Check: check,
	Show:  shows,
}

func leaves() []schema.Leaf {
	own := schema.Augment(feature.Profiles,
		schema.Bind("type", types, func(c *Config) *string { return &c.Type }, "", "Type of the port-profile").
			With(func(l *schema.Leaf) { l.Default = feature.Vethernet; l.NoInherit = true }),
		schema.Bind("description", schema.Line("profile-description", "Description of the port-profile", 80),
			func(c *Config) *string { return &c.Description }, "description <text>", "Description of the port-profile").
			With(noInherit),
		schema.Bind("state", states, func(c *Config) *string { return &c.State },
			"state <state>", "Enable or disable the port-profile").
			With(func(l *schema.Leaf) { l.Default = disabled; l.NoInherit = true; l.Order = 100 }), // last
		schema.Bind("max-ports", schema.Uint("max-ports", "Number of ports", 1, maxPortsLimit),
			func(c *Config) *uint32 { return &c.MaxPorts }, "max-ports <count>", "Most ports that may inherit the port-profile").
			With(noInherit),
	)
	inherit := func(l *schema.Leaf) { l.NoInherit, l.Ref, l.Hard = true, list, true }
	const line, help = "inherit port-profile <profile>", "Name of the port-profile"
	parent := schema.Augment(feature.Profiles, schema.Bind("inherit", name, func(c *Config) *string { return &c.Inherit }, line, help).With(inherit))
	member := schema.Augment(feature.Interfaces, schema.Bind("inherit", name, func(c *Port) *string { return &c.Inherit }, line, help).With(inherit).
		With(func(l *schema.Leaf) { l.Kinds = feature.Switched }))
	return append(append(member, parent...), own...)
}

func noInherit(l *schema.Leaf) { l.NoInherit = true }

// name is the type of profile names.
var name = func() schema.Type[string] {
	t := schema.Word("port-profile-name", "Profile name", 80)
	t.Syntax.Objects = list
	return t
}()

var types = schema.Enum("port-profile-type",
	schema.Keyword{Text: feature.Ethernet, Help: "For physical interfaces"},
	schema.Keyword{Text: feature.Vethernet, Help: "For virtual interfaces"},
)

var states = schema.Enum("port-profile-state",
	schema.Keyword{Text: disabled, Help: "Keep the member ports down"},
	schema.Keyword{Text: enabled, Help: "Apply the port-profile to its member ports"},
)

// The profiles of ports that belong nowhere.
const (
	UnusedUplink = "Unused_Or_Quarantine_Uplink"
	UnusedVeth   = "Unused_Or_Quarantine_Veth"
)

// Factory returns the edits that make the system profiles of a new chassis.
func Factory() []feature.Edit {
	const text = "Port-group created for internal usage. Do not use."
	return []feature.Edit{
		{Path: path(UnusedUplink, "type"), Value: feature.Ethernet},
		{Path: path(UnusedUplink, "description"), Value: text},
		{Path: path(UnusedUplink, "state"), Value: enabled},
		{Path: path(UnusedVeth, "description"), Value: text},
		{Path: path(UnusedVeth, "state"), Value: enabled},
	}
}

var listPath = tree.Path{{Name: "port-profiles"}, {Name: "port-profile"}}

// path leads to a profile, or to a leaf below it.
func path(profile string, below ...string) tree.Path {
	p := tree.Path{listPath[0], {Name: listPath[1].Name, Key: profile}}
	for _, b := range below {
		p = append(p, tree.Elem{Name: b})
	}
	return p
}

// kind is the type of a profile, which is the kind of its member ports.
func kind(t tree.Tree, profile string) string {
	return feature.Read(t, path(profile, "type"), feature.Vethernet)
}

// parentOf returns what a profile inherits, "" for nothing.
func parentOf(t tree.Tree, profile string) string {
	return feature.Read(t, path(profile, "inherit"), "")
}

// chain returns the profile and those it inherits, nearest first. Looped says
// that the last one inherits one of the chain.
func chain(t tree.Tree, profile string) (profiles []string, looped bool) {
	seen := map[string]bool{}
	for p := profile; p != ""; p = parentOf(t, p) {
		if seen[p] {
			return profiles, true
		}
		seen[p] = true
		profiles = append(profiles, p)
	}
	return profiles, false
}

// less orders profiles for show running-config: ethernet before vethernet,
// parents before children, else by name. Siblings stay together below their
// ancestors: the order is that of the names from the root down.
func less(t tree.Tree, a, b string) bool {
	ka, kb := kind(t, a), kind(t, b)
	if ka != kb {
		return ka < kb
	}
	ca, _ := chain(t, a)
	cb, _ := chain(t, b)
	for i := range min(len(ca), len(cb)) {
		x, y := ca[len(ca)-1-i], cb[len(cb)-1-i]
		if x != y {
			return strings.Compare(x, y) < 0
		}
	}
	return cmp.Compare(len(ca), len(cb)) < 0
}

// maxPorts is the number of ports that may inherit the profile.
func maxPorts(t tree.Tree, profile string) int {
	n := uint32(vethernetPorts)
	if kind(t, profile) == feature.Ethernet {
		n = ethernetPorts
	}
	return int(feature.Read(t, path(profile, "max-ports"), n))
}

// members returns the ports that inherit a profile themselves, in the order of
// cli.md §1.
func members(t tree.Tree, profile string) []string {
	return feature.PortsByProfile.Members(t, profile)
}
