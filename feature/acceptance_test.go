package feature_test

import (
	"slices"
	"strings"
	"testing"

	"trunkline/cli/grammar"
	"trunkline/cli/session"
	"trunkline/config"
	"trunkline/config/configtest"
	"trunkline/config/tree"
	"trunkline/feature"
)

// TestEveryLine types every configuration line that the chassis of the tests can
// have, and holds it to what operators expect of any:
//
//   - ? explains it at each word;
//   - its keywords may be abbreviated as far as they are clear, all together;
//   - the second time it changes nothing and prints nothing;
//   - what show running-config prints then makes the same configuration of an
//     empty chassis;
//   - default takes it back, as no does (TestLineThenNo); wrong values are
//     refused (TestWrongLines).
func TestEveryLine(t *testing.T) {
	alone(t)
	w := newWorld(t)
	done := map[string]int{}
	for _, c := range everyCommand(t, w.p.Schema, w.cli) {
		if c.config == nil {
			continue
		}
		for _, words := range c.lines() {
			if c.config.Block != nil {
				words = other(words)
			}
			if w.oneLine(c, words) {
				done[c.String()]++
			}
			if w.differs() != "" {
				w = newWorld(t)
			}
		}
		if done[c.String()] == 0 {
			t.Errorf("%v: no line of it is accepted", c)
		}
	}
	t.Logf("%d lines of configuration", len(done))
}

// oneLine is TestEveryLine for one line. It reports whether the line was
// accepted.
func (w *world) oneLine(c command, words []word) bool {
	t, l := w.t, line(words)
	before := w.p.Store.Running().Tree
	at := func(text string) []string { return append(slices.Clone(c.enter), text) }
	if _, failed := w.type1(at(l)...); failed {
		return false
	}
	after := w.p.Store.Running().Tree
	generation := w.p.Store.Running().Generation
	if out, failed := w.type1(at(l)...); failed || out != "" || !w.p.Store.Running().Tree.Equal(after) {
		t.Errorf("%v: %q a second time: failed %t, prints %q, changes %s", c, l, failed, out, differ(after, w.p.Store.Running().Tree))
	}
	if now := w.p.Store.Running().Generation; now != generation {
		t.Errorf("%v: %q a second time is a commit", c, l)
	}
	w.help(c, words)
	w.roundTrip(c, l, after)
	if c.config.Block == nil && !part.MatchString(l) {
		w.reset(c, words, before)
	}
	return true
}

// help asks for help at each word of a line.
func (w *world) help(c command, words []word) {
	s := w.cli.Session(session.Options{Who: feature.Session{User: "admin", Role: feature.NetworkAdmin}})
	for _, l := range c.enter {
		s.Run(w.t.Context(), l, console{&strings.Builder{}})
	}
	for i := range words {
		if i > 0 && words[i-1].glue || i > 0 && words[i-1].typ != nil && words[i-1].typ.How().Rest {
			continue
		}
		typed := line(words[:i])
		if typed != "" {
			typed += " "
		}
		out := s.Help(typed)
		if strings.Contains(out, "% ") {
			w.t.Errorf("%v: help for %q: %s", c, typed, out)
		}
		if words[i].typ == nil && !strings.Contains(strings.ToLower(out), "\n  "+strings.ToLower(words[i].text)) && !strings.HasPrefix(strings.ToLower(out), "  "+strings.ToLower(words[i].text)) {
			w.t.Errorf("%v: help for %q has no %s:\n%s", c, typed, words[i].text, out)
		}
	}
}

// roundTrip makes the configuration again of what is printed of it.
func (w *world) roundTrip(c command, l string, want tree.Tree) {
	store, err := config.Open(w.t.Context(), w.p.Schema, &configtest.Backend{}, config.Hooks{}, tree.Tree{})
	if err != nil {
		w.t.Fatal(err)
	}
	candidate := store.Begin()
	if err := (session.Program{CLI: w.cli}).Apply(candidate, printed(w.p.Schema, want)); err != nil {
		w.t.Errorf("%v: after %q the running configuration does not parse: %v", c, l, err)
		return
	}
	if d := differ(want, candidate.Tree()); d != "" {
		w.t.Errorf("%v: after %q the running configuration makes another %s", c, l, d)
	}
}

// reset types the default form of a line, with its value and without, and the
// line in between as short as it may be.
func (w *world) reset(c command, words []word, before tree.Tree) {
	at := func(text string) []string { return append(slices.Clone(c.enter), text) }
	l := line(words)
	if out, failed := w.type1(at("default " + l)...); failed {
		w.t.Errorf("%v: default %s: %s", c, l, out)
		return
	}
	reset := w.p.Store.Running().Tree
	if value, set := before.Get(c.config.Target(places[c.place], nil)); !set && value == nil && !reset.Equal(before) {
		w.t.Errorf("%v: %s and its default form change %s", c, l, differ(before, reset))
	}
	// What a line that turns a feature off takes along does not come back.
	if out, failed := w.type1(at(l)...); failed {
		w.t.Errorf("%v: %s after its default form: %s", c, l, out)
	}
	after := w.p.Store.Running().Tree
	w.type1(at("default " + l)...)
	short := w.shortest(c, words)
	if out, failed := w.type1(at(short)...); failed || !w.p.Store.Running().Tree.Equal(after) {
		w.t.Errorf("%v: %q for %q: %s %s", c, short, l, out, differ(after, w.p.Store.Running().Tree))
	}
}

// shortest abbreviates the keywords of a line, one after the other.
func (w *world) shortest(c command, words []word) string {
	tables := w.tables(c)
	means := func(words []word) string {
		for _, t := range tables {
			if m, err := t.Match(line(words), grammar.Typed); err == nil {
				return m.Text
			}
		}
		return ""
	}
	want := means(words)
	short := slices.Clone(words)
	for i, word := range words {
		for n := 1; word.typ == nil && n < len(word.text); n++ {
			short[i].text = word.text[:n]
			if means(short) == want {
				break
			}
			short[i].text = word.text
		}
	}
	return line(short)
}

// tables are those of the place of a command.
func (w *world) tables(c command) []*grammar.Table {
	var all []*grammar.Table
	for name, table := range w.cli.Tables() {
		path, kinds, _ := strings.Cut(name, "|")
		if path == c.config.Mode && name != "exec" && (kinds == "" && c.kind == "" || kinds == c.kind) {
			all = append(all, table)
		}
	}
	return all
}

func differ(a, b tree.Tree) string {
	for c := range tree.Diff(a, b) {
		return c.Path.String()
	}
	return ""
}
