package dataplane_test

import (
	"encoding/json"
	"testing"

	"trunkline/feature/nve"
	"trunkline/feature/nve/dataplane"
	"trunkline/internal/ether"
	"trunkline/linecard/pipeline"
)

func section(t testing.TB, p nve.Program) []byte {
	t.Helper()
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBuild(t *testing.T) {
	s := section(t, nve.Program{Interface: "nve1", Local: "203.0.113.3", Tunnels: []nve.Tunnel{
		{Peer: "203.0.113.4", Segments: []nve.Segment{{VLAN: 100, VNI: 5001}, {VLAN: 200, VNI: 5002}}}}})
	e := pipeline.New(pipeline.Config{})
	if err := e.Apply(pipeline.Program([]pipeline.Component{dataplane.Component}, map[string][]byte{"nve": s})); err != nil {
		t.Fatal(err)
	}
	ports := e.Ports()
	if len(ports) != 1 || ports[0].Name != "nve1(203.0.113.4)" {
		t.Fatalf("ports %+v", ports)
	}
	if f := ports[0].Facts; !f.Tunnel || !f.Trunk || !f.Up || f.PVID != 0 || f.Allowed != ether.VLANs(100, 200) {
		t.Errorf("facts %+v", f)
	}
}

// FuzzDecode gives the card hostile sections: it takes none that it cannot act on.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"interface":"nve1","local":"203.0.113.3","tunnels":[{"peer":"203.0.113.4","segments":[{"vlan":1,"vni":5001}]}]}`))
	f.Add([]byte(`{"interface":"nve1","local":"203.0.113.3","tunnels":[{"peer":"203.0.113.4","segments":[{"vlan":0,"vni":5001}]}]}`))
	f.Add([]byte(`{"interface":"","local":"::1","tunnels":null}`))
	f.Fuzz(func(t *testing.T, section []byte) {
		tunnels, local, err := dataplane.Decode(section)
		if err != nil {
			return
		}
		if !local.Is4() || len(tunnels) > nve.MaxPeers {
			t.Fatalf("local %v, %d tunnels", local, len(tunnels))
		}
		for _, x := range tunnels {
			if !x.Peer.Is4() || x.Table == nil {
				t.Fatalf("%+v", x)
			}
		}
	})
}
