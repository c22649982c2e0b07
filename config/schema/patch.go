package schema

import (
	"iter"
	"slices"

	"trunkline/config/template"
	"trunkline/config/tree"
)

// PatchGroup is the line that precedes each group of lines of a patch: a comment
// to the grammar.
const PatchGroup = "!!"

// Patch yields the configuration lines, with the depth of each, that turn one
// tree into the other when they are typed in order (cli.md §7.3): in groups of
// one block or of global lines, each behind a PatchGroup. Bindings of workloads
// stay as they are in from. Both trees are valid; whatever checks features add
// may refuse what is on the way from one to the other, so a patch is for people
// and for best effort, and a transaction replaces the tree.
//
// Lines come in three parts:
//
//   - entries that cannot become what they are to be, as their type is fixed
//     when they are created, go first, with what refers to them;
//   - then, in the order in which configurations are printed, what is new or has
//     changed. There what is referred to precedes what refers to it, and a
//     port-profile is done before those that inherit it are looked at;
//   - at last, in opposite order, entries that are no more.
func (s *Schema) Patch(from, to tree.Tree) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		to := s.KeepInventory(from, to)
		between := s.withoutRecreated(from, to)
		if p := s.patcher(from, between, yield); p.run() {
			s.patcher(between, to, yield).run()
		}
	}
}

// withoutRecreated returns the tree without entries whose options are to be
// others, and without what refers to them.
func (s *Schema) withoutRecreated(from, to tree.Tree) tree.Tree {
	without := from
	for _, n := range s.blockNodes {
		if !n.list() || n.block.Amend != nil {
			continue
		}
		gone := map[string]bool{}
		for key := range from.Keys(s.EntryPath(n.path, "")) {
			at := s.EntryPath(n.path, key)
			if to.Exists(at) && slices.ContainsFunc(n.block.Options, func(rel string) bool {
				leaf := at.Join(s.byNames(n.path + "/" + rel).leaf.rel)
				return s.Value(from, leaf) != s.Value(to, leaf)
			}) {
				gone[key] = true
				without = without.Delete(at)
			}
		}
		if len(gone) == 0 {
			continue
		}
		for path, v := range without.Leaves(nil) {
			l := s.lookup(path)
			if l != nil && l.leaf.decl.Ref == n.path && v != No && gone[l.leaf.decl.Type.FormatText(v)] {
				without = s.Tidy(without.Delete(path), path)
			}
		}
	}
	return without
}

func (s *Schema) patcher(from, to tree.Tree, yield func(int, string) bool) *patcher {
	return &patcher{
		Schema: s, from: from, to: to, now: from, yield: yield,
		old: &printer{Schema: s, t: from}, new: &printer{Schema: s, t: to},
	}
}

// run reports whether more is wanted.
func (p *patcher) run() bool {
	if p.from.Equal(p.to) {
		return true
	}
	p.items(p.root.body, nil, 0, nil)
	for _, g := range slices.Backward(p.gone) {
		if g.depth == 0 {
			p.group()
		}
		p.open(g.above.again()) // other modes have been entered since
		for _, line := range g.lines {
			p.line(g.depth, line)
		}
	}
	return !p.stopped
}

type patcher struct {
	*Schema
	from, to tree.Tree
	now      tree.Tree // from, with the lines so far
	old, new *printer
	yield    func(int, string) bool
	stopped  bool
	plain    bool // the group that is open is of global lines
	gone     []removal
}

// removal is what is left to remove of one list.
type removal struct {
	above *head
	depth int
	lines []string
}

func (p *patcher) line(depth int, text string) {
	if !p.stopped {
		p.stopped = !p.yield(depth, text)
	}
}

// group begins a group of its own.
func (p *patcher) group() {
	p.line(0, PatchGroup)
	p.plain = false
}

// emit prints a line with the lines of the modes that it is in.
func (p *patcher) emit(h *head, depth int, text string) {
	if depth == 0 && h == nil && !p.plain {
		p.group()
		p.plain = true
	}
	p.open(h)
	p.line(depth, text)
}

func (p *patcher) open(h *head) {
	if h == nil || h.done {
		return
	}
	h.done = true
	p.open(h.above)
	if h.depth == 0 {
		p.group()
	}
	p.line(h.depth, h.text)
}

func (p *patcher) items(b *body, at tree.Path, depth int, h *head) {
	for _, i := range b.items {
		switch {
		case p.stopped:
			return
		case i.leaf != nil:
			p.leaf(i.leaf, at, depth, h)
		default:
			for _, path := range p.paths(i.block, at) {
				p.block(i.block, path, depth, h)
			}
		}
	}
}

// paths are those of a node in either tree, below at.
func (p *patcher) paths(n *node, at tree.Path) []tree.Path {
	var all []tree.Path
	seen := map[string]bool{}
	for _, t := range []*printer{p.new, p.old} {
		t.expand(n, at, func(path tree.Path) {
			if text := path.String(); !seen[text] {
				seen[text] = true
				all = append(all, path)
			}
		})
	}
	return all
}

func (p *patcher) block(n *node, path tree.Path, depth int, h *head) {
	if !n.list() {
		p.items(n.body, path, depth+1, &head{above: h, depth: depth, text: p.new.blockLine(n, path)})
		return
	}
	keys := p.new.keys(n, path)
	entry := func(key string) tree.Path { return path.Parent().Entry(n.name, key) }
	p.remove(n, path, depth, h)
	if n.block.Summary {
		// What has lines of its own comes with them.
		fresh := slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
			return p.Has(p.now, entry(key)) || !p.to.Sub(entry(key)).Empty()
		})
		for _, text := range summary(fresh) {
			p.open(&head{above: h, depth: depth, text: n.summaryLine(text)})
		}
		for _, key := range fresh {
			p.now = p.now.Set(entry(key), nil)
		}
	}
	for _, key := range keys {
		at := entry(key)
		own := &head{above: h, depth: depth, text: p.new.blockLine(n, at)}
		if !p.Has(p.now, at) {
			p.open(own)
			p.now = p.now.Set(at, nil)
		} else if n.block.Amend != nil {
			p.amend(n, at, own)
		}
		for _, rel := range n.block.Options { // they came with the block's line
			leaf := at.Join(p.byNames(n.path + "/" + rel).leaf.rel)
			if v, ok := p.to.Get(leaf); ok {
				p.now = p.now.Set(leaf, v)
			}
		}
		p.items(n.body, at, depth+1, own)
		if own.done && n.block.End != "" {
			p.line(depth, n.block.End)
		}
	}
}

// amend prints the lines that change the options of an entry which keeps the
// rest: its line for those that it has, a no form for those that are gone.
func (p *patcher) amend(n *node, at tree.Path, own *head) {
	changed := false
	gone := map[string]any{}
	for _, rel := range n.block.Options {
		l := p.byNames(n.path + "/" + rel).leaf
		was, had := p.now.Get(at.Join(l.rel))
		v, has := p.to.Get(at.Join(l.rel))
		switch {
		case has && had && v != was && n.block.Remain != nil && n.block.Remain(rel, was, v) != nil:
			// The line adds to what there is, so what is too much goes first. The
			// rest stays meanwhile: a user has to have a role.
			changed = true
			p.withdraw(n, at, own, map[string]any{l.node.name: n.block.Remain(rel, was, v)})
		case has && v != was, !has && had && l.decl.Shown && !l.isDefault(at, was) && n.block.Remain == nil:
			changed = true
		case !has && had && !l.isDefault(at, was):
			gone[l.node.name] = was
		}
	}
	if changed {
		p.open(own)
		for _, rel := range n.block.Options {
			leaf := at.Join(p.byNames(n.path + "/" + rel).leaf.rel)
			if v, has := p.to.Get(leaf); has {
				p.now = p.now.Set(leaf, v)
			} else if gone[rel] == nil { // the line has set it to its default
				p.now = p.now.Delete(leaf)
			}
		}
	}
	if len(gone) == 0 {
		return
	}
	p.withdraw(n, at, own, gone)
	if p.now.Sub(at).Empty() && !n.block.Stays { // it has gone with the last of them
		p.emit(own.above, own.depth, own.text)
	}
}

// withdraw prints the no form that takes options back, or the parts of them that
// are given.
func (p *patcher) withdraw(n *node, at tree.Path, own *head, gone map[string]any) {
	text := template.Render(n.body.parts, func(name string) (string, bool) {
		if text, ok := keyText(n, at, name); ok {
			return text, true
		}
		if gone[name] == nil {
			return "", false
		}
		return p.byNames(n.path + "/" + name).leaf.decl.Type.FormatText(gone[name]), true
	})
	p.emit(own.above, own.depth, "no "+text)
	for name, part := range gone {
		leaf := at.Child(name)
		if was, _ := p.now.Get(leaf); n.block.Remain != nil {
			if left := n.block.Remain(name, was, part); left != nil {
				p.now = p.now.Set(leaf, left)
				continue
			}
		}
		p.now = p.now.Delete(leaf)
	}
}

// keysLine is the line of an entry without options.
func keysLine(n *node, at tree.Path) string {
	return template.Render(n.body.parts, func(name string) (string, bool) { return keyText(n, at, name) })
}

func (n *node) summaryLine(keys string) string {
	return template.Render(n.body.parts, func(string) (string, bool) { return keys, true })
}

// remove notes the lines that remove entries of a list, the last first.
func (p *patcher) remove(n *node, path tree.Path, depth int, h *head) {
	var keys, lines []string
	if n.gate != nil && !p.Schema.open(p.now, n.gate) {
		return // they have gone with their group
	}
	for key := range p.from.Keys(path) {
		if at := path.Parent().Entry(n.name, key); !p.Has(p.to, at) && p.Removable(at) == nil {
			if g := n.gateAt(p.from, at); g != nil && !p.Schema.open(p.now, g) {
				continue
			}
			keys = append(keys, key)
		}
	}
	if n.block.Summary {
		for _, text := range summary(keys) {
			lines = append(lines, "no "+n.summaryLine(text))
		}
	} else {
		for _, key := range slices.Backward(p.old.keys(n, path)) {
			if slices.Contains(keys, key) {
				at := path.Parent().Entry(n.name, key)
				if n.block.Stays {
					lines = append(lines, "no "+keysLine(n, at))
					continue
				}
				lines = append(lines, "no "+p.old.blockLine(n, at))
			}
		}
	}
	switch {
	case lines == nil:
	case p.shadowed(n):
		p.group()
		for _, line := range lines {
			p.line(depth, line)
		}
	default:
		p.gone = append(p.gone, removal{h, depth, lines})
	}
}

// shadowed reports whether the global line of a list is that of another list in a
// mode: there it would be taken for the other's, so it comes before such a mode is
// entered, as the lines that add do.
func (p *patcher) shadowed(n *node) bool {
	return n.block.Parent == "" && n.block.Mode == "" && slices.ContainsFunc(p.blocks, func(b *Block) bool {
		return b.Parent != "" && b.Line == n.block.Line
	})
}

// leaf prints what changes of a leaf in the mode of the node at a path, what
// goes first.
func (p *patcher) leaf(l *leaf, at tree.Path, depth int, h *head) {
	p.old.expand(l.node, at, func(path tree.Path) {
		// A value that is stored counts, needed or not: it is kept where it is.
		if _, ok := p.now.Get(path); !ok || !l.decl.AllowsKind(p.old.kind(l, path)) {
			return
		}
		if _, ok := p.new.leafValue(l, path); !ok {
			p.emit(h, depth, p.unset(l, path))
		}
	})
	p.new.expand(l.node, at, func(path tree.Path) {
		v, ok := p.new.leafValue(l, path)
		old, was := p.now.Get(path)
		if !ok || was && old == v {
			return
		}
		if was && l.decl.Join != nil { // its lines only add
			p.emit(h, depth, p.unset(l, path))
		}
		for _, text := range l.texts(path, v) {
			p.emit(h, depth, text)
		}
		now := p.now
		p.now = p.now.Set(path, v)
		if l.isSwitch {
			p.now = p.Shut(now, p.now)
		}
	})
}

// unset returns the line that removes the local value of a leaf. The no form is
// itself a value where a port-profile would supply one (cli.md §7.6).
func (p *patcher) unset(l *leaf, path tree.Path) string {
	text := l.text(path, No)
	switch {
	case p.Overrides(p.now, path):
		text = "default" + text[len("no"):]
	case l.isSwitch && l.defaultOf(path) == true:
		text = l.text(path, true)
	}
	now := p.now
	p.now = p.Tidy(p.now.Delete(path), path)
	p.now = p.Shut(now, p.now) // what goes with it needs no lines
	return text
}
