package config_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"trunkline/config"
	"trunkline/config/configtest"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/internal/ether"
)

// reader turns printed lines back into edits by trying every line of the
// grammar. It is slow and knows no abbreviation, and shares no code with Print.
type reader struct {
	s     *schema.Schema
	stack []tree.Path // the nodes whose modes are open, by depth
}

func (r *reader) read(depth int, line string) ([]config.Edit, error) {
	r.stack = r.stack[:depth]
	var at tree.Path
	if depth > 0 {
		at = r.stack[depth-1]
	}
	body, no := strings.CutPrefix(line, "no ")
	for _, l := range r.s.Lines() {
		if l.Mode != at.Names() || l.Alias != nil {
			continue
		}
		values, ok := match(strings.Fields(l.Template), body, l, no)
		if !ok {
			continue
		}
		target := l.Target(at, values)
		switch {
		case l.Block != nil:
			if l.Block.Summary && strings.ContainsAny(body, ",-") {
				continue
			}
			r.stack = append(r.stack, target)
			edits := []config.Edit{{Op: config.Set, Path: target}}
			for name, rel := range l.Options {
				if v, ok := values[name]; ok {
					edits = append(edits, config.Edit{Op: config.Set, Path: target.Join(rel), Value: v})
				}
			}
			return edits, nil
		case no:
			return []config.Edit{{Op: config.Negate, Path: target}}, nil
		case l.Switch():
			return []config.Edit{{Op: config.Set, Path: target, Value: true}}, nil
		default:
			return []config.Edit{{Op: config.Set, Path: target, Value: values[l.Value]}}, nil
		}
	}
	if list, ok := strings.CutPrefix(line, "vlan "); ok && depth == 0 {
		set, err := ether.ParseVLANSet(list)
		var edits []config.Edit
		for v := range set.All() {
			edits = append(edits, config.Edit{Op: config.Set, Path: path(fmt.Sprintf("vlans/vlan[%d]", v))})
		}
		r.stack = append(r.stack, path("vlans/vlan[1]")) // no line follows in it
		return edits, err
	}
	return nil, fmt.Errorf("no line of the grammar matches")
}

// match reads words by a template; with no, the value may be left out.
func match(template []string, line string, l schema.Statement, no bool) (map[string]any, bool) {
	values := map[string]any{}
	for i := 0; i < len(template); i++ {
		word := template[i]
		optional := strings.HasPrefix(word, "[")
		if optional { // "[type <type>]"
			rest, ok := strings.CutPrefix(line, word[1:]+" ")
			if !ok {
				i++
				continue
			}
			line, word = rest, strings.TrimSuffix(template[i+1], "]")
			i++
		}
		if !strings.HasPrefix(word, "<") {
			first, rest, _ := strings.Cut(line, " ")
			if first != word {
				return nil, false
			}
			line = rest
			continue
		}
		name := strings.Trim(word, "<>")
		if no && name == l.Value {
			continue
		}
		// A value takes as many words as it can.
		taken := false
		for n := len(line); n > 0; n = strings.LastIndexByte(line[:n], ' ') {
			v, err := l.Types[name].ParseText(line[:n])
			if err == nil && l.Types[name].FormatText(v) == line[:n] {
				values[name] = v
				line, taken = strings.TrimPrefix(line[n:], " "), true
				break
			}
		}
		if !taken {
			return nil, false
		}
	}
	return values, line == ""
}

// TestTextRoundTrip: what a random tree prints makes that tree again, line by
// line, on an empty chassis.
func TestTextRoundTrip(t *testing.T) {
	s := configtest.Schema()
	drawn := map[string]bool{}
	for seed := range uint64(100) {
		want := configtest.Random(s, rand.New(rand.NewPCG(seed, 7)))
		if problems := s.Validate(tree.Tree{}, want); len(problems) > 0 {
			t.Fatalf("seed %d: the random tree is not valid: %v", seed, problems)
		}
		for p := range want.Leaves(nil) {
			drawn[p.Names()] = true
		}
		store := open(t, &configtest.Backend{}, config.Hooks{})
		c := store.Begin()
		r := reader{s: s}
		var printed strings.Builder
		for depth, line := range s.Print(want, schema.PrintOptions{}) {
			fmt.Fprintf(&printed, "%s%s\n", strings.Repeat("  ", depth), line)
			if line == "" {
				continue
			}
			edits, err := r.read(depth, line)
			if err == nil {
				err = c.Apply(edits...)
			}
			if err == nil {
				for _, p := range store.Check(c) {
					err = p
				}
			}
			if err != nil {
				t.Fatalf("seed %d: %q: %v\n%s", seed, line, err, printed.String())
			}
		}
		for d := range tree.Diff(want, c.Tree()) {
			t.Errorf("seed %d: %s: printed %v, read %v", seed, d.Path, d.Old, d.New)
		}
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, printed.String())
		}
	}
	for _, l := range s.Lines() {
		if l.Leaf != nil && !drawn[l.Path()] {
			t.Errorf("no random tree had %s", l.Path())
		}
	}
}

// TestThenNo: a line that is set where nothing was, and its no form, leave the
// tree as it was.
func TestThenNo(t *testing.T) {
	s := configtest.Schema()
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 8))
		store, err := config.Open(t.Context(), s, &configtest.Backend{}, config.Hooks{}, configtest.Random(s, r))
		if err != nil {
			t.Fatal(err)
		}
		before := store.Running().Tree
		with := configtest.Random(s, r)
		for p, v := range with.Leaves(nil) {
			entry := s.EntryAbove(p)
			if strings.HasPrefix(s.Text(p, v), "no ") || before.Exists(p) || s.Overrides(before, p) || s.Block(entry.Names()) != nil && s.Block(entry.Names()).Line != "" && !before.Exists(entry) {
				continue // not a line that can be typed there, or one that changes what is there
			}
			if l := s.Leaf(p); l.ReadOnly || l.Line == "" || !l.AllowsKind(s.Kind(before, p)) || strings.HasPrefix(p.Names(), "vems/vem/") && !before.Exists(p[:2]) {
				continue
			}
			c := store.Begin()
			if err := c.Apply(config.Edit{Op: config.Set, Path: p, Value: v}); err != nil {
				t.Fatal(err)
			}
			if err := c.Apply(config.Edit{Op: config.Negate, Path: p}); err != nil {
				t.Fatal(err)
			}
			if !c.Tree().Equal(before) {
				t.Fatalf("seed %d: %q and its no form leave a difference", seed, s.Text(p, v))
			}
		}
	}
}

func TestReplace(t *testing.T) {
	s := configtest.Schema()
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 9))
		store, err := config.Open(t.Context(), s, &configtest.Backend{}, config.Hooks{}, configtest.Random(s, r))
		if err != nil {
			t.Fatal(err)
		}
		want := configtest.Random(s, r)
		c := store.Begin()
		if err := c.Apply(config.Edit{Op: config.Replace, Value: want}); err != nil {
			t.Fatal(err)
		}
		if !c.Tree().Equal(want) {
			t.Fatalf("seed %d: replaced by another tree than given", seed)
		}
	}
}
