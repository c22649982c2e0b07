package pipe

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"trunkline/cli/grammar"
	"trunkline/config/schema"
)

// maxAround is the most lines that grep shows before or after one that matches.
const maxAround = 999

// grepOption is one option of grep, long or short (cli.md §6).
var grepOption = schema.Type[string]{
	Name: "option",
	Syntax: schema.Syntax{
		Forms: []string{
			"ignore-case", "-i", "invert-match", "-v", "count", "-c", "line-number", "-n", "line-exp", "-x", "word-exp", "-w",
			"next <lines>", "-A <lines>", "prev <lines>", "-B <lines>",
		},
		Types: map[string]schema.AnyType{"lines": schema.Uint("lines", "Number of lines", 1, maxAround)},
		Words: schema.Words{
			"ignore-case": "Ignore case distinction", "-i": "Ignore case distinction",
			"invert-match": "Print only lines that do not match", "-v": "Print only lines that do not match",
			"count": "Print only a count of lines", "-c": "Print only a count of lines",
			"line-number": "Print each line preceded by its number", "-n": "Print each line preceded by its number",
			"line-exp": "Print only lines where the match is a whole line", "-x": "Print only lines where the match is a whole line",
			"word-exp": "Print only lines where the match is a complete word", "-w": "Print only lines where the match is a complete word",
			"next": "Print lines after every match", "-A": "Print lines after every match",
			"prev": "Print lines before every match", "-B": "Print lines before every match",
		},
	},
	Parse:  func(s string) (string, error) { return s, nil }, // the forms are the check
	Format: func(s string) string { return s },
}

const maxOptions = 8 // of one grep

// grepTemplate has options in any order before the expression.
func grepTemplate(name string) (template string, types map[string]schema.AnyType) {
	after := pattern
	after.Parse = func(s string) (string, error) {
		if strings.HasPrefix(s, "-") {
			return "", schema.ErrInvalid // an option that is none, unless in quotes
		}
		return pattern.Parse(s)
	}
	types = map[string]schema.AnyType{"pattern": after}
	nested := ""
	for i := maxOptions; i > 0; i-- {
		option := "option" + strconv.Itoa(i)
		types[option] = grepOption
		nested = strings.TrimSuffix("[<"+option+"> "+nested, " ") + "]"
	}
	return name + " " + nested + " <pattern>", types
}

// addGrep adds a grep with the options of a match.
func addGrep(c *Chain, m *grammar.Match) {
	var (
		g    grep
		fold bool
		of   extent
	)
	for i := range maxOptions {
		option, _ := m.Values["option"+strconv.Itoa(i+1)].(string)
		word, arg, _ := strings.Cut(option, " ")
		n, _ := strconv.Atoi(arg) // checked by the grammar
		switch word {
		case "ignore-case", "-i":
			fold = true
		case "invert-match", "-v":
			g.invert = true
		case "count", "-c":
			g.count = true
		case "line-number", "-n":
			g.number = true
		case "line-exp", "-x":
			of = ofLine
		case "word-exp", "-w":
			if of == anywhere {
				of = ofWord // a whole line says more
			}
		case "next", "-A":
			g.after = n
		case "prev", "-B":
			g.before = n
		}
	}
	re, err := compile(m.Values["pattern"].(string), fold, of)
	if err != nil { // check has had the same for every extent
		re = regexp.MustCompile(`$^.`)
	}
	g.re = re
	c.filters = append(c.filters, func() filter { f := g; return &f })
}

// grep prints lines that match with their surroundings; "--" stands between
// groups that do not touch.
type grep struct {
	re            *regexp.Regexp
	invert        bool
	count, number bool
	before, after int

	n       int      // of the present line
	matches int      // so far
	printed int      // number of the last line printed
	left    int      // lines still to print after a match
	held    []string // up to before lines before the present one, oldest first
	bytes   int      // of them, at most MaxHeld
	err     error
}

func (f *grep) line(s string, emit func(string) bool) bool {
	f.n++
	if f.re.MatchString(s) == f.invert {
		if f.left > 0 {
			f.left--
			return f.print(f.n, s, "-", emit)
		}
		if f.before > 0 && !f.count {
			if len(f.held) == f.before {
				f.bytes -= len(f.held[0]) + lineCost
				f.held = append(f.held[:0], f.held[1:]...)
			}
			if f.bytes += len(s) + lineCost; f.bytes > MaxHeld {
				f.held, f.err = nil, errHeld("grep")
				return false
			}
			f.held = append(f.held, s)
		}
		return true
	}
	f.matches++
	if f.count {
		return true
	}
	first := f.n - len(f.held)
	if f.before+f.after > 0 && f.printed > 0 && first > f.printed+1 && !emit("--") {
		return false
	}
	for i, h := range f.held {
		if !f.print(first+i, h, "-", emit) {
			return false
		}
	}
	f.held, f.bytes, f.left = f.held[:0], 0, f.after
	return f.print(f.n, s, ":", emit)
}

func (f *grep) print(n int, s, mark string, emit func(string) bool) bool {
	f.printed = n
	if f.number {
		s = fmt.Sprintf("%d%s%s", n, mark, s)
	}
	return emit(s)
}

// failed implements failing.
func (f *grep) failed() error { return f.err }

func (f *grep) end(emit func(string) bool) {
	if f.count {
		emit(strconv.Itoa(f.matches))
	}
}
