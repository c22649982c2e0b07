package svsdomain

import (
	"testing"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/featuretest"
	"trunkline/internal/ether"
)

func TestCheck(t *testing.T) {
	for mode, want := range map[string]string{
		"":                      "",
		"L2":                    "ERROR: L2 control mode is not supported on this platform.",
		"L3 interface mgmt0":    "",
		"L3 interface control0": "",
	} {
		var tr tree.Tree
		if mode != "" {
			tr = tr.Set(modePath, mode)
		}
		got := ""
		for _, p := range check(feature.Candidate{New: tr}) {
			got += p.Text
		}
		if got != want {
			t.Errorf("check of mode %q: got %q, want %q", mode, got, want)
		}
	}
}

func TestMode(t *testing.T) {
	for text, ok := range map[string]bool{
		"L2": true, "L3 interface mgmt0": true, "L3 interface control0": true,
		"": false, "L3": false, "L3 interface": false, "L3 interface mgmt1": false, "L4": false,
	} {
		v, err := mode.ParseText(text)
		if (err == nil) != ok || ok && mode.FormatText(v) != text {
			t.Errorf("parse %q: got %v, %v, want ok %v", text, v, err, ok)
		}
	}
}

func TestShow(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 15, 2, 0, time.UTC)
	full := feature.Query{
		Running: tree.Tree{}.Set(idPath, uint32(113)).Set(modePath, "L3 interface control0"),
		Now:     now,
		State: &feature.State{
			Supervisor: feature.Supervisor{
				GUID: "0a4cf1f2-6f64-4f0a-9d55-8b1f7d31c3a7",
				MAC:  ether.MAC{0x52, 0x54, 0, 0xaa, 0, 2},
			},
			Modules: []feature.Module{
				{Slot: 3, Status: feature.ModuleOK, MAC: ether.MAC{0, 2, 0x3d, 0x40, 0x71, 2}, LastSeen: now.Add(-1020 * time.Millisecond)},
				{Slot: 4, Status: feature.ModulePoweredUp, MAC: ether.MAC{0, 2, 0x3d, 0x40, 0x71, 3}},
				{Slot: 5, Status: feature.ModuleAbsent, EverSeen: true},
				{Slot: 258, Status: feature.ModuleOK, MAC: ether.MAC{0, 2, 0x3d, 0x40, 0x71, 4}, LastSeen: now.Add(time.Second)},
			},
		},
	}
	for name, q := range map[string]feature.Query{"": full, "-empty": {State: &feature.State{}}} {
		for _, what := range []string{"domain", "neighbors"} {
			t.Run(what+name, func(t *testing.T) {
				s, err := featuretest.Show(t, Feature, q, "show svs "+what)
				if err != nil {
					t.Fatal(err)
				}
				featuretest.Golden(t, what+name, s)
			})
		}
	}
}

func TestRunningConfig(t *testing.T) {
	var tr tree.Tree
	for at, v := range map[string]any{
		"svs-domain/domain-id": uint32(113), "svs-domain/mode": DefaultMode, "svs-domain/auto-slot": false,
		"svs-domain/admission": "certificate", "svs-domain/heartbeat/interval": uint32(2), "svs-domain/heartbeat/loss": uint32(15),
	} {
		p, err := tree.Parse(at)
		if err != nil {
			t.Fatal(err)
		}
		tr = tr.Set(p, v)
	}
	const want = `
svs-domain
  domain id 113
  no vem auto-slot
  vem admission certificate
  vsm heartbeat interval 2
`
	if got := featuretest.Config(t, tr, Feature.Schema); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
