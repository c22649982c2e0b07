package ethernet

import (
	"fmt"
	"reflect"
	"testing"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/featuretest"
	"trunkline/feature/portprofile"
)

func TestCheck(t *testing.T) {
	var card, all []any
	for p := range PerModule {
		card = append(card, fmt.Sprintf("interfaces/interface[Ethernet3/%d]", p+1), nil)
	}
	for n := range PerSwitch {
		all = append(all, fmt.Sprintf("interfaces/interface[Ethernet%d/%d]", 3+n/PerModule, 1+n%PerModule), nil)
	}
	uplink := []any{"vems/vem[3]/uplink[eth1]/profile", "UP"}
	profile := func(kind string) []any {
		return append(uplink, "port-profiles/port-profile[UP]/type", kind)
	}
	for _, c := range []struct {
		name     string
		old, new tree.Tree
		want     []string
	}{
		{"nothing", tree.Tree{}, tree.Tree{}, nil},
		{"a full card", tree.Tree{}, featuretest.Build(t, card...), nil},
		{"one more", tree.Tree{}, featuretest.Build(t, append(card, "interfaces/interface[Ethernet3/40]", nil)...),
			[]string{"ERROR: Maximum number of Ethernet interfaces per module (32) reached."}},
		{"a full switch", tree.Tree{}, featuretest.Build(t, all...), nil},
		{"one more of a switch", tree.Tree{}, featuretest.Build(t, append(all, "interfaces/interface[Ethernet200/1]", nil)...),
			[]string{"ERROR: Maximum number of Ethernet interfaces (2048) reached."}},
		{"uplink profile", tree.Tree{}, featuretest.Build(t, profile("ethernet")...), nil},
		{"uplink without its profile", tree.Tree{}, featuretest.Build(t, uplink...),
			[]string{"Warning: Port-profile UP does not exist; the uplink is inactive."}},
		{"no second warning", featuretest.Build(t, uplink...), featuretest.Build(t, uplink...), nil},
		{"wrong type", tree.Tree{}, featuretest.Build(t, profile("vethernet")...),
			[]string{"ERROR: Port-profile type mismatch (ethernet vs vethernet)."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, p := range check(feature.Candidate{Old: c.old, New: c.new}) {
				got = append(got, p.Text)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestNoDevice warns of new interfaces for which a card that is there has no
// device.
func TestNoDevice(t *testing.T) {
	old := featuretest.Build(t, "interfaces/interface[Ethernet3/7]", nil)
	for port, want := range map[string]string{
		"Ethernet3/1": "", "Ethernet3/7": "", "Ethernet4/1": "",
		"Ethernet3/9": "Warning: Module 3 has no device for interface Ethernet3/9; it is inactive.",
	} {
		got := ""
		for _, p := range check(feature.Candidate{
			Old: old, New: old.Set(feature.InterfacePath(port), nil),
			Attached: func(port string) int { return map[string]int{"Ethernet3/1": 3}[port] },
			Online:   func(slot int) bool { return slot == 3 },
		}) {
			if p.Severity != schema.Warning {
				t.Errorf("%s: refused: %s", port, p.Text)
			}
			got += p.Text
		}
		if got != want {
			t.Errorf("%s: %q, want %q", port, got, want)
		}
	}
}

func TestCompile(t *testing.T) {
	conf := featuretest.Build(t,
		"interfaces/interface[Ethernet3/1]/inherit", "UP",
		"interfaces/interface[Ethernet3/1]/mtu", uint32(9216),
		"interfaces/interface[Ethernet3/2]", nil,
		"interfaces/interface[Ethernet3/3]/shutdown", true,
		"interfaces/interface[Ethernet3/4]/inherit", "OFF",
		"interfaces/interface[Ethernet3/5]/inherit", "SHUT",
		"interfaces/interface[Ethernet3/6]/inherit", "UP",
		"interfaces/interface[Ethernet3/6]/shutdown", false,
		"interfaces/interface[Ethernet3/7]/inherit", portprofile.UnusedUplink,
		"interfaces/interface[Ethernet3/7]/shutdown", false,
		"port-profiles/port-profile["+portprofile.UnusedUplink+"]/type", "ethernet",
		"port-profiles/port-profile["+portprofile.UnusedUplink+"]/state", "enabled",
		"port-profiles/port-profile[UP]/type", "ethernet",
		"port-profiles/port-profile[UP]/state", "enabled",
		"port-profiles/port-profile[UP]/shutdown", false,
		"port-profiles/port-profile[OFF]/type", "ethernet",
		"port-profiles/port-profile[OFF]/shutdown", false,
		"port-profiles/port-profile[SHUT]/type", "ethernet",
		"port-profiles/port-profile[SHUT]/state", "enabled",
		"vems/vem[3]/uplink[eth1]/profile", "UP",
		"vems/vem[3]/uplink[eth2]/profile", "UP",
		"vems/vem[3]/uplink[eth3]", nil, // its line was removed
		"vems/vem[4]/uplink[eth9]/profile", "UP",
	)
	// Effective is the port with the attributes its profile sets.
	effective := func(port string) tree.Tree {
		out := conf.Sub(feature.InterfacePath(port))
		shut := featuretest.Path(t, "shutdown")
		profile := feature.ProfileOf(conf, port)
		if profile == "" {
			return out
		}
		if v, ok := conf.Get(featuretest.Path(t, "port-profiles/port-profile["+profile+"]/shutdown")); ok {
			if _, own := out.Get(shut); !own {
				out = out.Set(shut, v)
			}
		}
		return out
	}
	got, err := compile(feature.Input{Module: 3, Config: conf, Effective: effective,
		Ports: []string{"Ethernet3/1", "Ethernet3/2", "Ethernet3/3", "Ethernet3/4", "Ethernet3/5", "Ethernet3/6", "Ethernet3/7", "Vethernet1"}})
	want := Program{
		Ports: []Port{
			{Name: "Ethernet3/1", Number: 1, Up: true, MTU: 9216, Uplink: true, Lines: map[string]string{"mtu": "mtu 9216"}},
			{Name: "Ethernet3/2", Number: 2, Up: true, MTU: 1500},
			{Name: "Ethernet3/3", Number: 3, MTU: 1500},
			{Name: "Ethernet3/4", Number: 4, MTU: 1500, Uplink: true}, // profile disabled
			{Name: "Ethernet3/5", Number: 5, MTU: 1500, Uplink: true}, // profile shut down by default
			{Name: "Ethernet3/6", Number: 6, Up: true, MTU: 1500, Uplink: true},
			{Name: "Ethernet3/7", Number: 7, MTU: 1500, Uplink: true}, // in quarantine
		},
		Uplinks: []string{"eth1", "eth2"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
}

// around are the blocks of other features that this one adds to.
func around() schema.Group {
	kind := func(_ tree.Tree, key string) string {
		if key == "WEB" {
			return feature.Vethernet
		}
		return feature.Ethernet
	}
	return schema.Group{Blocks: []schema.Block{
		{
			Path: "vems/vem", Keys: []schema.Key{{Name: "slot", Type: schema.Uint("slot", "Slot", 3, 258)}},
			Line: "vem <slot>", Mode: "config-vem-slot", Section: 6, Help: "Slot",
		},
		{
			Path: "port-profiles/port-profile", Keys: []schema.Key{{Name: "name", Type: schema.Word("name", "Name", 80)}},
			Line: "port-profile <name>", Mode: "config-port-prof", Section: 17, Help: "Port profile", Kind: kind,
		},
		{
			Path: "interfaces/interface", Keys: []schema.Key{{Name: "name", Type: feature.Interface}},
			Line: "interface <name>", Mode: "config-if", Section: 19, Help: "Interface",
			Kind: func(_ tree.Tree, key string) string { return feature.KindOf(key) },
		},
	}}
}

func TestConfig(t *testing.T) {
	tr := featuretest.Build(t,
		"interfaces/interface[Ethernet3/1]/mtu", uint32(9216), "interfaces/interface[Ethernet3/2]/mtu", uint32(DefaultMTU),
		"port-profiles/port-profile[UP]/mtu", uint32(576),
		"vems/vem[3]/uplink[eth10]/profile", "UP", "vems/vem[3]/uplink[eth9]/profile", "UP",
	)
	want := `
vem 3
  host uplink eth9 profile UP
  host uplink eth10 profile UP

port-profile UP
  mtu 576

interface Ethernet3/1
  mtu 9216

interface Ethernet3/2
`
	if got := featuretest.Config(t, tr, Feature.Schema, around()); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestDeviceNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"eth1": true, "enp3s0f1np1": true, "br-lan.7": true, "eth*": false, "eth?": false, "eth[01]": false, `eth\1`: false,
		"a/b": false, "eth0:1": false, "..": false, "a234567890123456": false,
	} {
		if _, err := device.Parse(name); (err == nil) != ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
