package mactable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/featuretest"
	"trunkline/internal/ether"
	"trunkline/linecard/api"
)

func TestTypes(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "120": "120", "918000": "918000",
		"1": "Invalid number, range is (120:918000)", "119": "Invalid number, range is (120:918000)",
		"918001": "Invalid number, range is (120:918000)", "x": "Invalid command",
	} {
		v, err := ageType.Parse(text)
		got := ageType.Format(v)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("aging time %s: got %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"drop", "interface Vethernet3", "interface Ethernet3/1"} {
		if v, err := targetType.Parse(text); err != nil || targetType.Format(v) != text {
			t.Errorf("target %q: got %+v, %v", text, v, err)
		}
	}
	for _, text := range []string{"", "interface", "interface eth0", "Vethernet3", "drop it"} {
		if v, err := targetType.Parse(text); err == nil {
			t.Errorf("target %q: got %+v, want an error", text, v)
		}
	}
}

const veth = "interfaces/interface[Vethernet3]"

func TestCheck(t *testing.T) {
	port := Target{Port: "Vethernet3"}
	var full tree.Tree
	for i := range MaxStatic {
		full = full.Set(targetPath("1 "+ether.MACFromUint64(uint64(i)+2<<40).String()), Target{Drop: true})
	}
	for _, c := range []struct {
		name     string
		old, new tree.Tree
		want     []string
	}{
		{"nothing", tree.Tree{}, tree.Tree{}, nil},
		{"a port and a drop", tree.Tree{}, featuretest.Build(t, veth, nil, "mac-table/static[10 5254.00a1.0b0c]/target", port,
			"mac-table/static[20 5254.00a1.0b0c]/target", Target{Drop: true}), nil},
		{"a group address", tree.Tree{}, featuretest.Build(t, "mac-table/static[10 0100.5e00.0001]/target", Target{Drop: true}),
			[]string{"ERROR: 0100.5e00.0001 is not a unicast address."}},
		{"zero", tree.Tree{}, featuretest.Build(t, "mac-table/static[10 0000.0000.0000]/target", Target{Drop: true}),
			[]string{"ERROR: 0000.0000.0000 is not a unicast address."}},
		{"no such port", tree.Tree{}, featuretest.Build(t, "mac-table/static[10 5254.00a1.0b0c]/target", port),
			[]string{"Warning: Interface does not exist: Vethernet3; the static entry 5254.00a1.0b0c is inactive."}},
		{"no second warning", featuretest.Build(t, "mac-table/static[10 5254.00a1.0b0c]/target", port),
			featuretest.Build(t, "mac-table/static[10 5254.00a1.0b0c]/target", port), nil},
		{"the port is removed", featuretest.Build(t, veth, nil, "mac-table/static[10 5254.00a1.0b0c]/target", port),
			featuretest.Build(t, "mac-table/static[10 5254.00a1.0b0c]/target", port),
			[]string{"Warning: Interface does not exist: Vethernet3; the static entry 5254.00a1.0b0c is inactive."}},
		{"as many as there may be", tree.Tree{}, full, nil},
		{"one more", tree.Tree{}, full.Set(targetPath("2 5254.00a1.0b0c"), Target{Drop: true}),
			[]string{"ERROR: Maximum number of static MAC entries (32768) reached."}},
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

func TestCompile(t *testing.T) {
	for _, c := range []struct {
		name string
		conf tree.Tree
		want Program
	}{
		{"defaults", tree.Tree{}, Program{AgeSeconds: 1800}},
		{"ageing off", featuretest.Build(t, "mac-table/aging-time", uint32(0)), Program{}},
		{"all", featuretest.Build(t,
			"mac-table/aging-time", uint32(300), "mac-table/limit", uint32(1000000),
			"mac-table/vlan[10]/aging-time", uint32(0), "mac-table/vlan[9]/aging-time", uint32(120),
			"mac-table/static[10 5254.00a1.0b0c]/target", Target{Port: "Vethernet3"},
			"mac-table/static[10 5254.00a1.0b0d]/target", Target{Port: "Vethernet4"}, // of another module
			"mac-table/static[20 5254.00a1.0b0c]/target", Target{Drop: true},
		), Program{
			AgeSeconds: 300, Limit: 1000000, AgeVLAN: map[ether.VLANID]uint32{9: 120, 10: 0},
			Static: []Static{{VLAN: 10, MAC: "5254.00a1.0b0c", Port: "Vethernet3"}, {VLAN: 20, MAC: "5254.00a1.0b0c", Drop: true}},
		}},
	} {
		got, err := compile(feature.Input{Module: 3, Config: c.conf, Ports: []string{"Ethernet3/1", "Vethernet3"}})
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got  %+v, %v\nwant %+v", c.name, got, err, c.want)
		}
	}
}

// cards answers questions from tables of entries by slot, and notes them.
func query(t testing.TB, cards map[int][]api.FDBEntry, asked map[int]api.FDBQuery) feature.Query {
	q := feature.Query{
		State: &feature.State{Ports: []feature.PortState{{Name: "Ethernet3/1"}, {Name: "Vethernet1"}, {Name: "Vethernet4"}}},
		Running: featuretest.Build(t, "interfaces/interface[Ethernet3/1]/inherit", "UP", "interfaces/interface[Ethernet4/1]/inherit", "UP",
			"port-profiles/port-profile[UP]/type", "ethernet", "interfaces/interface[Ethernet4/2]", nil,
			"interfaces/interface[Vethernet1]", nil, "interfaces/interface[Vethernet4]", nil),
	}
	for slot := range cards {
		q.State.Modules = append(q.State.Modules, feature.Module{Slot: slot, Status: feature.ModuleOK})
	}
	slices.SortFunc(q.State.Modules, func(a, b feature.Module) int { return a.Slot - b.Slot })
	q.State.Modules = append(q.State.Modules, feature.Module{Slot: 9})
	answers := make(chan struct{}, 1) // guards asked
	answers <- struct{}{}
	q.Module = func(_ context.Context, slot int, what string, body []byte) ([]byte, error) {
		var request api.FDBQuery
		if err := json.Unmarshal(body, &request); err != nil || what != "mactable" {
			return nil, fmt.Errorf("bad question %s %s: %v", what, body, err)
		}
		<-answers
		defer func() { answers <- struct{}{} }()
		if asked != nil {
			asked[slot] = request
		}
		if cards[slot] == nil {
			return nil, errors.New("no answer in time")
		}
		var reply api.FDBReply
		for _, e := range cards[slot] {
			if (request.VLAN == 0 || request.VLAN == e.VLAN) && (request.MAC == "" || request.MAC == e.MAC) &&
				(request.Port == "" || request.Port == e.Port) {
				reply.Entries = append(reply.Entries, e)
			}
		}
		return json.Marshal(reply)
	}
	return q
}

// chassis: h1 behind Vethernet1 of card 3, h4 behind Vethernet4 of card 4, a
// router beyond the uplinks, a plain Ethernet of card 4, a drop.
var chassis = map[int][]api.FDBEntry{
	3: {
		{VLAN: 100, MAC: "5254.00a1.0b0c", Port: "Vethernet1", Static: true},
		{VLAN: 100, MAC: "5254.00a1.0b04", Port: "Ethernet3/1", AgeSeconds: 1},
		{VLAN: 100, MAC: "001b.2170.0a11", Port: "Ethernet3/1", AgeSeconds: 40},
		{VLAN: 10, MAC: "001b.2170.0a11", Port: "Ethernet3/1", AgeSeconds: 5},
		{VLAN: 4094, MAC: "ffff.ffff.ff", Port: "Ethernet3/1"}, // no entry
		{VLAN: 1, MAC: "0002.3d11.5502", Port: "", Static: true},
	},
	4: {
		{VLAN: 100, MAC: "5254.00a1.0b0c", Port: "Ethernet4/1", AgeSeconds: 2},
		{VLAN: 100, MAC: "5254.00a1.0b04", Port: "Vethernet4", AgeSeconds: 900},
		{VLAN: 100, MAC: "001b.2170.0a11", Port: "Ethernet4/1", AgeSeconds: 30},
		{VLAN: 100, MAC: "5254.00a1.0b05", Port: "Ethernet4/2", AgeSeconds: 918000},
	},
}

const all = "show mac address-table [dynamic|static] [address <mac>] [interface <interface>] [vlan <vlan>]"

func TestGolden(t *testing.T) {
	conf := []any{"mac-table/vlan[10]/aging-time", uint32(300), "mac-table/vlan[9]/aging-time", uint32(0)}
	for name, c := range map[string]struct {
		line string
		args []any
	}{
		"table":     {all, nil},
		"interface": {all, []any{"interface", "Ethernet3/1"}},
		"module":    {"show mac address-table module <module>", []any{"module", uint32(4)}},
		"count":     {"show mac address-table count", nil},
		"aging":     {"show mac address-table aging-time", nil},
	} {
		t.Run(name, func(t *testing.T) {
			q := query(t, chassis, nil)
			for i := 0; i < len(conf); i += 2 {
				q.Running = q.Running.Set(featuretest.Path(t, conf[i].(string)), conf[i+1])
			}
			s, err := featuretest.Show(t, Feature, q, c.line, c.args...)
			if err != nil {
				t.Fatal(err)
			}
			featuretest.Golden(t, name, s)
		})
	}
}

func TestFilters(t *testing.T) {
	mac := func(s string) ether.MAC {
		m, err := ether.ParseMAC(s)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for name, c := range map[string]struct {
		words []string
		args  map[string]any
		want  string
	}{
		"none":      {nil, nil, "1/drop 10/Eth3/1 100/Eth4/1 100/Veth4 100/Eth4/2 100/Veth1"},
		"dynamic":   {[]string{"dynamic"}, nil, "10/Eth3/1 100/Eth4/1 100/Veth4 100/Eth4/2"},
		"static":    {[]string{"static"}, nil, "1/drop 100/Veth1"},
		"vlan":      {nil, map[string]any{"vlan": ether.VLANID(10)}, "10/Eth3/1"},
		"empty":     {nil, map[string]any{"vlan": ether.VLANID(11)}, ""},
		"address":   {nil, map[string]any{"mac": mac("5254.00a1.0b04")}, "100/Veth4"},
		"interface": {nil, map[string]any{"interface": "Vethernet4"}, "100/Veth4"},
		"absent":    {nil, map[string]any{"interface": "Vethernet99"}, "ERROR: Interface does not exist: Vethernet99"},
	} {
		t.Run(name, func(t *testing.T) {
			q := query(t, chassis, nil)
			q.Args = feature.Args{Words: append([]string{"show", "mac", "address-table"}, c.words...), Values: c.args}
			rows, err := switchWide(q)
			var got []string
			if err != nil {
				got = []string{err.Error()}
			} else {
				for e := range rows {
					got = append(got, fmt.Sprintf("%d/%s", e.vlan, e.port()))
				}
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %q, want %q", strings.Join(got, " "), c.want)
			}
		})
	}
}

func TestScrapers(t *testing.T) {
	var many []api.FDBEntry
	for i := range 5000 {
		many = append(many, api.FDBEntry{VLAN: uint16(1 + i%4094), MAC: ether.MACFromUint64(uint64(i)*7 + 2<<40).String(),
			Port: fmt.Sprintf("Vethernet%d", 1048575-i), AgeSeconds: uint32(i), Static: i%3 == 0})
	}
	known := []*regexp.Regexp{
		regexp.MustCompile(`^(Legend:|        (\*|age|\(T\)) .+|   VLAN     MAC Address      Type      age     Secure NTFY Ports)$`),
		regexp.MustCompile(`^-{9}\+-{17}\+-{8}\+-{9}\+-{6}\+-{4}\+-{18}$`),
		regexp.MustCompile(`^\* (\d+) +([0-9a-f]{4}(?:\.[0-9a-f]{4}){2})   (static|dynamic) +(-|\d+) +(F)      (F)    (\S+)$`),
	}
	for name, cards := range map[string]map[int][]api.FDBEntry{
		"no card": {}, "empty": {3: {}}, "one": {3: many[:1]}, "many": {3: many}, "chassis": chassis,
	} {
		s, err := featuretest.Show(t, Feature, query(t, cards, nil), all)
		if err != nil {
			t.Fatal(err)
		}
		text := featuretest.Text(s)
		featuretest.Layout(t, text)
		for line := range strings.Lines(text) {
			if !slices.ContainsFunc(known, func(r *regexp.Regexp) bool { return r.MatchString(strings.TrimSuffix(line, "\n")) }) {
				t.Errorf("%s: a scraper does not know %q", name, line)
			}
		}
		if name == "many" && strings.Count(text, "\n* ") != len(many) {
			t.Errorf("%d rows, want %d", strings.Count(text, "\n* "), len(many))
		}
	}
}

func TestModule(t *testing.T) {
	q := query(t, map[int][]api.FDBEntry{3: {}, 4: nil}, nil)
	for slot, want := range map[uint32]string{
		4: "ERROR: Module 4: no answer in time", 9: "ERROR: Module 9 is absent.", 10: "ERROR: Module does not exist: 10",
	} {
		_, err := featuretest.Show(t, Feature, q, "show mac address-table module <module>", "module", slot)
		if err == nil || err.Error() != want {
			t.Errorf("module %d: got %v, want %q", slot, err, want)
		}
	}
}

func TestClear(t *testing.T) {
	asked := map[int]api.FDBQuery{}
	q := query(t, chassis, asked)
	q.Args.Values = map[string]any{"vlan": ether.VLANID(100), "interface": "Ethernet3/1", "mac": ether.MAC{0, 0x1b, 0x21, 0x70, 0x0a, 0x11}}
	if err := execs[0].Run(context.Background(), q, nil, nil); err != nil {
		t.Fatal(err)
	}
	request := api.FDBQuery{Op: "clear", VLAN: 100, Port: "Ethernet3/1", MAC: "001b.2170.0a11"}
	if want := map[int]api.FDBQuery{3: request, 4: request}; !reflect.DeepEqual(asked, want) {
		t.Errorf("asked %+v, want %+v", asked, want)
	}
	q.Args.Values = map[string]any{"interface": "Vethernet99"}
	if err := execs[0].Run(context.Background(), q, nil, nil); err == nil {
		t.Error("an absent interface was accepted")
	}
}

func TestConfig(t *testing.T) {
	tr := featuretest.Build(t,
		"mac-table/aging-time", uint32(0), "mac-table/limit", uint32(100000),
		"mac-table/vlan[10]/aging-time", uint32(300), "mac-table/vlan[9]/aging-time", uint32(1800),
		"mac-table/static[10 5254.00a1.0b0c]/target", Target{Port: "Vethernet3"},
		"mac-table/static[9 5254.00a1.0b0d]/target", Target{Drop: true},
	)
	want := `mac address-table aging-time 0
mac address-table limit 100000
mac address-table aging-time 1800 vlan 9
mac address-table aging-time 300 vlan 10
mac address-table static 5254.00a1.0b0d vlan 9 drop
mac address-table static 5254.00a1.0b0c vlan 10 interface Vethernet3
`
	if got := featuretest.Config(t, tr, Feature.Schema); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// TestNoEntries has a card send what is no entry: nothing of it is shown.
func TestNoEntries(t *testing.T) {
	good := api.FDBEntry{VLAN: 10, MAC: "5254.00a1.0b0c", Port: "Vethernet3"}
	bad := []api.FDBEntry{
		{VLAN: 10, MAC: good.MAC, Port: "Ethernet3/1\x1b[2J"}, {VLAN: 10, MAC: good.MAC, Port: "Vethernet3\nVethernet4"},
		{VLAN: 10, MAC: good.MAC, Port: "Ethernet" + strings.Repeat("1", 1000)}, {VLAN: 4095, MAC: good.MAC, Port: good.Port},
		{VLAN: 10, MAC: "\x1b[2J", Port: good.Port},
	}
	if got := entries(answer{module: 3, reply: api.FDBReply{Entries: append(bad, good)}}); len(got) != 1 || got[0].FDBEntry != good {
		t.Errorf("got %+v", got)
	}
}
