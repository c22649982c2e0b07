package schema

import (
	"slices"

	"trunkline/config/tree"
)

// Superfluous returns the leaves that a change of port-profiles, or of who
// inherits them, may have left with a default or a no form that holds without it:
// those of the entries that inherit something else now, and those of entries
// that inherit what has changed. What its text would not say is not stored.
func (s *Schema) Superfluous(before, after tree.Tree) []tree.Path {
	var all []tree.Path
	whole := func(entry tree.Path) {
		for p := range after.Leaves(entry) {
			all = append(all, p)
		}
	}
	profiles := map[string]*changes{}
	for c := range tree.Diff(before, after) {
		entry, n := s.inheriting(c.Path)
		if entry == nil {
			continue
		}
		rel := c.Path[len(entry):]
		heir := len(rel) == 1 && rel[0].Name == Inherit
		if heir {
			whole(entry)
		}
		if !s.inherited(n) {
			continue
		}
		at := profiles[entry.String()]
		if at == nil {
			at = &changes{}
			profiles[entry.String()] = at
		}
		if at.whole = at.whole || heir || len(rel) == 0; !at.whole {
			at.leaves = append(at.leaves, rel)
		}
	}
	if len(profiles) == 0 {
		return all
	}
	for _, list := range s.heirs() {
		place := s.EntryPath(list.path, "")
		for key := range after.Keys(place) {
			entry := s.EntryPath(list.path, key)
			for profile := range s.chain(after, entry) {
				switch at := profiles[profile.String()]; {
				case at == nil:
				case at.whole:
					whole(entry)
				default:
					for _, rel := range at.leaves {
						if p := entry.Join(rel); after.Exists(p) {
							all = append(all, p)
						}
					}
				}
			}
		}
	}
	return all
}

// changes are those of one port-profile: of the leaves by their relative paths, or
// of the whole.
type changes struct {
	leaves []tree.Path
	whole  bool
}

// inheriting returns the entry at or above a path that may inherit a port-profile,
// and its list; nil if there is none.
func (s *Schema) inheriting(p tree.Path) (tree.Path, *node) {
	n := s.root
	for i, e := range p {
		if n = n.child(e.Name); n == nil {
			return nil, nil
		}
		if e.Key != "" && n.child(Inherit) != nil {
			return p[:i+1], n
		}
	}
	return nil, nil
}

// heirs are the lists whose entries may inherit a port-profile.
func (s *Schema) heirs() []*node {
	var all []*node
	for _, l := range s.leaves {
		if l.mount != nil && l.decl.Path == Inherit && l.decl.Ref != "" {
			all = append(all, l.mount)
		}
	}
	return all
}

// inherited reports whether entries of a list are what others inherit.
func (s *Schema) inherited(list *node) bool {
	return slices.ContainsFunc(s.heirs(), func(n *node) bool { return n.child(Inherit).leaf.decl.Ref == list.path })
}

// chain yields the port-profiles of an entry, the nearest first.
func (s *Schema) chain(t tree.Tree, entry tree.Path) func(func(tree.Path) bool) {
	return func(yield func(tree.Path) bool) {
		for range MaxChain {
			if entry, _ = s.inherits(t, entry); entry == nil || !yield(entry) {
				return
			}
		}
	}
}
