package interfaces

import (
	"fmt"
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

// bound is a binding without the feature that has them.
type bound struct {
	slot           int
	owner, adapter string
}

func (b bound) Slot() int       { return b.slot }
func (b bound) Owner() string   { return b.owner }
func (b bound) Adapter() string { return b.adapter }

func profile(name, leaf string) tree.Path {
	return tree.Path{{Name: "port-profiles"}, {Name: "port-profile", Key: name}, {Name: leaf}}
}

// query is a snapshot of a switch. Effective is what config/effective gives
// for the leaves this feature reads, without inheritance.
func query(t tree.Tree, state feature.State) feature.Query {
	return feature.Query{
		Running: t, State: &state, Now: now,
		Effective: func(port string) tree.Tree { return t.Sub(feature.InterfacePath(port)) },
	}
}

// chassis is a switch with a port for every down reason: module 3 is in
// service, 4 absent, 5 has no program yet.
func chassis() feature.Query {
	var t tree.Tree
	set := func(p tree.Path, v any) { t = t.Set(p, v) }
	port := func(name string, b feature.Binding) {
		set(feature.InterfacePath(name), nil)
		if b != nil {
			set(feature.InterfacePath(name, "owner"), b)
		}
	}
	set(feature.VLANPath(100, "name"), "WEB")
	set(feature.VLANPath(300, "state"), "suspend")
	for name, state := range map[string]string{"UPLINK": "enabled", "WEB": "enabled", "OFF": "disabled"} {
		set(profile(name, "state"), state)
	}

	port("Ethernet3/1", nil)
	set(feature.InterfacePath("Ethernet3/1", "description"), "tor-a Eth1/11 with a name longer than its column")
	set(feature.InterfacePath("Ethernet3/1", "inherit"), "UPLINK")
	set(feature.InterfacePath("Ethernet3/1", "shutdown"), false)
	set(feature.InterfacePath("Ethernet3/1", "switchport", "mode"), "trunk")
	set(feature.InterfacePath("Ethernet3/1", "mtu"), uint32(9216))
	port("Ethernet3/2", nil) // not there
	port("Ethernet4/1", nil) // absent card
	port("Ethernet5/1", nil) // card without a program

	port("Vethernet1", bound{3, "", "vhost0"})
	port("Vethernet2", bound{3, "h2", "eth0"})
	set(feature.InterfacePath("Vethernet2", "shutdown"), true)
	port("Vethernet3", bound{3, "h3", "eth0"})
	set(feature.InterfacePath("Vethernet3", "switchport", "access-vlan"), ether.VLANID(200))
	port("Vethernet4", bound{3, "h4", "eth0"})
	set(feature.InterfacePath("Vethernet4", "switchport", "access-vlan"), ether.VLANID(300))
	port("Vethernet5", bound{3, "h5", "eth0"})
	set(feature.InterfacePath("Vethernet5", "inherit"), "OFF")
	port("Vethernet6", bound{3, "h6", "eth0"})
	port("Vethernet7", bound{4, "h7", "eth0"})
	port("Vethernet8", bound{5, "h8", "eth0"})
	port("Vethernet9", nil)
	port("Vethernet12", bound{3, "web01", "vnet4"})
	set(feature.InterfacePath("Vethernet12", "description"), "web01, adapter vnet4")
	set(feature.InterfacePath("Vethernet12", "inherit"), "WEB")
	set(feature.InterfacePath("Vethernet12", "shutdown"), false)
	set(feature.InterfacePath("Vethernet12", "switchport", "access-vlan"), ether.VLANID(100))
	port("Vethernet1048575", bound{3, "namespace-with-a-long-name-of-its-own", "interface-of-15"})

	port("Vethernet13", bound{3, "h13", "eth0"})

	up := func(name string) feature.PortState {
		return feature.PortState{
			Name: name, Module: 3, Up: true, Reason: "none", Kind: "tap", Adapter: "tl3", MTU: 1500,
			MAC: ether.MAC{0x52, 0x54, 0, 0xa1, 0x0b, 0x0c}, Since: now.Add(-76 * time.Hour),
		}
	}
	e1 := up("Ethernet3/1")
	e1.Kind, e1.Adapter, e1.Mbps, e1.MTU = "virtio_net", "eth1", 10000, 9216
	e1.Counters = feature.Counters{RxUnicast: 141780, RxOctets: 116261400, TxUnicast: 3, TxOctets: 180}
	e3 := up("Ethernet3/3") // not configured
	e3.Up, e3.Reason = false, "Link not connected"
	v6 := up("Vethernet6")
	v6.Error = "mtu 9216: the adapter takes 1500 at most"
	v12 := up("Vethernet12")
	v12.Resets = 1
	v12.Rates = [2]feature.Rates{{RxBits: 184, TxBits: 512, TxFrames: 1}, {RxBits: 200, TxBits: 488, TxFrames: 1}}
	v12.Counters = feature.Counters{
		RxUnicast: 12004, RxMulticast: 37, RxBroadcast: 5, RxOctets: 1448820,
		TxUnicast: 15770, TxMulticast: 211, TxBroadcast: 64, TxOctets: 2219871,
		RxDrops: map[string]uint64{"runt": 2, "giant": 3, "tagged-on-access": 17, "port-down": 1, "no-memory": 4, "consumed": 9, "same-segment": 8, "overrun": 7},
		TxDrops: map[string]uint64{"queue-full": 5, "tx-error": 6},
	}
	v13 := up("Vethernet13")
	v13.Up, v13.Reason, v13.Error = false, "errDisabled", "loop-detected: MAC addresses move to this port and back"
	long := up("Vethernet1048575")
	long.Up, long.Reason = false, "a reason that is too long for its column"
	v7 := up("Vethernet7") // reported by the card it left
	return query(t, feature.State{
		Supervisor: feature.Supervisor{
			Address: "192.0.2.10",
			Mgmt:    feature.PortState{Name: "mgmt0", Up: true, Mbps: 1000, MTU: 1500, MAC: ether.MAC{0x52, 0x54, 0, 0xaa, 0, 1}},
		},
		Modules: []feature.Module{
			{Slot: 3, Status: feature.ModuleOK, Host: "kvm-a"}, {Slot: 4, EverSeen: true, Host: "kvm-b"},
			{Slot: 5, Status: feature.ModulePoweredUp, Host: "kvm-c"},
		},
		Ports: []feature.PortState{e1, e3, up("Vethernet1"), up("Vethernet2"), up("Vethernet3"), up("Vethernet4"), up("Vethernet5"),
			v6, v7, v12, v13, long},
	})
}

// many is a switch of n vEthernets, all up.
func many(n int) feature.Query {
	var t tree.Tree
	s := feature.State{Modules: []feature.Module{{Slot: 3, Status: feature.ModuleOK, Host: "kvm-a"}}}
	for i := range n {
		name := fmt.Sprintf("Vethernet%d", i+1)
		t = t.Set(feature.InterfacePath(name, "owner"), bound{3, fmt.Sprintf("h%d", i+1), "eth0"})
		s.Ports = append(s.Ports, feature.PortState{Name: name, Module: 3, Up: true, Reason: "none", Kind: "veth", Adapter: "tl1"})
	}
	return query(t, s)
}

var screens = map[string]string{ // golden file → line
	"blocks":       "show interface [<interface>]",
	"brief":        "show interface [<interface>] brief",
	"vethernet":    "show interface vethernet brief",
	"status":       "show interface [<interface>] status",
	"description":  "show interface [<interface>] description",
	"counters":     "show interface [<interface>] counters",
	"errors":       "show interface [<interface>] counters errors",
	"detailed":     "show interface [<interface>] counters detailed",
	"drops":        "show interface [<interface>] counters drops",
	"ifindex":      "show interface snmp-ifindex",
	"capabilities": "show interface [<interface>] capabilities",
	"transceiver":  "show interface [<interface>] transceiver",
	"mac-address":  "show interface [<interface>] mac-address",
	"status-up":    "show interface [<interface>] status up",
	"status-down":  "show interface [<interface>] status down",
	"inactive":     "show interface [<interface>] status inactive",
	"err-disabled": "show interface [<interface>] status err-disabled",
	"virtual":      "show interface virtual",
	"port-mapping": "show interface virtual port-mapping",
}

func TestGolden(t *testing.T) {
	for name, line := range screens {
		t.Run(name, func(t *testing.T) {
			s, err := featuretest.Show(t, Feature, chassis(), line)
			if err != nil {
				t.Fatal(err)
			}
			featuretest.Golden(t, name, s)
		})
	}
	t.Run("one", func(t *testing.T) {
		s, err := featuretest.Show(t, Feature, chassis(), "show interface [<interface>]", "interface", "Vethernet12")
		if err != nil {
			t.Fatal(err)
		}
		featuretest.Golden(t, "one", s)
	})
	t.Run("detail", func(t *testing.T) {
		s, err := featuretest.Show(t, Feature, chassis(), "show interface <interface> detail", "interface", "Vethernet6")
		if err != nil {
			t.Fatal(err)
		}
		featuretest.Golden(t, "detail", s)
	})
}

// lines that a strict scraper takes, per screen (cli.md §11 rule 2).
const port = `(Eth\d+/\d+|Veth\d+)`

var statusLines = []string{
	`-{80}`, `Port          Name               Status    Vlan      Duplex  Speed   Type`,
	`(mgmt0|` + port + `) +(.{18}) (connected|notconnec|disabled|down) +(\d+|trunk|routed|--) +(full|auto) +(\S+) +(\S+)`,
}

var patterns = map[string][]string{
	"brief": {
		``, `-{80}`,
		`Port   VRF          Status IP Address                              Speed    MTU`,
		`mgmt0  (\S+) +(up|down) +(\S+) +(\d+) +(\d+)`,
		`Ethernet      VLAN    Type Mode   Status  Reason                   Speed     Port`,
		`Interface                                                                    Ch #`,
		port + ` +(\d+) +(eth|virt) +(access|trunk) +(up|down) +(\S+(?: [A-Za-z0-9]+)*) +(\S+)\((\w)\) (\d+|--)`,
	},
	"vethernet": {
		`-{80}`, `Vethernet     VLAN/     Type Mode   Status  Reason                   MTU   Module`, `              Segment`,
		port + ` +(\d+) +(virt) +(access|trunk) +(up|down) +(\S+(?: [A-Za-z0-9]+)*) +(\d+) +(\d+|-)`,
	},
	"status":      statusLines,
	"status-up":   statusLines,
	"status-down": statusLines,
	"inactive":    statusLines,
	"err-disabled": {
		`-{80}`, `Port          Name               Status    Reason`, port + ` +(.{18}) down {6}(\S.*)`,
	},
	"capabilities": {
		``, `Ethernet\d+/\d+`, `  (Model|Type \([^)]*\)|Speed|Duplex|Trunk encap\. type|Dot1q Tunnel|Channel|Broadcast suppression|Flowcontrol|` +
			`Rate mode|Port mode|QOS scheduling|CoS rewrite|ToS rewrite|SPAN|UDLD|MDIX|TDR capable): +(\S+)`,
	},
	"transceiver": {`Ethernet\d+/\d+`, `    transceiver is not applicable`},
	"mac-address": {
		`-{80}`, `Interface                  Mac-Address     Burn-in Mac-Address`,
		`(mgmt0|Ethernet\d+/\d+|Vethernet\d+) +([\da-f]{4}(?:\.[\da-f]{4}){2})  ([\da-f]{4}(?:\.[\da-f]{4}){2})`,
	},
	"description": {
		``, `-{79}`, `Interface                Description`, `mgmt0 {20}(.+)`, `Port          Type   Speed   Description`,
		port + ` +(eth|virt) +(\S+) +(.+)`,
	},
	"counters": {
		``, `-{82}`, `Port +(In|Out)(Octets|McastPkts) +(In|Out)(Ucast|Bcast)Pkts`, port + ` +(\d+) +(\d+)`,
	},
	"errors": {
		``, `-{80}`, `Port  ( +[A-Za-z]+(-[A-Za-z]+)*)+`, port + `( +(\d+|--))+`,
	},
	"ifindex": {
		`-{80}`, `Port            IFMIB      Ifindex \(hex\)`, `(mgmt0|` + port + `) +(\d+) +\(0x[0-9a-f]+\)`,
	},
	"virtual": {
		``, `-{79}`, `Port        Adapter        Owner                    Mod Host`,
		`.{11} (.{14}) (.{24}) ( {2}\d| \d\d|\d{3}| {2}-) (\S+)`,
	},
	"port-mapping": {
		``, `-{79}`, `Port        Hypervisor Port  Binding Type  Status    Reason`,
		`.{11} (\S+) +(static) +(up|down) +(.+)`,
	},
}

// TestScrapers reads every table as tools do, with anchored patterns that know
// each line, for no rows, one, and many.
func TestScrapers(t *testing.T) {
	empty := query(tree.Tree{}, feature.State{})
	for name, list := range patterns {
		whole := make([]*regexp.Regexp, len(list))
		for i, p := range list {
			whole[i] = regexp.MustCompile(`^(?:` + p + `)$`)
		}
		for which, q := range map[string]feature.Query{"none": empty, "one": many(1), "many": many(1200), "chassis": chassis()} {
			t.Run(name+"/"+which, func(t *testing.T) {
				s, err := featuretest.Show(t, Feature, q, screens[name])
				if err != nil {
					t.Fatal(err)
				}
				text := featuretest.Text(s)
				featuretest.Layout(t, text)
				for line := range strings.Lines(text) {
					line = strings.TrimSuffix(line, "\n")
					if !slices.ContainsFunc(whole, func(r *regexp.Regexp) bool { return r.MatchString(line) }) {
						t.Errorf("a scraper does not know %q", line)
					}
				}
				if want := len(slices.Collect(func(yield func(string) bool) {
					for port := range ports(q) {
						if !yield(port) {
							return
						}
					}
				})); which == "many" && name == "brief" && strings.Count(text, "\nVeth") != want {
					t.Errorf("%d rows, want %d", strings.Count(text, "\nVeth"), want)
				}
			})
		}
	}
}

func TestAbsentInterface(t *testing.T) {
	for _, line := range screens {
		if !strings.Contains(line, "<interface>") {
			continue
		}
		_, err := featuretest.Show(t, Feature, chassis(), line, "interface", "Vethernet99")
		if err == nil || err.Error() != "ERROR: Interface does not exist: Vethernet99" {
			t.Errorf("%s: got %v", line, err)
		}
	}
}

func TestReasons(t *testing.T) {
	want := map[string]string{
		"Ethernet3/1": "none", "Ethernet3/2": "Link not connected", "Ethernet3/3": "Link not connected",
		"Ethernet4/1": "VEM absent", "Ethernet5/1": "Initializing",
		"Vethernet1": "none", "Vethernet2": "Administratively down", "Vethernet3": "inactive", "Vethernet4": "vlan suspended",
		"Vethernet5": "Port profile disabled", "Vethernet6": "quarantine", "Vethernet7": "VEM absent",
		"Vethernet8": "Initializing", "Vethernet9": "nonParticipating", "Vethernet12": "none",
		"Vethernet13":      "errDisabled",
		"Vethernet1048575": "a reason that is too long for its column",
	}
	all, err := views(chassis())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for v := range all {
		n++
		if v.reason != want[v.name] || v.up != (v.reason == "none") {
			t.Errorf("%s is %q up=%t, want %q", v.name, v.reason, v.up, want[v.name])
		}
	}
	if n != len(want) {
		t.Errorf("%d interfaces, want %d", n, len(want))
	}
}

func TestSince(t *testing.T) {
	for _, c := range []struct {
		ago  time.Duration
		want string
	}{
		{0, "00:00:00"}, {-time.Hour, "00:00:00"}, {3661 * time.Second, "01:01:01"}, {24*time.Hour - 1, "23:59:59"},
		{24 * time.Hour, "1d00h"}, {76 * time.Hour, "3d04h"}, {7 * 24 * time.Hour, "1week(s) 0day(s)"},
		{17*24*time.Hour + 5, "2week(s) 3day(s)"},
	} {
		if got := since(now.Add(-c.ago), now); got != c.want {
			t.Errorf("since(%v) = %q, want %q", c.ago, got, c.want)
		}
	}
	if got := since(time.Time{}, now); got != "never" {
		t.Errorf("since(never) = %q", got)
	}
}

func BenchmarkBrief(b *testing.B) {
	q := many(10000)
	b.ReportAllocs()
	for b.Loop() {
		s, err := showBrief(q)
		if err != nil {
			b.Fatal(err)
		}
		if n := len(featuretest.Text(s)); n < 10000*60 {
			b.Fatal(n)
		}
	}
}
