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

func check(c feature.Candidate) []schema.Problem {
	if !c.Changed(feature.ModulesRoot, feature.ProfilesRoot) && !c.ChangedPorts("owner") {
		return nil
	}
	problems := checkVNICs(c)
	taken := map[place]string{}
	perModule := map[int]int{}
	for port, entry := range c.New.Entries(feature.InterfacesRoot.Child("interface")) {
		o := feature.Read(entry, feature.OwnerPath, Owner{})
		if o == (Owner{}) || feature.KindOf(port) != feature.Vethernet {
			continue
		}
		add := func(s schema.Severity, rule, format string, args ...any) {
			problems = append(problems, schema.Problem{
				Path: feature.InterfacePath(port, "owner"), Severity: s, Rule: rule, Text: fmt.Sprintf(format, args...),
			})
		}
		if other, ok := taken[o.place()]; ok {
			add(schema.Error, "owner-taken", "ERROR: %s is bound to %s already.", other, ownerOf(c.New, other))
		} else {
			taken[o.place()] = port
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
		perModule[o.Module]++
		if perModule[o.Module] == PerModule+1 {
			add(schema.Error, "scale", "ERROR: Maximum number of Vethernets per module (%d) reached.", PerModule)
		}
		if o.Module != ownerOf(c.Old, port).Module && !moduleKnown(c.New, o.Module) {
			add(schema.Warning, "module-missing", "Warning: Module %d is not configured; %s stays down until it is inserted.",
				o.Module, port)
		}
	}
	return problems
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
