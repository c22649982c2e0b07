package management

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/featuretest"
	"trunkline/internal/ether"
)

var now = time.Date(2026, 11, 22, 9, 15, 2, 0, time.UTC)

// office is a switch whose mgmt0 has addresses of both families, a second one
// each, n routes and n neighbors of each.
func office(n int) feature.Query {
	var s feature.Stack
	s.LinkLocal = netip.MustParseAddr("fe80::5054:ff:feaa:1")
	for i := range n {
		four := netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + i)})
		six := netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", 1+i))
		s.Routes = append(s.Routes,
			feature.IPRoute{To: netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, byte(i), 0}), 24), Via: four, Source: "static", Since: now.Add(-time.Hour)},
			feature.IPRoute{To: netip.MustParsePrefix("::/0"), Via: six, Source: "static", Metric: 1024, Since: now.Add(-30 * time.Hour)})
		s.Neighbors = append(s.Neighbors,
			feature.Neighbor{IP: four, MAC: ether.MAC{2, 0, 0, 0, 0, byte(1 + i)}, Age: 61 * time.Second},
			feature.Neighbor{IP: six, MAC: ether.MAC{2, 0, 0, 0, 0, byte(1 + i)}, Age: 9 * 24 * time.Hour})
	}
	sup := feature.Supervisor{
		Started: now.Add(-48 * time.Hour),
		Mgmt:    feature.PortState{Name: feature.Mgmt0, Up: true, MTU: 1500},
	}
	for _, p := range []string{"192.0.2.10/24", "203.0.113.10/25", "2001:db8::10/64", "2001:db8:1::10/64"} {
		sup.Prefixes = append(sup.Prefixes, netip.MustParsePrefix(p))
	}
	return feature.Query{
		Now: now, State: &feature.State{Supervisor: sup}, Effective: featuretest.Local(tree.Tree{}),
		Stack: func(string) (feature.Stack, error) { return s, nil },
	}
}

// busy has neighbors of every kind.
func busy() feature.Query {
	q := office(2)
	s, _ := q.Stack(feature.Mgmt0)
	s.Neighbors = append(s.Neighbors,
		feature.Neighbor{IP: netip.MustParseAddr("192.0.2.77"), Age: time.Second},
		feature.Neighbor{IP: netip.MustParseAddr("192.0.2.254"), MAC: ether.MAC{2, 0, 0, 0, 1, 1}, Static: true},
		feature.Neighbor{IP: netip.MustParseAddr("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"), Static: true})
	s.Routes = append(s.Routes, feature.IPRoute{
		To: netip.MustParsePrefix("2001:db8:2::/48"), Via: netip.MustParseAddr("fe80::1"), Source: "nd", Metric: 1024, Since: now,
	})
	q.Stack = func(string) (feature.Stack, error) { return s, nil }
	return q
}

func bare() feature.Query {
	return feature.Query{Now: now, State: &feature.State{}, Effective: featuretest.Local(tree.Tree{})}
}

// screens are the commands by golden file, with the lines that a strict scraper
// knows.
var screens = []struct {
	name, line string
	args       []any
	words      []string
	lines      []string
}{
	{"ip-interface", "show ip interface [brief] vrf <vrf>", []any{"vrf", "all"}, nil, []string{
		``, `IP Interface Status for VRF "(default|management)"\((\d+)\)`,
		`(\S+), Interface status: protocol-(up|down)/link-(up|down)/admin-(up|down), iod: (\d+),`,
		`  IP address: ([\d.]+), IP subnet: ([\d.]+/\d+)( secondary)? route-preference: 0, tag: 0`,
		`  IP broadcast address: 255\.255\.255\.255`, `  IP MTU: (\d+) bytes \(using link MTU\)`,
		`  IP primary address route-preference: 0, tag: 0`,
	}},
	{"ip-interface-brief", "show ip interface [brief] vrf <vrf>", []any{"vrf", "all"}, []string{"brief"}, []string{
		``, `IP Interface Status for VRF "(default|management)"\((\d+)\)`, `Interface            IP Address      Interface Status`,
		`(\S+) {1,20}([\d.]{7,15}) +protocol-(up|down)/link-(up|down)/admin-(up|down)`,
	}},
	{"ipv6-interface", "show ipv6 interface [brief] vrf <vrf>", []any{"vrf", "all"}, nil, []string{
		``, `IPv6 Interface Status for VRF "(default|management)"\((\d+)\)`,
		`(\S+), Interface status: protocol-(up|down)/link-(up|down)/admin-(up|down), iod: (\d+)`,
		`  IPv6 address:`, `    ([\da-f:]+/\d+) \[(VALID|INVALID)\]`, `  IPv6 subnet:  ([\da-f:]+/\d+)`,
		`  IPv6 link-local address: (fe80:[\da-f:]+) \(default\) \[(VALID|INVALID)\]`, `  IPv6 MTU: (\d+) \(using link MTU\)`,
	}},
	{"ipv6-interface-brief", "show ipv6 interface [brief] vrf <vrf>", []any{"vrf", "all"}, []string{"brief"}, []string{
		``, `IPv6 Interface Status for VRF "(default|management)"\((\d+)\)`,
		`Interface        IPv6 Address/Link-local Address  Interface Status`, ` {50}prot/link/admin`,
		`(\S+) +([\da-f:]+) +(up|down)/(up|down)/(up|down)`, ` {17}([\da-f:]+)`,
	}},
	{"ip-route", "show ip route [vrf <vrf>]", []any{"vrf", "all"}, nil, routePatterns("IP Route Table", `[\d.]+`)},
	{"ipv6-route", "show ipv6 route [vrf <vrf>]", []any{"vrf", "all"}, nil, routePatterns("IPv6 Routing Table", `[\da-f:]+`)},
	{"ip-arp", "show ip arp [vrf <vrf>]", []any{"vrf", "all"}, nil, []string{
		``, `(Flags:|      ) (\*|\+|#|CP|PS|RO|D) - \S.*`, `IP ARP Table for all contexts`, `Total number of entries: (\d+)`,
		`Address         Age       MAC Address     Interface       Flags`,
		`([\d.]{7,15}) +(\d\d:\d\d:\d\d|\d+d\d\dh|\d+w\d+d|-) +([\da-f]{4}\.[\da-f]{4}\.[\da-f]{4}|INCOMPLETE) +(mgmt0)`,
	}},
	{"ipv6-neighbor", "show ipv6 neighbor [vrf <vrf>]", []any{"vrf", "all"}, nil, []string{
		``, `(Flags:|      ) (#|G|R|CP|PS|RO) - \S.*`, `IPv6 Adjacency Table for all VRFs`, `Total number of entries: (\d+)`,
		`Address         Age       MAC Address     Pref Source     Interface`, `([\da-f:]{16,})`,
		`([\da-f:]{2,15}| )\s+(\d\d:\d\d:\d\d|\d+d\d\dh|\d+w\d+d|-) +([\da-f.]{14}|INCOMPLETE) +(\d+) +(icmpv6|static) +(mgmt0)`,
	}},
	{"vrf", "show vrf [<vrf>]", nil, nil, []string{
		`VRF-Name                           VRF-ID State   Reason`, `(default|management) +(\d+) (Up|Down) +(--|\S+)`,
	}},
	{"vrf-detail", "show vrf [<vrf>] detail", nil, nil, []string{
		``, `VRF-Name: (\S+), VRF-ID: (\d+), State: Up`, `    VPNID: unknown`, `    RD: 0:0`, `    Max Routes: \d+  Mid-Threshold: \d+`,
		`    Table-ID: 0x[\da-f]{8}, AF: IPv[46], Fwd-ID: 0x[\da-f]{8}, State: Up`,
	}},
	{"vrf-interface", "show vrf [<vrf>] interface", nil, nil, []string{
		`Interface                 VRF-Name                        VRF-ID  Site-of-Origin`, `(\S+) +(\S+) +(\d+)  --`,
	}},
}

func routePatterns(title, address string) []string {
	return []string{
		``, title + ` for VRF "(default|management)"`, `'\*' denotes best ucast next-hop`, `'\*\*' denotes best mcast next-hop`,
		`'\[x/y\]' denotes \[preference/metric\]`, `'%<string>' in via output denotes VRF <string>`,
		`(` + address + `/\d+), ubest/mbest: (\d+)/(\d+)(, attached)?`,
		`    \*via (` + address + `)(, mgmt0)?, \[(\d+)/(\d+)\], (\d\d:\d\d:\d\d|\d+d\d\dh|\d+w\d+d), (direct|local|static|dhcp|nd)`,
	}
}

// run is featuretest.Show with keywords.
func run(t *testing.T, q feature.Query, line string, words []string, args ...any) (feature.Screen, error) {
	t.Helper()
	i := slices.IndexFunc(shows, func(s feature.Show) bool { return s.Line == line })
	if i < 0 {
		t.Fatalf("no show command %q", line)
	}
	q.Args = feature.Args{Words: words, Values: map[string]any{}}
	for n := 0; n+1 < len(args); n += 2 {
		q.Args.Values[args[n].(string)] = args[n+1]
	}
	return shows[i].Run(q)
}

// TestScreens compares every screen with its golden file, and reads it for no
// rows, one and many as tools do: with anchored patterns that know each line.
func TestScreens(t *testing.T) {
	for _, c := range screens {
		known := make([]*regexp.Regexp, len(c.lines))
		for i, p := range c.lines {
			known[i] = regexp.MustCompile(`^(?:` + p + `)$`)
		}
		for which, q := range map[string]feature.Query{"": busy(), "-none": bare(), "-one": office(1), "-many": office(200)} {
			t.Run(c.name+which, func(t *testing.T) {
				s, err := run(t, q, c.line, c.words, c.args...)
				if err != nil {
					t.Fatal(err)
				}
				if which != "-many" {
					featuretest.Golden(t, c.name+which, s)
				}
				text := featuretest.Text(s)
				featuretest.Layout(t, text)
				for line := range strings.Lines(text) {
					line = strings.TrimSuffix(line, "\n")
					if !slices.ContainsFunc(known, func(r *regexp.Regexp) bool { return r.MatchString(line) }) {
						t.Errorf("a scraper does not know %q", line)
					}
				}
			})
		}
	}
}

func TestOneInterface(t *testing.T) {
	q := office(1)
	q.Running = featuretest.Build(t, "interfaces/interface[Vethernet3]", nil)
	q.Effective = featuretest.Local(q.Running)
	const line = "show ip interface [brief] [<interface>]"
	for name, want := range map[string]string{
		"mgmt0": `"management"(2)`, "Vethernet3": `"default"(1)`, "Vethernet4": "ERROR: Interface does not exist: Vethernet4",
	} {
		s, err := run(t, q, line, nil, "interface", name)
		got := featuretest.Text(s)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) || strings.Contains(got, "192.0.2.10") != (name == "mgmt0") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestWithoutDevice: what is configured is shown, and is not up.
func TestWithoutDevice(t *testing.T) {
	q := bare()
	q.Running = featuretest.Build(t, "interfaces/interface[mgmt0]/ipv4", netip.MustParsePrefix("192.0.2.10/24"),
		"interfaces/interface[mgmt0]/shutdown", true)
	s, err := run(t, q, "show ip interface [brief] vrf <vrf>", []string{"brief"}, "vrf", VRF)
	if err != nil {
		t.Fatal(err)
	}
	if want := "mgmt0                192.0.2.10      protocol-down/link-down/admin-down\n"; !strings.HasSuffix(featuretest.Text(s), want) {
		t.Error(featuretest.Text(s))
	}
	if s, err = run(t, q, "show ip route [vrf <vrf>]", nil, "vrf", VRF); err != nil || strings.Contains(featuretest.Text(s), "192.0.2") {
		t.Errorf("a route over a port that is down: %s, %v", featuretest.Text(s), err)
	}
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-1: "00:00:00", time.Hour + time.Minute + time.Second: "01:01:01", 25 * time.Hour: "1d01h", 15 * 24 * time.Hour: "2w1d",
	} {
		if got := age(d); got != want {
			t.Errorf("age of %v: %s, want %s", d, got, want)
		}
	}
	if got := period(90061 * time.Second); got != "P1DT1H1M1S" {
		t.Error(got)
	}
}
