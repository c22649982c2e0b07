// Package tree is the immutable tree of typed values that holds configuration.
//
// A Tree is a value: Set and Delete return a new tree and share what did not
// change, so a snapshot costs nothing and a candidate is abandoned by
// forgetting it. Leaves hold comparable Go values. The tree knows no schema; it
// orders list entries naturally (digits by number: Ethernet3/2 before
// Ethernet3/10).
//
// # Structure
//
// A node is a leaf, or it holds children. The children of a node form a treap,
// a binary search tree ordered by element whose heap order is a hash of the
// element. So its shape depends on its contents only, an edit copies a path of
// logarithmic length, and two trees that share most of their nodes are compared
// in the time their difference takes.
//
// Everything is safe for concurrent use, as nothing is ever changed.
package tree

import (
	"fmt"
	"iter"
	"reflect"
)

// Tree is an immutable tree; the zero value is empty.
type Tree struct{ root *node }

// node is a leaf if value is not nil; else kids holds what is below it. A node
// without either is a list entry or container without leaves.
type node struct {
	value any
	kids  *kid
}

var emptyNode = &node{}

// find returns the node at the path, nil if there is none.
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

// Get returns the value of a leaf.
func (t Tree) Get(p Path) (any, bool) {
	n := t.find(p)
	if n == nil || n.value == nil {
		return nil, false
	}
	return n.value, true
}

// Exists reports whether the path names a leaf, entry or container that is
// there. A list without its key is there if it has entries.
func (t Tree) Exists(p Path) bool {
	if t.find(p) != nil {
		return true
	}
	if len(p) == 0 || p[len(p)-1].Key != "" {
		return false
	}
	for range t.Keys(p) {
		return true
	}
	return false
}

// Set returns the tree with the leaf set, creating what is above it. A nil
// value creates an entry or container without leaves and leaves one that is
// there as it is. A leaf in the way gives place. Set panics if the value is not
// comparable.
func (t Tree) Set(p Path, value any) Tree {
	if value == nil {
		if n := t.find(p); n != nil && n.value == nil {
			return t
		}
		return Tree{set(t.root, p, emptyNode)}
	}
	if !reflect.ValueOf(value).Comparable() {
		panic(fmt.Sprintf("tree: value of type %T at %s is not comparable", value, p))
	}
	if n := t.find(p); n != nil && n.value == value {
		return t
	}
	return Tree{set(t.root, p, &node{value: value})}
}

// set returns a copy of n with leaf at the path below it.
func set(n *node, p Path, at *node) *node {
	if len(p) == 0 {
		return at
	}
	var kids *kid
	var below *node
	if n != nil {
		kids = n.kids
		below = kids.get(p[0])
	}
	return &node{kids: kids.put(p[0], set(below, p[1:], at))}
}

// Delete returns the tree without the node and all below it; containers left
// empty above it vanish, list entries stay. The path of a list without a key
// deletes all its entries.
func (t Tree) Delete(p Path) Tree {
	if !t.Exists(p) {
		return t
	}
	if len(p) == 0 {
		return Tree{}
	}
	return Tree{remove(t.root, p)}
}

// remove returns n without what is at the path, nil if nothing is left.
func remove(n *node, p Path) *node {
	if n == nil {
		return nil
	}
	e := p[0]
	below := n.kids.get(e)
	kids := n.kids
	switch {
	case len(p) > 1:
		if below = remove(below, p[1:]); below == nil && e.Key != "" {
			below = emptyNode
		}
		if below == nil {
			kids = kids.drop(e)
		} else {
			kids = kids.put(e, below)
		}
	case e.Key == "":
		kids = kids.dropName(e.Name)
	default:
		kids = kids.drop(e)
	}
	if kids == nil {
		return nil
	}
	return &node{kids: kids}
}

// Keys yields the keys of the list at the path, naturally ordered.
func (t Tree) Keys(list Path) iter.Seq[string] {
	return func(yield func(string) bool) {
		for key := range t.Entries(list) {
			if !yield(key) {
				return
			}
		}
	}
}

// Entries yields the keys of the list at the path, naturally ordered, each with
// its entry as a tree of its own: no look-up from the root for each.
func (t Tree) Entries(list Path) iter.Seq2[string, Tree] {
	return func(yield func(string, Tree) bool) {
		if len(list) == 0 || list[len(list)-1].Key != "" {
			return
		}
		n := t.find(list[:len(list)-1])
		if n == nil {
			return
		}
		n.kids.named(list[len(list)-1].Name, func(k *kid) bool {
			return k.elem.Key == "" || yield(k.elem.Key, Tree{k.node})
		})
	}
}

// Leaves yields every leaf below the path, in order: by name, then key. The
// path of a list without a key yields those of all its entries. The paths are
// absolute and the caller's to keep.
func (t Tree) Leaves(p Path) iter.Seq2[Path, any] {
	return func(yield func(Path, any) bool) {
		if n := t.find(p); n != nil {
			leaves(n, append(Path(nil), p...), yield)
			return
		}
		for key := range t.Keys(p) {
			entry := p.Parent().Entry(p[len(p)-1].Name, key)
			if !leaves(t.find(entry), entry, yield) {
				return
			}
		}
	}
}

func leaves(n *node, at Path, yield func(Path, any) bool) bool {
	if n.value != nil {
		return yield(append(Path(nil), at...), n.value)
	}
	return n.kids.each(func(k *kid) bool {
		return leaves(k.node, append(at, k.elem), yield)
	})
}

// Len is the number of leaves.
func (t Tree) Len() int { return t.root.len() }

func (n *node) len() int {
	switch {
	case n == nil:
		return 0
	case n.value != nil:
		return 1
	}
	return n.kids.len()
}

func (k *kid) len() int {
	if k == nil {
		return 0
	}
	return k.left.len() + k.node.len() + k.right.len()
}

// Children yields the elements directly below the path, in order.
func (t Tree) Children(p Path) iter.Seq[Elem] {
	return func(yield func(Elem) bool) {
		for e := range t.Sub(p).Below() {
			if !yield(e) {
				return
			}
		}
	}
}

// Below yields the elements directly below the root, in order, each with its node
// as a tree of its own.
func (t Tree) Below() iter.Seq2[Elem, Tree] {
	return func(yield func(Elem, Tree) bool) {
		if t.root != nil {
			t.root.kids.each(func(k *kid) bool { return yield(k.elem, Tree{k.node}) })
		}
	}
}

// Sub returns the node at the path as a tree of its own.
func (t Tree) Sub(p Path) Tree { return Tree{t.find(p)} }

// Graft returns the tree with sub in the place of the node at the path. An
// empty sub leaves a list entry without leaves, and no container.
func (t Tree) Graft(p Path, sub Tree) Tree {
	if len(p) == 0 {
		return sub
	}
	if sub.Empty() {
		if p[len(p)-1].Key == "" {
			return t.Delete(p)
		}
		sub.root = emptyNode
	}
	if t.find(p) == sub.root {
		return t
	}
	return Tree{set(t.root, p, sub.root)}
}

// Empty reports whether the tree holds nothing.
func (t Tree) Empty() bool { return t.root == nil || t.root.value == nil && t.root.kids == nil }

// Equal reports whether two trees hold the same.
func (t Tree) Equal(u Tree) bool {
	for range Diff(t, u) {
		return false
	}
	return true
}
