package pipe

import (
	"regexp"
	"strconv"
	"strings"
)

// include keeps lines that match, or that do not.
type include struct {
	re   *regexp.Regexp
	want bool
}

func (f include) line(s string, emit func(string) bool) bool {
	return f.re.MatchString(s) != f.want || emit(s)
}
func (include) end(func(string) bool) {}

type begin struct {
	re    *regexp.Regexp
	began bool
}

func (f *begin) line(s string, emit func(string) bool) bool {
	f.began = f.began || f.re.MatchString(s)
	return !f.began || emit(s)
}
func (*begin) end(func(string) bool) {}

type end struct{ re *regexp.Regexp }

func (f *end) line(s string, emit func(string) bool) bool {
	return emit(s) && !f.re.MatchString(s)
}
func (*end) end(func(string) bool) {}

// section keeps lines that match and what is indented more below them.
type section struct {
	re     *regexp.Regexp
	inside bool
	indent int
}

func (f *section) line(s string, emit func(string) bool) bool {
	indent := len(s) - len(strings.TrimLeft(s, " "))
	switch {
	case f.inside && indent > f.indent && indent < len(s):
	case f.re.MatchString(s):
		f.inside, f.indent = true, indent
	default:
		f.inside = false
		return true
	}
	return emit(s)
}
func (*section) end(func(string) bool) {}

type count struct {
	re *regexp.Regexp // nil: all lines
	n  int
}

func (f *count) line(s string, _ func(string) bool) bool {
	if f.re == nil || f.re.MatchString(s) {
		f.n++
	}
	return true
}
func (f *count) end(emit func(string) bool) { emit(strconv.Itoa(f.n)) }

type head struct{ left int }

func (f *head) line(s string, emit func(string) bool) bool {
	f.left--
	return emit(s) && f.left > 0
}
func (*head) end(func(string) bool) {}

// last is a ring of the newest lines. They may not be more than MaxHeld bytes.
type last struct {
	keep  int
	lines []string
	next  int
	bytes int
	err   error
}

func (f *last) line(s string, _ func(string) bool) bool {
	if f.bytes += len(s) + lineCost; len(f.lines) == f.keep {
		f.bytes -= len(f.lines[f.next]) + lineCost
	}
	if f.bytes > MaxHeld {
		f.lines, f.err = nil, errHeld("last")
		return false
	}
	if len(f.lines) < f.keep {
		f.lines = append(f.lines, s)
		return true
	}
	f.lines[f.next] = s
	f.next = (f.next + 1) % f.keep
	return true
}

// failed implements failing.
func (f *last) failed() error { return f.err }

func (f *last) end(emit func(string) bool) {
	for i := range f.lines {
		if !emit(f.lines[(f.next+i)%len(f.lines)]) {
			return
		}
	}
}
