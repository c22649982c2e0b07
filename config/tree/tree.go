// Package tree is the immutable tree of typed values that holds configuration.
//
// A Tree is a value: Set and Delete return a new tree and share what did not
// change, so a snapshot costs nothing and a candidate is abandoned by
// forgetting it. Leaves hold comparable Go values. The tree knows no schema; it
// orders list entries naturally (digits by number: Ethernet3/2 before
// Ethernet3/10).
//
// A node's children are kept in order in chunks of bounded size, so an edit in
// a list of ten thousand entries copies a few hundred words.
package tree

import (
	"iter"
	"slices"
)

// Tree is an immutable tree; the zero value is empty.
type Tree struct{ root *node }

// node is never changed once it is in a tree.
type node struct {
	value any // of a leaf
	kids  kids
}

// Get returns the value of a leaf.
func (t Tree) Get(p Path) (any, bool) {
	n := t.find(p)
	if n == nil || n.value == nil {
		return nil, false
	}
	return n.value, true
}

// Exists reports whether the path names a leaf, entry or container that is
// there. The root always is.
func (t Tree) Exists(p Path) bool { return len(p) == 0 || t.find(p) != nil }

func (t Tree) find(p Path) *node {
	n := t.root
	for _, e := range p {
		if n == nil {
			return nil
		}
		n = n.kids.get(e)
	}
	return n
}

// Set returns the tree with the leaf set, creating what is above it. A nil
// value creates an entry or container without leaves and leaves an existing one
// as it is. The value must be comparable.
func (t Tree) Set(p Path, v any) Tree {
	if v != nil {
		_ = v == v // panics on a value that is not comparable: a bug in a schema
	}
	if len(p) == 0 {
		return t
	}
	if v == nil && t.find(p) != nil {
		return t
	}
	if now, ok := t.Get(p); ok && now == v {
		return t
	}
	return Tree{t.root.set(p, func(old *node) *node {
		n := &node{value: v}
		if old != nil && v == nil {
			n.kids = old.kids
		}
		return n
	})}
}

// set returns a copy of n with the node at p replaced by what change returns
// for it; nil removes it.
func (n *node) set(p Path, change func(*node) *node) *node {
	if len(p) == 0 {
		return change(n)
	}
	out := &node{}
	var kid *node
	if n != nil {
		out.kids = n.kids
		kid = n.kids.get(p[0])
	}
	kid = kid.set(p[1:], change)
	if kid == nil {
		out.kids = out.kids.without(p[0])
		return out
	}
	out.kids = out.kids.with(p[0], kid)
	return out
}

// Delete returns the tree without the node and all below it. Containers that
// are left empty above it vanish; list entries stay.
func (t Tree) Delete(p Path) Tree {
	if t.find(p) == nil {
		return t
	}
	if len(p) == 0 {
		return Tree{}
	}
	root := t.root.set(p, func(*node) *node { return nil })
	for i := len(p) - 1; i > 0; i-- {
		above := Tree{root}.find(p[:i])
		if p[i-1].Key != "" || above == nil || above.value != nil || above.kids.n > 0 {
			break
		}
		root = root.set(p[:i], func(*node) *node { return nil })
	}
	if root.kids.n == 0 {
		return Tree{}
	}
	return Tree{root}
}

// Keys yields the keys of the list at the path, naturally ordered. The last
// element of the path names the list and has no key.
func (t Tree) Keys(p Path) iter.Seq[string] {
	return func(yield func(string) bool) {
		if len(p) == 0 {
			return
		}
		n, list := t.find(p[:len(p)-1]), p[len(p)-1].Name
		if n == nil {
			return
		}
		for e := range n.kids.from(Elem{Name: list}) {
			if e.Name != list {
				return
			}
			if e.Key != "" && !yield(e.Key) {
				return
			}
		}
	}
}

// Children yields the elements below the node at the path, in order.
func (t Tree) Children(p Path) iter.Seq[Elem] {
	return func(yield func(Elem) bool) {
		n := t.find(p)
		if n == nil {
			return
		}
		for e := range n.kids.from(Elem{}) {
			if !yield(e) {
				return
			}
		}
	}
}

// Leaves yields every leaf below the path, in order, with its path from the
// root. The path is the receiver's to keep.
func (t Tree) Leaves(p Path) iter.Seq2[Path, any] {
	return func(yield func(Path, any) bool) {
		if n := t.find(p); n != nil {
			n.leaves(slices.Clone(p), yield)
		}
	}
}

func (n *node) leaves(at Path, yield func(Path, any) bool) bool {
	if n.value != nil && !yield(slices.Clone(at), n.value) {
		return false
	}
	for e, kid := range n.kids.from(Elem{}) {
		if !kid.leaves(append(at, e), yield) {
			return false
		}
	}
	return true
}

// Sub returns the node at the path as a tree of its own.
func (t Tree) Sub(p Path) Tree {
	n := t.find(p)
	if n == nil || n.value == nil && n.kids.n == 0 {
		return Tree{}
	}
	return Tree{n}
}

// Graft returns the tree with sub in the place of the node at the path.
func (t Tree) Graft(p Path, sub Tree) Tree {
	if len(p) == 0 {
		return sub
	}
	return Tree{t.root.set(p, func(*node) *node {
		if sub.root == nil {
			return &node{}
		}
		return sub.root
	})}
}

// Empty reports whether the tree holds nothing.
func (t Tree) Empty() bool { return t.root == nil || t.root.value == nil && t.root.kids.n == 0 }

// Equal reports whether two trees hold the same.
func (t Tree) Equal(o Tree) bool {
	if t.Empty() || o.Empty() {
		return t.Empty() && o.Empty()
	}
	return t.root.equal(o.root)
}

func (n *node) equal(o *node) bool {
	if n == o {
		return true
	}
	if n.value != o.value || n.kids.n != o.kids.n {
		return false
	}
	next, stop := iter.Pull2(o.kids.from(Elem{}))
	defer stop()
	for e, kid := range n.kids.from(Elem{}) {
		oe, other, ok := next()
		if !ok || e != oe || !kid.equal(other) {
			return false
		}
	}
	return true
}
