package grammar

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"trunkline/config/schema"
	"trunkline/config/template"
)

// Form is what a configuration line does with its setting.
type Form uint8

// Forms of a configuration line.
const (
	Plain   Form = iota
	No           // no X
	Default      // default X
)

// Line is the Tag of a configuration command.
type Line struct {
	schema.Statement
	Form Form
}

// Modes are the tables of the configuration modes of a schema.
type Modes struct {
	lines []schema.Statement
	kinds map[string][]string // of the modes whose entries have several

	mu     sync.Mutex
	tables map[string]*Gated // by mode and kinds
}

// NewModes builds the tables of all modes. An error is a mistake in the schema:
// a bad template or a line that two commands match.
func NewModes(s *schema.Schema) (*Modes, error) {
	m := &Modes{lines: s.Lines(), kinds: map[string][]string{}, tables: map[string]*Gated{}}
	modes := map[string]bool{"": true}
	for _, l := range m.lines {
		modes[l.Mode] = true
		for _, k := range l.Kinds {
			if !slices.Contains(m.kinds[l.Mode], k) {
				m.kinds[l.Mode] = append(m.kinds[l.Mode], k)
			}
		}
		if l.Block != nil && l.Block.Mode != "" {
			modes[l.Block.Path] = true
		}
	}
	for mode := range modes {
		if _, err := m.build(mode, nil); err != nil {
			return nil, fmt.Errorf("mode %q: %w", mode, err)
		}
		for _, k := range m.kinds[mode] {
			if _, err := m.build(mode, []string{k}); err != nil {
				return nil, fmt.Errorf("mode %q of kind %s: %w", mode, k, err)
			}
		}
	}
	return m, nil
}

// Table returns the lines that are valid in the mode of a block, named by its
// path, for entries of all of kinds, with the gates that are open. The path of
// global configuration is "".
func (m *Modes) Table(path string, kinds []string, open func(gate string) bool) *Table {
	t, err := m.build(path, kinds)
	if err != nil {
		// Fewer lines than NewModes accepted for one kind cannot clash.
		panic(fmt.Sprintf("mode %q of kinds %v: %v", path, kinds, err))
	}
	return t.Table(open)
}

func (m *Modes) build(mode string, kinds []string) (*Gated, error) {
	var known []string
	for _, k := range m.kinds[mode] {
		if slices.Contains(kinds, k) {
			known = append(known, k)
		}
	}
	if len(kinds) > 0 && len(known) == 0 {
		kinds = nil // a kind without lines of its own
	} else {
		kinds = known
	}
	key := mode + "|" + strings.Join(kinds, "|")
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.tables[key]; t != nil {
		return t, nil
	}
	canonical := map[string]string{} // lines of leaves by path
	oneLine := map[string]bool{}     // lists whose entries are a line
	for _, l := range m.lines {
		switch {
		case l.Leaf != nil:
			canonical[l.Path()] = l.Template
		case l.Block != nil && l.Block.Mode == "":
			oneLine[l.Path()] = true
		}
	}
	var commands []Command
	for _, l := range m.lines {
		if l.Mode == mode && valid(l, kinds) {
			c, err := forms(l, canonical[l.Path()], oneLine)
			if err != nil {
				return nil, err
			}
			commands = append(commands, c...)
		}
	}
	t, err := NewGated(commands...)
	if err != nil {
		return nil, err
	}
	m.tables[key] = t
	return t, nil
}

// valid reports whether entries of all kinds have the line. Entries of no known
// kind have the lines that all have.
func valid(l schema.Statement, kinds []string) bool {
	if l.Kinds == nil {
		return true
	}
	for _, k := range kinds {
		if !slices.Contains(l.Kinds, k) {
			return false
		}
	}
	return len(kinds) > 0
}

var negationWords = schema.Words{
	"no":      "Negate a command or set its defaults",
	"default": "Set a command to its defaults",
}

// forms are the line and what cli.md §3.2 derives from it. Canonical is the line
// of the leaf that an alias edits; oneLine are the lists whose entries have a line
// of their own, the no form of which removes them.
func forms(l schema.Statement, canonical string, oneLine map[string]bool) ([]Command, error) {
	parts, err := template.Parse(l.Template)
	if err != nil {
		return nil, fmt.Errorf("template %q: %w", l.Template, err)
	}
	c := Command{Template: l.Template, Types: l.Types, Words: l.Words, Help: l.Help, Gate: l.Gate, Tag: Line{Statement: l}}
	if l.Block != nil && l.Block.Range && len(l.Block.Keys) > 0 {
		c.List = l.Block.Keys[len(l.Block.Keys)-1].Name
	}
	all := []Command{c}
	derive := func(word string, form Form, tmpl string) {
		d := c
		d.Template = word + " " + tmpl
		d.Tag = Line{Statement: l, Form: form}
		d.Words = schema.Words{word: negationWords[word]}
		for k, v := range l.Words {
			d.Words[k] = v
		}
		all = append(all, d)
	}
	switch {
	case l.Block != nil:
		derive("no", No, l.Template)
		if l.Block.Mode != "" {
			derive("default", Default, l.Template)
		} else {
			derive("default", No, l.Template) // there is nothing below it to reset
		}
	case l.Alias != nil && extends(parts, canonical):
		// "… add <list>" changes part of a value: its opposite is no
		// negation of the whole.
	default:
		keys := l.Keys
		if i := strings.LastIndexByte(l.Path(), '/'); i >= 0 && oneLine[l.Path()[:i]] {
			keys = nil // without its keywords the no form is that of the entry
		}
		tmpl := template.Format(negated(parts, l.Value, keys))
		derive("no", No, tmpl)
		derive("default", Default, tmpl)
	}
	return all, nil
}

// extends reports whether the alias has the keywords of the canonical line and
// more.
func extends(alias []template.Part, line string) bool {
	canonical, err := template.Parse(line)
	if err != nil {
		return false
	}
	a, c := words(alias), words(canonical)
	return len(a) > len(c) && slices.Equal(a[:len(c)], c)
}

func words(parts []template.Part) []string {
	var all []string
	for _, p := range parts {
		if p.Word != "" {
			all = append(all, p.Word)
		}
	}
	return all
}

// negated is the template of a no form: the value is optional, with the
// keywords that lead to it where keys come before them.
func negated(parts []template.Part, value string, keys []string) []template.Part {
	if value == "" {
		return parts
	}
	at, key := -1, -1
	for i, p := range parts {
		if mentions(p, value) {
			at = i
		}
		for _, k := range keys {
			if mentions(p, k) {
				key = i
			}
		}
	}
	if at < 0 {
		return parts
	}
	optional := func(p ...template.Part) template.Part {
		return template.Part{Choices: [][]template.Part{p}, Optional: true}
	}
	whole := optional(parts[at])
	if key < 0 || key > at || key == at-1 {
		return slices.Concat(parts[:at], []template.Part{whole}, parts[at+1:])
	}
	tail := slices.Concat(parts[key+1:at], []template.Part{whole}, parts[at+1:])
	return slices.Concat(parts[:key+1], []template.Part{optional(tail...)})
}

func mentions(p template.Part, placeholder string) bool {
	if p.Placeholder == placeholder {
		return true
	}
	for _, c := range p.Choices {
		for _, q := range c {
			if mentions(q, placeholder) {
				return true
			}
		}
	}
	return false
}

// All yields the tables built so far, which are at least those of one kind of
// entry, by mode and kinds, with all gates open.
func (m *Modes) All() iter.Seq2[string, *Table] {
	return func(yield func(string, *Table) bool) {
		m.mu.Lock()
		tables := maps.Clone(m.tables)
		m.mu.Unlock()
		for _, name := range slices.Sorted(maps.Keys(tables)) {
			if !yield(name, tables[name].All()) {
				return
			}
		}
	}
}
