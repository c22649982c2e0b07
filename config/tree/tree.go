// Package tree is the immutable tree of typed values that holds configuration.
//
// A Tree is a value: Set and Delete return a new tree and share what did not
// change, so a snapshot costs nothing and a candidate is abandoned by
// forgetting it. Leaves hold comparable Go values. The tree knows no schema; it
// orders list entries naturally (digits by number: Ethernet3/2 before
// Ethernet3/10).
package tree

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

// Tree is an immutable tree; the zero value is empty.
type Tree struct{ root *node }

type node struct{}
