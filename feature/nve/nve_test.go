package nve

import (
	"encoding/json"
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

func configured(t testing.TB, more ...any) tree.Tree {
	t.Helper()
	a := netip.MustParseAddr
	return featuretest.Build(t, append([]any{
		"features/nve", true, "features/vn-segment-vlan-based", true,
		"vlans/vlan[100]/vn-segment", uint32(5001), "vlans/vlan[200]/vn-segment", uint32(5002),
		"vems/vem[3]/vtep-address", a("203.0.113.3"), "vems/vem[4]/vtep-address", a("203.0.113.4"),
		"nves/nve[1]/shutdown", false,
		"nves/nve[1]/vni[5001]/ingress-replication[static]/peer[203.0.113.3]", nil,
		"nves/nve[1]/vni[5001]/ingress-replication[static]/peer[203.0.113.4]", nil,
		"nves/nve[1]/vni[5001]/ingress-replication[static]/peer[203.0.113.20]", nil,
		"nves/nve[1]/vni[5002]/ingress-replication[static]/peer[203.0.113.20]", nil,
		"nves/nve[1]/vni[5003]/ingress-replication[static]/peer[203.0.113.20]", nil, // has no VLAN
	}, more...)...)
}

func TestCompile(t *testing.T) {
	conf := configured(t)
	for slot, want := range map[int]any{
		3: Program{Interface: "nve1", Local: "203.0.113.3", Tunnels: []Tunnel{
			{"203.0.113.4", []Segment{{100, 5001}}}, {"203.0.113.20", []Segment{{100, 5001}, {200, 5002}}}}},
		4: Program{Interface: "nve1", Local: "203.0.113.4", Tunnels: []Tunnel{
			{"203.0.113.3", []Segment{{100, 5001}}}, {"203.0.113.20", []Segment{{100, 5001}, {200, 5002}}}}},
		5: nil, // no address
	} {
		if got, err := compile(feature.Input{Module: slot, Config: conf}); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("module %d: %+v, %v\nwant %+v", slot, got, err, want)
		}
	}
	conf = configured(t, "nves/nve[1]/shutdown", true)
	if got, err := compile(feature.Input{Module: 3, Config: conf}); err != nil || len(got.(Program).Tunnels) != 0 {
		t.Errorf("shut down: %+v, %v", got, err)
	}
}

var now = time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)

// query has two cards: one with both tunnels up, one with one of them down.
func query(t testing.TB) feature.Query {
	t.Helper()
	count := api.Counters{RxUnicast: 5, RxOctets: 500, TxBroadcast: 2, TxOctets: 120, TxDrops: map[string]uint64{"giant": 3}}
	reports := map[int]any{}
	for slot, r := range map[int]Report{
		3: {Local: "203.0.113.3", Tunnels: []TunnelState{
			{Peer: "203.0.113.4", Up: true, Since: now.Add(-76 * time.Hour), MTU: 1450, Counters: count},
			{Peer: "203.0.113.20", Up: true, Since: now.Add(-time.Hour), MTU: 1400}}},
		4: {Local: "203.0.113.4", Tunnels: []TunnelState{
			{Peer: "203.0.113.3", Up: true, Since: now.Add(-time.Minute), MTU: 1450, Counters: count},
			{Peer: "203.0.113.20", Error: "network is unreachable"}}},
	} {
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if reports[slot], err = Feature.Report(b); err != nil {
			t.Fatal(err)
		}
	}
	running := configured(t)
	return feature.Query{Running: running, Effective: featuretest.Local(running), Now: now,
		State: &feature.State{Reports: map[string]map[int]any{name: reports}}}
}

func TestShow(t *testing.T) {
	q := query(t)
	q.Args.Values = map[string]any{"number": uint32(1)}
	s, err := showInterface(q)
	if err != nil {
		t.Fatal(err)
	}
	featuretest.Golden(t, "interface", s)
	// These tables end in blanks, which golden files may not.
	for want, run := range map[string]func(feature.Query) (feature.Screen, error){
		"nve1      203.0.113.3                             Up    DP        00:01:00 n/a              \n" +
			"nve1      203.0.113.4                             Up    DP        3d04h    n/a              \n" +
			"nve1      203.0.113.20                            Down  DP        n/a      n/a              \n": showPeers,
		"nve1      5001     UnicastStatic     Up    DP   L2 [100]                \n" +
			"nve1      5002     UnicastStatic     Up    DP   L2 [200]                \n" +
			"nve1      5003     UnicastStatic     Down  DP   L2 [-]                  \n": showVNIs,
	} {
		s, err := run(q)
		if err != nil || len(s) != 1 {
			t.Fatalf("%d sections, %v", len(s), err)
		}
		var got strings.Builder
		for r := range s[0].Rows {
			got.WriteString(r.Text)
		}
		if got.String() != want {
			t.Errorf("got\n%swant\n%s", got.String(), want)
		}
	}
}

// TestReport refuses what no card reports.
func TestReport(t *testing.T) {
	many := `{"tunnels":[` + strings.TrimSuffix(strings.Repeat(`{"peer":"192.0.2.1"},`, MaxPeers+1), ",") + `]}`
	for _, bad := range []string{"", "[]", many, `{"tunnels":[{"peer":"x"}]}`, `{"tunnels":[{"peer":"2001:db8::1"}]}`} {
		if _, err := Feature.Report([]byte(bad)); err == nil {
			t.Errorf("%.60s was taken", bad)
		}
	}
}

func TestPortName(t *testing.T) {
	if p := PortName("nve1", "203.0.113.4"); p != "nve1(203.0.113.4)" || PeerOf(p) != "203.0.113.4" || PeerOf("Ethernet3/1") != "" {
		t.Errorf("%s, %s", p, PeerOf(p))
	}
}
