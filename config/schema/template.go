package schema

import (
	"errors"
	"fmt"
	"strings"
)

// part is one piece of a line template: a word, a placeholder, or a group of
// choices. A glued word runs into what follows without a blank; what is wide
// stands after two.
type part struct {
	word        string
	placeholder string
	choices     [][]part
	optional    bool
	glued       bool
	wide        bool
}

const maxNesting = 8

// parseTemplate reads "port-profile [type <type>] <name>".
func parseTemplate(text string) ([]part, error) {
	p := &templateParser{rest: text}
	choices, err := p.choices(0)
	switch {
	case err != nil:
		return nil, err
	case len(choices) != 1:
		return nil, errors.New("choice outside of brackets")
	case len(choices[0]) == 0:
		return nil, errors.New("empty line")
	case choices[0][0].word == "":
		return nil, errors.New("does not begin with a keyword")
	}
	return choices[0], nil
}

type templateParser struct {
	rest  string
	depth int
}

// choices reads alternatives up to the closing bracket; 0 is the end of text.
func (p *templateParser) choices(closing byte) ([][]part, error) {
	if p.depth++; p.depth > maxNesting {
		return nil, errors.New("nested too deeply")
	}
	defer func() { p.depth-- }()
	all := [][]part{nil}
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
		}
		one, err := p.part(c)
		if err != nil {
			return nil, err
		}
		one.wide = wide
		*last = append(*last, one)
	}
}

func (p *templateParser) part(c byte) (part, error) {
	switch c {
	case '[', '{':
		p.rest = p.rest[1:]
		closing := byte(']')
		if c == '{' {
			closing = '}'
		}
		inner, err := p.choices(closing)
		return part{choices: inner, optional: c == '['}, err
	case '<':
		end := strings.IndexByte(p.rest, '>')
		if end < 2 {
			return part{}, errors.New("placeholder without name or end")
		}
		name := p.rest[1:end]
		p.rest = p.rest[end+1:]
		return part{placeholder: name}, nil
	}
	end := strings.IndexAny(p.rest, " |[]{}<>~")
	if end == 0 {
		return part{}, fmt.Errorf("unexpected %q", c)
	}
	if end < 0 {
		end = len(p.rest)
	}
	one := part{word: p.rest[:end]}
	p.rest = p.rest[end:]
	if strings.HasPrefix(p.rest, "~<") {
		one.glued = true
		p.rest = p.rest[1:]
	}
	return one, nil
}

// keyword is a word of a template with the words that lead to it, which is
// the key of its help text. Words that may be left out do not lead anywhere.
type keyword struct {
	path string
	last bool // no keyword follows outside of brackets
}

func keywords(parts []part) []keyword {
	all, _ := appendKeywords(nil, parts, nil)
	for i := len(all) - 1; i >= 0; i-- {
		if isOuter(parts, all[i].path) {
			all[i].last = true
			break
		}
	}
	return all
}

func appendKeywords(all []keyword, parts []part, path []string) ([]keyword, []string) {
	for _, p := range parts {
		switch {
		case p.word != "":
			path = append(path[:len(path):len(path)], p.word)
			all = append(all, keyword{path: strings.Join(path, " ")})
		case p.choices != nil:
			for _, c := range p.choices {
				var inner []string
				all, inner = appendKeywords(all, c, path)
				if len(p.choices) == 1 && !p.optional {
					path = inner
				}
			}
		}
	}
	return all, path
}

// isOuter reports whether path is that of the last keyword outside of
// brackets.
func isOuter(parts []part, path string) bool {
	var words []string
	for _, p := range parts {
		if p.word != "" {
			words = append(words, p.word)
		}
	}
	return strings.Join(words, " ") == path
}

// placeholders calls f for each placeholder, with the group it is in or nil.
func placeholders(parts []part, group *part, f func(name string, group *part)) {
	for i, p := range parts {
		if p.placeholder != "" {
			f(p.placeholder, group)
		}
		for _, c := range p.choices {
			placeholders(c, &parts[i], f)
		}
	}
}

// render writes the line. Value gives the text of a placeholder, and false for
// one that has none: an optional group around it is left out, and so is it.
func render(parts []part, value func(name string) (string, bool)) string {
	var b strings.Builder
	glued := true
	wide := false
	write := func(s string) {
		if !glued {
			b.WriteByte(' ')
		}
		if wide {
			b.WriteByte(' ')
		}
		b.WriteString(s)
		glued = false
	}
	for _, p := range parts {
		wide = p.wide
		switch {
		case p.word != "":
			write(p.word)
			glued = p.glued
		case p.placeholder != "":
			if s, ok := value(p.placeholder); ok && s != "" {
				write(s)
			}
		case p.optional:
			all := true
			placeholders(p.choices[0], nil, func(name string, _ *part) {
				_, ok := value(name)
				all = all && ok
			})
			if all {
				write(render(p.choices[0], value))
			}
		}
	}
	return b.String()
}

// shape is the template with its placeholders made alike, to find lines that
// cannot be told apart.
func shape(parts []part) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteByte(' ')
		switch {
		case p.word != "":
			b.WriteString(strings.ToLower(p.word))
		case p.placeholder != "":
			b.WriteString("<>")
		default:
			for i, c := range p.choices {
				b.WriteString(map[bool]string{true: "[", false: "|"}[i == 0])
				b.WriteString(shape(c))
			}
			b.WriteByte(']')
		}
	}
	return b.String()
}
