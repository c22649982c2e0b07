package session

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"trunkline/cli/grammar"
	"trunkline/config"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// change is a configuration line turned into edits, for one or more entries.
type change struct {
	// edits by entry; several entries are tried together first.
	edits [][]config.Edit
	at    []tree.Path // the entries
	enter *level      // the mode that the line enters, or nil
	// refused are the messages for entries of a list that the line cannot
	// have; the others are in edits.
	refused []string
}

// change returns what a matched line does to a tree. An error is the
// operator's message.
func (c *CLI) change(t tree.Tree, l level, m *grammar.Match) (*change, error) {
	line := m.Command.Tag.(grammar.Line)
	if line.Block != nil {
		return c.blockChange(t, l, line, m)
	}
	ch := &change{}
	at, err := c.present(t, l, ch)
	if err != nil {
		return nil, err
	}
	for _, at := range at {
		e, err := c.leafEdit(t, at, line, m)
		if err != nil {
			return nil, err
		}
		ch.edits = append(ch.edits, []config.Edit{e})
		ch.at = append(ch.at, at)
	}
	return ch, nil
}

// present returns the entries of a mode that are there. Another session may have
// removed some since the mode was entered: no line brings them back. They refuse
// it as other entries of a range do.
func (c *CLI) present(t tree.Tree, l level, ch *change) ([]tree.Path, error) {
	block := c.product.Schema.Block(l.block)
	if block == nil || len(block.Keys) == 0 {
		return l.at, nil
	}
	var there []tree.Path
	for _, at := range l.at {
		if c.product.Schema.Has(t, at) {
			there = append(there, at)
			continue
		}
		word, _, _ := strings.Cut(block.Line, " ")
		err := missing(word, at[len(at)-1].Key)
		if len(l.at) == 1 {
			return nil, err
		}
		ch.refused = append(ch.refused, entryName(at)+": "+err.Error())
	}
	return there, nil
}

// entryName is how messages name an entry of a range.
func entryName(at tree.Path) string {
	if len(at) == 0 {
		return ""
	}
	return feature.ShortName(at[len(at)-1].Key)
}

// keys returns the values of the placeholders that fill keys of the target.
func keys(line grammar.Line, m *grammar.Match) map[string]any {
	all := make(map[string]any, len(line.Keys))
	for _, k := range line.Keys {
		all[k] = m.Values[k]
	}
	return all
}

// leafEdit is the edit of a leaf's line in the mode of one entry.
func (c *CLI) leafEdit(t tree.Tree, at tree.Path, line grammar.Line, m *grammar.Match) (config.Edit, error) {
	path := line.Target(at, keys(line, m))
	value, given := m.Values[line.Value]
	if entry := c.product.Schema.EntryAbove(path); line.Form == grammar.Plain && len(entry) > len(at) {
		// An entry that has a line of its own is made by that.
		if b := c.product.Schema.Block(entry.Names()); b != nil && b.Line != "" && b.Mode == "" && !c.product.Schema.Has(t, entry) {
			word, _, _ := strings.Cut(b.Line, " ")
			return config.Edit{}, missing(word, entry[len(entry)-1].Key)
		}
	}
	switch {
	case line.Form == grammar.Default:
		return config.Edit{Op: config.Delete, Path: path}, nil
	case line.Form == grammar.No && given && line.Leaf != nil && line.Leaf.Part != nil:
		now := c.product.Schema.Value(t, path)
		left := line.Leaf.Part(now, value)
		if left == line.Leaf.Type.Zero() {
			return config.Edit{Op: config.Negate, Path: path}, nil
		}
		return config.Edit{Op: config.Set, Path: path, Value: left}, nil
	case line.Form == grammar.No:
		return config.Edit{Op: config.Negate, Path: path}, nil
	case line.Alias != nil && line.Alias.Apply != nil:
		if !given {
			value = nil
		}
		v, err := line.Alias.Apply(c.product.Schema.Value(t, path), value)
		return config.Edit{Op: config.Set, Path: path, Value: v}, err
	case line.Leaf != nil && line.Leaf.Join != nil:
		value = line.Leaf.Join(c.product.Schema.Value(t, path), value)
	case line.Switch() || !given:
		value = true
	}
	return config.Edit{Op: config.Set, Path: path, Value: value}, nil
}

// blockChange creates, removes or resets the entries that a block's line names.
func (c *CLI) blockChange(t tree.Tree, l level, line grammar.Line, m *grammar.Match) (*change, error) {
	ch := &change{}
	parents, err := c.present(t, l, ch)
	if err != nil {
		return nil, err
	}
	values := keys(line, m)
	items := m.List
	if items == nil {
		items = []grammar.Item{{}}
	}
	below := level{block: line.Block.Path, suffix: line.Block.Mode}
	for _, item := range items {
		if m.List != nil {
			values[m.Command.List] = item.Value
		}
		for _, at := range parents {
			path := line.Target(at, values)
			edits, err := c.entryEdits(t, path, line, m)
			if err != nil && len(items)*len(l.at) > 1 {
				ch.refused = append(ch.refused, entryName(path)+": "+err.Error())
				continue
			}
			if err != nil {
				return nil, err
			}
			below.at = append(below.at, path)
			if edits != nil {
				ch.edits, ch.at = append(ch.edits, edits), append(ch.at, path)
			}
		}
	}
	if line.Form == grammar.Plain && line.Block.Mode != "" && len(below.at) > 0 {
		if len(below.at) > 1 && line.Block.RangeMode != "" {
			below.suffix = line.Block.RangeMode
		}
		below.text, below.words = modeText(m), strings.Join(m.Words, " ")
		ch.enter = &below
	}
	return ch, nil
}

// kindOf is the kind of the entry at a path, "" where entries have none.
func kindOf(b *schema.Block, t tree.Tree, path tree.Path) string {
	if b.Kind == nil {
		return ""
	}
	return b.Kind(t, path[len(path)-1].Key)
}

// modeText is the mode's line as where prints it.
func modeText(m *grammar.Match) string {
	words := slices.Clone(m.Words)
	if m.List == nil {
		for _, k := range m.Command.Tag.(grammar.Line).Keys {
			words = append(words, m.Texts[k])
		}
		return strings.Join(words, " ")
	}
	return strings.Join(append(words, listText(m.List)), " ")
}

// listText names the values of a list, if they are few.
func listText(items []grammar.Item) string {
	const few = 8
	var list []string
	for i, item := range items {
		if i == few {
			list = append(list, "...")
			break
		}
		list = append(list, item.Text)
	}
	return strings.Join(list, ",")
}

func (c *CLI) entryEdits(t tree.Tree, path tree.Path, line grammar.Line, m *grammar.Match) ([]config.Edit, error) {
	s := c.product.Schema
	list := len(line.Block.Keys) > 0
	exists := t.Exists(path) || list && s.Has(t, path)
	switch line.Form {
	case grammar.No:
		if line.Block.Amend != nil && t.Exists(path) {
			if edits := withdraw(t, path, line, m); edits != nil {
				return edits, nil
			}
		}
		if !t.Exists(path) && !slices.Contains(line.Block.Permanent, path[len(path)-1].Key) {
			return nil, nil
		}
		return []config.Edit{{Op: config.Delete, Path: path}}, nil
	case grammar.Default:
		return c.resetEdits(t, path), nil
	}
	var edits []config.Edit
	if !exists {
		if line.Block.NoCreate != nil {
			if text := line.Block.NoCreate(t, path[len(path)-1].Key); text != "" {
				return nil, feature.Error(text)
			}
		}
		if list {
			edits = append(edits, config.Edit{Op: config.Set, Path: path})
		}
	}
	for placeholder, rel := range line.Options {
		value, given := m.Values[placeholder]
		if !given {
			continue
		}
		leaf := path.Join(rel)
		now, ok := t.Get(leaf)
		if !ok {
			now = s.Default(leaf)
		}
		if line.Block.Amend != nil {
			var err error
			if value, err = line.Block.Amend(t, path[len(path)-1].Key, placeholder, value); err != nil {
				return nil, err
			}
			if now != value {
				edits = append(edits, config.Edit{Op: config.Set, Path: leaf, Value: value})
			}
			continue
		}
		switch {
		case exists && now != value:
			return nil, feature.Error(schema.Fixed(leaf).Text)
		case !exists && now != value:
			edits = append(edits, config.Edit{Op: config.Set, Path: leaf, Value: value})
		}
	}
	return edits, nil
}

// withdraw are the edits of a no form with options: they go, and with the last of
// what it holds the entry, if it does not stay. Without options there are none.
func withdraw(t tree.Tree, path tree.Path, line grammar.Line, m *grammar.Match) []config.Edit {
	var edits []config.Edit
	left := t.Sub(path)
	for placeholder, rel := range line.Options {
		if value, given := m.Values[placeholder]; given {
			if now, ok := t.Get(path.Join(rel)); ok && line.Block.Remain != nil {
				if rest := line.Block.Remain(placeholder, now, value); rest != nil {
					edits = append(edits, config.Edit{Op: config.Set, Path: path.Join(rel), Value: rest})
					continue
				}
			}
			edits = append(edits, config.Edit{Op: config.Delete, Path: path.Join(rel)})
			left = left.Delete(rel)
		}
	}
	if edits != nil && left.Empty() && !line.Block.Stays {
		return []config.Edit{{Op: config.Delete, Path: path}}
	}
	return edits
}

// resetEdits removes what was configured by hand below an entry. What is not
// the operator's stays: the profile it inherits (cli.md §7.6) and bindings.
func (c *CLI) resetEdits(t tree.Tree, path tree.Path) []config.Edit {
	edits := []config.Edit{}
	for rel := range t.Leaves(path) {
		p := rel
		if !p.HasPrefix(path) {
			p = path.Join(rel)
		}
		leaf := c.product.Schema.Leaf(p)
		if leaf == nil || leaf.Inventory || leaf.ReadOnly || p[len(p)-1].Name == schema.Inherit && len(p) == len(path)+1 {
			continue
		}
		edits = append(edits, config.Edit{Op: config.Delete, Path: p})
	}
	// Entries below it go, with or without leaves.
	for _, b := range c.product.Schema.Blocks() {
		rel, below := strings.CutPrefix(b.Path, path.Names()+"/")
		if !below || strings.Contains(rel, "/") || len(b.Keys) == 0 {
			continue
		}
		for key := range t.Keys(path.Join(tree.Path{{Name: rel}})) {
			edits = append(edits, config.Edit{Op: config.Delete, Path: path.Join(tree.Path{{Name: rel, Key: key}})})
		}
	}
	return edits
}

// maxTries is how often a line is made again of a configuration that another
// session changed meanwhile.
const maxTries = 8

// configure runs a configuration line as one transaction.
func (r *request) configure(ctx context.Context) error {
	l := r.stack[len(r.stack)-1]
	if err := new(work).spend(r.match, l); err != nil {
		return err
	}
	switch {
	case l.draft != nil:
		return r.enqueue(l)
	case r.batch != nil:
		return r.hold()
	}
	for try := 1; ; try++ {
		candidate := r.cli.product.Store.Begin()
		ch, err := r.change(candidate.Tree(), r.match)
		if err != nil {
			return err
		}
		err = r.commit(ctx, candidate, ch)
		if errors.Is(err, config.ErrConflict) && try < maxTries {
			continue
		}
		if err != nil {
			return err
		}
		if ch.enter != nil {
			r.enter(*ch.enter)
		}
		for _, text := range ch.refused {
			io.WriteString(r.console, text+"\n")
		}
		if len(ch.refused) > 0 {
			return errSilent
		}
		return nil
	}
}

// enter enters the mode of the entries that a line made or found.
func (r *request) enter(l level) { r.enterOf(r.tree(), l) }

// enterOf enters the mode of entries of a tree.
func (r *request) enterOf(t tree.Tree, l level) {
	all := len(l.at)
	l.at, _ = r.cli.present(t, l, &change{})
	switch {
	case len(l.at) == 0:
		return
	case len(l.at) == 1 && all > 1:
		l.suffix = r.cli.product.Schema.Block(l.block).Mode
	}
	l.kinds = kindsOf(r.cli, t, l)
	r.stack = append(r.stack[:len(r.stack):len(r.stack)], l)
}

// kindsOf returns the kinds of a level's entries.
func kindsOf(c *CLI, t tree.Tree, l level) []string {
	block := c.product.Schema.Block(l.block)
	if block == nil {
		return nil
	}
	var all []string
	for _, at := range l.at {
		if k := kindOf(block, t, at); k != "" && !slices.Contains(all, k) {
			all = append(all, k)
		}
	}
	return all
}
