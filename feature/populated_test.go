package feature_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"trunkline/cli/session"
	"trunkline/config"
	"trunkline/feature"
	"trunkline/feature/cdp"
	"trunkline/feature/lldp"
	"trunkline/feature/nve"
	"trunkline/internal/ether"
	"trunkline/linecard/api"
)

// What fills a column, and more.
var (
	longName = strings.Repeat("name-of-a-workload.", 3)
	longText = strings.TrimSpace(strings.Repeat("a description that goes on ", 9))
	peerName = strings.Repeat("a-name-of-255-bytes", 14)[:255]
	longVLAN = "a-name-of-thirty-two-characters-"
)

// populated gives a chassis something to show: one card with a port, a neighbour
// and an address, or for more ports three cards, of which one is absent and one
// has no program yet, with n ports each, up and down, and names longer than
// their columns.
func populated(p *session.Product, n int) {
	s := &feature.State{
		Supervisor: feature.Supervisor{
			Started: p.Now().Add(-time.Hour), Boot: p.Now().Add(-2 * time.Hour), Serial: "T1", Version: "1.0(1)", MemoryKB: 1 << 20, Address: "192.0.2.10",
			GUID: "0a4cf1f2-6f64-4f0a-9d55-8b1f7d31c3a7", MAC: ether.MAC{2, 0xfe, 0x0c, 0x6c, 0x5a, 0},
			Mgmt:     feature.PortState{Name: feature.Mgmt0, Up: true, MTU: 1500, Mbps: 1000, MAC: ether.MAC{2, 0, 0, 0, 0, 1}},
			Prefixes: []netip.Prefix{netip.MustParsePrefix("192.0.2.10/24"), netip.MustParsePrefix("2001:db8::10/64")},
			Resources: feature.Resources{
				CPUs: []feature.CPUShare{{Idle: 100}}, TotalKB: 1 << 20, FreeKB: 1 << 19,
				Table: []feature.Process{{PID: 1, Name: "init", State: 'S'}},
			},
		},
		Modules: []feature.Module{
			{Slot: 3, Status: feature.ModuleOK, EverSeen: true, UUID: "7f0f7c0e-3b7a-4a55-9d55-2d6f0c1b9a10", Host: "kvm-a", Address: "192.0.2.53",
				Version: "1.0(1)", OS: "Linux 6.12.9 (KVM, containers)", Since: p.Now().Add(-time.Hour), LastSeen: p.Now()},
		},
		Hosts:  []feature.HostKey{{UUID: "7f0f7c0e-3b7a-4a55-9d55-2d6f0c1b9a10", Fingerprint: strings.Repeat("ab", 32)}},
		Logins: []feature.Login{{ID: 1, User: "admin", Line: "pts/1", Address: "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", PID: 1, Since: p.Now()}},
	}
	if n > 1 {
		s.Modules = append(s.Modules,
			feature.Module{Slot: 4, EverSeen: true, UUID: "0f1d9a66-91fc-4d0b-8a0e-5c7d1e2f3a4b", Host: longName, Address: "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"},
			feature.Module{Slot: 258, Status: feature.ModulePoweredUp, EverSeen: true, UUID: "55b1c3d0-7a4e-4a0f-9a67-1c0de51f7e21", Host: longName,
				Address: "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", OS: "Linux " + longName, Insertions: 1 << 40, HeartbeatsIn: 1 << 60})
		s.Logins = append(s.Logins, feature.Login{ID: 2, User: "operator-with-a-long-name", Line: "pts/1048575", PID: 4194304, Since: p.Now().AddDate(0, 0, -20), Idle: 480 * time.Hour})
		for i := range 40 {
			s.Supervisor.Resources.Table = append(s.Supervisor.Resources.Table, feature.Process{PID: 4194000 + i, Name: strings.Repeat("x", 32), State: 'R', Runtime: 1e6 * time.Hour, Invoked: 1 << 40})
		}
	}
	reports := map[string]map[int]any{"cdp": {}, "lldp": {}, "nve": {}}
	for _, m := range s.Modules {
		for i := range n {
			name := fmt.Sprintf("Ethernet%d/%d", m.Slot, 1+i)
			s.Ports = append(s.Ports, feature.PortState{
				Name: name, Module: m.Slot, Up: m.Status == feature.ModuleOK && i%2 == 0, Reason: [...]string{"none", "Link not connected"}[i%2], Kind: "virtio_net", Mbps: 10000, MTU: 1500,
				Owner: m.Host, Adapter: fmt.Sprintf("adapter-%d-of-it", i), Since: p.Now().Add(-time.Duration(i) * 20 * time.Hour),
				MAC: ether.MAC{2, 0, 0, 0, byte(m.Slot), byte(i)}, Counters: feature.Counters{RxUnicast: 1 << 50, RxOctets: 1 << 62, RxDrops: map[string]uint64{"no-vlan": 3, "giant": 1 << 40}},
			})
		}
		if m.Status == feature.ModuleAbsent {
			continue
		}
		reports["cdp"][m.Slot], reports["lldp"][m.Slot], reports["nve"][m.Slot] = neighbours(p.Now(), m.Slot, n)
	}
	for i := range n {
		s.Ports = append(s.Ports, feature.PortState{
			Name: fmt.Sprintf("Vethernet%d", 1+i), Module: 3, Up: i%3 != 1, Reason: [...]string{"none", "errDisabled", "none"}[i%3], Kind: "vhost-user-client", MTU: 9216,
			Owner: longName, Adapter: "vnet-adapter" + fmt.Sprint(i), MAC: ether.MAC{2, 1, 0, 0, 0, byte(i)}, Error: [...]string{"", "loop-detected", ""}[i%3], Resets: uint64(i),
		})
	}
	s.Reports = reports
	query := p.Query
	p.Query = func(args feature.Args, who feature.Session) feature.Query {
		q := query(args, who)
		q.State = s
		q.Module = func(_ context.Context, slot int, what string, _ []byte) ([]byte, error) {
			if what != "mactable" || slot != 3 {
				return nil, errors.New("no answer")
			}
			return addresses(n)
		}
		q.Stack = func(string) (feature.Stack, error) {
			all := feature.Stack{}
			for i := range n {
				all.Neighbors = append(all.Neighbors, feature.Neighbor{IP: netip.AddrFrom4([4]byte{192, 0, 2, byte(20 + i)}), MAC: ether.MAC{2, byte(i % 2)}, Age: time.Duration(i) * 7 * time.Hour})
			}
			for i := range n {
				all.Neighbors = append(all.Neighbors, feature.Neighbor{IP: netip.MustParseAddr(fmt.Sprintf("2001:db8:ffff:ffff:ffff:ffff:ffff:%x", i+1)), MAC: ether.MAC{2}, Static: i%2 == 1})
			}
			return all, nil
		}
		return q
	}
}

// neighbours are what a card reports of n of its ports, every second with names
// longer than their columns, and of n tunnels.
func neighbours(now time.Time, slot, n int) (c, l, tunnels any) {
	var ofCDP api.Discovery[cdp.Neighbour]
	var ofLLDP api.Discovery[lldp.Neighbour]
	r := nve.Report{Local: fmt.Sprintf("203.0.113.%d", slot%250)}
	for i := range n {
		name, id := fmt.Sprintf("Ethernet%d/%d", slot, 1+i), fmt.Sprint(i)
		times := [2]time.Time{now.Add(-time.Second), now.Add(100 * time.Second)}
		cn := cdp.Neighbour{Device: "tor-a", System: "tor-a", Port: "Ethernet1/11", Platform: "XYZ-48T", Software: "ExampleOS 7.1(2)", Capabilities: 0x228,
			Version: 2, NativeVLAN: 1, Duplex: "full", MTU: 1500, Addresses: "198.51.100.1 2001:db8::1", Management: "198.51.100.1"}
		ln := lldp.Neighbour{ChassisType: 4, Chassis: "0200.0000.00aa", PortType: 5, Port: "Ethernet1/11", PortDescription: "to vsm1", System: "tor-a",
			Description: "ExampleOS 7.1(2)", Capabilities: 0x14, Enabled: 0x14, Management4: "198.51.100.1", VLAN: 1}
		if i%2 == 1 {
			cn.Device, cn.Platform, cn.Port, cn.Software, cn.Capabilities = peerName, peerName, peerName, peerName, 0x3ff
			ln.System, ln.Port, ln.Description, ln.Capabilities, ln.Enabled, ln.VLAN, ln.Management4 = peerName, peerName, peerName, 0x7ff, 0x7ff, 0, ""
		}
		ofCDP.Ports = append(ofCDP.Ports, api.DiscoveryPort[cdp.Neighbour]{Name: name, Up: true, Neighbours: []api.Neighbour[cdp.Neighbour]{{ID: id, Heard: times[0], Expires: times[1], Info: cn}}})
		ofLLDP.Ports = append(ofLLDP.Ports, api.DiscoveryPort[lldp.Neighbour]{Name: name, Up: true, MAC: "0200.0000.0001",
			Neighbours: []api.Neighbour[lldp.Neighbour]{{ID: id, Since: times[0], Heard: times[0], Expires: times[1], Info: ln}}})
		r.Tunnels = append(r.Tunnels, nve.TunnelState{Peer: fmt.Sprintf("203.0.113.%d", 100+i), Up: i%2 == 0, Since: now.Add(-time.Duration(i) * 30 * time.Hour), MTU: 1450})
	}
	return report(cdp.Feature, ofCDP), report(lldp.Feature, ofLLDP), report(nve.Feature, r)
}

// report is what the supervisor keeps of the report of a card.
func report(f feature.Feature, r any) any {
	b, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	kept, err := f.Report(b)
	if err != nil {
		panic(err)
	}
	return kept
}

// addresses is a table of n learned and static addresses.
func addresses(n int) ([]byte, error) {
	r := api.FDBReply{Dynamic: n, Static: n}
	for i := range 2 * n {
		r.Entries = append(r.Entries, api.FDBEntry{
			VLAN: uint16(1 + 20*(i/n)), MAC: ether.MACFromUint64(uint64(i) + 2<<40).String(), Port: fmt.Sprintf("Vethernet%d", 1+i%n),
			Static: i >= n, AgeSeconds: uint32(i * 40000),
		})
	}
	return json.Marshal(r)
}

// full is a configuration that has something of every feature, often.
func full(n int) []string {
	all := []string{
		"vlan 20,30", "vlan 20", "vn-segment 5001", "vlan 30", "port-profile type vethernet WEB", "switchport access vlan 20", "state enabled", "no shutdown",
		"interface vethernet 1", "inherit port-profile WEB", "owner netns h1 ifname eth0 module 3", "interface ethernet 3/1", "switchport mode trunk", "interface mgmt0", "vem 3", "host vtep address 203.0.113.3",
		"interface nve1", "no shutdown", "member vni 5001", "ingress-replication protocol static", "peer-ip 203.0.113.100",
		"mac address-table aging-time 300 vlan 20", "cdp enable", "ntp server 192.0.2.60", "radius-server host 192.0.2.50",
	}
	if n < 2 {
		return all
	}
	all = append(all, "vlan 100-199", "vlan 100", "name "+longVLAN, "vlan 101", "state suspend", "vlan 102", "shutdown", "vem 4", "host id 0f1d9a66-91fc-4d0b-8a0e-5c7d1e2f3a4b", "vem 258", "vem 9",
		"port-profile type ethernet UP", "switchport mode trunk", "no shutdown", "state enabled", "interface nve1", "description "+longText, "member vni 16777215",
		"hostname "+strings.Repeat("h", 63), "interface ethernet 3/2", "switchport mode trunk", "switchport trunk native vlan 4000")
	for _, profile := range []string{"WEB-" + strings.Repeat("x", 76), "DB-" + strings.Repeat("y", 77)} {
		all = append(all, "port-profile type vethernet "+profile, "description "+longText[:80], "inherit port-profile WEB", "max-ports 512", "switchport access vlan 30", "state enabled")
	}
	var odd []string
	for v := 101; v < 600; v += 2 {
		odd = append(odd, fmt.Sprint(v))
	}
	for i := range n {
		all = append(all, fmt.Sprintf("interface vethernet %d", 1+i), fmt.Sprintf("owner netns %s%d ifname eth0 module %d", "a-workload-with-a-long-name-of-its-own-", i, []int{3, 4, 258}[i%3]),
			"description "+longText)
		switch i % 4 {
		case 0:
			all = append(all, "inherit port-profile WEB-"+strings.Repeat("x", 76))
		case 1:
			all = append(all, "shutdown", "switchport access vlan 101")
		case 2:
			all = append(all, "switchport mode trunk", "switchport trunk allowed vlan "+strings.Join(odd, ","))
		case 3:
			all = append(all, "switchport access vlan 4000")
		}
		all = append(all, fmt.Sprintf("interface ethernet 3/%d", 1+i), "description "+longText)
	}
	return append(all, "interface vethernet 1048575", "interface ethernet 4/1", "interface ethernet 9/1000")
}

// newPopulated is a chassis with n ports to a card, as populated and full have
// them; for 0 it has the features enabled and nothing else.
//
// It is the same one for all tests, which only look at it.
func newPopulated(t *testing.T, n int) *world {
	t.Helper()
	if w := worlds[n]; w != nil {
		return &world{t: t, p: w.p, cli: w.cli}
	}
	p, err := newProduct()
	if err != nil {
		t.Fatal(err)
	}
	if n > 0 {
		populated(&p, n)
	}
	cli, err := session.New(p)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, p: p, cli: cli}
	lines := []string{"configure terminal"}
	for _, f := range features {
		if f.Gated {
			lines = append(lines, f.Schema.Gate.Line)
		}
	}
	if n > 0 {
		lines = append(lines, full(n)...)
	}
	candidate := p.Store.Begin()
	if err := (session.Program{CLI: cli}).Apply(candidate, strings.Join(lines[1:], "\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Store.Commit(t.Context(), candidate, config.Meta{}); err != nil {
		t.Fatal(err)
	}
	worlds[n] = w
	return w
}

var worlds = map[int]*world{} // tests that use it are not parallel
