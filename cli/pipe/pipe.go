// Package pipe filters the output of commands: "show … | include RE | last 5"
// (cli.md §6). Filters are lines of a grammar, so they abbreviate, explain
// themselves and fail like commands.
//
// Output streams through a chain line by line. What a filter keeps is bounded:
// last remembers as many lines as it prints, at most MaxLast; it, sort and diff
// hold MaxHeld bytes and then fail; a line longer than maxLine is passed on in
// pieces.
package pipe

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"trunkline/cli/grammar"
	"trunkline/cli/render"
	"trunkline/config/schema"
)

// MaxLast is the most lines that head and last take.
const MaxLast = 65535

// ErrDone is returned by a chain's Write when it wants no more input. It is no
// failure.
var ErrDone = errors.New("no more output wanted")

// Chain is what follows the first bar of a command.
type Chain struct {
	// Format is how the command's screen is to be written.
	Format render.Format
	// NoMore suppresses paging.
	NoMore bool
	// Compare makes the output of diff of the lines that what Before names
	// has now; it is set by the caller before Writer.
	Compare func(before string, lines []string) []string
	filters []func() filter
	before  string // the filters so far
}

// Filters reports whether there is anything that looks at lines: what chooses a
// format or paging does not.
func (c *Chain) Filters() bool { return len(c.filters) > 0 }

// filter handles one line at a time. Emit passes a line on and reports whether
// more is wanted; so do line and end.
type filter interface {
	line(text string, emit func(string) bool) bool
	end(emit func(string) bool)
}

// failing is a filter that can fail; it then wants no more lines.
type failing interface{ failed() error }

// pattern is a POSIX extended regular expression to the end of the filter,
// quotes around it removed.
var pattern = schema.Type[string]{
	Name:   "pattern",
	Syntax: schema.Syntax{Notation: "LINE", Help: "Regular expression", Rest: true},
	Parse: func(s string) (string, error) {
		if s = unquote(s); s == "" {
			return "", schema.ErrInvalid
		}
		if err := check(s); err != nil {
			return "", &schema.SyntaxError{Text: "Invalid regular expression"}
		}
		return s, nil
	},
	Format: func(s string) string { return s },
}

// apply adds a filter to a chain.
type apply func(c *Chain, m *grammar.Match)

func matching(make func(re *regexp.Regexp) filter) apply {
	return func(c *Chain, m *grammar.Match) {
		var re *regexp.Regexp
		if s, ok := m.Values["pattern"].(string); ok {
			re = regexp.MustCompilePOSIX(s)
		}
		c.filters = append(c.filters, func() filter { return make(re) })
	}
}

func counting(make func(n int) filter) apply {
	return func(c *Chain, m *grammar.Match) {
		n := uint32(10)
		if v, ok := m.Values["lines"].(uint32); ok {
			n = v
		}
		c.filters = append(c.filters, func() filter { return make(int(n)) })
	}
}

func format(f render.Format) apply { return func(c *Chain, _ *grammar.Match) { c.Format = f } }

// NewTable returns the grammar of filters.
func NewTable() *grammar.Table {
	types := map[string]schema.AnyType{
		"pattern": pattern,
		"lines":   schema.Uint("lines", "Number of lines", 1, MaxLast),
	}
	words := schema.Words{"head lines": "Number of lines", "json native": "Numbers and booleans typed"}
	var all []grammar.Command
	add := func(template, help string, a apply) {
		all = append(all, grammar.Command{Template: template, Types: types, Words: words, Help: help, Tag: a})
	}
	add("include <pattern>", "Include lines that match", matching(func(re *regexp.Regexp) filter { return include{re, true} }))
	add("exclude <pattern>", "Exclude lines that match", matching(func(re *regexp.Regexp) filter { return include{re, false} }))
	add("begin <pattern>", "Begin with the line that matches", matching(func(re *regexp.Regexp) filter { return &begin{re: re} }))
	add("end <pattern>", "End with the line that matches", matching(func(re *regexp.Regexp) filter { return &end{re: re} }))
	add("section <pattern>", "Show lines that match with the lines indented below them", matching(func(re *regexp.Regexp) filter { return &section{re: re} }))
	add("count [<pattern>]", "Count number of lines", matching(func(re *regexp.Regexp) filter { return &count{re: re} }))
	add("head [[lines] <lines>]", "Display only the first lines", counting(func(n int) filter { return &head{left: n} }))
	add("last [<lines>]", "Display only the last lines", counting(func(n int) filter { return &last{keep: n} }))
	add("no-more", "Turn-off pagination for command output", func(c *Chain, _ *grammar.Match) { c.NoMore = true })
	add("json", "Output in json format", format(render.JSON))
	add("json native", "Numbers and booleans typed", format(render.Native))
	add("json-pretty", "Output in json format, indented", format(render.Pretty))
	add("xml", "Output in xml format", format(render.XML))
	for _, name := range []string{"grep", "egrep"} {
		template, types := grepTemplate(name)
		all = append(all, grammar.Command{Template: template, Types: types, Help: "Print lines matching a pattern", Tag: apply(addGrep)})
	}
	all = append(all, textTools()...)
	t, err := grammar.NewTable(all...)
	if err != nil {
		panic(fmt.Sprintf("filters: %v", err)) // a constant of this file is wrong
	}
	return t
}

// Parse reads the parts between bars; the error's column is relative to the
// part with the returned index.
func Parse(table *grammar.Table, parts []string) (*Chain, int, *grammar.Error) {
	c := &Chain{}
	for i, p := range parts {
		m, err := table.Match(p, grammar.Replayed)
		if err != nil {
			return nil, i, err
		}
		format := c.Format
		m.Command.Tag.(apply)(c, m)
		c.before += "|" + m.Text
		if c.Format != format && (len(c.filters) > 0 || format != render.Text) {
			// What is no longer a screen cannot be structured.
			return nil, i, &grammar.Error{Col: len(p) - len(strings.TrimLeft(p, " \t")), Text: grammar.Invalid}
		}
	}
	return c, 0, nil
}

const maxLine = 64 << 10

// Writer returns a writer that passes what it is given through the filters to
// w. It must be closed to get the last lines.
func (c *Chain) Writer(w io.Writer) io.WriteCloser {
	if len(c.filters) == 0 {
		return plain{w}
	}
	p := &lineWriter{}
	emit := func(s string) bool {
		if p.err == nil {
			_, p.err = io.WriteString(w, s+"\n")
		}
		return p.err == nil
	}
	for i := len(c.filters) - 1; i >= 0; i-- {
		f, next, after := c.filters[i](), emit, p.end
		if may, ok := f.(failing); ok {
			p.failing = append(p.failing, may)
		}
		emit = func(s string) bool { return f.line(s, next) }
		p.end = func() {
			f.end(next)
			if after != nil {
				after()
			}
		}
	}
	p.emit = emit
	return p
}

type plain struct{ io.Writer }

func (plain) Close() error { return nil }

// lineWriter cuts what is written into lines.
type lineWriter struct {
	emit func(string) bool
	end  func()
	buf  []byte
	done bool
	err  error

	failing []failing
}

func (p *lineWriter) Write(b []byte) (int, error) {
	for i, c := range b {
		if p.done {
			break
		}
		if c != '\n' && len(p.buf) < maxLine {
			p.buf = append(p.buf, c)
			continue
		}
		p.flush()
		if c != '\n' {
			p.buf = append(p.buf, b[i])
		}
	}
	switch {
	case p.failed() != nil:
		return 0, p.err
	case p.done:
		return len(b), ErrDone
	}
	return len(b), nil
}

func (p *lineWriter) flush() {
	line := string(p.buf)
	p.buf = p.buf[:0]
	if !p.emit(line) {
		p.done = true
	}
}

func (p *lineWriter) Close() error {
	if len(p.buf) > 0 && !p.done {
		p.flush()
	}
	p.end()
	return p.failed()
}

// failed is the first error of the writer below and of the filters.
func (p *lineWriter) failed() error {
	for _, f := range p.failing {
		if p.err == nil {
			p.err = f.failed()
		}
	}
	return p.err
}
