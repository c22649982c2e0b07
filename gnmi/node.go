package gnmi

import (
	"slices"
	"strings"

	"trunkline/config/schema"
	"trunkline/config/tree"
)

// class says what a leaf is: configuration, state, or a key, which is both.
type class uint8

const (
	configLeaf class = iota
	stateLeaf
	keyLeaf
)

// node is a place in the schema of one origin.
type node struct {
	name, module string
	parent       *node
	kids         []*node
	keys         []string         // of a list; nil for others
	keyTypes     []schema.AnyType // of the product's own lists
	keyless      bool             // a list that has no keys in OpenConfig
	leaf         *leaf            // nil for containers and lists
	// served says that data can be here: the node or one below it is served.
	served bool
	// moving says that the leaf, or one below the node, is among the samples.
	moving bool
	// entries is the part of the OpenConfig table whose list or container this
	// is, nil for none.
	entries []*entries
}

// leaf is what a leaf's values are.
type leaf struct {
	class class
	// mirror says that a state leaf repeats a configuration leaf.
	mirror bool
	// Of the product's own leaves:
	typ schema.AnyType
	// Of OpenConfig's leaves:
	kind  kind
	names []string // of an enumeration or identity
	many  bool     // a leaf-list
	row   *row     // nil if it is not served
}

func (n *node) list() bool { return n.keys != nil }

func (n *node) child(name string) *node {
	for _, k := range n.kids {
		if k.name == name {
			return k
		}
	}
	return nil
}

// add returns the child of a name, made if it is missing.
func (n *node) add(name, module string) *node {
	if k := n.child(name); k != nil {
		return k
	}
	k := &node{name: name, module: module, parent: n}
	n.kids = append(n.kids, k)
	return k
}

// serve marks a node and those above it.
func (n *node) serve(moving bool) {
	for ; n != nil; n = n.parent {
		n.served = true
		n.moving = n.moving || moving
	}
}

// path is the path of names, for messages: "/interfaces/interface/config".
func (n *node) path() string {
	if n.parent == nil {
		return "/"
	}
	return strings.TrimSuffix(n.parent.path(), "/") + "/" + n.name
}

// at returns the node of a concrete path, nil for none.
func (n *node) at(p tree.Path) *node {
	for _, e := range p {
		if n = n.child(e.Name); n == nil {
			return nil
		}
	}
	return n
}

// keyTexts splits the key of an entry into those of its list.
func (n *node) keyTexts(key string) []string { return strings.SplitN(key, " ", max(1, len(n.keys))) }

// isKey reports whether the node is a key of the list it is in.
func (n *node) isKey() bool { return n.parent != nil && slices.Contains(n.parent.keys, n.name) }

// own builds the schema of the product's own origin: configuration and state by
// the features' declarations.
func own(config, state *schema.Schema) *node {
	root := &node{served: true}
	grow := func(s *schema.Schema, c class) {
		if s == nil {
			return
		}
		for _, b := range s.Blocks() {
			n := root
			for name := range strings.SplitSeq(b.Path, "/") {
				n = n.add(name, schema.Module)
			}
			if len(b.Keys) > 0 && n.keys == nil {
				for _, k := range b.Keys {
					n.keys, n.keyTypes = append(n.keys, k.Name), append(n.keyTypes, k.Type)
				}
			}
			n.serve(false)
		}
		for _, path := range s.Paths() {
			n := root
			var at tree.Path
			for name := range strings.SplitSeq(path, "/") {
				n = n.add(name, schema.Module)
				e := tree.Elem{Name: name}
				if n.list() {
					e.Key = "x" // any: the declaration is that of the list
				}
				at = append(at, e)
			}
			n.leaf = &leaf{class: c, typ: s.Leaf(at).Type}
			n.serve(c == stateLeaf)
		}
	}
	grow(config, configLeaf)
	grow(state, stateLeaf)
	return root
}
