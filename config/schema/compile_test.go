package schema_test

import (
	"strings"
	"testing"

	"trunkline/config/configtest"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/internal/ether"
)

type settings struct {
	Text string
	On   bool
	N    uint32
}

var word = schema.Word("word", "A word", 10)

func leaf(path, line, help string) schema.Leaf {
	return schema.Bind(path, word, func(c *settings) *string { return &c.Text }, line, help)
}

func list(path, line string) schema.Block {
	return schema.Block{Path: path, Keys: []schema.Key{{Name: "id", Type: word}}, Line: line, Mode: "config-x", Help: "A list"}
}

func TestCompileRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		group schema.Group
		want  string
	}{
		{"path twice", schema.Group{Leaves: []schema.Leaf{leaf("a", "a <v>", "A"), leaf("a", "b <v>", "B")}}, "leaf a: declared twice"},
		{"block twice", schema.Group{Blocks: []schema.Block{list("a/b", "b <id>"), list("a/b", "c <id>")}}, "block a/b: declared twice"},
		{"through a leaf", schema.Group{Leaves: []schema.Leaf{leaf("a", "a <v>", "A"), leaf("a/b", "b <v>", "B")}}, "leaf a/b: path leads through the leaf a"},
		{"leaf over container", schema.Group{Leaves: []schema.Leaf{leaf("a/b", "a <v>", "A"), leaf("a", "b <v>", "B")}}, "leaf a: declared twice"},
		{"bad name", schema.Group{Leaves: []schema.Leaf{leaf("a/1", "a <v>", "A")}}, `invalid name "1"`},
		{"line twice", schema.Group{Leaves: []schema.Leaf{leaf("a", "x <v>", "A"), leaf("b", "x <w>", "A")}}, "cannot be told from that of leaf a"},
		{"leaf without help", schema.Group{Leaves: []schema.Leaf{leaf("a", "a <v>", "")}}, "leaf a: no help"},
		{"keyword without help", schema.Group{Leaves: []schema.Leaf{leaf("a", "a b <v>", "B")}}, `line "a b <v>": no help for "a"`},
		{"keyword with two helps", schema.Group{Leaves: []schema.Leaf{leaf("a", "a b <v>", "B"), leaf("b", "a <v>", "C")}, Words: schema.Words{"a": "A", "a b": "D"}}, ""},
		{"block without help", schema.Group{Blocks: []schema.Block{{Path: "a", Line: "a", Mode: "m"}}}, "block a: no help"},
		{"type without notation", schema.Group{Leaves: []schema.Leaf{leaf("a", "a <v>", "A").With(func(l *schema.Leaf) {
			l.Type = schema.Type[string]{Name: "mute", Parse: word.Parse, Format: word.Format}
		})}}, "type mute of <v> has no notation"},
		{"form without help", schema.Group{Leaves: []schema.Leaf{leaf("a", "a <v>", "A").With(func(l *schema.Leaf) {
			l.Type = schema.Type[string]{Name: "f", Syntax: schema.Syntax{Forms: []string{"x <y>"}}, Parse: word.Parse, Format: word.Format}
		})}}, `type f: form "x <y>": <y> without a type`},
		{"two values", schema.Group{Leaves: []schema.Leaf{leaf("a", "a <v> <w>", "A")}}, "more than one value: <v> and <w>"},
		{"switch that is no bool", schema.Group{Leaves: []schema.Leaf{leaf("a", "a", "A")}}, "line without a value, but the type is word"},
		{"value in brackets", schema.Group{Leaves: []schema.Leaf{leaf("a", "a [<v>]", "A")}}, "only options may be in brackets"},
		{"no line", schema.Group{Leaves: []schema.Leaf{leaf("a", "", "A")}}, "leaf a: no line"},
		{"bad line", schema.Group{Leaves: []schema.Leaf{leaf("a", "a <v", "A")}}, "placeholder without name or end"},
		{"line without keyword", schema.Group{Leaves: []schema.Leaf{leaf("a", "<v>", "A")}}, "does not begin with a keyword"},
		{"no mount", schema.Group{Leaves: schema.Augment([]string{"x/y"}, leaf("a", "a <v>", "A"))}, "mounted on x/y, which is not declared"},
		{"no reference", schema.Group{Leaves: []schema.Leaf{leaf("a", "a <v>", "A").With(func(l *schema.Leaf) { l.Ref = "x/y" })}}, "reference to x/y"},
		{"hard without reference", schema.Group{Leaves: []schema.Leaf{leaf("a", "a <v>", "A").With(func(l *schema.Leaf) { l.Hard = true })}}, "a hard reference to nothing"},
		{"default of another type", schema.Group{Leaves: []schema.Leaf{leaf("a", "a <v>", "A").With(func(l *schema.Leaf) { l.Default = 3 })}}, "default is a int, want a string"},
		{"default out of range", schema.Group{Leaves: []schema.Leaf{leaf("a", "a <v>", "A").With(func(l *schema.Leaf) { l.Default = "a b" })}}, "default a b does not parse back"},
		{"default elsewhere", schema.Group{Leaves: []schema.Leaf{leaf("a", "a <v>", "A").With(func(l *schema.Leaf) { l.DefaultAt = map[string]any{"x": "y"} })}}, "default at x, where it is not mounted"},
		{"kinds without kinds", schema.Group{Blocks: []schema.Block{list("l", "l <id>")}, Leaves: schema.Augment([]string{"l"}, leaf("a", "a <v>", "A").With(func(l *schema.Leaf) { l.Kinds = []string{"k"} }))}, "limited to kinds"},
		{"no such mode", schema.Group{Leaves: []schema.Leaf{leaf("a", "a <v>", "A").With(func(l *schema.Leaf) { l.Mode = "m" })}}, `"m" is no block with a mode`},
		{"key missing in the line", schema.Group{Blocks: []schema.Block{list("l", "l <x>")}}, "<x> is neither key nor option"},
		{"which entry", schema.Group{Blocks: []schema.Block{{Path: "l", Keys: list("", "").Keys, Help: "L"}}, Leaves: schema.Augment([]string{"l"}, leaf("a", "a <v>", "A"))}, "no <id> to say which l"},
		{"key and child alike", schema.Group{Blocks: []schema.Block{list("l", "l <id>")}, Leaves: schema.Augment([]string{"l"}, leaf("id", "a <v>", "A"))}, "key and child are both called id"},
		{"option that is none", schema.Group{Blocks: []schema.Block{func() schema.Block { b := list("l", "l [t <t>] <id>"); b.Options = []string{"t"}; return b }()}}, "option t is no leaf of it"},
		{"summary without range", schema.Group{Blocks: []schema.Block{func() schema.Block { b := list("l", "l <id>"); b.Summary = true; return b }()}}, "a summary needs"},
		{"alias of nothing", schema.Group{Aliases: []schema.Alias{{Line: "x", Help: "X", Leaf: "a", Apply: func(_, arg any) (any, error) { return arg, nil }}}}, `no leaf a at ""`},
		{"alias that does nothing", schema.Group{Leaves: []schema.Leaf{leaf("a", "a <v>", "A")}, Aliases: []schema.Alias{{Line: "x", Help: "X", Leaf: "a"}}}, "nothing to apply"},
		{"alias without type", schema.Group{Leaves: []schema.Leaf{leaf("a", "a <v>", "A")}, Aliases: []schema.Alias{{Line: "x <v>", Help: "X", Leaf: "a", Apply: func(_, arg any) (any, error) { return arg, nil }}}}, "<v> without a type"},
	} {
		_, err := schema.Compile(c.group)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

func TestCompileRefusesClash(t *testing.T) {
	a := schema.Group{Leaves: []schema.Leaf{leaf("a", "x a <v>", "A")}, Words: schema.Words{"x": "One"}}
	b := schema.Group{Leaves: []schema.Leaf{leaf("b", "x b <v>", "B")}, Words: schema.Words{"x": "Other"}}
	if _, err := schema.Compile(a, b); err == nil || !strings.Contains(err.Error(), `the help of "x" is "Other", but "One" in leaf a`) {
		t.Errorf("got %v", err)
	}
	b.Words = nil
	if s, err := schema.Compile(a, b); err != nil {
		t.Error(err)
	} else if got := s.Lines()[1].Words; got["x"] != "One" || got["x b"] != "B" {
		t.Errorf("words of the other feature: %v", got)
	}
}

func TestTarget(t *testing.T) {
	s := configtest.Schema()
	find := func(template, mode string) schema.Statement {
		for _, l := range s.Lines() {
			if l.Template == template && l.Mode == mode {
				return l
			}
		}
		t.Fatalf("no line %q", template)
		return schema.Statement{}
	}
	for _, c := range []struct {
		line, mode, at string
		keys           map[string]any
		want           string
	}{
		{"hostname <name>", "", "", nil, "system/hostname"},
		{"vlan <id>", "", "", map[string]any{"id": ether.VLANID(20)}, "vlans/vlan[20]"},
		{"switchport mode <mode>", "interfaces/interface", "interfaces/interface[Vethernet3]", nil, "interfaces/interface[Vethernet3]/switchport/mode"},
		{"switchport mode <mode>", "port-profiles/port-profile", "port-profiles/port-profile[x]", nil, "port-profiles/port-profile[x]/switchport/mode"},
		{"host uplink <device> profile <profile>", "vems/vem", "vems/vem[3]", map[string]any{"device": "eth1"}, "vems/vem[3]/uplink[eth1]/profile"},
		{"disk <disk>", "vems/vem", "vems/vem[3]", map[string]any{"disk": "a"}, "vems/vem[3]/disk[a]"},
		{"size <megabytes>", "vems/vem/disk", "vems/vem[3]/disk[a]", nil, "vems/vem[3]/disk[a]/size"},
		{"mac address-table static <mac> vlan <vlan> to <target>", "", "", map[string]any{"vlan": ether.VLANID(2), "mac": ether.MAC{2}}, "mac-table/static[2 0200.0000.0000]/target"},
	} {
		if got := find(c.line, c.mode).Target(path(c.at), c.keys); got.String() != c.want {
			t.Errorf("%s: got %s, want %s", c.line, got, c.want)
		}
	}
	if l := find("port-profile [type <type>] <name>", ""); l.Options["type"].String() != "type" || l.Types["type"] == nil {
		t.Errorf("options of a block's line: %v", l.Options)
	}
	for _, l := range s.Lines() {
		if strings.Contains(l.Template, "serial") {
			t.Error("a read-only leaf has a line")
		}
	}
}

func TestRead(t *testing.T) {
	s := configtest.Schema()
	var leaves []schema.Leaf
	for _, g := range configtest.Groups() {
		leaves = append(leaves, g.Leaves...)
	}
	ports := leaves[:0:0]
	for _, l := range leaves {
		if len(l.Mounts) == 2 {
			ports = append(ports, l)
		}
	}
	tr := sample()
	got := schema.Read[configtest.PortConfig](s, ports, tr, path("interfaces/interface[Vethernet2]"))
	if want := (configtest.PortConfig{Mode: "access", Access: 1, Allowed: ether.VLANs(1, 10, 11, 12), MTU: 1500}); got != want {
		t.Errorf("port: got %+v, want %+v", got, want)
	}
	got = schema.Read[configtest.PortConfig](s, ports, tr, path("port-profiles/port-profile[A]"))
	if !got.Shutdown || got.Access != 20 {
		t.Errorf("profile: got %+v, want it shut down by default and in VLAN 20", got)
	}
	got = schema.Read[configtest.PortConfig](s, ports, tr.Sub(path("interfaces/interface[Vethernet2]")), nil)
	if got.Allowed.Len() != 4 || got.Shutdown {
		t.Errorf("port as a tree of its own: %+v", got)
	}
}

func TestValue(t *testing.T) {
	s := configtest.Schema()
	tr := sample().Set(path("interfaces/interface[Vethernet4]/inherit"), "A")
	for at, want := range map[string]any{
		"interfaces/interface[Vethernet4]/switchport/mode":           "trunk",
		"interfaces/interface[Vethernet4]/switchport/access-vlan":    ether.VLANID(20),
		"interfaces/interface[Vethernet4]/switchport/trunk/allowed":  ether.AllVLANs(),
		"interfaces/interface[Vethernet4]/shutdown":                  false,
		"interfaces/interface[Vethernet4]/description":               "",
		"interfaces/interface[Vethernet1]/switchport/mode":           "access",
		"interfaces/interface[Ethernet2]/shutdown":                   true,
		"port-profiles/port-profile[A]/switchport/mode":              "trunk",
		"port-profiles/port-profile[A]/state":                        "disabled",
		"port-profiles/port-profile[UP]/shutdown":                    true,
		"mac-table/aging-time":                                       uint32(0),
		"interfaces/interface[Vethernet99]/switchport/trunk/allowed": ether.AllVLANs(),
		"interfaces/interface[Vethernet99]/there-is-no-such/leaf":    nil,
	} {
		if got := s.Value(tr, path(at)); got != want {
			t.Errorf("%s: got %v, want %v", at, got, want)
		}
	}
}

func TestKeepInventory(t *testing.T) {
	s := configtest.Schema()
	owner := func(name string) any { return configtest.Owner{Kind: "tap", Device: name, Module: 3} }
	checkpoint := tree.Tree{}.
		Set(path("interfaces/interface[Vethernet1]/owner"), owner("gone")).
		Set(path("interfaces/interface[Vethernet1]/description"), "x")
	now := tree.Tree{}.Set(path("interfaces/interface[Vethernet2]/owner"), owner("here")).
		Set(path("interfaces/interface[Vethernet2]/description"), "y")
	want := tree.Tree{}.Set(path("interfaces/interface[Vethernet1]/description"), "x").
		Set(path("interfaces/interface[Vethernet2]/owner"), owner("here"))
	if got := s.KeepInventory(now, checkpoint); !got.Equal(want) {
		for c := range tree.Diff(want, got) {
			t.Errorf("%+v", c)
		}
	}
	for c := range s.Diff(tree.Tree{}, now) {
		if strings.HasSuffix(c.Path.String(), "owner") {
			t.Errorf("the difference has %s", c.Path)
		}
	}
}
