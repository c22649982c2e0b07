package schema

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"trunkline/config/template"
	"trunkline/config/tree"
)

// Compile joins the groups of all features. The error lists everything that is
// wrong with their declarations, each with the declaration named; it is a bug
// found at start-up.
func Compile(groups ...Group) (*Schema, error) {
	c := &compiler{Schema: &Schema{root: &node{}}, groups: groups}
	c.root.body = &body{}
	gates := make([]*gate, len(groups))
	for g := range groups {
		if groups[g].Gate != nil {
			decl := *groups[g].Gate
			c.at(g, "gate "+decl.Path)
			gates[g] = c.gateOf(&decl)
		}
	}
	for g := range groups {
		c.gate = gates[g]
		for b := range groups[g].Blocks {
			block := groups[g].Blocks[b]
			c.at(g, "block "+block.Path)
			c.block(&block)
		}
	}
	for g := range groups {
		for list, kind := range groups[g].Kinds {
			c.at(g, "kind "+kind)
			c.kind(gates[g], list, kind)
		}
	}
	for g := range groups {
		c.gate = gates[g]
		for i := range groups[g].Leaves {
			decl := groups[g].Leaves[i]
			c.at(g, "leaf "+decl.Path)
			c.leaf(&decl)
		}
	}
	c.blockLines()
	for g := range groups {
		for i := range groups[g].Aliases {
			decl := groups[g].Aliases[i]
			c.at(g, "alias "+decl.Line)
			c.alias(&decl)
		}
	}
	c.lines()
	c.sort()
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	c.indexHeirs()
	return c.Schema, nil
}

type compiler struct {
	*Schema
	groups  []Group
	errs    []error
	group   int    // of the present declaration
	gate    *gate  // of its group
	what    string // it
	origins []origin
}

// origin is where a statement was declared.
type origin struct {
	group int
	what  string
	parts []template.Part
}

func (c *compiler) at(group int, what string) { c.group, c.what = group, what }

func (c *compiler) errorf(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("schema: %s: %s", c.what, fmt.Sprintf(format, args...)))
}

// insert makes the node at a path of names below n, and those above it.
func (c *compiler) insert(n *node, path string) *node {
	for name := range strings.SplitSeq(path, "/") {
		if p, err := tree.Parse(name); err != nil || len(p) != 1 || p[0].Key != "" {
			c.errorf("invalid name %q in path %q", name, path)
			return nil
		}
		if n.leaf != nil {
			c.errorf("path leads through the leaf %s", n.path)
			return nil
		}
		next := n.child(name)
		if next == nil {
			next = &node{name: name, parent: n, path: strings.TrimPrefix(n.path+"/"+name, "/")}
			n.children = append(n.children, next)
		}
		n = next
	}
	return n
}

// gateOf compiles the switch of a group.
func (c *compiler) gateOf(decl *Leaf) *gate {
	if decl.Line == "" || len(decl.Mounts) > 0 {
		c.errorf("a gate needs a line, and a place of its own")
		return nil
	}
	c.leaf(decl)
	n := c.byNames(decl.Path)
	if n == nil || n.leaf == nil || n.leaf.zero() != any(false) {
		c.errorf("a gate is a switch")
		return nil
	}
	g := &gate{leaf: n.leaf, path: n.leaf.rel}
	c.gates = append(c.gates, g)
	return g
}

// kind puts the entries of a list that are of a kind behind a gate.
func (c *compiler) kind(g *gate, list, kind string) {
	n := c.byNames(list)
	if g == nil || n == nil || n.block == nil || n.block.Kind == nil || n.kindGates[kind] != nil {
		c.errorf("no gate of its own, or no list with kinds: %s", list)
		return
	}
	if n.kindGates == nil {
		n.kindGates = map[string]*gate{}
	}
	n.kindGates[kind] = g
	g.kinds = append(g.kinds, kinded{n, kind})
}

// behind puts a node behind the gate of its group.
func (c *compiler) behind(n *node) {
	if c.gate != nil {
		n.gate = c.gate
		c.gate.nodes = append(c.gate.nodes, n)
	}
}

// afterGate refuses a global line that is printed before the switch which it
// needs: a configuration that is read back has to turn that on first.
func (c *compiler) afterGate(n, mode *node, section int) {
	if n.gate != nil && mode == c.root && section <= n.gate.leaf.decl.Section {
		c.errorf("section %d is not after that of its gate", section)
	}
}

func (c *compiler) block(b *Block) {
	n := c.insert(c.root, b.Path)
	switch {
	case n == nil:
		return
	case n.block != nil:
		c.errorf("declared twice")
		return
	case b.Help == "":
		c.errorf("no help")
	case b.Line == "" && b.Mode != "":
		c.errorf("mode %s without a line that enters it", b.Mode)
	case b.Line == "" && len(b.Keys) == 0:
		c.errorf("container without a line")
	case (b.Range || b.Summary || b.Less != nil || b.Kind != nil || b.NoCreate != nil || b.Permanent != nil) && len(b.Keys) == 0:
		c.errorf("is no list, but has what only lists have")
	case b.Summary && (len(b.Keys) != 1 || !b.Range):
		c.errorf("a summary needs one key and a range")
	}
	for _, k := range b.Keys {
		if k.Type == nil {
			c.errorf("key %s without a type", k.Name)
			continue
		}
		c.checkType(k.Type, k.Name)
	}
	n.block = b
	n.body = &body{node: n, order: len(c.blocks)}
	c.behind(n)
	c.blocks = append(c.blocks, b)
	c.Schema.blockNodes = append(c.Schema.blockNodes, n)
	c.Schema.blockGroups = append(c.Schema.blockGroups, c.group)
}

// modeOf returns the block with a mode at a path of names.
func (c *compiler) modeOf(path string) *node {
	if path == "" {
		return c.root
	}
	n := c.byNames(path)
	if n == nil || n.block == nil || n.block.Mode == "" {
		c.errorf("%q is no block with a mode", path)
		return nil
	}
	return n
}

// leaf compiles a leaf at each of its mounts.
func (c *compiler) leaf(decl *Leaf) {
	switch {
	case decl.Type == nil:
		c.errorf("no type")
		return
	case decl.Help == "":
		c.errorf("no help")
	case decl.Hard && decl.Ref == "":
		c.errorf("a hard reference to nothing")
	}
	mounts := decl.Mounts
	if len(mounts) == 0 {
		mounts = []string{""}
	}
	for at := range decl.DefaultAt {
		if !slices.Contains(decl.Mounts, at) {
			c.errorf("default at %s, where it is not mounted", at)
		}
	}
	what := c.what
	for _, m := range mounts {
		c.what = what
		if m != "" {
			c.what += " at " + m
		}
		c.leafAt(decl, m)
	}
}

func (c *compiler) leafAt(decl *Leaf, mount string) {
	at := c.byNames(mount)
	if at == nil || mount != "" && at.block == nil {
		c.errorf("mounted on %s, which is not declared", mount)
		return
	}
	n := c.insert(at, decl.Path)
	if n == nil {
		return
	}
	if n.leaf != nil || n.block != nil || len(n.children) > 0 {
		c.errorf("declared twice")
		return
	}
	l := &leaf{decl: decl, node: n, rel: relative(decl.Path), def: decl.defaultAt(mount), order: len(c.leaves)}
	if mount != "" {
		l.mount = at
	}
	n.leaf = l
	c.behind(n)
	c.leaves = append(c.leaves, l)
	c.Schema.leafGroups = append(c.Schema.leafGroups, c.group)
	if l.def != nil {
		if !sameType(l.def, l.zero()) {
			c.errorf("default is a %T, want a %T", l.def, l.zero())
			l.def = nil
		} else if v, err := decl.Type.ParseText(decl.Type.FormatText(l.def)); err != nil || v != l.def {
			c.errorf("default %v does not parse back: %v, %v", l.def, v, err)
		}
	}
}

// sort puts what is printed in its order.
func (c *compiler) sort() {
	byMode := func(a, b *item) int {
		return cmp.Or(
			compareBool(a.block != nil, b.block != nil),
			compareBool(a.leaf == nil || a.leaf.decl.Path != Inherit, b.leaf == nil || b.leaf.decl.Path != Inherit),
			cmp.Compare(a.order, b.order), cmp.Compare(a.declared, b.declared))
	}
	for _, n := range c.blockNodes {
		slices.SortStableFunc(n.body.items, byMode)
	}
	slices.SortStableFunc(c.root.body.items, func(a, b *item) int {
		return cmp.Or(cmp.Compare(a.section, b.section), cmp.Compare(a.order, b.order),
			compareBool(a.block != nil, b.block != nil), compareFeatures(a, b), cmp.Compare(a.declared, b.declared))
	})
}

// compareFeatures orders the lines of the section of features by their names
// (cli.md §8).
func compareFeatures(a, b *item) int {
	if a.section != SectionFeatures || a.leaf == nil || b.leaf == nil {
		return 0
	}
	return cmp.Compare(a.leaf.node.name, b.leaf.node.name)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// relative returns the path of names without keys.
func relative(names string) tree.Path {
	var p tree.Path
	for name := range strings.SplitSeq(names, "/") {
		p = append(p, tree.Elem{Name: name})
	}
	return p
}
