package schema

import "trunkline/config/tree"

// Place says what a concrete path names in the schema.
type Place uint8

// Places.
const (
	Nowhere Place = iota
	Container
	List  // without a key
	Entry // of a list
	ALeaf
)

// Place says what a concrete path names.
func (s *Schema) Place(p tree.Path) Place {
	n := s.lookup(p)
	switch {
	case n == nil:
		return Nowhere
	case n.leaf != nil:
		return ALeaf
	case !n.list():
		return Container
	case p[len(p)-1].Key == "":
		return List
	}
	return Entry
}

// IsSwitch reports whether the path is of a leaf whose line carries no value.
func (s *Schema) IsSwitch(p tree.Path) bool {
	n := s.lookup(p)
	return n != nil && n.leaf != nil && n.leaf.isSwitch
}

// CanOverride reports whether the leaf at a path is one that a port-profile may
// supply.
func (s *Schema) CanOverride(p tree.Path) bool {
	n := s.lookup(p)
	return n != nil && n.leaf != nil && n.leaf.mount != nil && !n.leaf.decl.NoInherit && n.leaf.mount.child(Inherit) != nil
}

// EntryAbove returns the nearest entry at or above a path, the root if there is
// none.
func (s *Schema) EntryAbove(p tree.Path) tree.Path {
	for len(p) > 0 && p[len(p)-1].Key == "" {
		p = p.Parent()
	}
	return p
}

// CheckKey returns the problem of the keys of a path, nil if they are in order.
func (s *Schema) CheckKey(p tree.Path) *Problem {
	v := &validator{Schema: s}
	n := s.root
	for i, e := range p {
		if n = n.child(e.Name); n == nil {
			break
		}
		if e.Key != "" {
			v.key(n, p[:i+1])
		}
	}
	return v.first()
}

// CheckValue returns the problem of a value for the leaf at a path, nil if its
// type takes it.
func (s *Schema) CheckValue(p tree.Path, value any) *Problem {
	if problem := s.CheckKey(p); problem != nil {
		return problem
	}
	v := &validator{Schema: s}
	v.value(s.lookup(p).leaf, p, value)
	return v.first()
}

func (v *validator) first() *Problem {
	if len(v.problems) == 0 {
		return nil
	}
	return &v.problems[0]
}

// Tidy returns the tree without entries that hold nothing and need not be there,
// at or above a path: those of lists without a line, and permanent ones.
func (s *Schema) Tidy(t tree.Tree, p tree.Path) tree.Tree {
	for ; len(p) > 0; p = p.Parent() {
		n := s.lookup(p)
		if n == nil || !n.list() || !t.Exists(p) || !t.Sub(p).Empty() {
			continue
		}
		if n.block.Line == "" || s.Removable(p) != nil {
			t = t.Delete(p)
		}
	}
	return t
}

// Value returns what is in force at a concrete path of a leaf: what is set
// there, else what the chain of port-profiles supplies, enabled or not, else the
// default.
func (s *Schema) Value(t tree.Tree, p tree.Path) any {
	v, ok := t.Get(p)
	if !ok {
		v, ok = s.Inherited(t, p)
	}
	if !ok || v == No {
		return s.Default(p)
	}
	return v
}
