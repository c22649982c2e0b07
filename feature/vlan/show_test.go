package vlan

import (
	"fmt"
	"testing"

	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/featuretest"
	"trunkline/internal/ether"
)

// query has the ports of the tree without inheritance.
func query(t tree.Tree, state ...feature.PortState) feature.Query {
	return feature.Query{
		Running:   t,
		Effective: func(port string) tree.Tree { return t.Sub(feature.InterfacePath(port)) },
		State:     &feature.State{Ports: state},
	}
}

func access(t tree.Tree, port string, v ether.VLANID) tree.Tree {
	return t.Set(feature.InterfacePath(port, "switchport", "access-vlan"), v)
}

func trunkPort(t tree.Tree, port, allowed string) tree.Tree {
	set, err := ether.ParseVLANSet(allowed)
	if err != nil {
		panic(err)
	}
	return t.Set(feature.InterfacePath(port, "switchport", "mode"), "trunk").
		Set(feature.InterfacePath(port, "switchport", "trunk", "allowed-vlans"), set)
}

func TestShow(t *testing.T) {
	office := vlans(t, 200).Set(feature.VLANPath(100, "name"), "WEB").
		Set(feature.VLANPath(200, "shutdown"), true).
		Set(feature.VLANPath(300, "state"), "suspend").
		Set(feature.VLANPath(300, "shutdown"), true).
		Set(feature.VLANPath(4000, "name"), "a-name-of-thirty-two-characters-").
		Set(feature.VLANPath(4000, "state"), "suspend")
	for _, n := range []int{1, 2, 12, 16, 17, 1048575} {
		office = access(office, fmt.Sprintf("Vethernet%d", n), 100)
	}
	office = access(office, "Vethernet5", 200)
	office = access(office, "Vethernet6", 999) // does not exist
	office = trunkPort(office, "Ethernet3/1", "all")
	office = trunkPort(office, "Vethernet3", "100,200")
	q := query(office, feature.PortState{Name: "Ethernet3/2", Module: 3})

	cases := []struct {
		name, line string
		q          feature.Query
		args       []any
	}{
		{"all", "show vlan", q, nil},
		{"brief", "show vlan brief", q, nil},
		{"brief-empty", "show vlan brief", query(tree.Tree{}), nil},
		{"id", "show vlan id <vlan-id>", q, []any{"vlan-id", ether.VLANID(200)}},
		{"name", "show vlan name <name>", q, []any{"name", "WEB"}},
		{"summary", "show vlan summary", q, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, err := featuretest.Show(t, Feature, c.q, c.line, c.args...)
			if err != nil {
				t.Fatal(err)
			}
			featuretest.Golden(t, c.name, s)
		})
	}
}

func TestShowMissing(t *testing.T) {
	for line, c := range map[string]struct {
		arg  string
		val  any
		want string
	}{
		"show vlan id <vlan-id>": {"vlan-id", ether.VLANID(77), "ERROR: VLAN does not exist: 77"},
		"show vlan name <name>":  {"name", "WEB", "ERROR: VLAN does not exist: WEB"},
	} {
		s, err := featuretest.Show(t, Feature, query(tree.Tree{}), line, c.arg, c.val)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s %v: got %v, %v, want %s", line, c.val, s, err, c.want)
		}
	}
}
