package template

import "strings"

// Keyword is a word of a template with the words that lead to it, which is
// the key of its help text. Words that may be left out do not lead anywhere.
type Keyword struct {
	Path string
	Last bool // no keyword follows outside of brackets
}

// Keywords returns the words of a template, in order.
func Keywords(parts []Part) []Keyword {
	all, _ := appendKeywords(nil, parts, nil)
	for i := len(all) - 1; i >= 0; i-- {
		if isOuter(parts, all[i].Path) {
			all[i].Last = true
			break
		}
	}
	return all
}

func appendKeywords(all []Keyword, parts []Part, path []string) ([]Keyword, []string) {
	for _, p := range parts {
		switch {
		case p.Word != "":
			path = append(path[:len(path):len(path)], p.Word)
			all = append(all, Keyword{Path: strings.Join(path, " ")})
		case p.Choices != nil:
			for _, c := range p.Choices {
				var inner []string
				all, inner = appendKeywords(all, c, path)
				if len(p.Choices) == 1 && !p.Optional {
					path = inner
				}
			}
		}
	}
	return all, path
}

// isOuter reports whether path is that of the last keyword outside of
// brackets.
func isOuter(parts []Part, path string) bool {
	var words []string
	for _, p := range parts {
		if p.Word != "" {
			words = append(words, p.Word)
		}
	}
	return strings.Join(words, " ") == path
}

// Placeholders calls f for each placeholder, with the group it is in or nil.
func Placeholders(parts []Part, group *Part, f func(name string, group *Part)) {
	for i, p := range parts {
		if p.Placeholder != "" {
			f(p.Placeholder, group)
		}
		for _, c := range p.Choices {
			Placeholders(c, &parts[i], f)
		}
	}
}

// Render writes the line. Value gives the text of a placeholder, and false for
// one that has none: an optional group around it is left out, and so is it.
func Render(parts []Part, value func(name string) (string, bool)) string {
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
		wide = p.Wide
		switch {
		case p.Word != "":
			write(p.Word)
			glued = p.Glued
		case p.Placeholder != "":
			if s, ok := value(p.Placeholder); ok && s != "" {
				write(s)
			}
		case p.Optional:
			printed := p.Choices[:1]
			if p.Options {
				printed = p.Choices
			}
			for _, c := range printed {
				all := true
				Placeholders(c, nil, func(name string, _ *Part) {
					_, ok := value(name)
					all = all && ok
				})
				if all {
					write(Render(c, value))
				}
			}
		}
	}
	return b.String()
}

// Shape is the template with its placeholders made alike, to find lines that
// cannot be told apart.
func Shape(parts []Part) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteByte(' ')
		switch {
		case p.Word != "":
			b.WriteString(strings.ToLower(p.Word))
		case p.Placeholder != "":
			b.WriteString("<>")
		default:
			for i, c := range p.Choices {
				b.WriteString(map[bool]string{true: "[", false: "|"}[i == 0])
				b.WriteString(Shape(c))
			}
			b.WriteByte(']')
		}
	}
	return b.String()
}
