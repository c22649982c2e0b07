package schema

import "trunkline/config/tree"

// Read returns the settings of leaves as a feature's Config type, with defaults
// where nothing is set. At is the entry the leaves are mounted on, or nil if the
// root of the tree is that entry, as in an effective tree; the defaults then are
// those of the leaf's first mount. Top leaves are read with at nil. Leaves that
// are bound to other Config types are passed over.
func Read[C any](_ *Schema, leaves []Leaf, t tree.Tree, at tree.Path) C {
	var c C
	mount := at.Names()
	for i := range leaves {
		l := &leaves[i]
		if l.set == nil {
			continue
		}
		m := mount
		if m == "" && len(l.Mounts) > 0 {
			m = l.Mounts[0]
		}
		v, ok := t.Get(at.Join(relative(l.Path)))
		if !ok || v == No || !sameType(v, l.Type.Zero()) {
			v = l.defaultAt(m)
		}
		if v != nil {
			l.set(&c, v)
		}
	}
	return c
}

// defaultAt returns the default at a mount, nil for none.
func (l *Leaf) defaultAt(mount string) any {
	if v, ok := l.DefaultAt[mount]; ok {
		return v
	}
	return l.Default
}
