package schema

import (
	"iter"

	"trunkline/config/tree"
)

// Diff yields what leads from one tree to the other, as tree.Diff, bindings of
// workloads left out (Leaf.Inventory; cli.md §13.4).
func (s *Schema) Diff(old, new tree.Tree) iter.Seq[tree.Change] {
	return func(yield func(tree.Change) bool) {
		for c := range tree.Diff(old, new) {
			if l := s.Leaf(c.Path); l != nil && l.Inventory {
				continue
			}
			if !yield(c) {
				return
			}
		}
	}
}

// KeepInventory returns the tree with its bindings of workloads replaced by
// those of now: what a checkpoint, a rollback or a replacement must not touch.
// An entry that is bound now is there in the result, a binding of now's past is
// not.
func (s *Schema) KeepInventory(now, t tree.Tree) tree.Tree {
	for p := range t.Leaves(nil) {
		if l := s.Leaf(p); l != nil && l.Inventory {
			t = s.Tidy(t.Delete(p), p)
		}
	}
	for p, v := range now.Leaves(nil) {
		if l := s.Leaf(p); l != nil && l.Inventory {
			t = t.Set(p, v)
		}
	}
	return t
}
