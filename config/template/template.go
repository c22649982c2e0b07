// Package template reads the templates of command lines, the one notation in
// which every line of the product is declared:
//
//	port-profile [type <type>] <name>
//
// Words stand for themselves, <placeholders> for values, [brackets] for what may
// be left out, {braces} and | for choices, [count <count>|size <size>]* for options:
// each may be left out or given once, in any order. A word followed by ~ runs into
// the placeholder after it without a blank. The grammar matches lines by
// templates, the schema prints canonical lines with them.
//
// Values are immutable once read.
package template

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Part is one piece of a template: a word, a placeholder, or a group of choices.
type Part struct {
	Word        string
	Placeholder string
	Choices     [][]Part
	// Optional says that the group may be left out.
	Optional bool
	// Options says that each choice may be taken once, in any order; then the
	// group is Optional too. They are printed in the order of the template.
	Options bool
	// Glued says that what follows the word may come without a blank, and is
	// printed so.
	Glued bool
	// Wide parts are printed after two blanks.
	Wide bool
}

// MaxOptions is how many options a template may have.
const MaxOptions = 12

// MaxNesting is how deep groups may be in each other.
const MaxNesting = 16

// Parse reads a template. It is empty for an empty text.
func Parse(text string) ([]Part, error) {
	p := parser{rest: text}
	choices, err := p.choices(0)
	switch {
	case err != nil:
		return nil, err
	case len(choices) != 1:
		return nil, errors.New("choice outside of brackets")
	}
	return choices[0], nil
}

type parser struct {
	rest  string
	depth int
	taken int // options so far
}

// choices reads alternatives up to the closing bracket; 0 is the end of text.
func (p *parser) choices(closing byte) ([][]Part, error) {
	if p.depth++; p.depth > MaxNesting {
		return nil, errors.New("nested too deeply")
	}
	defer func() { p.depth-- }()
	all := [][]Part{nil}
	for {
		wide := strings.HasPrefix(p.rest, "  ")
		p.rest = strings.TrimLeft(p.rest, " ")
		if p.rest == "" {
			if closing != 0 {
				return nil, fmt.Errorf("missing %q", closing)
			}
			return all, nil
		}
		last := &all[len(all)-1]
		c := p.rest[0]
		switch c {
		case '|':
			p.rest = p.rest[1:]
			all = append(all, nil)
			continue
		case ']', '}':
			if c != closing {
				return nil, fmt.Errorf("unexpected %q", c)
			}
			p.rest = p.rest[1:]
			return all, nil
		case '~':
			if len(*last) == 0 || (*last)[len(*last)-1].Word == "" {
				return nil, errors.New("glue without keyword")
			}
			(*last)[len(*last)-1].Glued = true
			p.rest = p.rest[1:]
			continue
		}
		one, err := p.part(c)
		if err != nil {
			return nil, err
		}
		one.Wide = wide
		*last = append(*last, one)
	}
}

func (p *parser) part(c byte) (Part, error) {
	switch c {
	case '[', '{':
		p.rest = p.rest[1:]
		closing := map[byte]byte{'[': ']', '{': '}'}[c]
		inner, err := p.choices(closing)
		if err != nil {
			return Part{}, err
		}
		group := Part{Choices: inner, Optional: c == '['}
		if after, ok := strings.CutPrefix(p.rest, "*"); ok && group.Optional {
			p.rest, group.Options = after, true
			err = p.options(inner)
		}
		return group, err
	case '<':
		end := strings.IndexByte(p.rest, '>')
		if end < 2 {
			return Part{}, errors.New("placeholder without name or end")
		}
		name := p.rest[1:end]
		p.rest = p.rest[end+1:]
		return Part{Placeholder: name}, nil
	}
	end := strings.IndexAny(p.rest, " |[]{}<>~")
	switch end {
	case 0:
		return Part{}, fmt.Errorf("unexpected %q", c)
	case -1:
		end = len(p.rest)
	}
	one := Part{Word: p.rest[:end]}
	p.rest = p.rest[end:]
	return one, nil
}

// options refuses choices that are no options: one that may be empty could be taken
// for ever, and of those that begin alike a line does not say which it means.
func (p *parser) options(choices [][]Part) error {
	if p.taken += len(choices); p.taken > MaxOptions {
		return fmt.Errorf("more than %d options", MaxOptions)
	}
	begun := map[string]bool{} // "" for a placeholder
	for _, c := range choices {
		if len(c) > 0 {
			word := strings.ToLower(c[0].Word)
			if begun[word] {
				return errors.New("two options begin with the same word, or with a value")
			}
			begun[word] = true
		}
		if len(c) == 0 || c[0].Choices != nil {
			return errors.New("an option begins with a word or a placeholder")
		}
		if slices.ContainsFunc(c, func(q Part) bool { return q.Choices != nil }) {
			return errors.New("an option has no groups in it")
		}
	}
	return nil
}

// Format is the inverse of Parse, but for blanks.
func Format(parts []Part) string {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 && !parts[i-1].Glued {
			b.WriteByte(' ')
		}
		switch {
		case p.Word != "":
			b.WriteString(p.Word)
			if p.Glued {
				b.WriteByte('~')
			}
		case p.Placeholder != "":
			b.WriteString("<" + p.Placeholder + ">")
		default:
			brackets := "{}"
			if p.Optional {
				brackets = "[]"
			}
			b.WriteByte(brackets[0])
			for j, c := range p.Choices {
				if j > 0 {
					b.WriteByte('|')
				}
				b.WriteString(Format(c))
			}
			b.WriteByte(brackets[1])
			if p.Options {
				b.WriteByte('*')
			}
		}
	}
	return b.String()
}
