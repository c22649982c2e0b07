package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/linecard/api"
)

// workload is a binding to a slot.
type workload int

func (w workload) Slot() int       { return int(w) }
func (w workload) Owner() string   { return fmt.Sprintf("vm-%d", int(w)) }
func (w workload) Adapter() string { return "eth0" }

// configured is a configuration with vEthernets, each bound to a slot.
func configured(on map[string]int) feature.Running {
	var t tree.Tree
	for name, slot := range on {
		t = t.Set(feature.InterfacePath(name, "owner"), workload(slot))
	}
	return feature.Running{Tree: t, At: t0, Effective: func(port string) tree.Tree { return t.Sub(feature.InterfacePath(port)) }}
}

var t0 = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func report(t testing.TB, ports ...api.PortState) []byte {
	t.Helper()
	b, err := json.Marshal(api.PortReport{Ports: ports})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMerge(t *testing.T) {
	s := New(Sources{})
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
	if p := got[2]; p.Module != 3 || !p.Up {
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
	s := New(Sources{})
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

// TestOthersPorts has a card speak for ports that are on another.
func TestOthersPorts(t *testing.T) {
	running := configured(map[string]int{"Vethernet1": 4, "Vethernet2": 3})
	s := New(Sources{Running: func() feature.Running { return running }})
	for slot, data := range map[int][]byte{
		3: report(t, api.PortState{Name: "Vethernet1", Up: true}, api.PortState{Name: "Ethernet4/1", Up: true},
			api.PortState{Name: "Vethernet2", Up: true}, api.PortState{Name: "Vethernet9", Up: true}),
		4: report(t, api.PortState{Name: "Vethernet1", Reason: "Link not connected"}),
	} {
		if err := s.Report(slot, api.ReportPorts, data); err != nil {
			t.Fatal(err)
		}
	}
	got := s.Ports()
	if len(got) != 3 || got[0].Module != 4 || got[0].Up || got[1].Name != "Vethernet2" || got[2].Name != "Vethernet9" {
		t.Errorf("ports %+v", got)
	}
}

// TestOthersTransitions has a card say that ports of another go up and down, and
// then no word of them: what is counted of them is what their own card says.
func TestOthersTransitions(t *testing.T) {
	running := configured(map[string]int{"Vethernet1": 4})
	s := New(Sources{Running: func() feature.Running { return running }})
	say := func(slot int, ports ...api.PortState) {
		t.Helper()
		if err := s.Report(slot, api.ReportPorts, report(t, ports...)); err != nil {
			t.Fatal(err)
		}
	}
	both := func(slot int, up bool) {
		t.Helper()
		say(slot, api.PortState{Name: "Vethernet1", Up: up}, api.PortState{Name: "Ethernet4/1", Up: up})
	}
	both(4, true)
	both(4, false)
	for i := range 10 {
		both(3, i%2 == 0)
	}
	both(3, true)
	s.Lost(3)
	say(3)
	for _, name := range []string{"Vethernet1", "Ethernet4/1"} {
		if n := s.transitions[name]; n != 1 {
			t.Errorf("%s has gone up or down %d times, want 1", name, n)
		}
	}
}

func TestNICs(t *testing.T) {
	encode := func(nics ...api.NIC) []byte {
		data, err := json.Marshal(api.NICReport{NICs: nics})
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	good := api.NIC{Number: 1, Device: "eth1", MAC: "5254.00a1.0b0c", Profile: "UP"}
	with := func(change func(*api.NIC)) []byte {
		other := api.NIC{Number: 2, Device: "eth2"}
		change(&other)
		return encode(good, other)
	}
	s := New(Sources{})
	if err := s.Report(3, api.ReportNICs, encode(good)); err != nil {
		t.Fatal(err)
	}
	var many []api.NIC
	for n := range maxNICs + 1 {
		many = append(many, api.NIC{Number: n + 1, Device: fmt.Sprintf("eth%d", n)})
	}
	for name, data := range map[string][]byte{
		"number 0":         with(func(n *api.NIC) { n.Number = 0 }),
		"number too large": with(func(n *api.NIC) { n.Number = feature.MaxUplink + 1 }),
		"no device":        with(func(n *api.NIC) { n.Device = "" }),
		"long device":      with(func(n *api.NIC) { n.Device = "a234567890123456" }),
		"device shown":     with(func(n *api.NIC) { n.Device = "\x1b[2J" }),
		"long profile":     with(func(n *api.NIC) { n.Profile = strings.Repeat("p", 81) }),
		"bad mac":          with(func(n *api.NIC) { n.MAC = "zz" }),
		"number twice":     with(func(n *api.NIC) { n.Number = 1 }),
		"device twice":     with(func(n *api.NIC) { n.Device = "eth1" }),
		"too many":         encode(many...),
	} {
		if err := s.Report(3, api.ReportNICs, data); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if got := s.NICs(3); len(got) != 1 || got[0] != good {
		t.Errorf("state changed to %v", got)
	}
	if err := s.Report(3, api.ReportNICs, encode(many[:maxNICs]...)); err != nil {
		t.Errorf("a full card: %v", err)
	}
}

func FuzzReport(f *testing.F) {
	f.Add(report(f, api.PortState{Name: "Vethernet1", Up: true, MAC: "5254.00a1.0b0c"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := New(Sources{})
		_ = s.Report(3, api.ReportPorts, data)
		_ = s.Report(3, api.ReportNICs, data)
		s.Ports()
	})
}

// TestReports keeps what a feature decodes, and the one before when it cannot.
func TestReports(t *testing.T) {
	s := New(Sources{Features: []feature.Feature{{Name: "lldp", Report: func(data []byte) (any, error) {
		if len(data) == 0 {
			return nil, errors.New("empty")
		}
		return string(data), nil
	}}}})
	for _, c := range []struct {
		slot    int
		section string
		data    string
		ok      bool
	}{{4, "lldp", "b", true}, {3, "lldp", "a", true}, {3, "lldp", "", false}, {3, "unknown", "", true}} {
		if err := s.Report(c.slot, c.section, []byte(c.data)); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
	}
	before := s.Reports()
	read := func(reports map[string]map[int]any) (all []string) {
		for slot, r := range feature.Reported[string](&feature.State{Reports: reports}, "lldp") {
			all = append(all, fmt.Sprint(slot, r))
		}
		return all
	}
	s.Lost(3)
	for _, c := range []struct {
		got, want []string
	}{{read(before), []string{"3a", "4b"}}, {read(s.Reports()), []string{"4b"}}} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
