package schema

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"trunkline/config/template"
	"trunkline/config/tree"
)

// Inherit and State are the relative paths of the leaves by which an entry
// inherits a port-profile, and by which a profile is in force. The leaf Inherit
// is a reference to the list of profiles. Both are declared by a feature.
const (
	Inherit = "inherit"
	State   = "state"
	Enabled = "enabled" // the text of the State of a profile in force
)

// Schema is the compiled schema of all features. It never changes.
type Schema struct {
	root       *node
	statements []Statement
	// In order of declaration, with the numbers of the groups they are from:
	blocks      []*Block
	blockNodes  []*node
	blockGroups []int
	leaves      []*leaf
	leafGroups  []int
	gates       []*gate
	heirs       []heirs
}

// node is a place in the schema: a container, a list or a leaf.
type node struct {
	name      string
	path      string
	parent    *node
	block     *Block // declared here, or nil
	body      *body  // what is printed for block
	leaf      *leaf
	gate      *gate            // of the group that declares the leaf or block, or nil
	kindGates map[string]*gate // of a list: by kind of entry, those that are another group's
	children  []*node          // in order of declaration
}

func (n *node) child(name string) *node {
	if n == nil {
		return nil
	}
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

func (n *node) list() bool { return n.block != nil && len(n.block.Keys) > 0 }

// entry returns the nearest list at n or above, nil for none.
func (n *node) entry() *node {
	for ; n != nil; n = n.parent {
		if n.list() {
			return n
		}
	}
	return nil
}

// depth is the number of elements of a path to n.
func (n *node) depth() int {
	d := 0
	for ; n.parent != nil; n = n.parent {
		d++
	}
	return d
}

// leaf is a declared leaf at one mount.
type leaf struct {
	decl     *Leaf
	node     *node
	mount    *node // nil for a top leaf
	rel      tree.Path
	mode     *node // the block in whose mode the line is; the root for global
	parts    []template.Part
	value    string // placeholder
	isSwitch bool
	option   bool // stands on the block's line
	def      any  // nil for none
	order    int  // of declaration
}

func (l *leaf) zero() any { return l.decl.Type.Zero() }

// isDefault reports whether v at a concrete path of the leaf says the same as no
// value does.
func (l *leaf) isDefault(p tree.Path, v any) bool {
	if v == nil || v == No {
		return true
	}
	if def := l.defaultOf(p); def != nil {
		return v == def
	}
	return v == false
}

// defaultOf is the declared default at a concrete path of the leaf, nil for none.
func (l *leaf) defaultOf(p tree.Path) any {
	if l.decl.DefaultKind == nil || l.mount == nil || l.mount.block.Kind == nil || len(p) < l.mount.depth() {
		return l.def
	}
	if v, ok := l.decl.DefaultKind[l.mount.block.Kind(tree.Tree{}, p[l.mount.depth()-1].Key)]; ok {
		return v
	}
	return l.def
}

// lookup returns the node that a concrete path names, nil for none. Lists may
// lack their key only at the end.
func (s *Schema) lookup(p tree.Path) *node {
	n := s.root
	for i, e := range p {
		n = n.child(e.Name)
		if n == nil || n.list() != (e.Key != "") && (e.Key != "" || i < len(p)-1) {
			return nil
		}
	}
	return n
}

// byNames returns the node of a path of names.
func (s *Schema) byNames(path string) *node {
	n := s.root
	if path == "" {
		return n
	}
	for name := range strings.SplitSeq(path, "/") {
		if n = n.child(name); n == nil {
			return nil
		}
	}
	return n
}

// Block returns the block at a path of names, nil if there is none.
func (s *Schema) Block(path string) *Block {
	if n := s.byNames(path); n != nil {
		return n.block
	}
	return nil
}

// Blocks returns all blocks in order of declaration.
func (s *Schema) Blocks() []*Block { return slices.Clone(s.blocks) }

// Leaf returns the declaration of the leaf at a concrete path, nil if there is
// none.
func (s *Schema) Leaf(p tree.Path) *Leaf {
	if n := s.lookup(p); n != nil && n.leaf != nil {
		return n.leaf.decl
	}
	return nil
}

// Default returns what the leaf at a concrete path has when nothing is set: the
// declared default of its mount, else the type's zero. It is nil if there is no
// such leaf.
func (s *Schema) Default(p tree.Path) any {
	n := s.lookup(p)
	switch {
	case n == nil || n.leaf == nil:
		return nil
	case n.leaf.defaultOf(p) != nil:
		return n.leaf.defaultOf(p)
	}
	return n.leaf.zero()
}

// IsDefault reports whether v at a concrete path of a leaf says the same as no
// value does, profiles left aside. Without a declared default that is false for
// a switch, and nothing for other leaves.
func (s *Schema) IsDefault(p tree.Path, v any) bool {
	n := s.lookup(p)
	return n != nil && n.leaf != nil && n.leaf.isDefault(p, v)
}

// IsList reports whether the path, keys or not, is of a list.
func (s *Schema) IsList(p tree.Path) bool {
	n := s.byNames(p.Names())
	return n != nil && n.list()
}

// Kind returns the kind of the entry that is at or nearest above the path, ""
// where entries have none.
func (s *Schema) Kind(t tree.Tree, p tree.Path) string {
	n := s.byNames(p.Names()).entry()
	if n == nil || n.block.Kind == nil || n.depth() > len(p) {
		return ""
	}
	return n.block.Kind(t, p[n.depth()-1].Key)
}

// Has reports whether an entry of a list exists, permanent entries included.
func (s *Schema) Has(t tree.Tree, entry tree.Path) bool {
	if t.Exists(entry) {
		return true
	}
	n := s.lookup(entry)
	return n != nil && n.list() && slices.Contains(n.block.Permanent, entry[len(entry)-1].Key)
}

// EntryPath returns the path of the entry of a list that is not inside another,
// such as the one a reference names.
func (s *Schema) EntryPath(list, key string) tree.Path {
	var p tree.Path
	for name := range strings.SplitSeq(list, "/") {
		p = append(p, tree.Elem{Name: name})
	}
	p[len(p)-1].Key = key
	return p
}

// keyTexts splits the key of an entry into those of its list.
func (b *Block) keyTexts(key string) []string { return strings.SplitN(key, " ", len(b.Keys)) }

// Key returns the key of an entry made of typed values, in path order.
func (b *Block) Key(values ...any) string {
	texts := make([]string, len(b.Keys))
	for i, k := range b.Keys {
		texts[i] = k.Type.FormatText(values[i])
	}
	return strings.Join(texts, " ")
}

// ParseKey is the inverse of Key: the typed values of an entry's key. The error
// names the key that is wrong.
func (b *Block) ParseKey(key string) ([]any, error) {
	texts := b.keyTexts(key)
	if len(texts) != len(b.Keys) {
		return nil, fmt.Errorf("%s: want %d keys, got %q", b.Path, len(b.Keys), key)
	}
	values := make([]any, len(texts))
	for i, k := range b.Keys {
		v, err := k.Type.ParseText(texts[i])
		if err != nil {
			return nil, fmt.Errorf("%s: %s %q: %w", b.Path, k.Name, texts[i], err)
		}
		if k.Type.FormatText(v) != texts[i] {
			return nil, fmt.Errorf("%s: %s %q is not in canonical form", b.Path, k.Name, texts[i])
		}
		values[i] = v
	}
	return values, nil
}

func sameType(a, b any) bool { return reflect.TypeOf(a) == reflect.TypeOf(b) }
