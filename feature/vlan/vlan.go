// Package vlan is the feature of VLANs: which there are, what they are called
// and whether they forward (cli.md §9.4, §11.11). VLAN 1 is always there. A
// port may name a VLAN that does not exist; it is inactive in it until the VLAN
// is created.
package vlan

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

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
	Check:   check,
	Compile: compile,
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

// ids returns the VLANs of a tree in ascending order, VLAN 1 among them.
func ids(t tree.Tree) []ether.VLANID {
	set := map[ether.VLANID]bool{1: true}
	for key := range t.Keys(listPath) {
		if n, err := strconv.ParseUint(key, 10, 16); err == nil && ether.VLANID(n).Valid() {
			set[ether.VLANID(n)] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

func check(c feature.Candidate) []schema.Problem {
	if !c.Changed(listPath[:1]) {
		return nil
	}
	var out []schema.Problem
	all := ids(c.New)
	if len(all) > limit {
		out = append(out, schema.Problem{
			Path: listPath, Rule: "vlan-limit",
			Text: fmt.Sprintf("ERROR: Maximum number of VLANs (%d) reached.", limit),
		})
	}
	owner := make(map[string]ether.VLANID, len(all))
	for _, id := range all {
		name := feature.VLANName(c.New, id)
		if first, taken := owner[name]; taken {
			at := id
			if !c.New.Exists(feature.VLANPath(id, "name")) {
				at = first // the later one has its name by default
			}
			out = append(out, schema.Problem{
				Path: feature.VLANPath(at, "name"), Rule: "vlan-name-unique",
				Text: fmt.Sprintf("ERROR: VLAN name %s is in use by VLAN %d.", name, first+id-at),
			})
			continue
		}
		owner[name] = id
	}
	return out
}

func compile(in feature.Input) (any, error) {
	var p Program
	for _, id := range ids(in.Config) {
		if feature.VLANActive(in.Config, id) {
			p.Active = p.Active.With(id)
		}
	}
	return p, nil
}
