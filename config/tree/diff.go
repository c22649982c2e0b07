package tree

import "iter"

// Change is one difference between two trees: a leaf that came (Old nil), went
// (New nil) or changed; or a list entry, or a container without leaves, that
// came or went (Old and New nil, Added says which). The leaves of an entry that
// came follow it, those of one that went precede it.
type Change struct {
	Path     Path
	Old, New any
	Added    bool
}

// Diff yields what leads from one tree to the other, in order of paths. It
// takes time in proportion to the difference where the trees share nodes.
func Diff(old, new Tree) iter.Seq[Change] {
	return func(yield func(Change) bool) {
		diff(old.root, new.root, nil, yield)
	}
}

func diff(a, b *node, at Path, yield func(Change) bool) bool {
	switch {
	case a == b:
		return true
	case a == nil:
		return came(b, at, yield)
	case b == nil:
		return went(a, at, yield)
	case a.value != nil && b.value != nil:
		return a.value == b.value || yield(Change{Path: clone(at), Old: a.value, New: b.value})
	case a.value != nil || b.value != nil:
		return went(a, at, yield) && came(b, at, yield)
	}
	return diffKids(a.kids, b.kids, at, yield)
}

func diffKids(a, b *kid, at Path, yield func(Change) bool) bool {
	switch {
	case a == b:
		return true
	case a == nil:
		return b.each(func(k *kid) bool { return came(k.node, append(at, k.elem), yield) })
	case b == nil:
		return a.each(func(k *kid) bool { return went(k.node, append(at, k.elem), yield) })
	case a.above(b.prio, b.elem):
		left, n, right := b.split(a.elem)
		return diffKids(a.left, left, at, yield) &&
			diff(a.node, n, append(at, a.elem), yield) &&
			diffKids(a.right, right, at, yield)
	}
	left, n, right := a.split(b.elem)
	return diffKids(left, b.left, at, yield) &&
		diff(n, b.node, append(at, b.elem), yield) &&
		diffKids(right, b.right, at, yield)
}

func came(n *node, at Path, yield func(Change) bool) bool {
	if n.value != nil {
		return yield(Change{Path: clone(at), New: n.value, Added: true})
	}
	if reported(n, at) && !yield(Change{Path: clone(at), Added: true}) {
		return false
	}
	return n.kids.each(func(k *kid) bool { return came(k.node, append(at, k.elem), yield) })
}

func went(n *node, at Path, yield func(Change) bool) bool {
	if n.value != nil {
		return yield(Change{Path: clone(at), Old: n.value})
	}
	if !n.kids.each(func(k *kid) bool { return went(k.node, append(at, k.elem), yield) }) {
		return false
	}
	return !reported(n, at) || yield(Change{Path: clone(at)})
}

// reported reports whether the node itself is a change when it comes or goes.
func reported(n *node, at Path) bool {
	return len(at) > 0 && (at[len(at)-1].Key != "" || n.kids == nil)
}

func clone(p Path) Path { return append(Path(nil), p...) }
