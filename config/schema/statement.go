package schema

import (
	"slices"
	"strings"

	"trunkline/config/tree"
)

// Statement is one line of the grammar of configuration: that of a block, of a
// leaf at one mount, or of an alias at one mount.
type Statement struct {
	// Exactly one of Block, Leaf and Alias is set.
	Block *Block
	Leaf  *Leaf
	Alias *Alias
	// Mode is the path of the block in whose mode the line is valid, names
	// only; empty for global configuration.
	Mode string
	// Kinds are the kinds of entries of Mode that have the line; nil: all.
	Kinds    []string
	Template string
	Types    map[string]AnyType // of the placeholders
	// Value is the placeholder that carries the leaf's value or the alias's
	// argument; empty for a switch, a block and an alias without argument.
	Value string
	// Keys are the placeholders that fill keys of the target.
	Keys []string
	// Options are the placeholders of a block's line whose values are leaves
	// below the target, by the relative path of the leaf.
	Options map[string]tree.Path
	Help    string // of the last keyword outside of brackets
	Words   Words  // of every keyword
	// Gate is the path of the switch that must be on for the line, names only;
	// "" for none.
	Gate string

	target *node
	mode   *node
}

// Lines returns all lines of the grammar.
func (s *Schema) Lines() []Statement { return slices.Clone(s.statements) }

// Switch reports whether the line sets a bool and its no form clears it.
func (l Statement) Switch() bool { return l.Leaf != nil && l.Value == "" }

// Path returns the path of the target, names only.
func (l Statement) Path() string { return l.target.path }

// Target returns the path of the leaf, entry or container that the line edits,
// typed in the mode of the entry or container at. Keys are the typed values of
// the placeholders in Keys.
func (l Statement) Target(at tree.Path, keys map[string]any) tree.Path {
	var nodes []*node
	for n := l.target; n.parent != nil; n = n.parent {
		nodes = append(nodes, n)
	}
	p := make(tree.Path, 0, len(nodes))
	for _, n := range slices.Backward(nodes) {
		e := tree.Elem{Name: n.name}
		if n.list() {
			if d := len(p); l.above(n) && d < len(at) && at[d].Name == n.name {
				e.Key = at[d].Key
			} else {
				e.Key = fillKey(n.block, keys)
			}
		}
		p = append(p, e)
	}
	return p
}

// above reports whether n is the block of the line's mode or above it, so that
// the mode fixes its key.
func (l Statement) above(n *node) bool { return within(l.mode, n) }

// within reports whether n is at or below top.
func within(n, top *node) bool {
	for ; n != nil; n = n.parent {
		if n == top {
			return true
		}
	}
	return false
}

func fillKey(b *Block, keys map[string]any) string {
	texts := make([]string, len(b.Keys))
	for i, k := range b.Keys {
		if v, ok := keys[k.Name]; ok {
			texts[i] = k.Type.FormatText(v)
		}
	}
	return strings.Join(texts, " ")
}
