package schema

import (
	"maps"
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
			at = &changes{entry: entry}
			profiles[entry.String()] = at
		}
		if at.whole = at.whole || heir || len(rel) == 0; !at.whole {
			at.leaves = append(at.leaves, rel)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(profiles)) {
		changed := profiles[name]
		s.below(after, changed.entry, func(entry tree.Path) {
			if changed.whole {
				whole(entry)
				return
			}
			for _, rel := range changed.leaves {
				if p := entry.Join(rel); after.Exists(p) {
					all = append(all, p)
				}
			}
		})
	}
	return all
}

// below calls f for each entry that inherits a port-profile, itself or through
// others.
func (s *Schema) below(t tree.Tree, profile tree.Path, f func(entry tree.Path)) {
	seen := map[string]bool{}
	level := []tree.Path{profile}
	for range MaxChain {
		var next []tree.Path
		for _, profile := range level {
			if !t.Exists(profile) {
				continue
			}
			for _, h := range s.heirs {
				if h.profiles != profile.Names() {
					continue
				}
				for _, key := range h.index.Members(t, profile[len(profile)-1].Key) {
					entry := s.EntryPath(h.list, key)
					if name := entry.String(); !seen[name] {
						seen[name] = true
						f(entry)
						next = append(next, entry)
					}
				}
			}
		}
		level = next
	}
}

// changes are those of one port-profile: of the leaves by their relative paths, or
// of the whole.
type changes struct {
	entry  tree.Path
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

// heirs are a list whose entries may inherit a port-profile, by the profile's key.
type heirs struct {
	list, profiles string // paths of names
	index          *tree.Index
}

// indexHeirs finds the lists of heirs among the leaves.
func (s *Schema) indexHeirs() {
	for _, l := range s.leaves {
		if l.mount == nil || l.decl.Path != Inherit || l.decl.Ref == "" {
			continue
		}
		s.heirs = append(s.heirs, heirs{
			list: l.mount.path, profiles: l.decl.Ref,
			index: tree.NewIndex(s.EntryPath(l.mount.path, ""), func(_ string, entry tree.Tree) string {
				v, ok := entry.Get(l.rel)
				if !ok || v == No || !sameType(v, l.zero()) {
					return ""
				}
				return l.decl.Type.FormatText(v)
			}),
		})
	}
}

// inherited reports whether entries of a list are what others inherit.
func (s *Schema) inherited(list *node) bool {
	return slices.ContainsFunc(s.heirs, func(h heirs) bool { return h.profiles == list.path })
}
