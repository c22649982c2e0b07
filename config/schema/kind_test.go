package schema_test

import (
	"strings"
	"testing"

	"trunkline/config/schema"
	"trunkline/config/tree"
)

type kindConfig struct{ off bool }

// kinds is a schema with a list of entries of kinds a and b, of which those of b
// belong to the group behind the switch "feature b", and are off by default.
func kinds(t *testing.T) *schema.Schema {
	t.Helper()
	gate := schema.Bind("features/b", schema.Flag, func(c *kindConfig) *bool { return &c.off }, "feature b", "B").
		With(func(l *schema.Leaf) { l.Section = schema.SectionFeatures })
	s, err := schema.Compile(schema.Group{
		Blocks: []schema.Block{{
			Path: "items/item", Keys: []schema.Key{{Name: "name", Type: schema.Word("name", "Name", 8)}},
			Line: "item <name>", Mode: "config-item", Section: 20, Help: "Item",
			Kind: func(_ tree.Tree, key string) string { return key[:1] },
		}},
		Leaves: schema.Augment([]string{"items/item"},
			schema.Bind("off", schema.Flag, func(c *kindConfig) *bool { return &c.off }, "off", "Off").
				With(func(l *schema.Leaf) { l.Default, l.DefaultKind = false, map[string]any{"b": true} })),
		Words: schema.Words{"item": "Item", "off": "Off"},
	}, schema.Group{Gate: &gate, Kinds: map[string]string{"items/item": "b"}, Words: schema.Words{"feature": "Features", "feature b": "B"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func item(name string, below ...string) tree.Path {
	p := tree.Path{{Name: "items"}, {Name: "item", Key: name}}
	for _, b := range below {
		p = append(p, tree.Elem{Name: b})
	}
	return p
}

var featureB = tree.Path{{Name: "features"}, {Name: "b"}}

func TestDefaultKind(t *testing.T) {
	s := kinds(t)
	for name, def := range map[string]bool{"a1": false, "b1": true} {
		if got := s.Default(item(name, "off")); got != def {
			t.Errorf("%s: default %v, want %v", name, got, def)
		}
		for _, v := range []bool{true, false} {
			if got := s.IsDefault(item(name, "off"), v); got != (v == def) {
				t.Errorf("%s: %v is the default: %v", name, v, got)
			}
		}
	}
	tr := tree.Tree{}.Set(featureB, true).Set(item("a1", "off"), true).Set(item("b1", "off"), false).Set(item("b2"), nil)
	var got string
	for depth, line := range s.Print(tr, schema.PrintOptions{}) {
		got += strings.Repeat("  ", depth) + line + "\n"
	}
	for _, want := range []string{"item a1\n  off", "item b1\n  no off", "item b2"} {
		if !strings.Contains(got, want) {
			t.Errorf("printed\n%s\nwithout %q", got, want)
		}
	}
}

func TestKindsBehindGate(t *testing.T) {
	s := kinds(t)
	off := tree.Tree{}.Set(item("a1", "off"), true)
	bad := off.Set(item("b1"), nil)
	if p := s.Validate(off, bad); len(p) != 1 || !strings.Contains(p[0].Text, "Use feature b first") {
		t.Errorf("an entry of the kind without its feature: %v", p)
	}
	on := off.Set(featureB, true).Set(item("b1", "off"), false)
	if p := s.Validate(off, on); len(p) != 0 {
		t.Errorf("with its feature: %v", p)
	}
	closed := s.Shut(on, on.Delete(featureB))
	if closed.Exists(item("b1")) || !closed.Exists(item("a1", "off")) {
		t.Errorf("what is left without the feature: %v", closed)
	}
	if p := s.Validate(on, closed); len(p) != 1 || p[0].Severity != schema.Note {
		t.Errorf("turning it off: %v", p)
	}
}
