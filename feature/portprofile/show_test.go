package portprofile

import (
	"strings"
	"testing"

	"trunkline/config/effective"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/featuretest"
	"trunkline/internal/ether"
)

// others stands for the features that mount their leaves on ports and profiles.
type others struct {
	Access   ether.VLANID
	Mode     string
	Shutdown bool
	MTU      uint32
}

// groups are the schema of this feature with some attributes to inherit.
func groups() []schema.Group {
	return []schema.Group{Feature.Schema, {
		Blocks: []schema.Block{{
			Path: "interfaces/interface", Keys: []schema.Key{{Name: "interface", Type: feature.Interface}},
			Line: "interface <interface>", Mode: "config-if", Section: 19, Help: "Configure interfaces",
			Kind: func(_ tree.Tree, name string) string { return feature.KindOf(name) },
		}},
		Leaves: schema.Augment(feature.Port,
			schema.Bind("switchport/mode", schema.Enum("mode", schema.Keyword{Text: "access", Help: "Access"}, schema.Keyword{Text: "trunk", Help: "Trunk"}),
				func(o *others) *string { return &o.Mode }, "switchport mode <mode>", "Mode").
				With(func(l *schema.Leaf) { l.Default = "access" }),
			schema.Bind("switchport/access-vlan", schema.VLAN, func(o *others) *ether.VLANID { return &o.Access },
				"switchport access vlan <vlan>", "VLAN").
				With(func(l *schema.Leaf) { l.Default = ether.VLANID(1) }),
			schema.Bind("mtu", schema.Uint("mtu", "MTU", 576, 9216), func(o *others) *uint32 { return &o.MTU }, "mtu <mtu>", "MTU").
				With(func(l *schema.Leaf) { l.Default = uint32(1500); l.Kinds = []string{feature.Ethernet} }),
			schema.Bind("shutdown", schema.Flag, func(o *others) *bool { return &o.Shutdown }, "shutdown", "Shut down").
				With(func(l *schema.Leaf) { l.DefaultAt = map[string]any{list: true} }),
		),
		Words: schema.Words{
			"switchport": "Switchport", "switchport access": "Access", "switchport access vlan": "VLAN", "switchport mode": "Mode",
			"mtu": "MTU", "shutdown": "Shut down", "interface": "Configure interfaces",
		},
	}}
}

func compiled(t *testing.T) *schema.Schema {
	t.Helper()
	s, err := schema.Compile(groups()...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// set returns tr with the leaf at a path set.
func set(tr tree.Tree, at string, v any) tree.Tree {
	p, err := tree.Parse(at)
	if err != nil {
		panic(err)
	}
	return tr.Set(p, v)
}

func query(t *testing.T, tr tree.Tree, state feature.State) feature.Query {
	s := compiled(t)
	return feature.Query{
		Running: tr, Schema: s, State: &state,
		Effective: func(port string) tree.Tree { return effective.Resolve(s, tr, port) },
	}
}

func chassis() (tree.Tree, feature.State) {
	tr := build("UPLINK type ethernet", "UPLINK state enabled", "BASE state enabled",
		"WEB state enabled", "WEB inherit BASE", "EMPTY",
		"Ethernet3/1 inherit UPLINK", "Ethernet3/2 inherit UPLINK",
		"Vethernet1 inherit WEB", "Vethernet12 inherit WEB", "Vethernet7")
	long := strings.Repeat("long-", 16)
	for at, v := range map[string]any{
		"port-profiles/port-profile[UPLINK]/switchport/mode":       "trunk",
		"port-profiles/port-profile[UPLINK]/shutdown":              false,
		"port-profiles/port-profile[UPLINK]/mtu":                   uint32(9000),
		"port-profiles/port-profile[BASE]/shutdown":                false,
		"port-profiles/port-profile[WEB]/switchport/access-vlan":   ether.VLANID(100),
		"port-profiles/port-profile[WEB]/description":              "web tier",
		"port-profiles/port-profile[WEB]/max-ports":                uint32(64),
		"port-profiles/port-profile[" + long + "]/state":           "enabled",
		"port-profiles/port-profile[" + long + "]/inherit":         "BASE",
		"interfaces/interface[Vethernet5]/inherit":                 long,
		"interfaces/interface[Vethernet12]/switchport/access-vlan": ether.VLANID(200),
		"interfaces/interface[Vethernet12]/shutdown":               true,
	} {
		tr = set(tr, at, v)
	}
	return tr, feature.State{
		Modules: []feature.Module{{Slot: 3, Host: "kvm-a"}},
		Ports: []feature.PortState{
			{Name: "Ethernet3/1", Module: 3, Adapter: "ens1f0"},
			{Name: "Ethernet3/2", Module: 3, Adapter: "ens1f1", Error: "mtu 9000: the device takes at most 1500"},
			{Name: "Vethernet1", Module: 3, Adapter: "vnet2", Owner: "web00"},
			{Name: "Vethernet12", Module: 3, Adapter: "a-device-name-beyond-measure", Owner: "web01", Error: "device is gone"},
		},
	}
}

func TestShow(t *testing.T) {
	tr, state := chassis()
	full, none := query(t, tr, state), query(t, tree.Tree{}, feature.State{})
	cases := []struct {
		name, line string
		q          feature.Query
		args       []any
	}{
		{"all", "show port-profile", full, nil},
		{"all-none", "show port-profile", none, nil},
		{"name", "show port-profile name <name>", full, []any{"name", "WEB"}},
		{"brief", "show port-profile brief", full, nil},
		{"brief-none", "show port-profile brief", none, nil},
		{"usage", "show port-profile usage", full, nil},
		{"usage-none", "show port-profile usage", none, nil},
		{"virtual-usage", "show port-profile virtual usage", full, nil},
		{"virtual-usage-one", "show port-profile virtual usage name <name>", full, []any{"name", "WEB"}},
		{"virtual-usage-none", "show port-profile virtual usage", none, nil},
		{"expand-interface", "show port-profile expand-interface", full, nil},
		{"expand-interface-one", "show port-profile expand-interface name <name>", full, []any{"name", "UPLINK"}},
		{"expand-interface-none", "show port-profile expand-interface", none, nil},
		{"sync-status", "show port-profile sync-status", full, nil},
		{"sync-status-one", "show port-profile sync-status interface <interface>", full, []any{"interface", "Ethernet3/2"}},
		{"sync-status-well", "show port-profile sync-status interface <interface>", full, []any{"interface", "Ethernet3/1"}},
		{"sync-status-none", "show port-profile sync-status", none, nil},
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
	tr, state := chassis()
	q := query(t, tr, state)
	for _, line := range []string{"", "usage ", "virtual usage ", "expand-interface "} {
		const want = "ERROR: Port-profile does not exist: NONE"
		if s, err := featuretest.Show(t, Feature, q, "show port-profile "+line+"name <name>", "name", "NONE"); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, %v, want %s", line, s, err, want)
		}
	}
	const want = "ERROR: Interface does not exist: Vethernet99"
	s, err := featuretest.Show(t, Feature, q, "show port-profile sync-status interface <interface>", "interface", "Vethernet99")
	if err == nil || err.Error() != want {
		t.Errorf("got %v, %v, want %s", s, err, want)
	}
}
