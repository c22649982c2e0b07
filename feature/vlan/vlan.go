// Package vlan is the feature of VLANs: which there are, what they are called
// and whether they forward (cli.md §9.4, §11.11). VLAN 1 is always there. A
// port may name a VLAN that does not exist; it is inactive in it until the VLAN
// is created.
package vlan

import (
	"fmt"
	"strconv"
	"strings"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/ether"
)

// Config is what an operator sets on a VLAN.
type Config struct {
	Name     string // empty: VLAN0020
	State    string // "active" or "suspend"
	Shutdown bool
}

// Feature is the vlan feature.
var Feature = feature.Feature{
	Name: "vlan",
	Schema: schema.Group{
		Blocks: []schema.Block{{
			Path: "vlans/vlan",
			Keys: []schema.Key{{Name: "id", Type: idList}},
			Line: "vlan <id>", Mode: "config-vlan",
			Range: true, Summary: true, Permanent: []string{"1"},
			Section: 15, Help: "Vlan commands",
		}},
		Leaves: schema.Augment([]string{"vlans/vlan"},
			schema.Bind("name", schema.Word("vlan-name", "Ascii name of the vlan", 32),
				func(c *Config) *string { return &c.Name }, "name <name>", "Ascii name of the vlan"),
			schema.Bind("state", states, func(c *Config) *string { return &c.State },
				"state <state>", "Operational state of the vlan").
				With(func(l *schema.Leaf) { l.Default = "active" }),
			schema.Bind("shutdown", schema.Flag, func(c *Config) *bool { return &c.Shutdown },
				"shutdown", "Shutdown switching on this vlan"),
		),
	},
	State: operational,
	Observe: feature.Observe{
		Running: observe, Reads: []tree.Path{listPath[:1], feature.InterfacesRoot, feature.ProfilesRoot},
	},
	Check:   check,
	Compile: compile,
	Reads:   []tree.Path{listPath[:1:1]},
	Show:    shows,
}

// idList is the VLAN type with the help of the line that takes lists of it.
var idList = func() schema.Type[ether.VLANID] {
	t := schema.VLAN
	t.Syntax.Help = "VLAN ID 1-4094 or range(s): 1-5, 10 or 2-5,7-19"
	return t
}()

var states = schema.Enum("vlan-state",
	schema.Keyword{Text: "active", Help: "Active state of the vlan"},
	schema.Keyword{Text: "suspend", Help: "Suspended state of the vlan"},
)

// limit is the number of VLANs of a switch (cli.md §15).
const limit = 4000

var listPath = tree.Path{{Name: "vlans"}, {Name: "vlan"}}

// ids returns the VLANs of a tree, VLAN 1 among them.
func ids(t tree.Tree) ether.VLANSet {
	set := ether.VLANs(1)
	for key := range t.Keys(listPath) {
		if id, ok := parseID(key); ok {
			set = set.With(id)
		}
	}
	return set
}

func parseID(key string) (ether.VLANID, bool) {
	n, err := strconv.ParseUint(key, 10, 16)
	return ether.VLANID(n), err == nil && ether.VLANID(n).Valid()
}

// settings yields what is configured on VLANs: the VLAN, the leaf and its value.
// A commit looks at thousands of VLANs, most of which have nothing.
func settings(t tree.Tree, yield func(id ether.VLANID, leaf string, value any)) {
	for p, v := range t.Leaves(listPath[:1]) {
		if id, ok := parseID(p[1].Key); ok && len(p) == 3 {
			yield(id, p[2].Name, v)
		}
	}
}

func check(c feature.Candidate) []schema.Problem {
	if !c.Changed(listPath[:1]) {
		return nil
	}
	var out []schema.Problem
	all := ids(c.New)
	if all.Len() > limit {
		out = append(out, schema.Problem{
			Path: listPath, Rule: "vlan-limit",
			Text: fmt.Sprintf("ERROR: Maximum number of VLANs (%d) reached.", limit),
		})
	}
	owner := map[string]ether.VLANID{}
	for key, entry := range c.New.Entries(listPath) {
		id, _ := parseID(key)
		name := feature.Read(entry, namePath, "")
		if name == "" {
			continue
		}
		other, taken := owner[name]
		if !taken {
			other, taken = nameless(c.New, all, name)
		}
		if taken && other != id {
			out = append(out, schema.Problem{
				Path: feature.VLANPath(id, "name"), Rule: "vlan-name-unique",
				Text: fmt.Sprintf("ERROR: VLAN name %s is in use by VLAN %d.", name, other),
			})
			continue
		}
		owner[name] = id
	}
	return out
}

// namePath is the name of a VLAN, below its entry.
var namePath = tree.Path{{Name: "name"}}

// nameless returns the VLAN that has a name by default.
func nameless(t tree.Tree, all ether.VLANSet, name string) (ether.VLANID, bool) {
	id, digits := ether.VLANID(1), strings.TrimPrefix(name, "VLAN")
	if len(digits) == 4 {
		if id, _ = parseID(strings.TrimLeft(digits, "0")); !all.Has(id) {
			return 0, false
		}
	}
	return id, feature.VLANName(t, id) == name && !t.Exists(feature.VLANPath(id, "name"))
}

func compile(in feature.Input) (any, error) {
	p := Program{Active: ids(in.Config)}
	settings(in.Config, func(id ether.VLANID, leaf string, value any) {
		if leaf == "state" && value == "suspend" || leaf == "shutdown" && value == true {
			p.Active = p.Active.Without(id)
		}
	})
	return p, nil
}
