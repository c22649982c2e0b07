package schema

import "trunkline/config/tree"

// gate is the switch of a group with all nodes that the group declares.
type gate struct {
	leaf  *leaf
	path  tree.Path // of leaf
	nodes []*node   // of leaves and blocks
	kinds []kinded
}

// kinded are the entries of a list that are of a kind.
type kinded struct {
	list *node
	kind string
}

// Open reports whether the switch at a path of names is on; "" is no switch, and
// always on.
func (s *Schema) Open(t tree.Tree, gate string) bool {
	if gate == "" {
		return true
	}
	return s.Value(t, relative(gate)) == true
}

func (s *Schema) open(t tree.Tree, g *gate) bool { return s.Value(t, g.path) == true }

// places calls f for what there is of a gate's settings until it returns false.
func (s *Schema) places(t tree.Tree, g *gate, f func(tree.Path) bool) {
	p := &printer{Schema: s, t: t}
	for _, n := range g.nodes {
		p.expand(n, nil, func(path tree.Path) {
			if t.Exists(path) && !p.stopped {
				p.stopped = !f(path)
			}
		})
	}
	for _, k := range g.kinds {
		p.expand(k.list, nil, func(list tree.Path) {
			for key := range t.Keys(list) {
				if !p.stopped && k.list.block.Kind(t, key) == k.kind {
					p.stopped = !f(list.Parent().Entry(k.list.name, key))
				}
			}
		})
	}
}

// gateAt is the gate of a node, or of the entry of a list at a concrete path; nil
// for none.
func (n *node) gateAt(t tree.Tree, p tree.Path) *gate {
	if n.gate != nil || n.kindGates == nil || p[len(p)-1].Key == "" {
		return n.gate
	}
	return n.kindGates[n.block.Kind(t, p[len(p)-1].Key)]
}

// holds reports whether there are settings of a gate.
func (s *Schema) holds(t tree.Tree, g *gate) (any bool) {
	s.places(t, g, func(tree.Path) bool { any = true; return false })
	return any
}

// Closed returns the switches that are off in a tree that has settings of their
// groups. Such a tree is not valid: who lets settings turn their feature on sets
// these.
func (s *Schema) Closed(t tree.Tree) []tree.Path {
	var all []tree.Path
	for _, g := range s.gates {
		if !s.open(t, g) && s.holds(t, g) {
			all = append(all, g.path)
		}
	}
	return all
}

// Closing returns the switches that new turns off while old has settings of
// their groups.
func (s *Schema) Closing(old, new tree.Tree) []tree.Path {
	var all []tree.Path
	for _, g := range s.gates {
		if s.open(old, g) && !s.open(new, g) && s.holds(old, g) {
			all = append(all, g.path)
		}
	}
	return all
}

// Shut returns new without the settings of the groups whose switches were on in
// old and are off in new.
func (s *Schema) Shut(old, new tree.Tree) tree.Tree {
	for _, g := range s.gates {
		if !s.open(old, g) || s.open(new, g) {
			continue
		}
		var all []tree.Path
		s.places(new, g, func(p tree.Path) bool { all = append(all, p); return true })
		for _, p := range all {
			new = s.Tidy(new.Delete(p), p)
		}
	}
	return new
}

// gated refuses a setting whose group is off, and reports whether it may be.
func (v *validator) gated(n *node, c tree.Change) bool {
	g := n.gateAt(v.new, c.Path)
	if g == nil || c.New == nil && !c.Added || v.open(v.new, g) {
		return true
	}
	v.add(c.Path, RuleOff, "ERROR: Use %s first.", g.leaf.decl.Line)
	return false
}

// closing looks at what the switches that were turned off leave, which is to be
// nothing, and remarks on what goes with them.
func (v *validator) closing() {
	for _, g := range v.gates {
		if !v.open(v.old, g) || v.open(v.new, g) {
			continue
		}
		v.places(v.new, g, func(p tree.Path) bool {
			v.add(p, RuleOff, "ERROR: Use %s first.", g.leaf.decl.Line)
			return true
		})
		if v.holds(v.old, g) {
			v.problems = append(v.problems, Problem{
				Path: g.path, Severity: Note, Rule: RuleOff, Text: "Note: The configuration of " + g.leaf.node.name + " is removed.",
			})
		}
	}
}
