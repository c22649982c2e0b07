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
	return differ(a, b, func(e Elem, a, b *node) bool { return diff(a, b, append(at, e), yield) })
}

// differ calls f in order for each child that two treaps do not share, nil for one
// that is not there, until it returns false, and reports whether it never did.
func differ(a, b *kid, f func(e Elem, a, b *node) bool) bool {
	switch {
	case a == b:
		return true
	case a == nil:
		return b.each(func(k *kid) bool { return f(k.elem, nil, k.node) })
	case b == nil:
		return a.each(func(k *kid) bool { return f(k.elem, k.node, nil) })
	case a.above(b.prio, b.elem):
		left, n, right := b.split(a.elem)
		return differ(a.left, left, f) && (a.node == n || f(a.elem, a.node, n)) && differ(a.right, right, f)
	}
	left, n, right := a.split(b.elem)
	return differ(left, b.left, f) && (n == b.node || f(b.elem, n, b.node)) && differ(right, b.right, f)
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
