package schema

import (
	"iter"
	"slices"

	"trunkline/config/tree"
)

// MaxChain is the number of port-profiles in a chain of inheritance, the one
// that a port inherits itself included. What is beyond is cut.
const MaxChain = 4

// Inherited returns what a leaf would have from the chain of port-profiles if
// its entry said nothing itself, whether the profiles are in force or not. The
// nearest profile that sets it wins; one that negates it (No) leaves the
// default.
func (s *Schema) Inherited(t tree.Tree, p tree.Path) (any, bool) {
	n := s.lookup(p)
	if n == nil || n.leaf == nil || n.leaf.mount == nil || n.leaf.decl.NoInherit {
		return nil, false
	}
	l := n.leaf
	entry := p[:l.mount.depth()]
	var list *node
	for range MaxChain {
		var profile tree.Path
		if profile, list = s.inherits(t, entry); profile == nil {
			break
		}
		at := s.byNames(list.path + "/" + l.decl.Path)
		if at == nil || at.leaf == nil || at.leaf.decl.NoInherit {
			return nil, false
		}
		switch v, ok := t.Get(profile.Join(l.rel)); {
		case ok && v == No:
			return nil, false
		case ok:
			return v, true
		}
		entry = profile
	}
	if len(entry) == l.mount.depth() && entry.Equal(p[:l.mount.depth()]) {
		return nil, false
	}
	v, ok := l.decl.DefaultAt[entry.Names()]
	return v, ok
}

// inherits returns the profile that an entry inherits itself, and its list; nil
// if there is none.
func (s *Schema) inherits(t tree.Tree, entry tree.Path) (tree.Path, *node) {
	n := s.byNames(entry.Names()).child(Inherit)
	if n == nil || n.leaf == nil || n.leaf.decl.Ref == "" {
		return nil, nil
	}
	v, ok := t.Get(entry.Child(Inherit))
	if !ok || v == No || !sameType(v, n.leaf.zero()) {
		return nil, nil
	}
	profile := s.EntryPath(n.leaf.decl.Ref, n.leaf.decl.Type.FormatText(v))
	if !t.Exists(profile) {
		return nil, nil
	}
	return profile, s.byNames(n.leaf.decl.Ref)
}

// Overrides reports whether the default must be stored at a concrete path of a
// leaf to be in force: a port-profile would supply something else.
func (s *Schema) Overrides(t tree.Tree, p tree.Path) bool {
	v, ok := s.Inherited(t, p)
	return ok && !s.IsDefault(p, v)
}

// Inheritable reports whether a leaf, by its path relative to the list, is
// passed on to those that inherit an entry of the list.
func (s *Schema) Inheritable(rel, list string) bool {
	n := s.byNames(list + "/" + rel)
	return n != nil && n.leaf != nil && !n.leaf.decl.NoInherit
}

// ProfileDefaults yields the leaves that are mounted on both lists and whose
// default on profiles is one of its own, with that default.
func (s *Schema) ProfileDefaults(ports, profiles string) iter.Seq2[tree.Path, any] {
	return func(yield func(tree.Path, any) bool) {
		for _, l := range s.leaves {
			if l.mount == nil || l.mount.path != ports || l.decl.NoInherit {
				continue
			}
			if v, ok := l.decl.DefaultAt[profiles]; ok && !yield(l.rel, v) {
				return
			}
		}
	}
}

// AllowsKind reports whether entries of the kind have the leaf.
func (l *Leaf) AllowsKind(kind string) bool {
	return l.Kinds == nil || slices.Contains(l.Kinds, kind)
}
