package switchport

import (
	"fmt"
	"testing"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/featuretest"
	"trunkline/internal/ether"
)

func set(text string) ether.VLANSet {
	s, err := ether.ParseVLANSet(text)
	if err != nil {
		panic(err)
	}
	return s
}

// with returns t with a leaf below a port or profile set.
func with(t tree.Tree, entry, leaf string, v any) tree.Tree {
	p, err := tree.Parse(entry + "/" + leaf)
	if err != nil {
		panic(err)
	}
	return t.Set(p, v)
}

const (
	veth1 = "interfaces/interface[Vethernet1]"
	eth1  = "interfaces/interface[Ethernet3/1]"
	web   = "port-profiles/port-profile[WEB]"
)

func TestCheck(t *testing.T) {
	none := tree.Tree{}
	access20 := with(none, veth1, "switchport/access-vlan", ether.VLANID(20))
	cases := []struct {
		name     string
		old, new tree.Tree
		want     []string
	}{
		{"nothing", none, none, nil},
		{"VLAN 1 is always there", none, with(none, veth1, "switchport/access-vlan", ether.VLANID(1)), nil},
		{"missing", none, access20, []string{
			"Warning: Access VLAN does not exist. Creating is not automatic; configure vlan 20."}},
		{"there", none, access20.Set(feature.VLANPath(20), nil), nil},
		{"missing as before", access20, with(access20, veth1, "shutdown", true), nil},
		{"VLAN deleted", access20.Set(feature.VLANPath(20), nil), access20, nil},
		{"once for two ports", none, with(access20, eth1, "switchport/access-vlan", ether.VLANID(20)), []string{
			"Warning: Access VLAN does not exist. Creating is not automatic; configure vlan 20."}},
		{"in a profile", none, with(none, web, "switchport/access-vlan", ether.VLANID(4094)), []string{
			"Warning: Access VLAN does not exist. Creating is not automatic; configure vlan 4094."}},
		{"native", none, with(none, veth1, "switchport/trunk/native-vlan", ether.VLANID(7)), []string{
			"Warning: Native VLAN does not exist. Creating is not automatic; configure vlan 7."}},
		{"the no form", none, with(none, veth1, "switchport/access-vlan", schema.No), nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, p := range check(feature.Candidate{Old: c.old, New: c.new}) {
				if p.Severity != schema.Warning {
					t.Errorf("%q refuses the candidate", p.Text)
				}
				got = append(got, p.Text)
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("check:\n got %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestCompile(t *testing.T) {
	var tr tree.Tree
	tr = with(tr, veth1, "switchport/access-vlan", ether.VLANID(20))
	tr = with(tr, "interfaces/interface[Vethernet2]", "switchport/access-vlan", schema.No)
	tr = with(tr, eth1, "switchport/mode", Trunk)
	tr = with(tr, eth1, "switchport/access-vlan", ether.VLANID(9)) // without effect on a trunk
	tr = with(tr, "interfaces/interface[Ethernet3/2]", "switchport/mode", Trunk)
	tr = with(tr, "interfaces/interface[Ethernet3/2]", "switchport/trunk/native-vlan", ether.VLANID(5))
	tr = with(tr, "interfaces/interface[Ethernet3/2]", "switchport/trunk/allowed-vlans", set("10,20"))
	tr = with(tr, "interfaces/interface[Ethernet3/3]", "switchport/mode", Trunk)
	tr = with(tr, "interfaces/interface[Ethernet3/3]", "switchport/trunk/allowed-vlans", set("none"))
	got, err := compile(feature.Input{
		Module: 3, Config: tr,
		Effective: func(port string) tree.Tree { return tr.Sub(feature.InterfacePath(port)) },
		Ports:     []string{"Ethernet3/1", "Ethernet3/2", "Ethernet3/3", "Vethernet1", "Vethernet2", "Vethernet3"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []Port{
		{Name: "Ethernet3/1", Trunk: true, Native: 1, Allowed: ether.AllVLANs()},
		{Name: "Ethernet3/2", Trunk: true, Native: 5, Allowed: set("10,20")},
		{Name: "Ethernet3/3", Trunk: true, Native: 1},
		{Name: "Vethernet1", Access: 20},
		{Name: "Vethernet2", Access: 1},
		{Name: "Vethernet3", Access: 1},
	}
	ports := got.(Program).Ports
	if len(ports) != len(want) {
		t.Fatalf("compile: got %v, want %v", ports, want)
	}
	for i := range want {
		if ports[i] != want[i] {
			t.Errorf("compile: got %+v, want %+v", ports[i], want[i])
		}
	}
}

func TestAliases(t *testing.T) {
	cases := []struct {
		word string
		now  any
		list string
		want string
	}{
		{"add", set("10,20"), "15-21", "10,15-21"},
		{"add", set("none"), "5", "5"},
		{"add", nil, "5", "1-4094"},
		{"remove", nil, "2-4094", "1"},
		{"remove", set("10-20"), "5-12,20", "13-19"},
		{"remove", set("10"), "10", "none"},
		{"except", set("10"), "1,100-4094", "2-99"},
	}
	for _, c := range cases {
		for _, a := range Feature.Schema.Aliases {
			if a.Line != "switchport trunk allowed vlan "+c.word+" <vlan-list>" {
				continue
			}
			got, err := a.Apply(c.now, set(c.list))
			if err != nil || got.(ether.VLANSet).String() != c.want {
				t.Errorf("%v %s %s: got %v, %v, want %s", c.now, c.word, c.list, got, err, c.want)
			}
		}
	}
}

func TestShow(t *testing.T) {
	var tr tree.Tree
	tr = tr.Set(feature.VLANPath(100, "name"), "WEB").Set(feature.VLANPath(20), nil).
		Set(feature.VLANPath(30, "shutdown"), true)
	tr = with(tr, veth1, "switchport/access-vlan", ether.VLANID(100))
	tr = with(tr, "interfaces/interface[Vethernet2]", "switchport/access-vlan", ether.VLANID(999))
	tr = with(tr, eth1, "switchport/mode", Trunk)
	tr = with(tr, "interfaces/interface[Vethernet12]", "switchport/mode", Trunk)
	tr = with(tr, "interfaces/interface[Vethernet12]", "switchport/trunk/native-vlan", ether.VLANID(7))
	long := ether.VLANSet{}
	for v := ether.VLANID(1001); v < 1035; v += 2 {
		long = long.With(v)
	}
	tr = with(tr, "interfaces/interface[Vethernet12]", "switchport/trunk/allowed-vlans", long.Union(set("20,30")))
	q := func(tr tree.Tree) feature.Query {
		return feature.Query{
			Running:   tr,
			Effective: func(port string) tree.Tree { return tr.Sub(feature.InterfacePath(port)) },
			State:     &feature.State{Ports: []feature.PortState{{Name: "Ethernet3/1", Up: true}, {Name: "Vethernet1", Up: true}}},
		}
	}
	nothing := feature.Query{State: &feature.State{}}
	const switchport, trunk = "show interface [<interface>] switchport", "show interface [<interface>] trunk"
	cases := []struct {
		name, line string
		q          feature.Query
		args       []any
	}{
		{"switchport", switchport, q(tr), nil},
		{"switchport-one", switchport, q(tr), []any{"interface", "Vethernet1"}},
		{"switchport-none", switchport, nothing, nil},
		{"trunk", trunk, q(tr), nil},
		{"trunk-one", trunk, q(tr), []any{"interface", "Ethernet3/1"}},
		{"trunk-none", trunk, nothing, nil},
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
	for _, line := range []string{switchport, trunk} {
		const want = "ERROR: Interface does not exist: Vethernet99"
		if s, err := featuretest.Show(t, Feature, q(tr), line, "interface", "Vethernet99"); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, %v, want %s", line, s, err, want)
		}
	}
}

func TestRunningConfig(t *testing.T) {
	mounts := schema.Group{Blocks: []schema.Block{
		{Path: "port-profiles/port-profile", Keys: []schema.Key{{Name: "name", Type: schema.Word("profile", "Profile", 80)}},
			Line: "port-profile <name>", Mode: "config-port-prof", Section: 17, Help: "Configure a port-profile",
			Kind: func(tree.Tree, string) string { return feature.Vethernet }},
		{Path: "interfaces/interface", Keys: []schema.Key{{Name: "name", Type: feature.Interface}},
			Line: "interface <name>", Mode: "config-if", Section: 19, Help: "Configure interfaces",
			Kind: func(_ tree.Tree, key string) string { return feature.KindOf(key) }},
		{Path: "vlans/vlan", Keys: []schema.Key{{Name: "id", Type: schema.VLAN}}, Line: "vlan <id>", Mode: "config-vlan", Section: 15, Help: "VLAN"},
	}}
	var tr tree.Tree
	tr = with(tr, web, "switchport/mode", Trunk)
	tr = with(tr, web, "switchport/trunk/allowed-vlans", set("20,10,11"))
	tr = with(tr, web, "switchport/trunk/native-vlan", ether.VLANID(10))
	tr = with(tr, veth1, "switchport/access-vlan", ether.VLANID(4094))
	tr = with(tr, veth1, "switchport/mode", Access)
	tr = with(tr, "interfaces/interface[Vethernet2]", "switchport/trunk/allowed-vlans", set("none"))
	tr = with(tr, "interfaces/interface[Vethernet3]", "switchport/trunk/allowed-vlans", ether.AllVLANs())
	const want = `
port-profile WEB
  switchport mode trunk
  switchport trunk native vlan 10
  switchport trunk allowed vlan 10-11,20

interface Vethernet1
  switchport access vlan 4094

interface Vethernet2
  switchport trunk allowed vlan none

interface Vethernet3
`
	if got := featuretest.Config(t, tr, Feature.Schema, mounts); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
