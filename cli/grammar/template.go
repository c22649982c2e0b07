package grammar

import (
	"errors"
	"fmt"
	"strings"
)

// part is one piece of a template.
type part struct {
	word        string   // a literal
	placeholder string   // a value
	choices     [][]part // of [a|b] or {a|b}
	optional    bool     // of [a|b]
	glued       bool     // the next part may follow without a blank
}

// parseTemplate reads a template.
func parseTemplate(text string) ([]part, error) {
	p := templateParser{rest: text}
	choices, err := p.choices("")
	if err != nil {
		return nil, err
	}
	if len(choices) != 1 {
		return nil, errors.New("choice outside brackets")
	}
	return choices[0], nil
}

type templateParser struct {
	rest  string
	depth int
}

// choices reads alternatives up to the closing bracket, or up to the end.
func (p *templateParser) choices(closing string) ([][]part, error) {
	if p.depth++; p.depth > 16 {
		return nil, errors.New("nested too deeply")
	}
	defer func() { p.depth-- }()
	all := [][]part{nil}
	for {
		p.rest = strings.TrimLeft(p.rest, " ")
		if p.rest == "" {
			if closing != "" {
				return nil, fmt.Errorf("missing %q", closing)
			}
			return all, nil
		}
		last := &all[len(all)-1]
		switch c := p.rest[0]; c {
		case '|':
			p.rest = p.rest[1:]
			all = append(all, nil)
		case ']', '}':
			if string(c) != closing {
				return nil, fmt.Errorf("unexpected %q", c)
			}
			p.rest = p.rest[1:]
			return all, nil
		case '[', '{':
			p.rest = p.rest[1:]
			inner, err := p.choices(map[byte]string{'[': "]", '{': "}"}[c])
			if err != nil {
				return nil, err
			}
			*last = append(*last, part{choices: inner, optional: c == '['})
		case '<':
			end := strings.IndexByte(p.rest, '>')
			if end < 2 {
				return nil, errors.New("placeholder without name or end")
			}
			*last = append(*last, part{placeholder: p.rest[1:end]})
			p.rest = p.rest[end+1:]
		case '~':
			if len(*last) == 0 || (*last)[len(*last)-1].word == "" {
				return nil, errors.New("glue without keyword")
			}
			(*last)[len(*last)-1].glued = true
			p.rest = p.rest[1:]
		default:
			end := strings.IndexAny(p.rest, " |[]{}<>~")
			switch end {
			case -1:
				end = len(p.rest)
			case 0:
				return nil, fmt.Errorf("unexpected %q", c)
			}
			*last = append(*last, part{word: p.rest[:end]})
			p.rest = p.rest[end:]
		}
	}
}

// format is the inverse of parseTemplate.
func format(parts []part) string {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 && !parts[i-1].glued {
			b.WriteByte(' ')
		}
		switch {
		case p.word != "":
			b.WriteString(p.word)
			if p.glued {
				b.WriteByte('~')
			}
		case p.placeholder != "":
			b.WriteString("<" + p.placeholder + ">")
		default:
			brackets := "{}"
			if p.optional {
				brackets = "[]"
			}
			b.WriteByte(brackets[0])
			for j, c := range p.choices {
				if j > 0 {
					b.WriteByte('|')
				}
				b.WriteString(format(c))
			}
			b.WriteByte(brackets[1])
		}
	}
	return b.String()
}
