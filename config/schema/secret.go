package schema

import (
	"iter"

	"trunkline/config/tree"
)

// Hidden stands for a secret in what is kept of a line and in what is shown to
// those who may not read secrets.
const Hidden = "********"

// Secrets yields where a configuration has values that are secrets, with their
// types.
func (s *Schema) Secrets(t tree.Tree) iter.Seq2[tree.Path, AnyType] {
	return func(yield func(tree.Path, AnyType) bool) {
		for _, l := range s.leaves {
			if !l.decl.Type.How().Secret {
				continue
			}
			var nodes []*node // from the root
			for n := l.node; n.parent != nil; n = n.parent {
				nodes = append([]*node{n}, nodes...)
			}
			if !present(t, nil, nodes, func(p tree.Path) bool { return yield(p, l.decl.Type) }) {
				return
			}
		}
	}
}

// present calls f for each place that the nodes below a path name and the tree
// has a value at.
func present(t tree.Tree, at tree.Path, nodes []*node, f func(tree.Path) bool) bool {
	if len(nodes) == 0 {
		v, ok := t.Get(at)
		return !ok || v == No || f(at)
	}
	n := nodes[0]
	if !n.list() {
		return present(t, at.Child(n.name), nodes[1:], f)
	}
	for key := range t.Keys(at.Child(n.name)) {
		if !present(t, at.Entry(n.name, key), nodes[1:], f) {
			return false
		}
	}
	return true
}

// Hide returns a configuration as those see it who may not read secrets: each
// has the same value. That there is one is seen, and nothing else of it.
func (s *Schema) Hide(t tree.Tree) tree.Tree {
	hidden := t
	for p, typ := range s.Secrets(t) {
		hidden = hidden.Set(p, typ.Mask())
	}
	return hidden
}
