package grammar_test

import (
	"slices"
	"testing"

	"trunkline/cli/grammar"
)

func TestGated(t *testing.T) {
	g, err := grammar.NewGated(
		grammar.Command{Template: "show version", Help: "Version"},
		grammar.Command{Template: "show a", Help: "A", Gate: "a"},
		grammar.Command{Template: "show b", Help: "B", Gate: "b"},
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, open := range [][]string{nil, {"a"}, {"b"}, {"a", "b"}} {
		table := g.Table(func(gate string) bool { return slices.Contains(open, gate) })
		want := []string{"show version"}
		for _, gate := range open {
			want = append(want, "show "+gate)
		}
		if got := table.Templates(); !slices.Equal(got, want) {
			t.Errorf("open %v: %v", open, got)
		}
		if again := g.Table(func(gate string) bool { return slices.Contains(open, gate) }); again != table {
			t.Errorf("open %v: the table is made again", open)
		}
	}
	if _, err := grammar.NewGated(grammar.Command{Template: "x", Gate: "a"}, grammar.Command{Template: "x", Gate: "b"}); err == nil {
		t.Error("commands of two gates clash unseen")
	}
}
