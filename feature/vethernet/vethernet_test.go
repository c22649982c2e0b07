package vethernet

import (
	"context"
	"fmt"
	"reflect"
	"testing"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/featuretest"
)

func TestOwnerText(t *testing.T) {
	for _, c := range []struct {
		text string
		want Owner
	}{
		{"netns h1 ifname eth0 module 3", Owner{Kind: KindNetns, Namespace: "h1", Ifname: "eth0", Module: 3}},
		{"device veth-a module 258", Owner{Kind: KindDevice, Device: "veth-a", Module: 258}},
		{"tap vnet4 module 4", Owner{Kind: KindTap, Device: "vnet4", Module: 4}},
		{"internal host0 module 3", Owner{Kind: KindInternal, Device: "host0", Module: 3}},
	} {
		got, err := OwnerType.Parse(c.text)
		if err != nil || got != c.want || OwnerType.Format(got) != c.text {
			t.Errorf("%q: got %+v, %v, printed %q", c.text, got, err, OwnerType.Format(got))
		}
	}
	for text, want := range map[string]string{
		"":                                     "Invalid command",
		"netns h1":                             "Invalid command",
		"netns ../x ifname eth0 module 3":      "Invalid command",
		"netns .. ifname eth0 module 3":        "Invalid command",
		"netns h1 ifname a/b module 3":         "Invalid interface format",
		"internal a/b module 3":                "Invalid interface format",
		"device eth0 module 2":                 "Invalid number, range is (3:258)",
		"device eth0 module 259":               "Invalid number, range is (3:258)",
		"tap a-name-too-long-for-it module 3":  "String exceeded max length of (15)",
		"workload w uuid u mac m":              "Invalid command",
		"netns h1 ifname eth0 module 3 module": "Invalid command",
	} {
		if o, err := OwnerType.Parse(text); err == nil || err.Error() != want {
			t.Errorf("%q: got %+v, %v, want %q", text, o, err, want)
		}
	}
}

func FuzzOwner(f *testing.F) {
	f.Add("netns h1 ifname eth0 module 3")
	f.Add("tap vnet4 module 4")
	f.Fuzz(func(t *testing.T, text string) {
		o, err := OwnerType.Parse(text)
		if err != nil {
			return
		}
		if back, err := OwnerType.Parse(o.String()); err != nil || back != o {
			t.Fatalf("%q: %+v does not parse back: %+v, %v", text, o, back, err)
		}
	})
}

// ports builds a tree of vEthernets 1, 2, … with these owners, "" for none.
func ports(t testing.TB, owners ...string) tree.Tree {
	t.Helper()
	var out tree.Tree
	for i, text := range owners {
		name := fmt.Sprintf("Vethernet%d", i+1)
		out = out.Set(feature.InterfacePath(name), nil)
		if text == "" {
			continue
		}
		o, err := OwnerType.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		out = out.Set(feature.InterfacePath(name, "owner"), o)
	}
	return out
}

func TestCheck(t *testing.T) {
	vem := func(t tree.Tree, slot string) tree.Tree {
		return t.Set(tree.Path{{Name: "vems"}, {Name: "vem", Key: slot}}, nil)
	}
	full := make([]string, PerModule)
	for i := range full {
		full[i] = fmt.Sprintf("netns h%d ifname eth0 module 3", i)
	}
	vnics := func(t tree.Tree, names ...string) tree.Tree {
		for _, name := range names {
			t = t.Set(vnicPath("3", name), "WEB")
		}
		return t
	}
	profiles := func(t tree.Tree, kind string) tree.Tree {
		return t.Set(tree.Path{{Name: "port-profiles"}, {Name: "port-profile", Key: "WEB"}, {Name: "type"}}, kind)
	}
	uplink := ports(t, "device eth1 module 3").
		Set(tree.Path{{Name: "vems"}, {Name: "vem", Key: "3"}, {Name: "uplink", Key: "eth1"}, {Name: "profile"}}, "UP")
	for _, c := range []struct {
		name     string
		old, new tree.Tree
		want     []string
	}{
		{"detached", tree.Tree{}, ports(t, "", ""), nil},
		{"different places", tree.Tree{}, vem(ports(t, "netns a ifname eth0 module 3", "netns a ifname eth1 module 3",
			"netns a ifname eth0 module 4", "device eth0 module 3"), "4"), nil},
		{"the same interface twice", tree.Tree{}, ports(t, "netns a ifname eth0 module 3", "netns a ifname eth0 module 3"),
			[]string{"ERROR: Vethernet1 is bound to netns a ifname eth0 module 3 already."}},
		{"as device and as tap", tree.Tree{}, ports(t, "device x module 3", "tap x module 3"),
			[]string{"ERROR: Vethernet1 is bound to device x module 3 already."}},
		{"an uplink", tree.Tree{}, uplink, []string{"ERROR: Device eth1 of module 3 is an uplink."}},
		{"module not configured", tree.Tree{}, ports(t, "tap x module 7"),
			[]string{"Warning: Module 7 is not configured; Vethernet1 stays down until it is inserted."}},
		{"no second warning", ports(t, "tap x module 7"), ports(t, "tap x module 7"), nil},
		{"as many as a module carries", tree.Tree{}, ports(t, full...), nil},
		{"a host vnic", tree.Tree{}, profiles(vnics(ports(t, "internal host0 module 3"), "host0"), feature.Vethernet), nil},
		{"a host vnic without a profile", tree.Tree{}, vnics(tree.Tree{}, "host0"),
			[]string{"Warning: Port-profile WEB does not exist; the host's port is in no VLAN of it."}},
		{"a host vnic with an uplink's profile", tree.Tree{}, profiles(vnics(tree.Tree{}, "host0"), feature.Ethernet),
			[]string{"ERROR: Port-profile type mismatch (vethernet vs ethernet)."}},
		{"a host vnic by the name of an uplink", tree.Tree{}, profiles(vnics(uplink, "eth1"), feature.Vethernet),
			[]string{"ERROR: Device eth1 of module 3 is an uplink.", "ERROR: Device eth1 of module 3 is an uplink.",
				"ERROR: Device eth1 of module 3 is a host vnic."}},
		{"an owner without its host vnic", tree.Tree{}, ports(t, "internal host0 module 3"),
			[]string{"ERROR: Module 3 has no host vnic host0."}},
		{"an owner whose host vnic goes", ports(t, "internal host0 module 3"), ports(t, "internal host0 module 3"), nil},
		{"one more", tree.Tree{}, ports(t, append(full, "tap x module 3")...),
			[]string{"ERROR: Maximum number of Vethernets per module (1000) reached."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, p := range check(feature.Candidate{Old: c.old, New: c.new}) {
				got = append(got, p.Text)
				if wantError := p.Text[0] == 'E'; wantError != (p.Severity == schema.Error) {
					t.Errorf("%q has severity %d", p.Text, p.Severity)
				}
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestCompile(t *testing.T) {
	conf := ports(t, "netns h1 ifname eth0 module 3", "tap x module 4", "", "tap y module 3")
	conf = conf.Set(feature.InterfacePath("Vethernet4", "shutdown"), true)
	got, err := compile(feature.Input{
		Module: 3, Config: conf, Ports: []string{"Ethernet3/1", "Vethernet1", "Vethernet4"},
		Effective: func(port string) tree.Tree { return conf.Sub(feature.InterfacePath(port)) },
	})
	want := Program{Ports: []Port{
		{Name: "Vethernet1", Up: true, Owner: Owner{Kind: KindNetns, Namespace: "h1", Ifname: "eth0", Module: 3}},
		{Name: "Vethernet4", Owner: Owner{Kind: KindTap, Device: "y", Module: 3}},
	}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}

// commits is a Host that applies edits to a tree.
type commits struct {
	feature.Host
	tree  tree.Tree
	lines []string
}

func (c *commits) Commit(_ context.Context, _ feature.Session, line string, edits ...feature.Edit) error {
	c.lines = append(c.lines, line)
	for _, e := range edits {
		if e.Delete {
			c.tree = c.tree.Delete(e.Path)
		} else {
			c.tree = c.tree.Set(e.Path, e.Value)
		}
	}
	return nil
}

// TestAttachKeepsTheNumber detaches and attaches a port whose lines stay.
func TestAttachKeepsTheNumber(t *testing.T) {
	host := &commits{tree: ports(t, "netns h1 ifname eth0 module 3").Set(feature.InterfacePath("Vethernet1", "description"), "web")}
	run := func(e feature.Exec, values map[string]any) error {
		return e.Run(context.Background(), feature.Query{Running: host.tree, Args: feature.Args{Values: values}}, host, nil)
	}
	attach, detach := execs[0], execs[1]
	if err := run(detach, map[string]any{"number": uint32(1)}); err != nil {
		t.Fatal(err)
	}
	if slot := feature.SlotOf(host.tree, "Vethernet1"); slot != 0 || !host.tree.Exists(feature.InterfacePath("Vethernet1", "description")) {
		t.Errorf("after detach: slot %d, tree %v", slot, host.tree)
	}
	for number, want := range map[uint32]string{1: "ERROR: Vethernet1 is not attached.", 9: "ERROR: Interface does not exist: Vethernet9"} {
		if err := run(detach, map[string]any{"number": number}); err == nil || err.Error() != want {
			t.Errorf("detach %d: got %v, want %q", number, err, want)
		}
	}
	o := Owner{Kind: KindTap, Device: "x", Module: 4}
	if err := run(attach, map[string]any{"number": uint32(1), "owner": o}); err != nil {
		t.Fatal(err)
	}
	if slot := feature.SlotOf(host.tree, "Vethernet1"); slot != 4 {
		t.Errorf("after attach: slot %d", slot)
	}
	if want := []string{"detach vethernet 1", "attach vethernet 1 tap x module 4"}; !reflect.DeepEqual(host.lines, want) {
		t.Errorf("committed %q, want %q", host.lines, want)
	}
}

func TestConfig(t *testing.T) {
	want := `
vem 12
  host vnic host0 profile WEB

interface Vethernet1
  owner netns h1 ifname eth0 module 3

interface Vethernet2

interface Vethernet3
  owner tap vnet4 module 4

interface Vethernet4
  owner internal host0 module 12
`
	word := schema.Word("name", "Name", 80)
	block := schema.Group{Blocks: []schema.Block{{
		Path: "vems/vem", Keys: []schema.Key{{Name: "slot", Type: schema.Uint("slot", "Slot", 3, 258)}},
		Line: "vem <slot>", Mode: "config-vem-slot", Section: 6, Help: "Slot",
	}, {
		Path: "port-profiles/port-profile", Keys: []schema.Key{{Name: "name", Type: word}},
		Line: "port-profile <name>", Mode: "config-port-prof", Section: 18, Help: "Profile",
	}, {
		Path: "interfaces/interface", Keys: []schema.Key{{Name: "name", Type: feature.Interface}},
		Line: "interface <name>", Mode: "config-if", Section: 19, Help: "Interface",
		Kind: func(_ tree.Tree, key string) string { return feature.KindOf(key) },
	}}}
	tr := ports(t, "netns h1 ifname eth0 module 3", "", "tap vnet4 module 4", "internal host0 module 12").
		Set(vnicPath("12", "host0"), "WEB")
	if got := featuretest.Config(t, tr, Feature.Schema, block); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
