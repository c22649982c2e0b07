package schema_test

import (
	"slices"
	"strings"
	"testing"

	"trunkline/config/schema"
	"trunkline/config/tree"
)

type gateConfig struct {
	on, fast bool
	word     string
}

// gatedSchema has a group behind the switch features/x, and one that is always
// there.
func gatedSchema(t *testing.T) *schema.Schema {
	t.Helper()
	gate := schema.Bind("features/x", schema.Flag, func(c *gateConfig) *bool { return &c.on }, "feature x", "X").
		With(func(l *schema.Leaf) { l.Section = schema.SectionFeatures })
	text := schema.Word("word", "Word", 8)
	words := schema.Words{"feature": "Features", "x": "X"}
	s, err := schema.Compile(
		schema.Group{
			Blocks: []schema.Block{{Path: "ports/port", Keys: []schema.Key{{Name: "name", Type: text}}, Line: "port <name>", Mode: "config-port", Section: 19, Help: "Port"}},
			Leaves: []schema.Leaf{schema.Bind("word", text, func(c *gateConfig) *string { return &c.word }, "word <word>", "Word")},
		},
		schema.Group{
			Gate: &gate, Words: words,
			Blocks: []schema.Block{{Path: "x/rows", Keys: []schema.Key{{Name: "row", Type: text}}, Line: "x row <row>", Mode: "config-row", Section: 16, Help: "Row"}},
			Leaves: append(schema.Augment([]string{"ports/port"},
				schema.Bind("x/fast", schema.Flag, func(c *gateConfig) *bool { return &c.fast }, "x fast", "Fast")),
				schema.Bind("x/word", text, func(c *gateConfig) *string { return &c.word }, "x word <word>", "Word").
					With(func(l *schema.Leaf) { l.Section = 16 })),
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func gateTree(t *testing.T, pairs ...any) tree.Tree {
	t.Helper()
	var out tree.Tree
	for i := 0; i < len(pairs); i += 2 {
		p, err := tree.Parse(pairs[i].(string))
		if err != nil {
			t.Fatal(err)
		}
		out = out.Set(p, pairs[i+1])
	}
	return out
}

func TestGate(t *testing.T) {
	s := gatedSchema(t)
	for _, l := range s.Lines() {
		want := ""
		if strings.HasPrefix(l.Template, "x ") {
			want = "features/x"
		}
		if l.Gate != want {
			t.Errorf("%q is behind %q, want %q", l.Template, l.Gate, want)
		}
	}
	plain := gateTree(t, "ports/port[a]", nil, "word", "w")
	on := gateTree(t, "ports/port[a]", nil, "word", "w", "features/x", true)
	full := gateTree(t, "ports/port[a]/x/fast", true, "x/rows[r]", nil, "x/word", "v", "word", "w", "features/x", true)
	off := full.Delete(tree.Path{{Name: "features"}, {Name: "x"}})
	if s.Open(plain, "features/x") || !s.Open(on, "features/x") || !s.Open(plain, "") {
		t.Error("open")
	}
	for _, c := range []struct {
		name     string
		old, new tree.Tree
		want     string
	}{
		{"nothing", plain, plain, ""}, {"on", plain, on, ""}, {"with settings", plain, full, ""}, {"off", on, plain, ""},
		{"settings of what is off", plain, off, "ERROR: Use feature x first.\nERROR: Use feature x first.\nERROR: Use feature x first."},
		{"off with settings", full, off, "ERROR: Use feature x first.\nERROR: Use feature x first.\nERROR: Use feature x first.\nNote: The configuration of x is removed."},
		{"off without settings", full, plain, "Note: The configuration of x is removed."},
	} {
		var got []string
		for _, p := range s.Validate(c.old, c.new) {
			got = append(got, p.Text)
		}
		slices.Sort(got)
		if text := strings.Join(got, "\n"); text != c.want {
			t.Errorf("%s: %s\nwant %s", c.name, text, c.want)
		}
	}
	if got := s.Shut(full, off); !got.Equal(plain) {
		t.Errorf("shut leaves %v", got)
	}
	if got := s.Shut(plain, off); !got.Equal(off) {
		t.Error("what was not on has been shut")
	}
	if got := s.Closed(off); len(got) != 1 || got[0].String() != "features/x" || s.Closed(full) != nil || s.Closed(plain) != nil {
		t.Errorf("closed %v", got)
	}
	if got := s.Closing(full, plain); len(got) != 1 || s.Closing(on, plain) != nil || s.Closing(plain, full) != nil {
		t.Errorf("closing %v", got)
	}
	patch := func(a, b tree.Tree) (text string) {
		for depth, line := range s.Patch(a, b) {
			text += strings.Repeat(" ", depth) + line + "\n"
		}
		return text
	}
	if got := patch(full, plain); got != "!!\nno feature x\n" {
		t.Errorf("patch %q", got)
	}
	if got := patch(plain, full); !strings.HasPrefix(got, "!!\nfeature x\n") || !strings.Contains(got, "x row r\n") {
		t.Errorf("patch %q", got)
	}
	all := ""
	for _, line := range s.Print(plain, schema.PrintOptions{All: true}) {
		all += line + "\n"
	}
	if strings.Contains(all, "x fast") {
		t.Errorf("defaults of what is off: %s", all)
	}
}

// TestBadGate refuses switches that are none.
func TestBadGate(t *testing.T) {
	text := schema.Word("word", "Word", 8)
	gate := schema.Bind("a", schema.Flag, func(c *gateConfig) *bool { return &c.on }, "a", "A").
		With(func(l *schema.Leaf) { l.Section = schema.SectionFeatures })
	early := schema.Bind("b", schema.Flag, func(c *gateConfig) *bool { return &c.on }, "b", "B")
	if _, err := schema.Compile(schema.Group{Gate: &gate, Leaves: []schema.Leaf{early}}); err == nil || !strings.Contains(err.Error(), "not after that of its gate") {
		t.Errorf("a line before its gate: %v", err)
	}
	for name, gate := range map[string]schema.Leaf{
		"no switch": schema.Bind("a", text, func(c *gateConfig) *string { return &c.word }, "a <word>", "A"),
		"no line":   schema.Bind("a", schema.Flag, func(c *gateConfig) *bool { return &c.on }, "", "A"),
	} {
		if _, err := schema.Compile(schema.Group{Gate: &gate}); err == nil || !strings.Contains(err.Error(), "a gate") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
