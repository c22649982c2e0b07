package state

import (
	"encoding/json"
	"testing"

	"trunkline/linecard/api"
)

func report(t testing.TB, ports ...api.PortState) []byte {
	t.Helper()
	b, err := json.Marshal(api.PortReport{Ports: ports})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMerge(t *testing.T) {
	s := New(func(port string) string { return "owner of " + port })
	for slot, data := range map[int][]byte{
		3: report(t, api.PortState{Name: "Vethernet10", Up: true, Reason: "none"}, api.PortState{Name: "Ethernet3/1"}),
		4: report(t, api.PortState{Name: "Vethernet2"}, api.PortState{Name: "Vethernet10", Reason: "Initializing"}),
	} {
		if err := s.Report(slot, api.ReportPorts, data); err != nil {
			t.Fatal(err)
		}
	}
	got := s.Ports()
	var names []string
	for _, p := range got {
		names = append(names, p.Name)
	}
	want := []string{"Ethernet3/1", "Vethernet2", "Vethernet10"}
	if len(names) != len(want) {
		t.Fatalf("ports %v, want %v", names, want)
	}
	for i := range want {
		if names[i] != want[i] {
			t.Fatalf("ports %v, want %v", names, want)
		}
	}
	if p := got[2]; p.Module != 3 || !p.Up || p.Owner != "owner of Vethernet10" {
		t.Errorf("Vethernet10 = %+v, want the one that is up", p)
	}
	s.Lost(3)
	if p := s.Ports()[0]; p.Up || p.Reason != "VEM absent" {
		t.Errorf("after the card is lost: %+v", p)
	}
	if got[2].Reason != "none" {
		t.Error("a snapshot changed after it was taken")
	}
}

func TestBadReportsChangeNothing(t *testing.T) {
	s := New(nil)
	if err := s.Report(3, api.ReportPorts, report(t, api.PortState{Name: "Vethernet1"})); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"no json":        []byte("{"),
		"bad name":       report(t, api.PortState{Name: "eth0"}),
		"control bytes":  report(t, api.PortState{Name: "Vethernet1", Reason: "\x1b[2J"}),
		"bad mac":        report(t, api.PortState{Name: "Vethernet1", MAC: "zz"}),
		"too many ports": report(t, make([]api.PortState, maxPorts+1)...),
		"too long":       make([]byte, maxReport+1),
	} {
		if err := s.Report(3, api.ReportPorts, data); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if got := s.Ports(); len(got) != 1 || got[0].Name != "Vethernet1" {
		t.Errorf("state changed to %v", got)
	}
	if err := s.Report(3, "of-a-newer-card", []byte("?")); err != nil {
		t.Errorf("unknown section: %v", err)
	}
}

func FuzzReport(f *testing.F) {
	f.Add(report(f, api.PortState{Name: "Vethernet1", Up: true, MAC: "5254.00a1.0b0c"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := New(nil)
		_ = s.Report(3, api.ReportPorts, data)
		_ = s.Report(3, api.ReportNICs, data)
		s.Ports()
	})
}
