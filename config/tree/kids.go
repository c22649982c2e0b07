package tree

import "hash/maphash"

// kid is a node of the treap of children; nil is the empty treap. Left is
// smaller and right greater than elem, and no child has a greater prio.
type kid struct {
	elem        Elem
	prio        uint64
	node        *node
	left, right *kid
}

// seed makes the shape of treaps unpredictable to who chooses the keys.
var seed = maphash.MakeSeed()

func prioOf(e Elem) uint64 { return maphash.Comparable(seed, e) }

// above reports whether k is nearer to the root than o. Equal hashes of
// different elements are told apart by the elements.
func (k *kid) above(prio uint64, e Elem) bool {
	if k.prio != prio {
		return k.prio > prio
	}
	return compareElem(k.elem, e) <= 0
}

func (k *kid) get(e Elem) *node {
	for k != nil {
		switch c := compareElem(e, k.elem); {
		case c < 0:
			k = k.left
		case c > 0:
			k = k.right
		default:
			return k.node
		}
	}
	return nil
}

// put returns the treap with n at e.
func (k *kid) put(e Elem, n *node) *kid { return k.insert(e, prioOf(e), n) }

func (k *kid) insert(e Elem, prio uint64, n *node) *kid {
	if k == nil || !k.above(prio, e) {
		left, _, right := k.split(e)
		return &kid{e, prio, n, left, right}
	}
	c := *k
	switch d := compareElem(e, k.elem); {
	case d < 0:
		c.left = k.left.insert(e, prio, n)
	case d > 0:
		c.right = k.right.insert(e, prio, n)
	default:
		c.node = n
	}
	return &c
}

// split parts the treap into what is smaller than e, the node at e and what is
// greater. Untouched parts are shared.
func (k *kid) split(e Elem) (left *kid, at *node, right *kid) {
	if k == nil {
		return nil, nil, nil
	}
	switch d := compareElem(e, k.elem); {
	case d < 0:
		l, at, r := k.left.split(e)
		if at == nil && l == nil {
			return nil, nil, k
		}
		c := *k
		c.left = r
		return l, at, &c
	case d > 0:
		l, at, r := k.right.split(e)
		if at == nil && r == nil {
			return k, nil, nil
		}
		c := *k
		c.right = l
		return &c, at, r
	}
	return k.left, k.node, k.right
}

// join is the inverse of split without a middle: all of l is smaller than r.
func join(l, r *kid) *kid {
	switch {
	case l == nil:
		return r
	case r == nil:
		return l
	case l.above(r.prio, r.elem):
		c := *l
		c.right = join(l.right, r)
		return &c
	default:
		c := *r
		c.left = join(l, r.left)
		return &c
	}
}

// drop returns the treap without e.
func (k *kid) drop(e Elem) *kid {
	left, at, right := k.split(e)
	if at == nil {
		return k
	}
	return join(left, right)
}

// dropName returns the treap without the child and all entries of the name.
func (k *kid) dropName(name string) *kid {
	if k == nil {
		return nil
	}
	switch {
	case name < k.elem.Name:
		c := *k
		c.left = k.left.dropName(name)
		return &c
	case name > k.elem.Name:
		c := *k
		c.right = k.right.dropName(name)
		return &c
	}
	return join(k.left.dropName(name), k.right.dropName(name))
}

// each calls f in order until it returns false, and reports whether it never
// did.
func (k *kid) each(f func(*kid) bool) bool {
	return k == nil || k.left.each(f) && f(k) && k.right.each(f)
}

// named is each for the entries of one name.
func (k *kid) named(name string, f func(*kid) bool) bool {
	switch {
	case k == nil:
		return true
	case name < k.elem.Name:
		return k.left.named(name, f)
	case name > k.elem.Name:
		return k.right.named(name, f)
	}
	return k.left.named(name, f) && f(k) && k.right.named(name, f)
}
