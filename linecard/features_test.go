package linecard

import (
	"encoding/json"
	"strings"
	"testing"

	"trunkline/feature/cdp"
	"trunkline/feature/ethernet"
	"trunkline/feature/lldp"
	"trunkline/feature/mactable"
	"trunkline/feature/module"
	"trunkline/feature/switchport"
	"trunkline/feature/vethernet"
	"trunkline/feature/vlan"
	"trunkline/internal/ether"
	"trunkline/linecard/bridge"
	"trunkline/linecard/fdb"
	"trunkline/linecard/pipeline"
	"trunkline/linecard/port/porttest"
)

func sections(t testing.TB) map[string][]byte {
	t.Helper()
	m := map[string][]byte{}
	for name, p := range map[string]any{
		"module": module.Program{Driver: module.DriverAuto, Cores: []int{1, 3}},
		"vlan":   vlan.Program{Active: ether.VLANs(1, 10, 20)},
		"ethernet": ethernet.Program{
			Uplinks: []string{"eth0"},
			Ports: []ethernet.Port{
				{Name: "Ethernet3/1", Number: 1, Up: true, MTU: 9000, Uplink: true},
				{Name: "Ethernet3/2", Number: 2, Up: true, MTU: 1500, Lines: map[string]string{"mtu": "mtu 1500"}},
			},
		},
		"vethernet": vethernet.Program{Ports: []vethernet.Port{
			{Name: "Vethernet1", Up: true, Owner: vethernet.Owner{Kind: "workload", MAC: "0200.0000.0001"}, MACLimit: 5},
			{Name: "Vethernet2"},
		}},
		"switchport": switchport.Program{Ports: []switchport.Port{
			{Name: "Ethernet3/1", Trunk: true, Native: 1, Allowed: ether.AllVLANs()},
			{Name: "Vethernet1", Access: 10},
			{Name: "Vethernet99", Access: 10},
		}},
		"cdp":  cdp.Program{System: "sw1", DeviceID: cdp.ByName, Interval: 60, Hold: 180, Ports: []cdp.Port{{Name: "Ethernet3/1"}, {Name: "Ethernet3/9"}}},
		"lldp": lldp.Program{System: "sw1", Interval: 30, Hold: 120, Ports: []lldp.Port{{Name: "Ethernet3/1", Receive: true}, {Name: "Ethernet3/2", Transmit: true}}},
		"mactable": mactable.Program{
			AgeSeconds: 600, AgeVLAN: map[ether.VLANID]uint32{10: 0}, Limit: 1000,
			Static: []mactable.Static{{VLAN: 10, MAC: "0200.0000.00aa", Port: "Vethernet1"}, {VLAN: 10, MAC: "0200.0000.00bb", Drop: true}},
		},
	} {
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		m[name] = b
	}
	return m
}

// TestProgram applies a program with every section to an engine.
func TestProgram(t *testing.T) {
	e := pipeline.New(pipeline.Config{})
	if err := e.Apply(pipeline.Program(Features(), sections(t))); err != nil {
		t.Fatal(err)
	}
	if err := e.SetPort("Vethernet1", porttest.New(porttest.Options{Name: "tap0", MTU: 1500})); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.RemovePort("Vethernet1"); err != nil {
			t.Error(err)
		}
	}()
	got := map[string]pipeline.PortStatus{}
	for _, p := range e.Ports() {
		got[p.Name] = p
	}
	if len(got) != 4 {
		t.Fatalf("%d ports, want 4", len(got))
	}
	up := got["Ethernet3/1"].Facts
	if !up.Uplink || !up.Trunk || up.PVID != 1 || up.Number != 1 || up.MTU != 9000 || up.Allowed != ether.AllVLANs() {
		t.Errorf("uplink %+v", up)
	}
	if up.Punts != bridge.PuntCDP|bridge.PuntLLDP {
		t.Errorf("punts of the uplink: %b", up.Punts)
	}
	plain := got["Ethernet3/2"].Facts
	if plain.Uplink || plain.Trunk || plain.PVID != 1 || plain.Allowed != ether.VLANs(1) || plain.Punts != 0 {
		t.Errorf("port without switchport section %+v", plain)
	}
	v := got["Vethernet1"]
	if !v.Up || !v.Facts.Vethernet || v.Facts.PVID != 10 || v.Facts.MACLimit != 5 || v.MTU != 1500 {
		t.Errorf("vethernet %+v", v)
	}
	if got["Vethernet2"].Reason != "Administratively down" {
		t.Errorf("vethernet 2 is %q", got["Vethernet2"].Reason)
	}
	if s := e.FDB().Stats(); s.Limit != 1000 || s.Static != 3 {
		t.Errorf("mac table %+v", s)
	}
	n := 0
	e.FDB().Dump(fdb.Filter{BD: 10, Hop: v.Index}, func(fdb.Entry) bool { n++; return true })
	if n != 2 {
		t.Errorf("%d static entries behind Vethernet1, want its own and the configured one", n)
	}
}

// TestRefused gives each component what it must refuse.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ name, section, want string }{
		{"vlan", ``, "EOF"},
		{"vlan", `{"active":"1-5000"}`, "vlan"},
		{"vlan", `{"active":"1","more":1}`, "unknown field"},
		{"vlan", `{"active":"1"} {}`, "after the end"},
		{"vlan", `[]`, "array"},
		{"ethernet", `{"ports":[{"name":"E","mtu":10000}]}`, "above 9500"},
		{"ethernet", `{"ports":[{"name":"E"},{"name":"E"}]}`, "already"},
		{"ethernet", `{"ports":[{"name":""}]}`, "invalid name"},
		{"ethernet", `{"ports":[{"name":"E","number":-1}]}`, "number -1"},
		{"vethernet", `{"ports":[{"name":"V","owner":{"mac":"zz"}}]}`, "adapter address"},
		{"vethernet", `{"ports":[{"name":"V","macLimit":2000000}]}`, "more than"},
		{"switchport", `{"ports":[{"name":"V","access":4095}]}`, "vlan 4095"},
		{"mactable", `{"limit":2000000}`, "above"},
		{"mactable", `{"ageVlan":{"0":1}}`, "vlan 0"},
		{"mactable", `{"static":[{"vlan":1,"mac":"0100.0000.0001","drop":true}]}`, "invalid"},
		{"mactable", `{"static":[{"vlan":1,"mac":"0200.0000.0001"}]}`, "invalid"},
		{"cdp", `{"interval":60,"hold":180,"deviceId":"x","ports":[]}`, "device id"},
		{"lldp", `{"interval":30,"hold":0,"ports":[]}`, "times"},
		{"nonesuch", `{}`, "not supported"},
	} {
		e := pipeline.New(pipeline.Config{})
		err := e.Apply(pipeline.Program(Features(), map[string][]byte{c.name: []byte(c.section)}))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.name) {
			t.Errorf("%s %s: %v, want %q", c.name, c.section, err, c.want)
		}
	}
}

// FuzzSections feeds arbitrary bytes to every component; what is accepted must
// apply.
func FuzzSections(f *testing.F) {
	names := []string{}
	all := sections(f)
	for i, c := range Features() {
		names = append(names, c.Name)
		f.Add(uint8(i), all[c.Name])
	}
	f.Fuzz(func(t *testing.T, which uint8, section []byte) {
		name := names[int(which)%len(names)]
		_ = pipeline.New(pipeline.Config{}).Apply(pipeline.Program(Features(), map[string][]byte{name: section}))
	})
}
