package vlan

import (
	"fmt"
	"testing"

	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/featuretest"
	"trunkline/internal/ether"
)

// vlans builds a tree: "10", "10 name=WEB", "10 suspend", "10 shutdown".
func vlans(t *testing.T, ids ...ether.VLANID) tree.Tree {
	t.Helper()
	var tr tree.Tree
	for _, id := range ids {
		tr = tr.Set(feature.VLANPath(id), nil)
	}
	return tr
}

func TestCheck(t *testing.T) {
	many := make([]ether.VLANID, 0, limit+1)
	for id := ether.VLANID(1); len(many) <= limit; id++ {
		many = append(many, id)
	}
	cases := []struct {
		name string
		tree tree.Tree
		want []string
	}{
		{"empty", tree.Tree{}, nil},
		{"the highest", vlans(t, 4094), nil},
		{"names differ", vlans(t, 10, 20).Set(feature.VLANPath(10, "name"), "WEB"), nil},
		{"two of a name",
			vlans(t).Set(feature.VLANPath(10, "name"), "WEB").Set(feature.VLANPath(20, "name"), "WEB"),
			[]string{"vlans/vlan[20]/name: ERROR: VLAN name WEB is in use by VLAN 10."}},
		{"the default name of a higher VLAN",
			vlans(t, 20).Set(feature.VLANPath(10, "name"), "VLAN0020"),
			[]string{"vlans/vlan[10]/name: ERROR: VLAN name VLAN0020 is in use by VLAN 20."}},
		{"the name of VLAN 1",
			vlans(t).Set(feature.VLANPath(10, "name"), "default"),
			[]string{"vlans/vlan[10]/name: ERROR: VLAN name default is in use by VLAN 1."}},
		{"as many as there may be", vlans(t, many[:limit]...), nil},
		{"one more", vlans(t, many...), []string{"vlans/vlan: ERROR: Maximum number of VLANs (4000) reached."}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, p := range check(feature.Candidate{New: c.tree}) {
				got = append(got, fmt.Sprintf("%s: %s", p.Path, p.Text))
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("check:\n got %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestCompile(t *testing.T) {
	cases := []struct {
		name string
		tree tree.Tree
		want string
	}{
		{"VLAN 1 is always there", tree.Tree{}, "1"},
		{"several", vlans(t, 10, 11, 4094), "1,10-11,4094"},
		{"suspended", vlans(t, 11).Set(feature.VLANPath(10, "state"), "suspend"), "1,11"},
		{"shut down", vlans(t, 11).Set(feature.VLANPath(10, "shutdown"), true), "1,11"},
		{"VLAN 1 shut down", vlans(t, 11).Set(feature.VLANPath(1, "shutdown"), true), "11"},
		{"active again", vlans(t).Set(feature.VLANPath(10, "state"), "active").Set(feature.VLANPath(10, "shutdown"), false), "1,10"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := compile(feature.Input{Module: 3, Config: c.tree})
			if err != nil || got.(Program).Active.String() != c.want {
				t.Errorf("compile: got %v, %v, want %s", got, err, c.want)
			}
		})
	}
}

func TestRunningConfig(t *testing.T) {
	tr := vlans(t, 10, 11, 12, 4094).Set(feature.VLANPath(100, "name"), "WEB").
		Set(feature.VLANPath(12, "state"), "suspend").Set(feature.VLANPath(12, "shutdown"), true).
		Set(feature.VLANPath(11, "state"), "active")
	const want = `
vlan 1,10-12,100,4094
vlan 12
  state suspend
  shutdown
vlan 100
  name WEB
`
	if got := featuretest.Config(t, tr, Feature.Schema); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
