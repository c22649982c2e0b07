package tree

import (
	"iter"
	"slices"
)

// Change is one difference between two trees: a leaf that came (Old nil), went
// (New nil) or changed, or an entry or container without leaves that came or
// went (both nil, Added says which).
type Change struct {
	Path     Path
	Old, New any
	Added    bool
}

// Diff yields the differences from old to new in the order of the tree. Parts
// that the trees share cost nothing.
func Diff(old, new Tree) iter.Seq[Change] {
	return func(yield func(Change) bool) { diff(nil, old.root, new.root, yield) }
}

func diff(at Path, old, new *node, yield func(Change) bool) bool {
	if old == new {
		return true
	}
	o, n := old, new
	if o == nil {
		o = &node{}
	}
	if n == nil {
		n = &node{}
	}
	if o.value != n.value {
		if !yield(Change{Path: slices.Clone(at), Old: o.value, New: n.value, Added: old == nil}) {
			return false
		}
	} else if len(at) > 0 && (old == nil) != (new == nil) && o.kids.n+n.kids.n == 0 {
		if !yield(Change{Path: slices.Clone(at), Added: old == nil}) {
			return false
		}
	}
	next, stop := iter.Pull2(n.kids.from(Elem{}))
	defer stop()
	ne, nk, more := next()
	for oe, ok := range o.kids.from(Elem{}) {
		for more && compare(ne, oe) < 0 {
			if !diff(append(at, ne), nil, nk, yield) {
				return false
			}
			ne, nk, more = next()
		}
		if more && ne == oe {
			if !diff(append(at, oe), ok, nk, yield) {
				return false
			}
			ne, nk, more = next()
			continue
		}
		if !diff(append(at, oe), ok, nil, yield) {
			return false
		}
	}
	for more {
		if !diff(append(at, ne), nil, nk, yield) {
			return false
		}
		ne, nk, more = next()
	}
	return true
}
