package schema

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"trunkline/config/tree"
)

// Rules of structural problems.
const (
	RuleUnknown   = "unknown-path"
	RuleType      = "invalid-value"
	RuleKind      = "not-of-this-kind"
	RuleReference = "missing-reference"
	RuleInUse     = "in-use"
	RuleFixed     = "fixed-at-creation"
	RulePermanent = "permanent"
	RuleReadOnly  = "read-only"
	RuleOff       = "feature-off"
)

// Validate returns what is wrong with the structure of a new tree: names that
// are not in the schema, values and keys that their types refuse, leaves of
// another kind of entry, settings whose group is off, hard references to entries that are not there, and
// options of an entry that are not what they were when it was created. It looks
// at what differs from old, which is taken to be valid. A Note tells that settings
// go with their group.
func (s *Schema) Validate(old, new tree.Tree) []Problem {
	v := &validator{Schema: s, old: old, new: new}
	lost := map[string]bool{}
	for c := range tree.Diff(old, new) {
		n := s.lookup(c.Path)
		switch {
		case n == nil:
			if c.New != nil || c.Added {
				v.add(c.Path, RuleUnknown, "ERROR: %s is not in the schema.", c.Path)
			}
		case n.leaf == nil && c.New != nil || n.leaf != nil && c.New == nil && c.Old == nil && c.Added:
			v.add(c.Path, RuleType, "ERROR: %s cannot have that value.", c.Path)
		case !v.gated(n, c):
		case n.leaf == nil && c.Added:
			v.key(n, c.Path)
		case n.leaf == nil:
			lost[n.path] = true
		case c.New != nil:
			if !v.above(n, c) {
				continue
			}
			v.leaf(n.leaf, c)
		}
		if n != nil && n.leaf != nil && n.leaf.option {
			v.option(n.leaf, c)
		}
	}
	v.dangling(lost)
	v.closing()
	return v.problems
}

type validator struct {
	*Schema
	old, new tree.Tree
	problems []Problem
}

func (v *validator) add(p tree.Path, rule, format string, args ...any) {
	v.problems = append(v.problems, Problem{Path: p, Rule: rule, Text: fmt.Sprintf(format, args...)})
}

// key refuses an entry whose key is none.
func (v *validator) key(n *node, p tree.Path) {
	if !n.list() {
		return
	}
	_, err := n.block.ParseKey(p[len(p)-1].Key)
	var wrong *SyntaxError
	switch {
	case errors.As(err, &wrong):
		v.add(p, RuleType, "%% %s", wrong.Text) // as on a line
	case err != nil:
		v.add(p, RuleType, "ERROR: %v.", err)
	}
}

// above reports whether the entry that the leaf is mounted on is sound.
func (v *validator) above(n *node, c tree.Change) bool {
	l := n.leaf
	if !l.decl.AllowsKind(v.kind(v.new, l, c.Path)) {
		v.add(c.Path, RuleKind, "ERROR: %s does not apply to %s.", n.name, c.Path.Parent())
		return false
	}
	return true
}

func (v *validator) leaf(l *leaf, c tree.Change) {
	if v.value(l, c.Path, c.New) && l.decl.Hard && c.New != No {
		v.reference(l, c.Path, l.decl.Type.FormatText(c.New))
	}
}

// value reports whether the leaf's type takes the value.
func (v *validator) value(l *leaf, p tree.Path, value any) bool {
	if value == No {
		return true
	}
	if !sameType(value, l.zero()) {
		v.add(p, RuleType, "ERROR: %s: value is a %T, want a %T.", p, value, l.zero())
		return false
	}
	text := l.decl.Type.FormatText(value)
	switch back, err := l.decl.Type.ParseText(text); {
	case err != nil:
		v.add(p, RuleType, "ERROR: %s: %q: %v.", p, text, err)
		return false
	case back != value:
		v.add(p, RuleType, "ERROR: %s: %q stands for another value.", p, text)
		return false
	}
	return true
}

func (v *validator) reference(l *leaf, p tree.Path, key string) {
	if v.Has(v.new, v.EntryPath(l.decl.Ref, key)) {
		return
	}
	v.add(p, RuleReference, "ERROR: %s %s does not exist.", v.noun(l.decl.Ref), key)
}

// noun is what a list's entries are called in messages: "Port-profile", "VLAN".
func (v *validator) noun(list string) string {
	name := []byte(v.byNames(list).name)
	if len(name) <= 4 {
		return strings.ToUpper(string(name))
	}
	if name[0] >= 'a' && name[0] <= 'z' {
		name[0] -= 'a' - 'A'
	}
	return string(name)
}

// option refuses another value than that an entry was created with.
func (v *validator) option(l *leaf, c tree.Change) {
	entry := c.Path[:l.mount.depth()]
	if l.mount.block.Amend != nil {
		return
	}
	if !v.old.Exists(entry) || !v.new.Exists(entry) {
		return
	}
	now := func(x any) any {
		if x == nil || x == No {
			return l.def
		}
		return x
	}
	if now(c.Old) != now(c.New) {
		v.problems = append(v.problems, Fixed(c.Path))
	}
}

// Fixed is the problem of an option that is given another value than its entry
// was created with, by the path of its leaf.
func Fixed(option tree.Path) Problem {
	entry := option[len(option)-1]
	for _, e := range option {
		if e.Key != "" {
			entry.Key = e.Key
		}
	}
	return Problem{Path: option, Rule: RuleFixed, Text: fmt.Sprintf("ERROR: The %s of %s is fixed when it is created.", entry.Name, entry.Key)}
}

// dangling finds hard references to entries of lists that lost some. The
// problem is that of the entry which went.
func (v *validator) dangling(lost map[string]bool) {
	users := map[string]int{}
	for _, l := range v.leaves {
		if !l.decl.Hard || !lost[l.decl.Ref] {
			continue
		}
		v.each(l.node, func(p tree.Path, value any) {
			if old, ok := v.old.Get(p); !ok || old != value || value == No || !sameType(value, l.zero()) {
				return // a change, which has been looked at
			}
			key := l.decl.Type.FormatText(value)
			entry := v.EntryPath(l.decl.Ref, key)
			if v.Has(v.new, entry) {
				return
			}
			if users[entry.String()]++; users[entry.String()] == 1 {
				v.add(entry, RuleInUse, "ERROR: %s %s is in use by %s.", v.noun(l.decl.Ref), key, v.user(p))
			}
		})
	}
}

// user names the entry that a leaf is in.
func (v *validator) user(p tree.Path) string {
	for len(p) > 0 && p[len(p)-1].Key == "" {
		p = p.Parent()
	}
	if len(p) == 0 {
		return "the configuration"
	}
	return p[len(p)-1].Key
}

// each calls f for every place of a leaf that has a value.
func (v *validator) each(n *node, f func(tree.Path, any)) {
	(&printer{Schema: v.Schema, t: v.new}).expand(n, nil, func(p tree.Path) {
		if value, ok := v.new.Get(p); ok {
			f(p, value)
		}
	})
}

// Removable returns the problem of deleting the node at a path, nil if it may
// be: permanent entries stay.
func (s *Schema) Removable(p tree.Path) *Problem {
	n := s.lookup(p)
	if n == nil || !n.list() {
		return nil
	}
	key := p[len(p)-1].Key
	if !slices.Contains(n.block.Permanent, key) {
		return nil
	}
	v := &validator{Schema: s}
	v.add(p, RulePermanent, "ERROR: %s %s cannot be removed.", v.noun(n.path), key)
	return &v.problems[0]
}
