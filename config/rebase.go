package config

import "trunkline/config/tree"

// rebase returns the candidate's tree on top of what runs now. If others have
// committed since it began, its edits are made again; a *ConflictError says that
// both sides changed the same.
func (s *Store) rebase(c *Candidate, now Snapshot) (tree.Tree, error) {
	if c.base.Generation == now.Generation && c.base.Tree.Equal(now.Tree) {
		return c.tree, nil
	}
	if at, ok := overlap(c.base.Tree, c.tree, now.Tree); ok {
		return tree.Tree{}, &ConflictError{at}
	}
	t, problems := apply(s.schema, now.Tree, c.edits)
	if len(problems) > 0 {
		return tree.Tree{}, problems
	}
	return t, nil
}

// overlap returns the first place, in the order of paths, where two trees changed
// the same of their common base: a leaf or entry both touched, unless both made
// the same of it, or an entry that one removed and in which the other changed
// something.
func overlap(base, mine, theirs tree.Tree) (first tree.Path, found bool) {
	changed := map[string]tree.Change{}
	removed := map[string]bool{} // entries that mine removed
	inside := map[string]bool{}  // nodes below which mine changed something
	for c := range tree.Diff(base, mine) {
		changed[c.Path.String()] = c
		if entry(c) && !c.Added {
			removed[c.Path.String()] = true
		}
		for p := c.Path.Parent(); len(p) > 0; p = p.Parent() {
			inside[p.String()] = true
		}
	}
	if len(changed) == 0 {
		return nil, false
	}
	clash := func(p tree.Path) {
		if !found || p.Compare(first) < 0 {
			first, found = p, true
		}
	}
	for c := range tree.Diff(base, theirs) {
		at := c.Path.String()
		if m, ok := changed[at]; ok && (m.New != c.New || m.Added != c.Added) {
			clash(c.Path)
		}
		gone := entry(c) && !c.Added
		if gone && inside[at] && !removed[at] {
			clash(c.Path)
		}
		for p := c.Path.Parent(); len(p) > 0; p = p.Parent() {
			if removed[p.String()] && theirs.Exists(p) {
				clash(p)
			}
		}
	}
	return first, found
}

func entry(c tree.Change) bool { return c.Old == nil && c.New == nil }
