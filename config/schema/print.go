package schema

import (
	"iter"
	"slices"
	"strconv"
	"strings"

	"trunkline/config/template"
	"trunkline/config/tree"
)

// PrintOptions say what of a tree is printed. The zero value is show
// running-config.
type PrintOptions struct {
	// All prints what has its default too.
	All bool
	// At limits the text to the node at a path and what is below it: an
	// entry, all entries of a list (the path without the last key), or a
	// container; nil for everything.
	At tree.Path
	// Keys limits a list at At to these entries; nil for all.
	Keys map[string]bool
	// Only limits the text to the global lines and blocks it holds for, by the
	// first word of their template; nil for all.
	Only func(word string) bool
}

// body is what is printed inside a block, or globally.
type body struct {
	node  *node
	parts []template.Part // of the block's line
	order int
	items []*item
}

// item is a leaf's line or a block in its place.
type item struct {
	section, order, declared int
	leaf                     *leaf
	block                    *node
}

// SectionFeatures is the section of the lines that turn features on and off
// (cli.md §8); they are in the order of their names.
const SectionFeatures = 2

// sectionInterfaces is the section in which an empty line precedes every block,
// as all are kinds of their own (cli.md §8).
const sectionInterfaces = 19

// maxSummary is the length at which a summary is continued on another line, in
// bytes.
const maxSummary = 1024

// Print yields the lines of a tree with the depth of each (cli.md §8). An empty
// line is text "". Lines that say what holds anyway are left out: a default
// that no port-profile overrides. Without At, the first line is taken to follow
// another global line, so a block that comes first is preceded by an empty one.
func (s *Schema) Print(t tree.Tree, o PrintOptions) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		p := &printer{Schema: s, t: t, o: o, yield: yield, started: len(o.At) == 0}
		p.items(s.root.body, nil, 0, nil)
	}
}

type printer struct {
	*Schema
	t       tree.Tree
	o       PrintOptions
	yield   func(int, string) bool
	stopped bool
	started bool  // something precedes
	last    *item // the global item printed last
}

// line prints a line, or the several lines of a value that has newlines in it,
// where the lines after the first begin as they are.
func (p *printer) line(depth int, text string) {
	for text, rest, more := strings.Cut(text, "\n"); !p.stopped; text, rest, more = strings.Cut(rest, "\n") {
		p.stopped = !p.yield(depth, text)
		if depth = 0; !more {
			return
		}
	}
}

// head is a line that is printed with what comes first below it.
type head struct {
	above *head
	depth int
	text  string
	item  *item // of a global block, else nil
	done  bool
}

// again is the head before it was printed.
func (h *head) again() *head {
	if h == nil {
		return nil
	}
	return &head{above: h.above.again(), depth: h.depth, text: h.text, item: h.item}
}

func (p *printer) emit(h *head, depth int, text string) {
	p.open(h)
	p.line(depth, text)
}

func (p *printer) open(h *head) {
	if h == nil || h.done {
		return
	}
	h.done = true
	p.open(h.above)
	if h.item != nil {
		p.separate(h.item)
	}
	p.line(h.depth, h.text)
}

// separate prints the empty line that precedes a global item, if one does: items
// of one line each follow each other in their section.
func (p *printer) separate(i *item) {
	block := func(i *item) bool { return i != nil && i.block != nil }
	line := func(i *item) bool { return i != nil && (i.block == nil || i.block.block.Mode == "") }
	apart := i != p.last && (block(i) || block(p.last))
	if p.last != nil && i.section == p.last.section && line(i) && line(p.last) {
		apart = false
	}
	if p.started && (apart || i.section == sectionInterfaces) {
		p.line(0, "")
	}
	p.last, p.started = i, true
}

// items prints what is in the mode of the node at a path.
func (p *printer) items(b *body, at tree.Path, depth int, h *head) {
	for _, i := range b.items {
		if p.stopped {
			return
		}
		if depth == 0 && p.o.Only != nil && !p.o.Only(i.word()) {
			continue
		}
		if i.leaf != nil {
			p.leaf(i, at, depth, h)
			continue
		}
		p.expand(i.block, at, func(list tree.Path) { p.block(i, list, depth, h) })
	}
}

// word is the first word of the item's line.
func (i *item) word() string {
	line := ""
	if i.leaf != nil {
		line = i.leaf.decl.Line
	} else {
		line = i.block.block.Line
	}
	word, _, _ := strings.Cut(line, " ")
	return word
}

// expand calls f for every path of n that is there below at, lists between
// filled with their keys; the last element has no key.
func (p *printer) expand(n *node, at tree.Path, f func(tree.Path)) {
	var up []*node
	for m := n; m.parent != nil; m = m.parent {
		up = append(up, m)
	}
	slices.Reverse(up)
	shared := 0
	for shared < len(at) && shared < len(up)-1 && at[shared].Name == up[shared].name {
		shared++
	}
	p.expandBelow(up[shared:], at[:shared], f)
}

func (p *printer) expandBelow(up []*node, at tree.Path, f func(tree.Path)) {
	switch {
	case p.stopped || !p.wanted(at):
	case len(up) == 1:
		if path := at.Child(up[0].name); p.wanted(path) {
			f(path)
		}
	case up[0].list():
		for key := range p.t.Keys(at.Child(up[0].name)) {
			p.expandBelow(up[1:], at.Entry(up[0].name, key), f)
		}
	default:
		p.expandBelow(up[1:], at.Child(up[0].name), f)
	}
}

// wanted reports whether the path is at, above or below what is to be printed.
// Elements without a key stand for all entries.
func (p *printer) wanted(path tree.Path) bool {
	for i := range min(len(path), len(p.o.At)) {
		a, b := path[i], p.o.At[i]
		if a.Name != b.Name || a.Key != "" && b.Key != "" && a.Key != b.Key {
			return false
		}
		if a.Key != "" && b.Key == "" && p.o.Keys != nil && i == len(p.o.At)-1 && !p.o.Keys[a.Key] {
			return false
		}
	}
	return true
}

// block prints the block or blocks at a path without the last key.
func (p *printer) block(i *item, path tree.Path, depth int, h *head) {
	n := i.block
	global := i
	if depth > 0 {
		global = nil
	}
	if !n.list() {
		own := &head{above: h, depth: depth, text: p.blockLine(n, path), item: global}
		p.items(n.body, path, depth+1, own)
		return
	}
	keys := p.keys(n, path)
	if n.block.Summary {
		for _, text := range summary(keys) {
			own := &head{above: h, depth: depth, text: template.Render(n.body.parts, func(string) (string, bool) { return text, true }), item: global}
			p.open(own)
		}
	}
	for _, key := range keys {
		at := path.Parent().Entry(n.name, key)
		own := &head{above: h, depth: depth, text: p.blockLine(n, at), item: global}
		if !n.block.Summary && p.t.Exists(at) {
			p.open(own)
		}
		p.items(n.body, at, depth+1, own)
		if own.done && n.block.End != "" {
			p.line(depth, n.block.End)
		}
		if p.stopped {
			return
		}
	}
}

// keys returns the keys of the entries to print, in their order. Permanent
// entries are among those of a list with a summary.
func (p *printer) keys(n *node, path tree.Path) []string {
	keys := slices.Collect(p.t.Keys(path))
	for _, k := range n.block.Permanent {
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	keys = slices.DeleteFunc(keys, func(k string) bool { return !p.wanted(path.Parent().Entry(n.name, k)) })
	slices.SortFunc(keys, tree.Compare)
	if less := n.block.Less; less != nil {
		slices.SortStableFunc(keys, func(a, b string) int {
			switch {
			case less(p.t, a, b):
				return -1
			case less(p.t, b, a):
				return 1
			}
			return 0
		})
	}
	return keys
}

// summary joins keys to lists with ranges of numbers.
func summary(keys []string) []string {
	var texts []string
	var b strings.Builder
	for i := 0; i < len(keys); {
		j := i + 1
		if lo, err := strconv.Atoi(keys[i]); err == nil {
			for j < len(keys) && keys[j] == strconv.Itoa(lo+j-i) {
				j++
			}
		}
		word := keys[i]
		if j > i+1 {
			word += "-" + keys[j-1]
		}
		if b.Len()+len(word) > maxSummary {
			texts = append(texts, b.String())
			b.Reset()
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(word)
		i = j
	}
	if b.Len() > 0 {
		texts = append(texts, b.String())
	}
	return texts
}

// blockLine is the line of the block at a path, with options that are not at
// their default.
func (p *printer) blockLine(n *node, at tree.Path) string {
	return template.Render(n.body.parts, func(name string) (string, bool) {
		if text, ok := keyText(n, at, name); ok {
			return text, true
		}
		for _, rel := range n.block.Options {
			l := p.byNames(n.path + "/" + rel).leaf
			if l.node.name != name {
				continue
			}
			v, ok := p.t.Get(at.Join(l.rel))
			if !ok && l.def != nil {
				v, ok = l.def, true
			}
			if !ok || v == No || l.isDefault(at, v) && !p.o.All && !l.decl.Shown && !n.abbreviates(at) {
				return "", false
			}
			return l.decl.Type.FormatText(v), true
		}
		return "", false
	})
}

// abbreviates reports whether a key of the entry could be read as the keyword of
// an option that is left out: "port-profile t" is not the profile t.
func (n *node) abbreviates(at tree.Path) bool {
	for _, p := range n.body.parts {
		// Options come after the keys, which they are not taken for.
		if !p.Optional || p.Options || p.Choices[0][0].Word == "" {
			continue
		}
		keyword := strings.ToLower(p.Choices[0][0].Word)
		for _, text := range n.block.keyTexts(at[len(at)-1].Key) {
			if strings.HasPrefix(keyword, strings.ToLower(text)) {
				return true
			}
		}
	}
	return false
}

// keyText returns the text of the key of that name in a path to n or below.
func keyText(n *node, at tree.Path, name string) (string, bool) {
	for ; n != nil; n = n.parent {
		if !n.list() {
			continue
		}
		texts := n.block.keyTexts(at[n.depth()-1].Key)
		for i, k := range n.block.Keys {
			if k.Name == name && i < len(texts) {
				return texts[i], true
			}
		}
	}
	return "", false
}

// leaf prints the lines of a leaf in the mode of the node at a path.
func (p *printer) leaf(i *item, at tree.Path, depth int, h *head) {
	l := i.leaf
	p.expand(l.node, at, func(path tree.Path) {
		v, ok := p.leafValue(l, path)
		if !ok || p.stopped {
			return
		}
		if depth == 0 {
			p.separate(i)
		}
		for _, text := range l.texts(path, v) {
			p.emit(h, depth, text)
		}
	})
}

// leafValue returns what is printed of the leaf at a path, and false for
// nothing.
func (p *printer) leafValue(l *leaf, path tree.Path) (any, bool) {
	if !l.decl.AllowsKind(p.kind(l, path)) {
		return nil, false
	}
	v, ok := p.t.Get(path)
	switch {
	case ok && !l.isDefault(path, v):
		return v, true
	case ok && p.Overrides(p.t, path):
		return v, true
	case !p.o.All || p.Overrides(p.t, path) || l.node.gate != nil && !p.Schema.open(p.t, l.node.gate):
		return nil, false
	case ok && v != No:
		return v, true
	case l.defaultOf(path) != nil:
		return l.defaultOf(path), true
	case l.isSwitch:
		return false, true
	}
	return nil, false
}

// kind is the kind of the entry a leaf is mounted on.
func (s *Schema) kind(t tree.Tree, l *leaf, path tree.Path) string {
	if l.mount == nil || !l.mount.list() || l.mount.block.Kind == nil {
		return ""
	}
	return l.mount.block.Kind(t, path[l.mount.depth()-1].Key)
}

func (p *printer) kind(l *leaf, path tree.Path) string { return p.Schema.kind(p.t, l, path) }

// texts are the lines of a leaf at a path, mostly one.
func (l *leaf) texts(path tree.Path, v any) []string {
	if l.decl.Lines == nil || v == No {
		return []string{l.text(path, v)}
	}
	var all []string
	for _, v := range l.decl.Lines(v) {
		all = append(all, l.text(path, v))
	}
	return all
}

// text is the line of a leaf at a path: its no form for No and for a switch
// that is off.
func (l *leaf) text(path tree.Path, v any) string {
	no := ""
	if v == No || l.isSwitch && v == false {
		no = "no "
	}
	return no + template.Render(l.parts, func(name string) (string, bool) {
		switch {
		case name != l.value:
			return keyText(l.node, path, name)
		case v == No:
			return "", true
		}
		return l.decl.Type.FormatText(v), true
	})
}

// Text returns the line that sets the leaf at a concrete path to v, or that
// negates it for No; "" if the leaf has no line.
func (s *Schema) Text(path tree.Path, v any) string {
	n := s.lookup(path)
	if n == nil || n.leaf == nil || n.leaf.parts == nil {
		return ""
	}
	return n.leaf.text(path, v)
}
