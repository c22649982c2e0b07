// Package scrape reads screens as tools do that know an NX-OS device: each line of
// the text must be one of a list of headings and rows, whose cells stand at fixed
// columns (cli.md §11).
package scrape

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Pattern is one kind of line that a tool knows of a screen.
type Pattern struct {
	whole  *regexp.Regexp // of the line, if it is no row
	format []column
	cells  []*regexp.Regexp
	source string
}

// column is a part of a row's format: text, or a cell of a width.
type column struct {
	text  string // of a part that is no cell
	width int    // 0: up to the next part
	right bool   // blanks stand before the value
}

var verb = regexp.MustCompile(`%(-?)(\d*)([sd])`)

// Line is a heading, or a line without columns. The pattern is anchored.
func Line(pattern string) Pattern {
	return Pattern{whole: regexp.MustCompile(`^(?:` + pattern + `)$`), source: pattern}
}

// Literal is a heading as it is printed.
func Literal(text string) Pattern { return Line(regexp.QuoteMeta(text)) }

// Row is a row of a table as cli.md §11 gives it: a format, and an anchored
// pattern for each cell. A cell stands in its columns and nowhere else; only the
// last may be longer than its width.
func Row(format string, cells ...string) Pattern {
	p := Pattern{source: format}
	at := 0
	for _, m := range verb.FindAllStringSubmatchIndex(format, -1) {
		if m[0] > at {
			p.format = append(p.format, column{text: format[at:m[0]]})
		}
		width, _ := strconv.Atoi(format[m[4]:m[5]]) // digits, or none
		p.format = append(p.format, column{width: width, right: m[2] == m[3] && width > 0})
		at = m[1]
	}
	if at < len(format) {
		p.format = append(p.format, column{text: format[at:]})
	}
	for _, c := range cells {
		p.cells = append(p.cells, regexp.MustCompile(`^(?:`+c+`)$`))
	}
	return p
}

// Matches reports whether the pattern knows the line.
func (p Pattern) Matches(line string) bool {
	if p.whole != nil {
		return p.whole.MatchString(line)
	}
	rest, cell := []rune(line), 0
	take := func(n int) string {
		for len(rest) < n { // blanks at the end need not be printed
			rest = append(rest, ' ')
		}
		s := string(rest[:n])
		rest = rest[n:]
		return s
	}
	for i, c := range p.format {
		if c.text != "" {
			if take(len(c.text)) != c.text {
				return false
			}
			continue
		}
		var value string
		switch {
		case i == len(p.format)-1:
			value = string(rest)
			rest = nil
			if c.right && len([]rune(value)) < c.width {
				return false
			}
		case c.width > 0:
			value = take(c.width)
		default: // up to the text that follows
			before, _, ok := strings.Cut(string(rest), p.format[i+1].text)
			if !ok {
				return false
			}
			value = before
			rest = rest[len([]rune(before)):]
		}
		if c.right {
			value = strings.TrimLeft(value, " ")
		} else {
			value = strings.TrimRight(value, " ")
		}
		if cell >= len(p.cells) || !p.cells[cell].MatchString(value) {
			return false
		}
		cell++
	}
	return cell == len(p.cells) && strings.TrimSpace(string(rest)) == ""
}

// Read reads a screen as tools do that give up at the first line that they do
// not know, and returns how many lines each pattern has matched: the first one
// that does.
func Read(t testing.TB, what, text string, patterns []Pattern) []int {
	t.Helper()
	n := make([]int, len(patterns))
	unknown := 0
next:
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		for i, p := range patterns {
			if p.Matches(line) {
				n[i]++
				continue next
			}
		}
		if unknown++; unknown <= 3 {
			t.Errorf("%s: a scraper does not know %q", what, line)
		}
	}
	return n
}

// String is the pattern as it was written.
func (p Pattern) String() string { return p.source }
