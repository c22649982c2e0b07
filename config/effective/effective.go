// Package effective resolves the inheritance of port-profiles: what a port has
// is what it says itself, else what the nearest profile of its chain says.
//
// The chain begins with the profile that the port's leaf "inherit" names and
// continues with the profile that one inherits. It is cut after four profiles,
// at a profile that comes again or does not exist, and before one that is not
// enabled: such a profile supplies nothing, neither its own settings nor those
// it would pass on. Only leaves that are mounted on ports and on profiles, and
// are not marked NoInherit, are passed on. A leaf that is negated (schema.No)
// hides what is behind it. A leaf whose default in a profile is another than
// on a port (schema.Leaf.DefaultAt) is supplied with it.
//
// Everything here is a pure function of an immutable tree. Resolve costs the
// port's own leaves and those of its chain; a Resolver merges each chain once
// and is what to use for many ports of one tree.
package effective

import (
	"fmt"
	"sync"

	"trunkline/config/schema"
	"trunkline/config/tree"
)

// Paths and leaves that inheritance is made of.
const (
	Ports    = "interfaces/interface"
	Profiles = "port-profiles/port-profile"

	Inherit = schema.Inherit
	State   = schema.State
	Enabled = schema.Enabled
)

// Depth is the number of profiles in a chain.
const Depth = schema.MaxChain

var (
	ports    = tree.Path{{Name: "interfaces"}, {Name: "interface"}}
	profiles = tree.Path{{Name: "port-profiles"}, {Name: "port-profile"}}

	inheritPath = tree.Path{{Name: Inherit}}
	statePath   = tree.Path{{Name: State}}
)

// Port returns the path of a port.
func Port(name string) tree.Path { return ports.Parent().Entry(ports[1].Name, name) }

// ProfilePath returns the path of a port-profile.
func ProfilePath(name string) tree.Path { return profiles.Parent().Entry(profiles[1].Name, name) }

// Resolve returns the port with its chain of profiles merged in, as a tree
// whose root is the port.
func Resolve(s *schema.Schema, t tree.Tree, port string) tree.Tree {
	return New(s, t).Port(port)
}

// Profile returns a profile with what it inherits merged in, as a tree whose
// root is the profile. Whether the profile itself is enabled does not matter.
func Profile(s *schema.Schema, t tree.Tree, name string) tree.Tree {
	r := New(s, t)
	own := t.Sub(ProfilePath(name))
	parents := Chain(t, name)
	if len(parents) < 2 {
		return own
	}
	merged := own
	for _, p := range parents[1:] {
		if !enabled(t, p) {
			break
		}
		merged = r.merge(merged, t.Sub(ProfilePath(p)))
	}
	return merged
}

// Chain returns the profile and those it inherits, nearest first: those that
// exist, each once, four at most, enabled or not.
func Chain(t tree.Tree, profile string) []string {
	var chain []string
next:
	for profile != "" && len(chain) < Depth && t.Exists(ProfilePath(profile)) {
		for _, p := range chain {
			if p == profile {
				break next
			}
		}
		chain = append(chain, profile)
		profile = inherits(t.Sub(ProfilePath(profile)))
	}
	return chain
}

// Members returns the ports that inherit the profile, directly or through other
// profiles, naturally ordered.
func Members(t tree.Tree, profile string) []string {
	reaches := map[string]bool{}
	var members []string
	for port := range t.Keys(ports) {
		name := inherits(t.Sub(Port(port)))
		if name == "" {
			continue
		}
		in, known := reaches[name]
		if !known {
			for _, p := range Chain(t, name) {
				in = in || p == profile
			}
			reaches[name] = in
		}
		if in {
			members = append(members, port)
		}
	}
	return members
}

func inherits(entry tree.Tree) string {
	v, ok := entry.Get(inheritPath)
	if !ok || v == schema.No {
		return ""
	}
	return fmt.Sprint(v)
}

func enabled(t tree.Tree, profile string) bool {
	v, _ := t.Sub(ProfilePath(profile)).Get(statePath)
	return v == Enabled
}

// Resolver resolves ports of one tree. Its methods may be called concurrently.
type Resolver struct {
	schema *schema.Schema
	tree   tree.Tree

	mu     sync.Mutex
	chains map[string]tree.Tree // by the nearest profile: what its chain supplies
}

// New returns a resolver of the tree's ports.
func New(s *schema.Schema, t tree.Tree) *Resolver {
	return &Resolver{schema: s, tree: t, chains: map[string]tree.Tree{}}
}

// Port returns the port with its chain of profiles merged in, as a tree whose
// root is the port. It is empty if there is no such port.
func (r *Resolver) Port(name string) tree.Tree {
	own := r.tree.Sub(Port(name))
	profile := inherits(own)
	if profile == "" || !r.tree.Exists(ProfilePath(profile)) {
		return own
	}
	chain := r.chain(profile)
	kind := r.schema.Kind(r.tree, Port(name))
	for p, v := range chain.Leaves(nil) {
		if _, said := own.Get(p); said {
			continue
		}
		if l := r.schema.Leaf(Port(name).Join(p)); l == nil || !l.AllowsKind(kind) {
			continue
		}
		own = own.Set(p, v)
	}
	return own
}

// chain returns the leaves that a profile and those it inherits supply.
func (r *Resolver) chain(profile string) tree.Tree {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, ok := r.chains[profile]
	if ok {
		return t
	}
	supplied := false
	for _, p := range Chain(r.tree, profile) {
		if !enabled(r.tree, p) {
			break
		}
		t = r.merge(t, r.tree.Sub(ProfilePath(p)))
		supplied = true
	}
	if supplied {
		for p, v := range r.schema.ProfileDefaults(Ports, Profiles) {
			if _, said := t.Get(p); !said {
				t = t.Set(p, v)
			}
		}
	}
	r.chains[profile] = t
	return t
}

// merge returns own with the inheritable leaves of above that it does not say
// itself.
func (r *Resolver) merge(own, above tree.Tree) tree.Tree {
	for p, v := range above.Leaves(nil) {
		if _, said := own.Get(p); said || !r.schema.Inheritable(p.Names(), Profiles) {
			continue
		}
		own = own.Set(p, v)
	}
	return own
}
