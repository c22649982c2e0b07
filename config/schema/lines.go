package schema

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"trunkline/config/template"
	"trunkline/config/tree"
)

// blockLines compiles the lines of blocks, once all blocks and leaves are known.
func (c *compiler) blockLines() {
	for i, n := range c.blockNodes {
		b := n.block
		c.at(c.blockGroups[i], "block "+b.Path)
		for _, k := range b.Keys {
			if n.child(k.Name) != nil {
				c.errorf("key and child are both called %s", k.Name)
			}
		}
		parent := c.modeOf(b.Parent)
		if b.Line == "" || parent == nil {
			if len(b.Options) > 0 {
				c.errorf("options without a line")
			}
			continue
		}
		st := Statement{
			Block: b, Mode: b.Parent, Template: b.Line, Types: map[string]AnyType{},
			Options: map[string]tree.Path{}, Help: b.Help, target: n, mode: parent,
		}
		for _, rel := range b.Options {
			l := c.byNames(b.Path + "/" + rel)
			if l == nil || l.leaf == nil {
				c.errorf("option %s is no leaf of it", rel)
				continue
			}
			l.leaf.option = true
			st.Options[l.name] = relative(rel)
			st.Types[l.name] = l.leaf.decl.Type
		}
		c.afterGate(n, parent, b.Section)
		n.body.parts = c.statement(&st)
		parent.body.items = append(parent.body.items, &item{
			section: b.Section, order: b.Order, declared: i, block: n,
		})
	}
}

// leafLines compiles the lines of leaves and refuses dangling references.
func (c *compiler) leafLines() {
	for i, l := range c.leaves {
		c.at(c.leafGroups[i], "leaf "+l.node.path)
		if ref := c.byNames(l.decl.Ref); l.decl.Ref != "" && (ref == nil || !ref.list() || len(ref.block.Keys) != 1 || ref.parent.entry() != nil) {
			c.errorf("reference to %s, which is no list of its own with one key", l.decl.Ref)
		}
		if len(l.decl.Kinds) > 0 && (l.mount == nil || !l.mount.list() || l.mount.block.Kind == nil) {
			c.errorf("limited to kinds, but its entries have none")
		}
		if l.decl.Line == "" {
			if !l.decl.Hidden && !l.option {
				c.errorf("no line")
			}
			continue
		}
		if l.decl.Hidden || l.option {
			c.errorf("has a line and is hidden or an option")
			continue
		}
		if l.mode = c.leafMode(l); l.mode == nil {
			continue
		}
		st := Statement{
			Leaf: l.decl, Mode: l.mode.path, Kinds: l.decl.Kinds, Template: l.decl.Line,
			Types: map[string]AnyType{}, Help: l.decl.Help, target: l.node, mode: l.mode,
		}
		c.afterGate(l.node, l.mode, l.decl.Section)
		l.parts = c.statement(&st)
		l.value = st.Value
		l.isSwitch = st.Value == ""
		if l.isSwitch && l.zero() != any(false) {
			c.errorf("line without a value, but the type is %s", l.decl.Type.TypeName())
		}
		if !l.isSwitch {
			c.checkType(l.decl.Type, l.value)
		}
		l.mode.body.items = append(l.mode.body.items, &item{
			section: l.decl.Section, order: l.decl.Order, declared: l.order, leaf: l,
		})
	}
}

// leafMode returns the block in whose mode the line of a leaf is valid.
func (c *compiler) leafMode(l *leaf) *node {
	if l.decl.Mode != "" {
		return c.modeOf(l.decl.Mode)
	}
	n := l.mount
	for n != nil && (n.block == nil || n.block.Mode == "") {
		switch {
		case n.block != nil && n.block.Parent != "":
			n = c.byNames(n.block.Parent)
		default:
			return c.root
		}
	}
	if n == nil {
		return c.root
	}
	return n
}

func (c *compiler) alias(decl *Alias) {
	if decl.Help == "" {
		c.errorf("no help")
	}
	if decl.Apply == nil {
		c.errorf("nothing to apply")
	}
	mounts := decl.Mounts
	if len(mounts) == 0 {
		mounts = []string{""}
	}
	for _, m := range mounts {
		n := c.byNames(strings.TrimPrefix(m+"/"+decl.Leaf, "/"))
		if n == nil || n.leaf == nil {
			c.errorf("no leaf %s at %q", decl.Leaf, m)
			continue
		}
		mode := c.leafMode(n.leaf)
		if mode == nil {
			continue
		}
		kinds := decl.Kinds
		if kinds == nil {
			kinds = n.leaf.decl.Kinds
		}
		st := Statement{
			Alias: decl, Mode: mode.path, Kinds: kinds, Template: decl.Line,
			Types: map[string]AnyType{}, Help: decl.Help, target: n, mode: mode,
		}
		c.statement(&st)
	}
}

// parseLine reads the template of a line, which begins with a keyword.
// One of a mode of text need not.
func parseLine(text string, free bool) ([]template.Part, error) {
	parts, err := template.Parse(text)
	switch {
	case err != nil:
		return nil, err
	case len(parts) == 0:
		return nil, errors.New("empty line")
	case parts[0].Word == "" && !free:
		return nil, errors.New("does not begin with a keyword")
	}
	return parts, nil
}

// statement fills in placeholders and registers the line.
func (c *compiler) statement(st *Statement) []template.Part {
	parts, err := parseLine(st.Template, st.mode.block != nil && st.mode.block.End != "")
	if err != nil {
		c.errorf("line %q: %v", st.Template, err)
		return nil
	}
	keys := map[string]AnyType{}
	for n := st.target; n != nil; n = n.parent {
		if !n.list() || within(st.mode, n) {
			continue
		}
		for _, k := range n.block.Keys {
			if keys[k.Name] != nil {
				c.errorf("line %q: two keys are called %s", st.Template, k.Name)
			}
			keys[k.Name] = k.Type
		}
	}
	seen := map[string]bool{}
	template.Placeholders(parts, nil, func(name string, group *template.Part) {
		if seen[name] {
			c.errorf("line %q: <%s> stands there twice", st.Template, name)
		}
		seen[name] = true
		if group != nil && st.Alias == nil && (st.Options[name] == nil || !group.Optional || len(group.Choices) != 1 && !group.Options) {
			c.errorf("line %q: only options may be in brackets, <%s> is none", st.Template, name)
		}
		switch {
		case keys[name] != nil:
			st.Keys = append(st.Keys, name)
			st.Types[name] = keys[name]
		case st.Options[name] != nil:
		case st.Block != nil:
			c.errorf("line %q: <%s> is neither key nor option", st.Template, name)
		case st.Value != "":
			c.errorf("line %q: more than one value: <%s> and <%s>", st.Template, st.Value, name)
		default:
			st.Value = name
		}
	})
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		if !seen[name] {
			c.errorf("line %q: no <%s> to say which %s", st.Template, name, st.target.entry().path)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(st.Options)) {
		if !seen[name] {
			c.errorf("line %q: no <%s> for the option", st.Template, name)
		}
	}
	if st.Value != "" {
		typ := AnyType(nil)
		if st.Leaf != nil {
			typ = st.Leaf.Type
		} else {
			typ = st.Alias.Type
		}
		if typ == nil {
			c.errorf("line %q: <%s> without a type", st.Template, st.Value)
			return parts
		}
		st.Types[st.Value] = typ
	} else if st.Alias != nil && st.Alias.Type != nil {
		c.errorf("line %q: a type and no placeholder", st.Template)
	}
	if g := st.target.gate; g != nil {
		st.Gate = g.leaf.node.path
	}
	if st.Leaf != nil && st.Leaf.ReadOnly {
		return parts // printed only
	}
	c.statements = append(c.statements, *st)
	c.origins = append(c.origins, origin{c.group, c.what, parts})
	return parts
}
