// Package grammartest walks a table of commands and checks what operators rely
// on at every place of it (cli.md §16, 3 and 4).
package grammartest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"trunkline/cli/grammar"
)

// samples are values for the notations of help; of others Walk takes the lower
// bound of a range, or gives up.
var samples = map[string]string{
	"WORD": "x1", "LINE": "x1", "A.B.C.D": "192.0.2.1", "E.E.E": "0000.0000.0001", "A.B.C.D/LEN": "192.0.2.0/24",
	"<1-258>/<1-1000>": "3/1",
	"UUID":             "7f0f7c0e-3b7a-4a55-9d55-2d6f0c1b9a10",
	"A:B::C:D":         "2001:db8::1", "A:B::C:D/LEN": "2001:db8::/64", "A.B.C.D|A:B::C:D": "192.0.2.1",
	"HH:MM": "09:15", "HH:MM:SS": "09:15:02", "LIST": "1-2", "<-23..23>": "-5",
}

func sample(notation string) string {
	if s, ok := samples[notation]; ok {
		return s
	}
	if rest, ok := strings.CutPrefix(notation, "<"); ok {
		low, _, _ := strings.Cut(rest, "-")
		return low
	}
	return ""
}

// keyword tells an entry for a keyword from the notation of a value.
func keyword(text string) bool {
	_, notation := samples[text]
	return !notation && !strings.HasPrefix(text, "<")
}

// Walk checks every place of the table: help is sorted and every entry has a
// text; every keyword that help lists is accepted or leaves the line
// incomplete; the shortest prefix that is not ambiguous means the keyword.
// Places behind values without a sample are not visited. It returns how many
// places it saw.
func Walk(t testing.TB, table *grammar.Table) int {
	t.Helper()
	w := walker{t: t, table: table, seen: map[string]bool{}, unknown: map[string]bool{}}
	w.next = []place{{}}
	for len(w.next) > 0 && w.places < maxPlaces {
		p := w.next[0]
		w.next = w.next[1:]
		w.visit(p.line, p.depth)
	}
	return w.places
}

// A line with options in any order has more places than can be seen: those with
// the fewest words are.
const (
	maxDepth  = 14
	maxPlaces = 3000
)

type walker struct {
	t      testing.TB
	table  *grammar.Table
	seen   map[string]bool
	places int
	next   []place // to be seen, those with fewer words first
	// unknown are the notations without a sample that were met.
	unknown map[string]bool
}

// place is where a line may go on.
type place struct {
	line  string
	depth int
}

// walk has a place seen in its turn.
func (w *walker) walk(line string, depth int) {
	if depth <= maxDepth && !w.seen[line] {
		w.seen[line] = true
		w.next = append(w.next, place{line, depth})
	}
}

func (w *walker) visit(line string, depth int) {
	h, bad := w.table.Help(line)
	if bad != nil {
		w.t.Errorf("help after %q: %v", line, bad)
		return
	}
	if place := placeOf(line, h); w.seen[place] {
		return
	} else {
		w.seen[place] = true
	}
	w.places++
	sorted := slices.Clone(h.Entries)
	grammar.SortEntries(sorted)
	if !slices.Equal(sorted, h.Entries) {
		w.t.Errorf("help after %q is not sorted: %v", line, h.Entries)
	}
	var keywords []string
	for _, e := range h.Entries {
		if e.Help == "" {
			w.t.Errorf("%s after %q has no help", e.Text, line)
		}
		if keyword(e.Text) {
			keywords = append(keywords, e.Text)
		}
	}
	for _, e := range h.Entries {
		if !keyword(e.Text) {
			s := sample(e.Text)
			if s == "" && e.Text != "LINE" && !w.unknown[e.Text] {
				w.unknown[e.Text] = true
				w.t.Errorf("no value is known for %s after %q: what follows is not tested", e.Text, line)
			}
			if _, err := w.table.Match(line+s, grammar.Typed); s != "" && e.Text != "LINE" && (err == nil || err.Text == grammar.Incomplete) {
				w.walk(line+s+" ", depth+1)
			}
			continue
		}
		if _, err := w.table.Match(line+e.Text, grammar.Typed); err != nil && err.Text != grammar.Incomplete {
			w.t.Errorf("%s%s: %v", line, e.Text, err)
		}
		w.prefixes(line, e.Text, keywords)
		w.walk(line+e.Text+" ", depth+1)
	}
}

// placeOf tells places apart: those that the same words lead to, in any order, and
// that go on alike are one, or options would be walked in all their orders.
func placeOf(line string, h grammar.Help) string {
	words := strings.Fields(line)
	slices.Sort(words)
	return fmt.Sprint(words, h)
}

// prefixes checks the abbreviations of a keyword among those beside it: the
// shortest that none of them has in common is the keyword, and one character less
// is ambiguous, at the word, unless it is a keyword itself.
func (w *walker) prefixes(line, word string, beside []string) {
	for n := 1; n <= len(word); n++ {
		short := word[:n]
		exact, others := false, 0
		for _, b := range beside {
			if strings.EqualFold(b, short) {
				exact = true
			}
			if b != word && len(b) >= n && strings.EqualFold(b[:n], short) {
				others++
			}
		}
		_, err := w.table.Match(line+short, grammar.Typed)
		switch {
		case exact:
		case others == 0:
			if err != nil && err.Text != grammar.Incomplete {
				w.t.Errorf("%s%s, short for %s: %v", line, short, word, err)
			}
			return
		case err == nil || err.Text != grammar.Ambiguous || err.Col != len(line):
			w.t.Errorf("%s%s, short for %s and %d more: %v, want it ambiguous at %d", line, short, word, others, err, len(line))
		}
	}
}
