package lldp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/featuretest"
	"trunkline/linecard/api"
)

func TestCompile(t *testing.T) {
	conf := featuretest.Build(t,
		"interfaces/interface[mgmt0]/ipv4", netip.MustParsePrefix("192.0.2.1/24"),
		"interfaces/interface[mgmt0]/ipv6", netip.MustParsePrefix("2001:db8::1/64"),
		"features/lldp", true, "lldp/holdtime", uint32(60), "lldp/tlv-select/port-vlan", false,
		"interfaces/interface[Ethernet3/1]/description", "to tor-a",
		"interfaces/interface[Ethernet3/2]/lldp/transmit", false,
		"interfaces/interface[Ethernet3/3]/shutdown", true,
	)
	in := feature.Input{Module: 3, Config: conf, Effective: featuretest.Local(conf),
		Ports: []string{"Ethernet3/1", "Ethernet3/2", "Ethernet3/3", "Vethernet1"}}
	got, err := compile(in)
	want := Program{System: "switch", Interval: 30, Hold: 60, Reinit: 2, Omit: []string{"port-vlan"},
		Management: []string{"192.0.2.1", "2001:db8::1"}, Ports: []Port{
			{Name: "Ethernet3/1", Description: "to tor-a", Transmit: true, Receive: true}, {Name: "Ethernet3/2", Receive: true},
		}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	if Feature.Enabled(tree.Tree{}) || !Feature.Enabled(conf) {
		t.Error("on while it is off")
	}
}

var now = time.Date(2026, 11, 22, 9, 15, 2, 0, time.UTC)

// query has two cards report neighbours. One of module 4 speaks of a port that
// is not its own.
func query(t testing.TB) feature.Query {
	t.Helper()
	near := func(id string, info Neighbour) api.Neighbour[Neighbour] {
		return api.Neighbour[Neighbour]{ID: id, Since: now, Heard: now.Add(-20 * time.Second), Expires: now.Add(100 * time.Second), Info: info}
	}
	tor := Neighbour{
		ChassisType: 4, Chassis: "0200.0000.00aa", PortType: 5, Port: "Ethernet1/11", PortDescription: "to vsm1", System: "tor-a",
		Description: "ExampleOS 7.1(2)\nof 2026", Capabilities: 0x14, Enabled: 0x14, Management4: "198.51.100.1", VLAN: 1,
	}
	long := tor
	long.System = "tor-b.lab.example.net"
	bare := Neighbour{ChassisType: 4, Chassis: "0200.0000.00bb", PortType: 3, Port: "0200.0000.00bc"}
	counters := api.DiscoveryCounters{Sent: 7, Received: 5, Malformed: 1, Discarded: 2, Aged: 3, Unknown: 4}
	reports := map[int]any{}
	for slot, ports := range map[int][]port{
		3: {{Name: "Ethernet3/2", Neighbours: []api.Neighbour[Neighbour]{near("b", long)}},
			{Name: "Ethernet3/1", MAC: "0200.0000.0001", Up: true, Counters: counters, Neighbours: []api.Neighbour[Neighbour]{near("a", tor)}}},
		4: {{Name: "Ethernet3/3", Neighbours: []api.Neighbour[Neighbour]{near("x", tor)}},
			{Name: "Ethernet4/1", Counters: counters, Neighbours: []api.Neighbour[Neighbour]{near("c", bare)}}},
	} {
		b, err := json.Marshal(api.Discovery[Neighbour]{Ports: ports})
		if err != nil {
			t.Fatal(err)
		}
		if reports[slot], err = Feature.Report(b); err != nil {
			t.Fatal(err)
		}
	}
	running := featuretest.Build(t, "features/lldp", true, "lldp/tlv-select/system-name", false, "interfaces/interface[Ethernet3/1]/lldp/receive", false)
	return feature.Query{Running: running, Effective: featuretest.Local(running), Now: now,
		State: &feature.State{Reports: map[string]map[int]any{name: reports}}}
}

func TestShow(t *testing.T) {
	for golden, c := range map[string]struct {
		line  string
		words []string
		args  []any
	}{
		"neighbors":           {line: "show lldp neighbors [detail] [interface <interface>]"},
		"neighbors-detail":    {line: "show lldp neighbors [detail] [interface <interface>]", words: []string{"detail"}},
		"neighbors-interface": {line: "show lldp neighbors [detail] [interface <interface>]", args: []any{"interface", "Ethernet4/1"}},
		"timers":              {line: "show lldp timers"},
		"traffic":             {line: "show lldp traffic [interface <interface>]"},
		"tlv-select":          {line: "show lldp tlv-select"},
		"interface":           {line: "show lldp interface <interface>", args: []any{"interface", "Ethernet3/1"}},
	} {
		t.Run(golden, func(t *testing.T) {
			s, err := show(t, query(t), c.line, c.words, c.args...)
			if err != nil {
				t.Fatal(err)
			}
			featuretest.Golden(t, golden, s)
		})
	}
	if _, err := show(t, query(t), "show lldp interface <interface>", nil, "interface", "Ethernet9/1"); err == nil {
		t.Error("an interface that does not exist")
	}
}

// show runs a command as featuretest.Show does, with keywords.
func show(t *testing.T, q feature.Query, line string, words []string, args ...any) (feature.Screen, error) {
	t.Helper()
	for _, s := range Feature.Show {
		if s.Line != line {
			continue
		}
		q.Args = feature.Args{Words: words, Values: map[string]any{}}
		for i := 0; i+1 < len(args); i += 2 {
			q.Args.Values[args[i].(string)] = args[i+1]
		}
		return s.Run(q)
	}
	t.Fatalf("no command %q", line)
	return nil, nil
}

// TestReport refuses what no card reports, and makes texts fit to be shown.
func TestReport(t *testing.T) {
	many := `{"ports":[{"name":"Ethernet3/1","neighbours":[` + strings.TrimSuffix(strings.Repeat(`{"id":"a"},`, api.MaxPortNeighbours+1), ",") + `]}]}`
	for _, bad := range []string{"", "[]", many, `{"ports":[{"name":"E","mac":"zz"}]}`} {
		if _, err := Feature.Report([]byte(bad)); err == nil {
			t.Errorf("%.60s was taken", bad)
		}
	}
	got, err := Feature.Report([]byte(`{"ports":[{"name":"Ethernet3/1","neighbours":[{"id":"a","info":{"system":"x\u001b[2J"}}]}]}`))
	if r, ok := got.(api.Discovery[Neighbour]); err != nil || !ok || r.Ports[0].Neighbours[0].Info.System != "x?[2J" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestClear(t *testing.T) {
	var asked []string
	q := feature.Query{Args: feature.Args{Words: []string{"clear", "lldp", "counters"}}, State: &feature.State{Modules: []feature.Module{
		{Slot: 3, Status: feature.ModuleOK}, {Slot: 4}, {Slot: 5, Status: feature.ModuleOK},
	}}}
	q.Module = func(_ context.Context, slot int, feature string, request []byte) ([]byte, error) {
		asked = append(asked, fmt.Sprint(slot, feature, string(request)))
		return nil, nil
	}
	if err := clearCards(t.Context(), q, nil, nil); err != nil {
		t.Fatal(err)
	}
	if want := []string{`3lldp{"clear":"counters"}`, `5lldp{"clear":"counters"}`}; !reflect.DeepEqual(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
}
