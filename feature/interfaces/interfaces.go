// Package interfaces is the feature of what all interfaces have in common: the
// interface block, description and shutdown, and the family of show interface
// commands.
//
// An interface is known by configuration, by the report of its card, or by
// both. The show commands join the two: configuration decides first (a port
// that is shut down is down at once, whatever its card last said), then the
// life of the card, then the report.
package interfaces

import (
	"fmt"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// MaxVethernets is the number of vEthernets of a switch (cli.md §15).
const MaxVethernets = 12288

// Config is what an operator sets on any interface.
type Config struct {
	Description string
	Shutdown    bool
}

// Feature is the feature.
var Feature = feature.Feature{
	Name: "interfaces",
	Schema: schema.Group{
		Blocks: []schema.Block{{
			Path: "interfaces/interface", Keys: []schema.Key{{Name: "name", Type: feature.Interface}},
			Line: "interface <name>", Mode: "config-if", RangeMode: "config-if-range",
			Range: true, Section: 19,
			Kind:     func(_ tree.Tree, key string) string { return feature.KindOf(key) },
			NoCreate: noCreate,
			Less:     func(_ tree.Tree, a, b string) bool { return a == feature.Mgmt0 && b != a },
			Help:     "Configure interfaces",
		}},
		Leaves: append(
			schema.Augment(feature.Interfaces,
				schema.Bind("description", schema.Line("description", "Description of the interface", 254),
					func(c *Config) *string { return &c.Description },
					"description <text>", "Interface description").With(func(l *schema.Leaf) { l.NoInherit = true }),
			),
			schema.Augment(feature.Port,
				schema.Bind("shutdown", schema.Flag, func(c *Config) *bool { return &c.Shutdown },
					"shutdown", "Take the interface out of service").With(func(l *schema.Leaf) {
					l.Default = false
					l.DefaultAt = map[string]any{feature.Profiles[0]: true}
					l.DefaultKind = map[string]any{feature.SVI: true}
					l.Order = 90 // after the switchport lines (cli.md §11.13)
				}),
			)...,
		),
	},
	State:   operational,
	Observe: observed,
	Check:   check,
	Show:    append(shows, hardwareShows...),
	Exec:    execs,
}

// noCreate refuses Ethernet ports that no card can have.
func noCreate(t tree.Tree, name string) string {
	if feature.KindOf(name) == feature.Ethernet && feature.SlotOf(t, name) == 0 {
		return absent(name).Error()
	}
	return ""
}

func absent(name string) error {
	return feature.NoInterface(name)
}

// frontPanel decides the names of slot 3's ports.
var frontPanel = tree.Path{{Name: "system"}, {Name: "front-panel"}}

// renamed refuses other names for the ports of slot 3 while some are configured
// under those they have: no line could name them any more.
func renamed(c feature.Candidate) []schema.Problem {
	if !c.Changed(frontPanel) {
		return nil
	}
	for name := range feature.Configured(c.New) {
		if c.Old.Exists(feature.InterfacePath(name)) && feature.SlotOf(c.Old, name) != 0 && noCreate(c.New, name) != "" {
			return []schema.Problem{{
				Path: frontPanel, Rule: "names",
				Text: fmt.Sprintf("ERROR: %s would lose its name; remove it first.", name),
			}}
		}
	}
	return nil
}

func check(c feature.Candidate) []schema.Problem {
	problems := renamed(c)
	came := ""
	for change := range tree.Diff(c.Old.Sub(feature.InterfacesRoot), c.New.Sub(feature.InterfacesRoot)) {
		if len(change.Path) > 1 {
			continue
		}
		name := change.Path[0].Key
		if change.Added {
			if feature.KindOf(name) == feature.Vethernet {
				came = name
			}
			continue
		}
		if feature.KindOf(name) != feature.Vethernet ||
			feature.BindingOf(c.Old, name) == nil { // detached, even if its card has not said so yet
			continue
		}
		if slot := c.Attached(name); slot != 0 {
			problems = append(problems, schema.Problem{
				Path: feature.InterfacePath(name), Rule: "attached",
				Text: fmt.Sprintf("ERROR: %s is attached to module %d; detach the workload first.", name, slot),
			})
		}
	}
	if came != "" && feature.PortsByKind.Count(c.New, feature.Vethernet) > MaxVethernets {
		return append(problems, schema.Problem{
			Path: feature.InterfacePath(came), Rule: "scale",
			Text: fmt.Sprintf("ERROR: Maximum number of Vethernets (%d) reached.", MaxVethernets),
		})
	}
	return problems
}
