package feature_test

import (
	"slices"
	"strings"
	"testing"

	"trunkline/cli/session"
	"trunkline/feature"
)

// running is what show running-config prints, without the lines that tell the
// time.
func (w *world) running() string {
	w.t.Helper()
	out, failed := w.type1("show running-config")
	if failed {
		w.t.Fatal(out)
	}
	var b strings.Builder
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "!") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// TestWholeSystem has every line that the grammar has in one configuration, as far
// as they go together, and pastes what show running-config prints of it into an
// empty chassis: that prints the same, byte for byte (cli.md §16, 1). A second
// paste changes nothing.
func TestWholeSystem(t *testing.T) {
	alone(t)
	w := newWorld(t)
	for _, c := range everyCommand(t, w.p.Schema, w.cli) {
		if c.config == nil {
			continue
		}
		all := c.lines()
		for _, words := range all[:min(len(all), 3)] {
			if c.config.Block != nil {
				words = other(words)
			}
			// Another session may have taken the way away: it is told then.
			s := w.cli.Session(session.Options{Who: feature.Session{User: "admin", Role: feature.NetworkAdmin}})
			for _, l := range append(slices.Clone(c.enter), line(words)) {
				if s.Run(t.Context(), l, console{&strings.Builder{}}).Failed {
					break
				}
			}
		}
	}
	s := w.cli.Session(session.Options{Who: feature.Session{User: "admin", Role: feature.NetworkAdmin}})
	for _, l := range append([]string{"configure terminal"}, full(8)...) {
		s.Run(t.Context(), l, console{&strings.Builder{}})
	}
	want := w.running()
	empty := emptyWorld(t)
	p, cli := empty.p, empty.cli
	for _, time := range []string{"first", "second"} {
		before := p.Store.Running().Generation
		s := cli.Session(session.Options{Who: feature.Session{User: "admin", Role: feature.NetworkAdmin}})
		for _, l := range append([]string{"configure terminal"}, strings.Split(want, "\n")...) {
			var out strings.Builder
			if s.Run(t.Context(), l, console{&out}).Failed {
				t.Errorf("%s paste: %q: %s", time, l, out.String())
			}
		}
		if got := empty.running(); got != want {
			t.Fatalf("%s paste: %s", time, firstDifference(want, got))
		}
		if now := p.Store.Running().Generation; time == "second" && now != before {
			t.Errorf("the second paste makes %d commits", now-before)
		}
	}
	sections := 0
	for block := range strings.SplitSeq(want, "\n\n") {
		if strings.TrimSpace(block) != "" {
			sections++
		}
	}
	t.Logf("%d lines in %d sections", strings.Count(want, "\n"), sections)
	if strings.Count(want, "\n") < 200 {
		t.Errorf("a small system:\n%s", want)
	}
}

func firstDifference(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return "line " + strings.Join([]string{a[max(0, i-1)], a[i], "became", b[i]}, " | ")
		}
	}
	return "one has more lines than the other"
}
