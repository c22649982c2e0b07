package feature

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"trunkline/config/schema"
	"trunkline/config/tree"
)

func TestFrontPanel(t *testing.T) {
	front := tree.Tree{}.Set(tree.Path{{Name: "system"}, {Name: "front-panel"}}, true)
	for _, c := range []struct {
		t    tree.Tree
		name string
		slot int
	}{
		{tree.Tree{}, "Ethernet3/1", 3}, {tree.Tree{}, "Ethernet1/1", 0}, {tree.Tree{}, "Ethernet258/1", 258},
		{front, "Ethernet1/1", 3}, {front, "Ethernet3/1", 0}, {front, "Ethernet4/1", 4}, {front, "Vethernet1", 0},
	} {
		slot := SlotOf(c.t, c.name)
		if slot != c.slot {
			t.Errorf("%s is on slot %d, want %d", c.name, slot, c.slot)
		}
		if _, port := NamePort(c.name); slot != 0 && EthernetName(c.t, slot, port) != c.name {
			t.Errorf("port %d of slot %d is %s, want %s", port, slot, EthernetName(c.t, slot, port), c.name)
		}
	}
}

// TestIfIndex wants an index of its own for every name there can be.
func TestIfIndex(t *testing.T) {
	seen := make(map[uint32]string, 1<<19)
	add := func(name string) {
		i := IfIndex(name)
		if i == 0 || i > 1<<31-1 { // InterfaceIndex of RFC 2863
			t.Fatalf("%s has index %d", name, i)
		}
		if other, ok := seen[i]; ok {
			t.Fatalf("%s and %s have index %#x", other, name, i)
		}
		seen[i] = name
	}
	add("mgmt0")
	for m := 1; m <= MaxModule; m++ {
		for p := 1; p <= MaxUplink; p++ {
			add(fmt.Sprintf("Ethernet%d/%d", m, p))
		}
	}
	for n := 1; n <= MaxVethernet; n += 7 {
		add(fmt.Sprintf("Vethernet%d", n))
	}
	add(fmt.Sprintf("Vethernet%d", MaxVethernet))
	for name, want := range map[string]uint32{"Ethernet3/1": 0x1a180000, "Ethernet3/2": 0x1a181000, "Vethernet12": 0x1c0000c0, "Po1": 0} {
		if got := IfIndex(name); got != want {
			t.Errorf("%s has index %#x, want %#x", name, got, want)
		}
	}
}

func TestAdminState(t *testing.T) {
	const port = "Vethernet1"
	leaf := func(p tree.Path, v any) func(tree.Tree) tree.Tree {
		return func(t tree.Tree) tree.Tree { return t.Set(p, v) }
	}
	shut := func(v any) func(tree.Tree) tree.Tree { return leaf(InterfacePath(port, "shutdown"), v) }
	inherit := leaf(InterfacePath(port, "inherit"), "WEB")
	enabled := leaf(profilePath("WEB", "state"), "enabled")
	for _, c := range []struct {
		name  string
		edits []func(tree.Tree) tree.Tree
		given any // what the profile supplies
		want  string
	}{
		{"plain", nil, nil, ""},
		{"shut down", []func(tree.Tree) tree.Tree{shut(true)}, nil, AdminDown},
		{"profile absent", []func(tree.Tree) tree.Tree{inherit}, false, ProfileDisabled},
		{"profile disabled", []func(tree.Tree) tree.Tree{inherit, leaf(profilePath("WEB", "state"), "disabled")}, false, ProfileDisabled},
		{"profile disabled and shut down", []func(tree.Tree) tree.Tree{inherit, shut(true)}, false, AdminDown},
		{"profile up", []func(tree.Tree) tree.Tree{inherit, enabled}, false, ""},
		{"profile shut down", []func(tree.Tree) tree.Tree{inherit, enabled}, true, AdminDown},
		{"profile shut down by default", []func(tree.Tree) tree.Tree{inherit, enabled}, nil, AdminDown},
		{"profile shut down, port not", []func(tree.Tree) tree.Tree{inherit, enabled, shut(schema.No)}, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var conf tree.Tree
			for _, e := range c.edits {
				conf = e(conf)
			}
			effective := conf.Sub(InterfacePath(port))
			if _, own := effective.Get(shutdownPath); !own && c.given != nil {
				effective = effective.Set(shutdownPath, c.given)
			}
			if got := AdminState(conf, effective, port); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// onCard is the binding of a port to a card.
type onCard int

func (c onCard) Slot() int     { return int(c) }
func (onCard) Owner() string   { return "" }
func (onCard) Adapter() string { return "" }

// Slots says of each interface what SlotOf does.
func TestPortsOf(t *testing.T) {
	for _, front := range []bool{false, true} {
		c := tree.Tree{}.Set(tree.Path{{Name: "system"}, {Name: "front-panel"}}, front)
		for _, name := range []string{"Ethernet1/2", "Ethernet3/1", "Ethernet4/10", "Ethernet4/9", "Vethernet7", "mgmt0"} {
			c = c.Set(InterfacePath(name, "description"), name)
		}
		c = c.Set(InterfacePath("Vethernet8", "owner"), onCard(5)).Set(InterfacePath("Vethernet10", "owner"), onCard(4)).
			Set(InterfacePath("Vethernet9", "owner"), onCard(4))
		want := map[int][]string{}
		for name := range Configured(c) {
			if slot := SlotOf(c, name); slot != 0 {
				want[slot] = append(want[slot], name)
			}
		}
		if len(want) != 3 || len(want[4]) != 4 {
			t.Fatalf("front panel %v: %v", front, want)
		}
		if got := SlotsWithPorts(c); !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
			t.Errorf("front panel %v: slots %v, want those of %v", front, got, want)
		}
		for slot := 1; slot <= MaxModule; slot++ {
			if got := PortsOf(c, slot); !slices.Equal(got, want[slot]) {
				t.Errorf("front panel %v: slot %d has %v, want %v", front, slot, got, want[slot])
			}
		}
	}
}
