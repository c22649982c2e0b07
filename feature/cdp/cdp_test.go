package cdp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"trunkline/feature"
	"trunkline/feature/featuretest"
	"trunkline/linecard/api"
)

func TestCompile(t *testing.T) {
	conf := featuretest.Build(t,
		"interfaces/interface[mgmt0]/ipv4", netip.MustParsePrefix("192.0.2.1/24"),
		"system/hostname", "sw1", "cdp/advertise", "v1", "cdp/timer", uint32(5), "cdp/device-id", "other",
		"interfaces/interface[Ethernet3/2]/cdp/enable", false,
		"interfaces/interface[Ethernet3/3]/shutdown", true,
	)
	in := feature.Input{Module: 3, Config: conf, Effective: featuretest.Local(conf),
		Ports: []string{"Ethernet3/1", "Ethernet3/2", "Ethernet3/3", "Vethernet1"}}
	got, err := compile(in)
	want := Program{System: "sw1", DeviceID: ByOther, V1: true, Interval: 5, Hold: 180, Management: []string{"192.0.2.1"}, Ports: []Port{{Name: "Ethernet3/1"}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	in.Config = featuretest.Build(t, "cdp/enable", false)
	if got, err := compile(in); got != nil || err != nil {
		t.Errorf("CDP is off: %+v, %v", got, err)
	}
}

var now = time.Date(2026, 11, 22, 9, 15, 2, 0, time.UTC)

// query has a card report neighbours, one of them on a port of another card.
func query(t testing.TB) feature.Query {
	t.Helper()
	near := func(live int, info Neighbour) []api.Neighbour[Neighbour] {
		return []api.Neighbour[Neighbour]{{
			ID: info.Device, Heard: now.Add(-time.Second), Expires: now.Add(time.Duration(live) * time.Second), Info: info,
		}}
	}
	tor := Neighbour{
		Device: "tor-a", System: "tor-a", Port: "Ethernet1/11", Platform: "XYZ-48T", Software: "ExampleOS 7.1(2)", Capabilities: 0x228,
		Version: 2, NativeVLAN: 1, Duplex: "full", MTU: 1500, Addresses: "198.51.100.1 2001:db8::1", Management: "198.51.100.1",
	}
	long := tor
	long.Device, long.Capabilities = "tor-b.lab.example.net(SN0042)", 0x229
	bare := Neighbour{Device: "d1", Port: "p1", Platform: "A platform with a name", Version: 1}
	counters := api.DiscoveryCounters{Sent: 7, SentV1: 2, SendErrors: 1, Received: 9, ReceivedV1: 1, Malformed: 1, BadChecksum: 2, BadVersion: 3}
	b, err := json.Marshal(api.Discovery[Neighbour]{Ports: []port{
		{Name: "Ethernet3/10", Neighbours: near(10, bare)},
		{Name: "Ethernet3/2", Neighbours: near(170, long)},
		{Name: "Ethernet3/1", Up: true, Counters: counters, Neighbours: near(133, tor)},
		{Name: "Ethernet4/1", Neighbours: near(1, tor)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Feature.Report(b)
	if err != nil {
		t.Fatal(err)
	}
	running := featuretest.Build(t, "cdp/timer", uint32(30), "interfaces/interface[Ethernet3/5]/cdp/enable", false)
	return feature.Query{Running: running, Effective: featuretest.Local(running), Now: now,
		State: &feature.State{Reports: map[string]map[int]any{name: {3: r}}}}
}

func TestShow(t *testing.T) {
	const neighbors = "show cdp neighbors [interface <interface>] [detail]"
	for golden, c := range map[string]struct {
		line  string
		words []string
		args  []any
	}{
		"neighbors":           {line: neighbors},
		"neighbors-detail":    {line: neighbors, words: []string{"detail"}},
		"neighbors-interface": {line: neighbors, args: []any{"interface", "Ethernet3/1"}},
		"entry":               {line: "show cdp entry {all|name <device>}", args: []any{"device", "tor-a"}},
		"global":              {line: "show cdp global"},
		"interface":           {line: "show cdp interface [<interface>]"},
		"interface-off":       {line: "show cdp interface [<interface>]", args: []any{"interface", "Ethernet3/5"}},
		"traffic":             {line: "show cdp traffic [interface <interface>]", args: []any{"interface", "Ethernet3/1"}},
	} {
		t.Run(golden, func(t *testing.T) {
			s, err := show(t, query(t), c.line, c.words, c.args...)
			if err != nil {
				t.Fatal(err)
			}
			featuretest.Golden(t, golden, s)
		})
	}
	off := feature.Query{Running: featuretest.Build(t, "cdp/enable", false), State: &feature.State{}}
	if _, err := show(t, off, neighbors, nil); err != errOff {
		t.Errorf("while CDP is off: %v", err)
	}
	s, err := show(t, off, "show cdp global", nil)
	if err != nil {
		t.Fatal(err)
	}
	featuretest.Golden(t, "global-off", s)
	if _, err := show(t, query(t), "show cdp interface [<interface>]", nil, "interface", "Ethernet9/1"); err == nil {
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

func TestClear(t *testing.T) {
	var asked []string
	q := feature.Query{Args: feature.Args{Words: []string{"clear", "cdp", "table"}}, State: &feature.State{Modules: []feature.Module{
		{Slot: 3, Status: feature.ModuleOK}, {Slot: 4}, {Slot: 5, Status: feature.ModuleOK},
	}}}
	q.Module = func(_ context.Context, slot int, feature string, request []byte) ([]byte, error) {
		asked = append(asked, fmt.Sprint(slot, feature, string(request)))
		return nil, nil
	}
	if err := clearCards(t.Context(), q, nil, nil); err != nil {
		t.Fatal(err)
	}
	if want := []string{`3cdp{"clear":"table"}`, `5cdp{"clear":"table"}`}; !reflect.DeepEqual(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
}
