package feature_test

import (
	"slices"
	"strings"
	"testing"

	"trunkline/cli/grammar"
	"trunkline/cli/session"
	"trunkline/config"
	"trunkline/config/configtest"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/scheduler"
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
			w = w.restored()
		}
		if c.config.Block != nil {
			w.resetBlock(c)
			w = w.restored()
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
	if short := w.shortest(c, words); short != l {
		if out, failed := w.type1(at(short)...); failed || out != "" || !w.p.Store.Running().Tree.Equal(after) {
			t.Errorf("%v: %q for %q: failed %t, prints %q, changes %s", c, short, l, failed, out, differ(after, w.p.Store.Running().Tree))
		}
	}
	w.help(c, words)
	w.roundTrip(c, l, after)
	if c.config.Block == nil && !part.MatchString(l) {
		w.reset(c, words, before)
	}
	return true
}

// resetBlock types the default form of the line of an entry that there is. One
// that has a mode stays, with nothing below it but what is not of this line: the
// profile that an attached port inherits, and its binding. One that has none goes
// as with no.
func (w *world) resetBlock(c command) {
	t := w.t
	for _, words := range c.lines() {
		l := line(words)
		at := func(text string) []string { return append(slices.Clone(c.enter), text) }
		if _, failed := w.type1(at(l)...); failed {
			continue
		}
		there := w.p.Store.Running().Tree
		if out, failed := w.type1(at("default " + l)...); failed || out != "" {
			if no, failed := w.type1(at("no " + l)...); !failed || no != out { // an entry that must stay
				t.Errorf("%v: default %s: failed %t, prints %q", c, l, failed, out)
			}
			continue
		}
		reset := w.p.Store.Running().Tree
		if out, failed := w.type1(at("default " + l)...); failed || out != "" || !w.p.Store.Running().Tree.Equal(reset) {
			t.Errorf("%v: default %s a second time: failed %t, prints %q, changes %s", c, l, failed, out, differ(reset, w.p.Store.Running().Tree))
		}
		if c.config.Block.Mode == "" {
			w.type1(at(l)...)
			if again := w.p.Store.Running().Tree; !again.Equal(there) {
				t.Errorf("%v: %s after its default form changes %s", c, l, differ(there, again))
			}
			w.type1(at("no " + l)...)
			if no := w.p.Store.Running().Tree; !no.Equal(reset) {
				t.Errorf("%v: default %s is not no: %s", c, l, differ(no, reset))
			}
			continue
		}
		entry := w.entry(c, l)
		want := there.Delete(entry)
		if len(c.config.Block.Keys) > 0 {
			want = want.Set(entry, nil)
		}
		for rel, v := range there.Sub(entry).Leaves(nil) {
			p := slices.Concat(entry, rel)
			if leaf := w.p.Schema.Leaf(p); leaf != nil && (leaf.Inventory || leaf.ReadOnly || rel.Names() == schema.Inherit) {
				want = want.Set(p, v)
			}
		}
		if a, b := printed(w.p.Schema, want), printed(w.p.Schema, reset); a != b {
			t.Errorf("%v: default %s leaves %s", c, l, differ(want, reset))
		}
	}
}

// entry is that which the line of a block makes, the first one of a list.
func (w *world) entry(c command, l string) tree.Path {
	for _, table := range w.tables(c) {
		m, err := table.Match(l, grammar.Typed)
		if err != nil {
			continue
		}
		keys := map[string]any{}
		for _, k := range c.config.Keys {
			keys[k] = m.Values[k]
		}
		if m.List != nil {
			keys[m.Command.List] = m.List[0].Value
		}
		return c.config.Target(places[c.place], keys)
	}
	w.t.Fatalf("%v: no table has %q", c, l)
	return nil
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
	if d := differ(want, scheduler.Stamp(tree.Tree{}, candidate.Tree(), "admin", w.p.Now())); d != "" { // as a commit would
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
