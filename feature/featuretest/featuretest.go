// Package featuretest is for the tests of features: it runs a show command of a
// feature's table on a Query and compares what it found with a golden file that
// holds text and structure. It prints a Screen as cli/render does, which
// features cannot import, without that package's compatibility rules: every
// table is a list.
//
// A golden file is written when the test runs with -update.
package featuretest

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

var update = flag.Bool("update", false, "write golden files")

// Show runs the show command with that line. Args are its placeholders with
// their values, in turn.
func Show(t *testing.T, f feature.Feature, q feature.Query, line string, args ...any) (feature.Screen, error) {
	t.Helper()
	i := slices.IndexFunc(f.Show, func(s feature.Show) bool { return s.Line == line })
	if i < 0 {
		t.Fatalf("feature %s has no show command %q", f.Name, line)
	}
	q.Args = feature.Args{Values: map[string]any{}}
	for n := 0; n+1 < len(args); n += 2 {
		q.Args.Values[args[n].(string)] = args[n+1]
	}
	return f.Show[i].Run(q)
}

// Golden compares a screen with the file testdata/NAME.golden.
func Golden(t *testing.T, name string, s feature.Screen) {
	t.Helper()
	got := Text(s) + "-- json --\n" + JSON(s) + "\n"
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		t.Fatalf("%s is not there; run the test with -update and read it.\ngot:\n%s", file, got)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs:\n%s", file, differ(string(want), got))
	}
	Layout(t, Text(s))
}

// Layout checks what holds for every screen (cli.md §11, §16): no tabs, no
// trailing blanks, one newline at the end, lines of at most 132 columns.
func Layout(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		l, ok := strings.CutSuffix(line, "\n")
		switch {
		case !ok:
			t.Errorf("no newline at the end: %q", line)
		case strings.ContainsRune(l, '\t'):
			t.Errorf("a tab: %q", line)
		case strings.TrimRight(l, " ") != l:
			t.Errorf("trailing blanks: %q", line)
		case len(l) > 132:
			t.Errorf("a line of %d columns: %q", len(l), line)
		}
	}
}

// Text is the screen as text.
func Text(s feature.Screen) string {
	var b strings.Builder
	for _, sec := range s {
		var rows strings.Builder
		n := 0
		if sec.Rows != nil {
			for r := range sec.Rows {
				rows.WriteString(r.Text)
				n++
			}
		}
		if sec.Optional && n == 0 {
			continue
		}
		b.WriteString(sec.Heading + rows.String() + sec.Footer)
	}
	return b.String()
}

// JSON is the structure of the screen, one pair or row on a line.
func JSON(s feature.Screen) string {
	var b strings.Builder
	for _, sec := range s {
		section(&b, "", sec)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func section(b *strings.Builder, indent string, sec feature.Section) {
	for _, p := range sec.Keys {
		if p.Value != nil {
			fmt.Fprintf(b, "%s%s: %s\n", indent, p.Key, value(p.Value))
		}
	}
	if sec.Rows == nil || sec.Name == "" {
		return
	}
	for r := range sec.Rows {
		if len(r.Keys)+len(r.Sub) == 0 {
			continue // text only
		}
		fmt.Fprintf(b, "%sTABLE_%s/ROW_%[2]s:", indent, sec.Name)
		for _, p := range r.Keys {
			if p.Value != nil {
				fmt.Fprintf(b, " %s=%s", p.Key, value(p.Value))
			}
		}
		b.WriteByte('\n')
		for _, sub := range r.Sub {
			section(b, indent+"  ", sub)
		}
	}
}

func value(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(b.String())
}

// differ shows the first line that differs, with its number.
func differ(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		a, b := "(end)", "(end)"
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			return fmt.Sprintf("line %d\nwant %q\n got %q", i+1, a, b)
		}
	}
	return "no line differs"
}

// Config is what show running-config prints of a tree under the schema of the
// feature and the groups it needs, two blanks to a level.
func Config(t *testing.T, tr tree.Tree, groups ...schema.Group) string {
	t.Helper()
	s, err := schema.Compile(groups...)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for depth, line := range s.Print(tr, schema.PrintOptions{}) {
		if line != "" {
			line = strings.Repeat("  ", depth) + line
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// Path parses the path of a node.
func Path(t testing.TB, text string) tree.Path {
	t.Helper()
	p, err := tree.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Build makes a tree of paths and values in turn.
func Build(t testing.TB, pairs ...any) tree.Tree {
	t.Helper()
	var out tree.Tree
	for i := 0; i < len(pairs); i += 2 {
		out = out.Set(Path(t, pairs[i].(string)), pairs[i+1])
	}
	return out
}

// Local is the effective configuration of ports that inherit nothing.
func Local(t tree.Tree) func(port string) tree.Tree {
	return func(port string) tree.Tree { return t.Sub(feature.InterfacePath(port)) }
}
