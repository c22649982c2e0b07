package pipe

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"trunkline/config/schema"
	"trunkline/feature"
)

// MaxHeld is how many bytes of output a filter keeps that must see all of it
// before it prints: sort and diff.
const MaxHeld = 4 << 20

// held collects lines up to MaxHeld bytes. Each counts for more than its text,
// since it takes more memory.
type held struct {
	name  string // of the filter
	lines []string
	bytes int
	err   error
}

const lineCost = 16 // bytes of a line besides its text

func (h *held) add(s string) bool {
	if h.bytes += len(s) + lineCost; h.bytes > MaxHeld {
		h.lines, h.err = nil, errHeld(h.name)
		return false
	}
	h.lines = append(h.lines, s)
	return true
}

// errHeld is the message of a filter that cannot hold what it is given.
func errHeld(name string) error {
	return feature.Error(fmt.Sprintf("ERROR: Output exceeds %d bytes; %s cannot hold it.", MaxHeld, name))
}

// failed implements failing.
func (h *held) failed() error { return h.err }

// sorted prints all lines in order: of their bytes, or of the number that each
// begins with.
type sorted struct {
	held
	numeric, reverse, unique bool
}

func (f *sorted) line(s string, _ func(string) bool) bool { return f.add(s) }

func (f *sorted) end(emit func(string) bool) {
	compare := strings.Compare
	if f.numeric {
		compare = func(a, b string) int { return cmp.Or(cmp.Compare(leading(a), leading(b)), strings.Compare(a, b)) }
	}
	slices.SortStableFunc(f.lines, func(a, b string) int {
		if f.reverse {
			a, b = b, a
		}
		return compare(a, b)
	})
	if f.unique {
		same := func(a, b string) bool { return a == b }
		if f.numeric {
			same = func(a, b string) bool { return leading(a) == leading(b) }
		}
		f.lines = slices.CompactFunc(f.lines, same)
	}
	for _, s := range f.lines {
		if !emit(s) {
			return
		}
	}
}

// leading is the number that a line begins with, 0 for none.
func leading(s string) float64 {
	s = strings.TrimLeft(s, " \t")
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || s[end] == '.' || end == 0 && s[end] == '-') {
		end++
	}
	n, _ := strconv.ParseFloat(s[:end], 64) // 0 for none
	return n
}

// uniq drops lines that are equal to the one before.
type uniq struct {
	before string
	any    bool
}

func (f *uniq) line(s string, emit func(string) bool) bool {
	same := f.any && s == f.before
	f.before, f.any = s, true
	return same || emit(s)
}
func (*uniq) end(func(string) bool) {}

// What wc counts.
const (
	countLines = iota
	countWords
	countCharacters
	countAll
)

type wc struct {
	what   int
	counts [countAll]int
}

func (f *wc) line(s string, _ func(string) bool) bool {
	f.counts[countLines]++
	f.counts[countWords] += len(strings.Fields(s))
	f.counts[countCharacters] += utf8.RuneCountInString(s) + 1 // the newline
	return true
}

func (f *wc) end(emit func(string) bool) {
	if f.what != countAll {
		emit(strconv.Itoa(f.counts[f.what]))
		return
	}
	emit(fmt.Sprintf("%7d %7d %7d", f.counts[countLines], f.counts[countWords], f.counts[countCharacters]))
}

// cut prints fields of each line. A line without the delimiter is printed as
// it is.
type cut struct {
	delimiter string
	fields    map[int]bool // from 1
}

func (f *cut) line(s string, emit func(string) bool) bool {
	if !strings.Contains(s, f.delimiter) {
		return emit(s)
	}
	var kept []string
	n := 0
	for part := range strings.SplitSeq(s, f.delimiter) {
		if n++; f.fields[n] {
			kept = append(kept, part)
		}
	}
	return emit(strings.Join(kept, f.delimiter))
}
func (*cut) end(func(string) bool) {}

// maxField is the highest field that cut takes.
const maxField = 1024

// fieldList is fields of cut: "1,3-5".
var fieldList = schema.Type[string]{
	Name:   "fields",
	Syntax: schema.Syntax{Notation: "LIST", Help: fmt.Sprintf("Fields 1-%d or range(s): 1,3-5", maxField)},
	Parse: func(s string) (string, error) {
		if _, err := parseFields(s); err != nil {
			return "", err
		}
		return s, nil
	},
	Format: func(s string) string { return s },
}

func parseFields(s string) (map[int]bool, error) {
	fields := map[int]bool{}
	for item := range strings.SplitSeq(s, ",") {
		first, last, ranged := strings.Cut(item, "-")
		if !ranged {
			last = first
		}
		lo, err1 := strconv.Atoi(first)
		hi, err2 := strconv.Atoi(last)
		if err1 != nil || err2 != nil || lo < 1 || hi < lo || hi > maxField {
			return nil, schema.ErrList
		}
		for n := lo; n <= hi; n++ {
			fields[n] = true
		}
	}
	return fields, nil
}

// delimiter is one character.
var delimiter = schema.Type[string]{
	Name:   "delimiter",
	Syntax: schema.Syntax{Notation: "WORD", Help: "One character"},
	Parse: func(s string) (string, error) {
		if utf8.RuneCountInString(s) != 1 {
			return "", schema.ErrInvalid
		}
		return s, nil
	},
	Format: func(s string) string { return s },
}

// characters is a set of tr: characters and ranges, "a-z0-9".
var characters = schema.Type[string]{
	Name:   "characters",
	Syntax: schema.Syntax{Notation: "WORD", Help: "Characters and ranges: a-z"},
	Parse: func(s string) (string, error) {
		if len(expand(s)) == 0 {
			return "", schema.ErrInvalid
		}
		return s, nil
	},
	Format: func(s string) string { return s },
}

// maxCharacters is the size of a set of tr.
const maxCharacters = 1024

// expand writes the ranges of a set out; nil for none and for too many.
func expand(s string) []rune {
	var all []rune
	for set := []rune(s); len(set) > 0 && len(all) <= maxCharacters; {
		if len(set) < 3 || set[1] != '-' {
			all, set = append(all, set[0]), set[1:]
			continue
		}
		if set[2] < set[0] || set[2]-set[0] >= maxCharacters {
			return nil
		}
		for r := set[0]; r <= set[2]; r++ {
			all = append(all, r)
		}
		set = set[3:]
	}
	if len(all) > maxCharacters {
		return nil
	}
	return all
}

// tr replaces characters; a replacement of -1 drops them.
type tr struct {
	by      map[rune]rune
	squeeze bool
}

// newTr returns a tr from one set to another, of which the last character
// stands for those that are missing. Without another, characters are dropped,
// or with squeeze their repetitions are.
func newTr(from, to string, squeeze bool) *tr {
	f := &tr{by: map[rune]rune{}, squeeze: squeeze}
	set := expand(to)
	for i, r := range expand(from) {
		switch {
		case len(set) > 0:
			f.by[r] = set[min(i, len(set)-1)]
		case squeeze:
			f.by[r] = r
		default:
			f.by[r] = -1
		}
	}
	return f
}

func (f *tr) line(s string, emit func(string) bool) bool {
	last := rune(-1)
	return emit(strings.Map(func(r rune) rune {
		by, ok := f.by[r]
		switch {
		case !ok:
			by = r
		case f.squeeze && by == last:
			return -1
		}
		last = by
		return by
	}, s))
}
func (*tr) end(func(string) bool) {}

// difference compares the output with that of the command's run before.
type difference struct {
	held
	compare func(lines []string) []string
}

func (f *difference) line(s string, _ func(string) bool) bool { return f.add(s) }

func (f *difference) end(emit func(string) bool) {
	if f.err != nil {
		return
	}
	for _, s := range f.compare(f.lines) {
		if !emit(s) {
			return
		}
	}
}
