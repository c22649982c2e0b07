package interfacevlan

import (
	"net/netip"
	"reflect"
	"testing"

	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/featuretest"
)

func config() tree.Tree {
	set := func(t tree.Tree, port, leaf string, v any) tree.Tree {
		return t.Set(feature.InterfacePath(port, leaf), v)
	}
	t := tree.Tree{}.Set(feature.InterfacePath("Vethernet1"), nil)
	t = set(t, "Vlan10", "ipv4", netip.MustParsePrefix("10.0.0.254/24"))
	t = set(t, "Vlan10", "ipv4-secondary", feature.Secondary("10.8.0.1/24 10.9.0.1/24"))
	t = set(t, "Vlan10", "ipv6", netip.MustParsePrefix("fd00::254/64"))
	t = set(t, "Vlan10", "shutdown", false)
	t = set(t, "Vlan10", "mtu", uint32(9000))
	return set(t, "Vlan4094", "autostate", false)
}

func TestRead(t *testing.T) {
	want := []Interface{
		{Name: "Vlan10", VLAN: 10, Device: "vlan10", Up: true, Autostate: true, MTU: 9000, Addresses: []netip.Prefix{
			netip.MustParsePrefix("10.0.0.254/24"), netip.MustParsePrefix("10.8.0.1/24"), netip.MustParsePrefix("10.9.0.1/24"),
			netip.MustParsePrefix("fd00::254/64"),
		}},
		{Name: "Vlan4094", VLAN: 4094, Device: "vlan4094", MTU: 1500}, // shut until no shutdown
	}
	if got := Read(config()); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestCompile: the interfaces are in the program of the card that has them, and
// the programs of others have no section.
func TestCompile(t *testing.T) {
	for _, c := range []struct {
		ports []string
		want  any
	}{
		{nil, nil},
		{[]string{"Vethernet1"}, nil},
		{[]string{"Vethernet1", "Vlan10", "Vlan4094"}, Program{Ports: []Port{
			{Name: "Vlan10", VLAN: 10, Device: "vlan10", MTU: 9000}, {Name: "Vlan4094", VLAN: 4094, Device: "vlan4094", MTU: 1500},
		}}},
	} {
		got, err := compile(feature.Input{Module: 3, Config: config(), Effective: featuretest.Local(config()), Ports: c.ports})
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("ports %v: %+v, %v; want %+v", c.ports, got, err, c.want)
		}
	}
}

func TestSecondary(t *testing.T) {
	for text, want := range map[string]feature.Secondary{
		"10.9.0.1/24":             "10.9.0.1/24",
		"10.9.0.1/24 10.8.0.1/24": "10.8.0.1/24 10.9.0.1/24",
		"":                        "", "10.9.0.1": "", "fd00::1/64": "", "224.0.0.1/24": "", "10.9.0.1/24 x": "",
	} {
		if got, err := secondary.Parse(text); got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
	a, b := feature.Secondary("10.9.0.1/24"), feature.Secondary("10.8.0.1/24")
	both := join(a, b)
	if both != feature.Secondary("10.8.0.1/24 10.9.0.1/24") || join(both, a) != both {
		t.Errorf("joined %q, again %q", both, join(both, a))
	}
	if part(both, b) != any(a) || part(a, a) != any(feature.Secondary("")) {
		t.Errorf("parted %q, %q", part(both, b), part(a, a))
	}
}
