package config

import (
	"fmt"
	"slices"

	"trunkline/config/schema"
	"trunkline/config/tree"
)

// Candidate is a configuration in the making: a snapshot and edits on it.
// Dropping it is the abort. It belongs to one goroutine at a time.
type Candidate struct {
	schema *schema.Schema
	base   Snapshot
	tree   tree.Tree
	edits  []Edit
}

// Begin returns a candidate that equals the running configuration.
func (s *Store) Begin() *Candidate {
	c := &Candidate{schema: s.schema}
	c.restart(s.Running())
	return c
}

func (c *Candidate) restart(base Snapshot) { c.base, c.tree, c.edits = base, base.Tree, nil }

// Tree returns the candidate as it stands.
func (c *Candidate) Tree() tree.Tree { return c.tree }

// Base returns the snapshot that the candidate began from.
func (c *Candidate) Base() Snapshot { return c.base }

// Edits returns the edits so far.
func (c *Candidate) Edits() []Edit { return append([]Edit(nil), c.edits...) }

// Clone returns a candidate that stands where c does and goes its own way.
func (c *Candidate) Clone() *Candidate {
	clone := *c
	clone.edits = slices.Clip(c.edits)
	return &clone
}

// Apply makes edits in order, all or none. The error is Problems: edits of paths
// or types that are not in the schema, and removals that are never allowed.
// Everything else is for Check.
//
// A default is stored only where a port-profile would supply something else,
// seen when all edits are made; so is the no form of a leaf. Where the edits are
// of what is inherited, those that are stored go as well. With the switch of a
// group that is turned off go all its settings. Entries that exist
// by their leaves only go with the last of them. Containers come and go with
// what is in them.
func (c *Candidate) Apply(edits ...Edit) error {
	t, problems := apply(c.schema, c.tree, edits)
	if len(problems) > 0 {
		return problems
	}
	c.tree = t
	c.edits = append(c.edits, edits...)
	return nil
}

func apply(s *schema.Schema, t tree.Tree, edits []Edit) (tree.Tree, Problems) {
	a := &applier{schema: s, tree: t}
	for _, e := range edits {
		a.edit(e)
	}
	for _, p := range slices.Concat(a.settle, s.Superfluous(t, a.tree)) {
		a.settleLeaf(p)
	}
	return a.tree, a.problems
}

type applier struct {
	schema   *schema.Schema
	tree     tree.Tree
	problems Problems
	// settle are leaves that hold a default or a no form, which is kept only
	// where it is needed.
	settle []tree.Path
}

func (a *applier) refuse(p tree.Path, rule, format string, args ...any) {
	a.problems = append(a.problems, schema.Problem{Path: p, Rule: rule, Text: fmt.Sprintf(format, args...)})
}

func (a *applier) edit(e Edit) {
	place := a.schema.Place(e.Path)
	switch {
	case place == schema.Nowhere || place == schema.List && e.Op != Delete && e.Op != Negate:
		a.refuse(e.Path, schema.RuleUnknown, "ERROR: %s is not in the schema.", e.Path)
		return
	case len(e.Path) == 0 && e.Op != Replace:
		a.refuse(e.Path, schema.RuleUnknown, "ERROR: The configuration as a whole can only be replaced.")
		return
	}
	before := a.tree
	switch e.Op {
	case Set:
		a.set(e, place)
	case Negate:
		if place == schema.ALeaf {
			a.negate(e.Path)
			break
		}
		a.remove(e.Path)
	case Delete:
		a.remove(e.Path)
	case Replace:
		sub, ok := e.Value.(tree.Tree)
		switch {
		case place == schema.ALeaf:
			a.set(e, place)
		case !ok:
			a.refuse(e.Path, schema.RuleType, "ERROR: %s cannot be replaced by a %T.", e.Path, e.Value)
		default:
			a.replace(e.Path, sub)
		}
	default:
		a.refuse(e.Path, schema.RuleUnknown, "ERROR: Unknown operation %d.", e.Op)
	}
	if e.Op != Replace { // which says itself what there is
		a.tree = a.schema.Shut(before, a.tree)
	}
}

func (a *applier) set(e Edit, place schema.Place) {
	switch {
	case place != schema.ALeaf && e.Value != nil:
		a.refuse(e.Path, schema.RuleType, "ERROR: %s holds no value.", e.Path)
	case place == schema.Container:
		// It comes with what is in it.
	case place != schema.ALeaf:
		if p := a.schema.CheckKey(e.Path); p != nil {
			a.problems = append(a.problems, *p)
			return
		}
		a.tree = a.tree.Set(e.Path, nil)
		a.tree = a.schema.Tidy(a.tree, e.Path)
	default:
		if p := a.schema.CheckValue(e.Path, e.Value); p != nil {
			a.problems = append(a.problems, *p)
			return
		}
		a.tree = a.tree.Set(e.Path, e.Value)
		if a.schema.IsDefault(e.Path, e.Value) {
			a.settle = append(a.settle, e.Path)
		}
	}
}

// negate makes the no form of a leaf: off for a switch, else No, if it is needed.
func (a *applier) negate(p tree.Path) {
	var off any = schema.No
	if a.schema.IsSwitch(p) {
		off = false
	} else if !a.schema.CanOverride(p) || !a.tree.Exists(a.schema.EntryAbove(p)) {
		a.remove(p)
		return
	}
	if !a.schema.CanOverride(p) && a.schema.IsDefault(p, off) {
		a.remove(p)
		return
	}
	a.tree = a.tree.Set(p, off)
	if a.schema.IsDefault(p, off) {
		a.settle = append(a.settle, p)
	}
}

func (a *applier) remove(p tree.Path) {
	if problem := a.schema.Removable(p); problem != nil {
		a.problems = append(a.problems, *problem)
		return
	}
	a.tree = a.schema.Tidy(a.tree.Delete(p), p)
}

func (a *applier) replace(p tree.Path, sub tree.Tree) {
	if len(p) > 0 {
		if problem := a.schema.CheckKey(p); problem != nil {
			a.problems = append(a.problems, *problem)
			return
		}
	}
	a.tree = a.tree.Graft(p, sub)
	for path, v := range a.tree.Leaves(p) {
		if a.schema.IsDefault(path, v) {
			a.settle = append(a.settle, path)
		}
	}
	a.tree = a.schema.Tidy(a.tree, p)
}

// settleLeaf removes a default or a no form that says what holds without it.
func (a *applier) settleLeaf(p tree.Path) {
	v, ok := a.tree.Get(p)
	if !ok || !a.schema.IsDefault(p, v) || a.schema.Overrides(a.tree, p) {
		return
	}
	a.tree = a.schema.Tidy(a.tree.Delete(p), p)
}
