package effective_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"trunkline/config/configtest"
	"trunkline/config/effective"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/internal/ether"
)

func path(text string) tree.Path {
	p, err := tree.Parse(text)
	if err != nil {
		panic(err)
	}
	return p
}

func build(pairs ...any) tree.Tree {
	var t tree.Tree
	for i := 0; i < len(pairs); i += 2 {
		t = t.Set(path(pairs[i].(string)), pairs[i+1])
	}
	return t
}

const (
	veth = "interfaces/interface[Vethernet1]/"
	eth  = "interfaces/interface[Ethernet1]/"
)

func prof(name, leaf string) string {
	return effective.ProfilePath(name).Child(leaf).String()
}

func TestResolve(t *testing.T) {
	on := []any{prof("A", "state"), "enabled", prof("B", "state"), "enabled"}
	for _, c := range []struct {
		name  string
		given []any
		port  string
		want  []any
	}{
		{"no such port", nil, "Vethernet9", nil},
		{"own only", []any{veth + "switchport/mode", "trunk"}, "Vethernet1", []any{"switchport/mode", "trunk"}},
		{
			"local wins", append([]any{
				veth + "inherit", "A", veth + "switchport/mode", "access",
				prof("A", "switchport/mode"), "trunk", prof("A", "switchport/access-vlan"), ether.VLANID(20),
			}, on...), "Vethernet1",
			[]any{"inherit", "A", "switchport/mode", "access", "switchport/access-vlan", ether.VLANID(20), "shutdown", true},
		},
		{
			"nearest profile wins", append([]any{
				veth + "inherit", "A", prof("A", "inherit"), "B", prof("A", "shutdown"), false,
				prof("A", "switchport/access-vlan"), ether.VLANID(20), prof("B", "switchport/access-vlan"), ether.VLANID(30),
				prof("B", "switchport/mode"), "trunk",
			}, on...), "Vethernet1",
			[]any{"inherit", "A", "switchport/mode", "trunk", "switchport/access-vlan", ether.VLANID(20), "shutdown", false},
		},
		{
			"no form hides", append([]any{
				veth + "inherit", "A", prof("A", "inherit"), "B", veth + "switchport/access-vlan", schema.No,
				prof("A", "switchport/access-vlan"), ether.VLANID(20), prof("A", "switchport/mode"), schema.No,
				prof("B", "switchport/mode"), "trunk", prof("A", "shutdown"), false,
			}, on...), "Vethernet1",
			[]any{"inherit", "A", "switchport/mode", schema.No, "switchport/access-vlan", schema.No, "shutdown", false},
		},
		{
			"disabled supplies nothing", []any{veth + "inherit", "A", prof("A", "switchport/mode"), "trunk"}, "Vethernet1",
			[]any{"inherit", "A"},
		},
		{
			"disabled parent", []any{
				veth + "inherit", "A", prof("A", "state"), "enabled", prof("A", "shutdown"), false, prof("A", "inherit"), "B",
				prof("B", "switchport/mode"), "trunk",
			}, "Vethernet1", []any{"inherit", "A", "shutdown", false},
		},
		{
			"loop is cut", append([]any{
				veth + "inherit", "A", prof("A", "inherit"), "B", prof("B", "inherit"), "A",
				prof("A", "shutdown"), false, prof("B", "switchport/mode"), "trunk",
			}, on...), "Vethernet1", []any{"inherit", "A", "shutdown", false, "switchport/mode", "trunk"},
		},
		{
			"profile that is not there", []any{veth + "inherit", "GONE", veth + "description", "x"}, "Vethernet1",
			[]any{"inherit", "GONE", "description", "x"},
		},
		{
			"of other kinds only", append([]any{veth + "inherit", "A", prof("A", "mtu"), uint32(9000), prof("A", "shutdown"), false}, on...),
			"Vethernet1", []any{"inherit", "A", "shutdown", false},
		},
		{
			"of this kind", append([]any{eth + "inherit", "A", prof("A", "type"), "ethernet", prof("A", "mtu"), uint32(9000), prof("A", "shutdown"), false}, on...),
			"Ethernet1", []any{"inherit", "A", "shutdown", false, "mtu", uint32(9000)},
		},
	} {
		got := effective.Resolve(configtest.Schema(), build(c.given...), c.port)
		want := build(c.want...)
		for d := range tree.Diff(want, got) {
			t.Errorf("%s: %s: got %v, want %v", c.name, d.Path, d.New, d.Old)
		}
	}
}

func TestDepth(t *testing.T) {
	given := []any{veth + "inherit", "P1"}
	for i := 1; i <= 6; i++ {
		name := fmt.Sprint("P", i)
		given = append(given, prof(name, "state"), "enabled")
		if i < 6 {
			given = append(given, prof(name, "inherit"), fmt.Sprint("P", i+1))
		}
	}
	given = append(given, prof("P4", "switchport/mode"), "trunk", prof("P5", "switchport/access-vlan"), ether.VLANID(5))
	tr := build(given...)
	if got := effective.Chain(tr, "P1"); !slices.Equal(got, []string{"P1", "P2", "P3", "P4"}) {
		t.Errorf("chain = %v, want four profiles", got)
	}
	got := effective.Resolve(configtest.Schema(), tr, "Vethernet1")
	if v, _ := got.Get(path("switchport/mode")); v != "trunk" {
		t.Error("the fourth profile supplies nothing")
	}
	if got.Exists(path("switchport/access-vlan")) {
		t.Error("the fifth profile supplies something")
	}
}

func TestMembers(t *testing.T) {
	tr := build(
		"interfaces/interface[Vethernet10]/inherit", "A", "interfaces/interface[Vethernet2]/inherit", "B",
		"interfaces/interface[Vethernet3]/inherit", "C", "interfaces/interface[Vethernet4]/description", "x",
		prof("A", "inherit"), "B", prof("B", "state"), "enabled", prof("C", "state"), "enabled",
	)
	if got := effective.Members(tr, "B"); !slices.Equal(got, []string{"Vethernet2", "Vethernet10"}) {
		t.Errorf("members of B = %v", got)
	}
	if got := effective.Members(tr, "A"); !slices.Equal(got, []string{"Vethernet10"}) {
		t.Errorf("members of A = %v", got)
	}
}

func TestProfile(t *testing.T) {
	tr := build(prof("A", "inherit"), "B", prof("A", "switchport/access-vlan"), ether.VLANID(20),
		prof("B", "state"), "enabled", prof("B", "switchport/mode"), "trunk", prof("B", "switchport/access-vlan"), ether.VLANID(30))
	got := effective.Profile(configtest.Schema(), tr, "A")
	want := build("inherit", "B", "switchport/access-vlan", ether.VLANID(20), "switchport/mode", "trunk")
	for d := range tree.Diff(want, got) {
		t.Errorf("%s: got %v, want %v", d.Path, d.New, d.Old)
	}
}

// TestAgreesWithInherited: with all profiles enabled, every leaf of a resolved
// port is what the schema says is in force there.
func TestAgreesWithInherited(t *testing.T) {
	s := configtest.Schema()
	for seed := range uint64(100) {
		tr := configtest.Random(s, rand.New(rand.NewPCG(seed, 3)))
		for p := range tr.Keys(path("port-profiles/port-profile")) {
			tr = tr.Set(path(prof(p, "state")), "enabled")
		}
		r := effective.New(s, tr)
		for port := range tr.Keys(path("interfaces/interface")) {
			got := r.Port(port)
			for _, l := range s.Lines() {
				if l.Mode != "interfaces/interface" || l.Leaf == nil || !l.Leaf.AllowsKind(s.Kind(tr, effective.Port(port))) {
					continue
				}
				at := path(l.Leaf.Path)
				v, ok := got.Get(at)
				if !ok || v == schema.No {
					v = s.Default(effective.Port(port).Join(at))
				}
				if want := s.Value(tr, effective.Port(port).Join(at)); v != want {
					t.Errorf("seed %d: %s %s: resolved %v, in force %v", seed, port, at, v, want)
				}
			}
		}
	}
}

func TestManyPorts(t *testing.T) {
	s := configtest.Schema()
	tr := build(prof("A", "state"), "enabled", prof("A", "inherit"), "B", prof("B", "state"), "enabled",
		prof("A", "switchport/mode"), "trunk", prof("B", "switchport/access-vlan"), ether.VLANID(20), prof("B", "shutdown"), false)
	for i := range 9999 {
		tr = tr.Set(effective.Port(fmt.Sprintf("Vethernet%d", i+1)).Child("inherit"), "A")
	}
	start := time.Now()
	r := effective.New(s, tr)
	for port := range tr.Keys(path("interfaces/interface")) {
		if v, _ := r.Port(port).Get(path("switchport/access-vlan")); v != ether.VLANID(20) {
			t.Fatalf("%s is in VLAN %v", port, v)
		}
	}
	if n := len(effective.Members(tr, "B")); n != 9999 {
		t.Errorf("%d members", n)
	}
	if d := time.Since(start); d > 10*time.Second { // a busy machine with the race detector
		t.Errorf("10,000 ports took %v", d)
	}
}
