// Package vethernet is the feature of vEthernets as far as it is not any
// interface's: what a vEthernet is bound to, and attaching and detaching it.
//
// A vEthernet is an entry of configuration and keeps its number, counters and
// lines while it is detached. Its owner names a place on one module, so a
// vEthernet is in the program of exactly one module, or of none.
package vethernet

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// PerModule is the number of vEthernets one module carries (cli.md §15).
const PerModule = 1000

// Config is what an operator sets on a vEthernet.
type Config struct{ Owner Owner }

// Feature is the feature.
var Feature = feature.Feature{
	Name: "vethernet",
	Schema: schema.Group{
		Blocks: []schema.Block{vnicBlock},
		Leaves: append(schema.Augment(feature.Interfaces,
			schema.Bind("owner", OwnerType, func(c *Config) *Owner { return &c.Owner },
				"owner <owner>", "Owner of the port").With(func(l *schema.Leaf) {
				l.Kinds = []string{feature.Vethernet}
				l.NoInherit, l.Inventory = true, true
			}),
		), vnicLeaf),
		Words: words,
	},
	Check:   check,
	Compile: compile,
	Reads:   feature.PortsOnly,
	Exec:    execs,
}

var words = func() schema.Words {
	w := maps.Clone(vnicWords)
	w["owner"] = "Bind the port to its owner"
	return w
}()

func ownerOf(t tree.Tree, port string) Owner {
	return feature.Read(t, feature.InterfacePath(port, "owner"), Owner{})
}

// byPlace and byModule find vEthernets by where their owners are.
var (
	byPlace = tree.NewIndex(feature.InterfacesRoot.Child("interface"), func(port string, entry tree.Tree) string {
		if o := ownerIn(port, entry); o != (Owner{}) {
			return o.place().key()
		}
		return ""
	})
	byModule = tree.NewIndex(feature.InterfacesRoot.Child("interface"), func(port string, entry tree.Tree) string {
		if o := ownerIn(port, entry); o != (Owner{}) {
			return strconv.Itoa(o.Module)
		}
		return ""
	})
)

// ownerIn returns the owner that an interface's entry holds.
func ownerIn(port string, entry tree.Tree) Owner {
	if feature.KindOf(port) != feature.Vethernet {
		return Owner{}
	}
	return feature.Read(entry, feature.OwnerPath, Owner{})
}

// check looks at the owners that the candidate changes, and at all where it
// changes what modules have.
func check(c feature.Candidate) []schema.Problem {
	var problems []schema.Problem
	modules := c.Changed(feature.ModulesRoot)
	if modules || c.Changed(feature.ProfilesRoot) {
		problems = checkVNICs(c)
	}
	moved := map[string]bool{}
	for change := range tree.Diff(c.Old.Sub(feature.InterfacesRoot), c.New.Sub(feature.InterfacesRoot)) {
		if len(change.Path) == 2 && change.Path[1].Name == feature.OwnerPath[0].Name && change.New != nil {
			moved[change.Path[0].Key] = true
		}
	}
	look := slices.SortedFunc(maps.Keys(moved), tree.Compare)
	if modules {
		look = slices.Collect(c.New.Keys(feature.InterfacesRoot.Child("interface")))
	}
	crowded := map[int]bool{}
	for _, port := range look {
		o := ownerIn(port, c.New.Sub(feature.InterfacePath(port)))
		if o == (Owner{}) {
			continue
		}
		add := func(s schema.Severity, rule, format string, args ...any) {
			problems = append(problems, schema.Problem{
				Path: feature.InterfacePath(port, "owner"), Severity: s, Rule: rule, Text: fmt.Sprintf(format, args...),
			})
		}
		if other := holder(c.New, port, moved); other != "" {
			add(schema.Error, "owner-taken", "ERROR: %s is bound to %s already.", other, ownerOf(c.New, other))
		}
		if o.Device != "" && c.New.Exists(uplinkPath(o.Module, o.Device)) {
			add(schema.Error, "owner-uplink", "ERROR: Device %s of module %d is an uplink.", o.Device, o.Module)
		}
		if (o.Kind == KindDevice || o.Kind == KindTap) && hasVNIC(c.New, o) {
			add(schema.Error, "owner-vnic", "ERROR: Device %s of module %d is a host vnic.", o.Device, o.Module)
		}
		if o.Kind == KindInternal && o != ownerOf(c.Old, port) && !hasVNIC(c.New, o) {
			add(schema.Error, "owner-vnic", "ERROR: Module %d has no host vnic %s.", o.Module, o.Device)
		}
		if moved[port] && !crowded[o.Module] && byModule.Count(c.New, strconv.Itoa(o.Module)) > PerModule {
			crowded[o.Module] = true
			add(schema.Error, "scale", "ERROR: Maximum number of Vethernets per module (%d) reached.", PerModule)
		}
		if o.Module != ownerOf(c.Old, port).Module && !moduleKnown(c.New, o.Module) {
			add(schema.Warning, "module-missing", "Warning: Module %d is not configured; %s stays down until it is inserted.",
				o.Module, port)
		}
	}
	return problems
}

// holder returns another port that is where a port is that moved, "" for none. Of
// those that moved to one place the first has it.
func holder(t tree.Tree, port string, moved map[string]bool) string {
	if !moved[port] {
		return ""
	}
	for _, other := range byPlace.Members(t, ownerOf(t, port).place().key()) {
		if other != port && (!moved[other] || tree.Compare(other, port) < 0) {
			return other
		}
	}
	return ""
}

func uplinkPath(slot int, dev string) tree.Path {
	return append(vemPath(slot), tree.Elem{Name: "uplink", Key: dev}, tree.Elem{Name: "profile"})
}

func vemPath(slot int) tree.Path {
	return tree.Path{{Name: "vems"}, {Name: "vem", Key: fmt.Sprint(slot)}}
}

// moduleKnown reports whether the slot is configured. The slot of a card alone
// need not be.
func moduleKnown(t tree.Tree, slot int) bool {
	return slot == feature.FirstCard || t.Exists(vemPath(slot))
}

func compile(in feature.Input) (any, error) {
	var p Program
	for _, name := range in.Ports {
		if feature.KindOf(name) != feature.Vethernet {
			continue
		}
		p.Ports = append(p.Ports, Port{
			Name:  name,
			Up:    feature.AdminState(in.Config, in.Effective(name), name) == "",
			Owner: ownerOf(in.Config, name),
		})
	}
	return p, nil
}
