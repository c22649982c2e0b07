package grammar

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"trunkline/config/schema"
	"trunkline/config/template"
)

// kind is what an edge consumes.
type kind uint8

const (
	keyword kind = iota // a word, or its beginning
	value               // one word that typ accepts
	rest                // the rest of the line
	list                // a list of values to the end of the line
)

// edge consumes one word, or for rest and list all words that are left.
type edge struct {
	kind kind
	text string // of a keyword
	help string
	glue bool // of a keyword: a value may follow in the same word
	form bool // the keyword belongs to a value, not to the template
	name string
	typ  schema.AnyType
	one  *Table // of a list: what one item may be, as <value>
	part int    // the option that it is part of, 0 for none
	to   *state
}

// mark opens or closes the value of a placeholder made of several words.
type mark struct {
	open bool
	name string
	typ  schema.AnyType
	enum bool // one keyword of an enumeration
	part int  // the option that it is part of, 0 for none
}

// way is an edge with the marks that are passed before it.
type way struct {
	marks []mark
	edge  *edge // nil: the end of the command
	once  int   // the option that begins here, 0 for none
}

// state is a place between two words of a command.
type state struct {
	command *Command
	options int // of the command
	ways    []way
	empty   []empty // only while compiling
}

// empty is an edge without a word, only while compiling.
type empty struct {
	marks []mark
	edge  *edge
	to    *state
	end   bool
	once  int // the option that begins here, 0 for none
}

type builder struct {
	table   *Table
	command *Command
	all     []*state
	depth   int
	fixed   string // the keywords outside of brackets, which Command.Help explains
	options int    // numbered so far, in the order of the template
	part    int    // the option that is being compiled, 0 for none
}

const maxStates = 4096 // of one command

func (b *builder) state() *state {
	s := &state{command: b.command}
	b.all = append(b.all, s)
	b.table.states++
	return s
}

// command1 compiles the command's template.
func (b *builder) command1(parts []template.Part) (*state, error) {
	for _, p := range parts {
		if p.Word != "" && (b.fixed != "" || !negation(p.Word)) {
			b.fixed += " " + p.Word
		}
	}
	start := b.state()
	last, err := b.sequence(start, parts, &scope{types: b.command.Types, words: b.command.Words, outer: true})
	if err != nil {
		return nil, err
	}
	last.empty = append(last.empty, empty{end: true})
	for _, s := range b.all {
		s.ways = b.closure(s, nil, 0, map[*state]bool{})
	}
	for _, s := range b.all {
		s.empty, s.options = nil, b.options
	}
	return start, nil
}

// closure collects what can be consumed at s, marks passed on the way first. Once
// is the option that has been begun on the way there: one at most, as none is
// empty.
func (b *builder) closure(s *state, marks []mark, once int, seen map[*state]bool) []way {
	if seen[s] {
		return nil
	}
	seen[s] = true
	defer delete(seen, s)
	var all []way
	for _, e := range s.empty {
		m := slices.Concat(marks, e.marks)
		switch {
		case e.end:
			all = append(all, way{marks: m})
		case e.edge != nil:
			all = append(all, way{marks: m, edge: e.edge, once: once})
		default:
			all = append(all, b.closure(e.to, m, max(once, e.once), seen)...)
		}
	}
	return all
}

// scope is what placeholders and help texts mean inside a template.
type scope struct {
	types map[string]schema.AnyType
	words schema.Words
	path  []string // literals passed
	outer bool     // the command's own template, not a value's form
}

func (sc *scope) below(w string) *scope {
	c := *sc
	c.path = append(slices.Clip(sc.path), w)
	return &c
}

func (b *builder) sequence(from *state, parts []template.Part, sc *scope) (*state, error) {
	if len(b.all) > maxStates {
		return nil, fmt.Errorf("more than %d states", maxStates)
	}
	for _, p := range parts {
		to := b.state()
		switch {
		case p.Word != "":
			sc = sc.below(p.Word)
			from.empty = append(from.empty, empty{edge: &edge{
				text: p.Word, glue: p.Glued, form: !sc.outer, help: b.help(sc), part: b.part, to: to,
			}})
		case p.Placeholder != "":
			if err := b.placeholder(from, to, p.Placeholder, sc); err != nil {
				return nil, err
			}
		case p.Options:
			if err := b.anyOrder(from, to, p.Choices, sc); err != nil {
				return nil, err
			}
		default:
			for _, c := range p.Choices {
				end, err := b.sequence(from, c, sc)
				if err != nil {
					return nil, err
				}
				end.empty = append(end.empty, empty{to: to})
			}
			if p.Optional {
				from.empty = append(from.empty, empty{to: to})
			}
			// What may have been left out is no part of the path that help
			// texts are looked up by.
			if len(p.Choices) == 1 && !p.Optional {
				for _, q := range p.Choices[0] {
					if q.Word != "" {
						sc = sc.below(q.Word)
					}
				}
			}
		}
		from = to
	}
	return from, nil
}

// anyOrder compiles options: a place that each of them leads back to. Which of
// them were taken is with the thread, or there would be a state for each subset.
func (b *builder) anyOrder(from, to *state, options [][]template.Part, sc *scope) error {
	if !sc.outer || b.part != 0 {
		return errors.New("options inside of a value or of options")
	}
	at := b.state()
	from.empty = append(from.empty, empty{to: at})
	for _, o := range options {
		b.options++
		begin := b.state()
		at.empty = append(at.empty, empty{to: begin, once: b.options})
		b.part = b.options
		end, err := b.sequence(begin, o, sc)
		b.part = 0
		if err != nil {
			return err
		}
		end.empty = append(end.empty, empty{to: at})
	}
	at.empty = append(at.empty, empty{to: to})
	return nil
}

func (b *builder) placeholder(from, to *state, name string, sc *scope) error {
	if b.depth++; b.depth > 8 {
		return fmt.Errorf("placeholder <%s> refers to itself", name)
	}
	defer func() { b.depth-- }()
	typ := sc.types[name]
	if typ == nil {
		return fmt.Errorf("placeholder <%s> has no type", name)
	}
	how := typ.How()
	one := func(e *edge) {
		e.part = b.part
		from.empty = append(from.empty, empty{edge: e})
	}
	between := func(from, to *state, m mark) {
		m.name, m.typ, m.part = name, typ, b.part
		from.empty = append(from.empty, empty{marks: []mark{m}, to: to})
	}
	switch {
	case b.part != 0 && (how.Rest || name == b.command.List):
		return fmt.Errorf("option <%s> takes the rest of the line", name)
	case sc.outer && name == b.command.List:
		item, err := NewTable(Command{Template: "<value>", Types: map[string]schema.AnyType{"value": typ}})
		if err != nil {
			return err
		}
		one(&edge{kind: list, name: name, typ: typ, one: item, help: how.Help, to: to})
	case len(how.Keywords) > 0:
		in, out := b.state(), b.state()
		between(from, in, mark{open: true, enum: true})
		for _, k := range how.Keywords {
			in.empty = append(in.empty, empty{edge: &edge{text: k.Text, help: k.Help, form: true, part: b.part, to: out}})
		}
		between(out, to, mark{enum: true})
	case len(how.Forms) > 0:
		in := b.state()
		between(from, in, mark{open: true})
		for _, f := range how.Forms {
			parts, err := template.Parse(f)
			if err != nil {
				return fmt.Errorf("form %q of <%s>: %w", f, name, err)
			}
			out, err := b.sequence(in, parts, &scope{types: how.Types, words: how.Words})
			if err != nil {
				return fmt.Errorf("form %q of <%s>: %w", f, name, err)
			}
			between(out, to, mark{})
		}
	case how.Rest:
		one(&edge{kind: rest, name: name, typ: typ, help: how.Help, to: to})
	default:
		one(&edge{kind: value, name: name, typ: typ, help: how.Help, to: to})
	}
	return nil
}

// help finds the text of the last keyword on the path. A feature gives it for
// the words that lead there; optional words between may be left out.
func (b *builder) help(sc *scope) string {
	path := sc.path
	if sc.outer && len(path) > 1 && negation(path[0]) {
		path = path[1:]
	}
	if sc.outer && b.command.Help != "" && " "+strings.Join(path, " ") == b.fixed {
		return b.command.Help
	}
	last := path[len(path)-1]
	for n := len(path) - 1; n >= 0; n-- {
		if n == 0 && sc.outer && len(path) > 1 {
			break // the words of the line's beginning mean something else
		}
		key := strings.Join(append(slices.Clone(path[:n]), last), " ")
		if h := sc.words[key]; h != "" {
			return h
		}
		if h := b.table.words[key]; h != "" && sc.outer {
			return h
		}
	}
	return ""
}

func negation(word string) bool { return word == "no" || word == "default" }

const maxShapes = 4096 // of one command

// shapes are all word sequences a command matches, with values as "<>". Those
// beyond the limit are left out.
func (b *builder) shapes(parts []template.Part) []string {
	all := expand(parts, b.command.Types, map[string]bool{}, 0)
	for i, s := range all {
		all[i] = strings.TrimSpace(strings.ToLower(s))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// pairs are the shapes of two options after each other, either first. Of more,
// another command would have to know them all.
func pairs(options [][]template.Part, types map[string]schema.AnyType, within map[string]bool, depth int) []string {
	var all []string
	for i := range options {
		for j := range options {
			if i != j {
				all = append(all, expand(slices.Concat(options[i], options[j]), types, within, depth)...)
			}
		}
	}
	return all
}

func expand(parts []template.Part, types map[string]schema.AnyType, within map[string]bool, depth int) []string {
	all := []string{""}
	for _, p := range parts {
		var next []string
		switch {
		case p.Word != "":
			next = []string{" " + p.Word}
		case p.Placeholder != "":
			how := schema.Syntax{}
			if t := types[p.Placeholder]; t != nil {
				how = t.How()
			}
			for _, k := range how.Keywords {
				next = append(next, " "+k.Text)
			}
			for _, f := range how.Forms {
				if sub, err := template.Parse(f); err == nil && depth < 8 {
					next = append(next, expand(sub, how.Types, within, depth+1)...)
				}
			}
			if next == nil {
				next = []string{" <>"}
			}
		default:
			if p.Optional {
				next = append(next, "")
			}
			for _, c := range p.Choices {
				next = append(next, expand(c, types, within, depth)...)
			}
			if p.Options {
				next = append(next, pairs(p.Choices, types, within, depth)...)
			}
		}
		product := make([]string, 0, len(all)*len(next))
		for _, a := range all {
			for _, n := range next {
				if len(product) < maxShapes {
					product = append(product, a+n)
				}
			}
		}
		all = product
	}
	return all
}
