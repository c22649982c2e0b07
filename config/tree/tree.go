// Package tree is the immutable tree of typed values that holds configuration.
//
// A Tree is a value: Set and Delete return a new tree and share what did not
// change, so a snapshot costs nothing and a candidate is abandoned by
// forgetting it. Leaves hold comparable Go values. The tree knows no schema; it
// orders list entries naturally (digits by number: Ethernet3/2 before
// Ethernet3/10).
package tree

import "iter"

// Elem is one step of a path: a name, with the key of the entry for a list.
// Several keys are joined with one blank.
type Elem struct{ Name, Key string }

// Path leads from the root to a node. Its text is
// "interfaces/interface[Vethernet3]/switchport/access-vlan"; in a key, ']' and
// '\' are escaped with '\'.
type Path []Elem

// Change is one difference between two trees: a leaf that came (Old nil), went
// (New nil) or changed, or a list entry without leaves that came or went (both
// nil, Added says which).
type Change struct {
	Path     Path
	Old, New any
	Added    bool
}

// api is what the package provides; the implementation is in the other files.
type api interface {
	// Get returns the value of a leaf.
	Get(Path) (any, bool)
	// Exists reports whether the path names a leaf, entry or container that is there.
	Exists(Path) bool
	// Set returns the tree with the leaf set, creating what is above it. A nil
	// value creates an entry or container without leaves.
	Set(Path, any) Tree
	// Delete returns the tree without the node and all below it; containers
	// left empty above it vanish, list entries stay.
	Delete(Path) Tree
	// Keys yields the keys of the list at the path, naturally ordered.
	Keys(Path) iter.Seq[string]
	// Leaves yields every leaf below the path, in order.
	Leaves(Path) iter.Seq2[Path, any]
	// Sub returns the node at the path as a tree of its own.
	Sub(Path) Tree
	// Graft returns the tree with sub in the place of the node at the path.
	Graft(Path, Tree) Tree
	// Equal reports whether two trees hold the same.
	Equal(Tree) bool
}
