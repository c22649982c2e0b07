package interfaces

import (
	"fmt"
	"iter"
	"slices"

	"trunkline/config/schema"
	"trunkline/feature"
)

// Dashes of the tables.
const (
	dashes = "-------------------------------------------------------------------------------"
	rule79 = dashes + "\n"
	rule80 = dashes + "-\n"
	rule82 = dashes + "---\n"
)

var words = schema.Words{
	"show interface":                      "Interface status and configuration",
	"show interface brief":                "Brief information of interface status",
	"show interface vethernet":            "Virtual Ethernet interface",
	"show interface vethernet brief":      "Brief information of interface status",
	"show interface status":               "Interface line status",
	"show interface description":          "Interface description",
	"show interface counters":             "Interface counters",
	"show interface counters errors":      "Interface error counters",
	"show interface counters detailed":    "All counters of the interface that are not zero",
	"show interface counters drops":       "Dropped frames by reason",
	"show interface capabilities":         "What the interface can do",
	"show interface transceiver":          "Transceivers",
	"show interface mac-address":          "MAC addresses of interfaces",
	"show interface status up":            "Interfaces that are up",
	"show interface status down":          "Interfaces that are down",
	"show interface status inactive":      "Interfaces whose VLAN is not active",
	"show interface status err-disabled":  "Interfaces that a guard has shut",
	"show interface snmp-ifindex":         "SNMP index of interfaces",
	"show interface virtual":              "Virtual Ethernet interfaces and their owners",
	"show interface virtual port-mapping": "Virtual Ethernet interfaces and the devices of the host",
	"show interface detail":               "Detailed information of the interface",
	"clear":                               "Reset functions",
	"clear counters":                      "Clear interface counters",
	"clear counters interface":            "Clear the counters of one interface",
}

var shows = []feature.Show{
	{Line: "show interface [<interface>]", Help: "Interface status and configuration", Run: showBlocks},
	{Line: "show interface [<interface>] brief", Help: "Brief information of interface status", Run: showBrief},
	{Line: "show interface vethernet brief", Help: "Brief information of interface status", Run: showVethernetBrief},
	{Line: "show interface [<interface>] status", Help: "Interface line status", Run: showStatus},
	{Line: "show interface [<interface>] description", Help: "Interface description", Run: showDescription},
	{Line: "show interface [<interface>] counters", Help: "Interface counters", Run: showCounters},
	{Line: "show interface [<interface>] counters errors", Help: "Interface error counters", Run: showErrors},
	{Line: "show interface [<interface>] counters detailed", Help: "All counters of the interface that are not zero", Run: showDetailed},
	{Line: "show interface [<interface>] counters drops", Help: "Dropped frames by reason", Run: showDrops},
	{Line: "show interface snmp-ifindex", Help: "SNMP index of interfaces", Run: showIndex},
	{Line: "show interface virtual", Help: "Virtual Ethernet interfaces and their owners", Run: showVirtual},
	{Line: "show interface virtual port-mapping", Help: "Virtual Ethernet interfaces and the devices of the host", Run: showMapping},
	{Line: "show interface <interface> detail", Help: "Detailed information of the interface", Run: showDetail},
}

// mgmtPort is mgmt0, configuration and device joined.
type mgmtPort struct {
	feature.PortState
	admin       bool
	description string
	address     string // without the length of the subnet, "" for none
	prefix      string // with it
}

// hasMgmt reports whether there is a mgmt0: a device, or configuration.
func hasMgmt(q feature.Query) bool {
	return q.State.Supervisor.Mgmt.Name != "" || q.Running.Exists(feature.InterfacePath(feature.Mgmt0))
}

// mgmt returns mgmt0 when there is one and the command is about it or about all
// interfaces.
func mgmt(q feature.Query) (mgmtPort, bool) {
	if name, one := feature.Value[string](q.Args, "interface"); one && name != feature.Mgmt0 || !hasMgmt(q) {
		return mgmtPort{}, false
	}
	sup := &q.State.Supervisor
	p := mgmtPort{
		PortState: sup.Mgmt, address: sup.Address, prefix: sup.Address,
		admin:       !feature.Read(q.Running, feature.InterfacePath(feature.Mgmt0, "shutdown"), false),
		description: feature.Read(q.Running, feature.InterfacePath(feature.Mgmt0, "description"), ""),
	}
	if len(sup.Prefixes) > 0 {
		p.prefix = sup.Prefixes[0].String()
	}
	p.Name = feature.Mgmt0
	switch {
	case !p.admin:
		p.Up, p.Reason = false, feature.AdminDown
	case p.Up:
		p.Reason = reasonNone
	case p.Reason == "":
		p.Reason = reasonLink
	}
	return p, true
}

// pairs builds keys from alternating names and values; the value "" leaves the
// key out.
func pairs(kv ...any) []feature.Pair {
	out := make([]feature.Pair, 0, len(kv)/2)
	for i := 0; i+1 < len(kv); i += 2 {
		p := feature.Pair{Key: kv[i].(string), Value: kv[i+1]}
		if p.Value == "" {
			p.Value = nil
		}
		out = append(out, p)
	}
	return out
}

// one yields a single row.
func one(r feature.Row) iter.Seq[feature.Row] {
	return func(yield func(feature.Row) bool) { yield(r) }
}

// concat yields the rows of several parts of one table. Each part has its
// heading in the text of its first row, so that parts without rows vanish.
func concat(parts ...feature.Section) iter.Seq[feature.Row] {
	return func(yield func(feature.Row) bool) {
		for _, part := range parts {
			if part.Rows == nil {
				continue
			}
			heading := part.Heading
			for r := range part.Rows {
				r.Text, heading = heading+r.Text, ""
				if !yield(r) {
					return
				}
			}
		}
	}
}

func mgmtSpeed(p mgmtPort) string {
	if p.Mbps == 0 {
		return "auto"
	}
	return shortSpeed(p.Mbps)
}

func upDown(up bool) string {
	if up {
		return "up"
	}
	return "down"
}

func showBrief(q feature.Query) (feature.Screen, error) {
	if name, ok := feature.Value[string](q.Args, "interface"); ok && feature.KindOf(name) == feature.Vethernet {
		return showVethernetBrief(q)
	}
	all, err := views(q)
	if err != nil {
		return nil, err
	}
	management := feature.Section{Heading: "\n" + rule80 +
		"Port   VRF          Status IP Address                              Speed    MTU\n" + rule80}
	if p, ok := mgmt(q); ok {
		ip, mtu := or(p.address), or(nonZero(p.MTU))
		management.Rows = one(feature.Row{
			Text: fmt.Sprintf("%-6s %-12s %-6s %-39s %-8s %s\n", p.Name, "--", upDown(p.Up), ip, mgmtSpeed(p), mtu),
			Keys: pairs("interface", p.Name, "state", upDown(p.Up), "ip_addr", p.address,
				"speed", mgmtSpeed(p), "mtu", nonZero(p.MTU)),
		})
	}
	ports := feature.Section{
		Heading: "\n" + rule80 +
			"Ethernet      VLAN    Type Mode   Status  Reason                   Speed     Port\n" +
			"Interface                                                                    Ch #\n" + rule80,
		Rows: rows(noSVIs(all), func(v *view) string {
			return fmt.Sprintf("%-13s %-7d %-4s %-6s %-7s %-24.24s%10s %s\n", feature.ShortName(v.name), v.vlan, v.word(),
				v.mode(), v.state(), v.reason, v.speed()+"(D)", "--")
		}, func(v *view) []feature.Pair {
			return pairs("interface", v.name, "vlan", int(v.vlan), "type", v.word(), "portmode", v.mode(), "state", v.state(),
				"state_rsn_desc", v.reason, "speed", v.speed(), "ratemode", "D")
		}),
	}
	return feature.Screen{{Name: "interface", Rows: concat(management, ports, sviBrief(all), nveBrief(q))}}, nil
}

func nonZero(n uint32) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// lineStatus is the Status of show interface status.
func lineStatus(reason string) string {
	switch reason {
	case reasonNone:
		return "connected"
	case feature.AdminDown:
		return "disabled"
	case reasonLink:
		return "notconnec"
	}
	return "down"
}

func showStatus(q feature.Query) (feature.Screen, error) {
	return statusOf(func(*view) bool { return true })(q)
}

// statusOf prints the ports that are wanted; mgmt0, whose VLAN is none, if it
// is wanted by whether it is up.
func statusOf(wanted func(*view) bool) func(feature.Query) (feature.Screen, error) {
	return func(q feature.Query) (feature.Screen, error) {
		every, err := views(q)
		if err != nil {
			return nil, err
		}
		all := func(yield func(view) bool) {
			for v := range every {
				if wanted(&v) && !yield(v) {
					return
				}
			}
		}
		p, ok := mgmt(q)
		if ok = ok && wanted(&view{name: p.Name, up: p.Up, reason: p.Reason}); !ok {
			return statusTable(nil, all), nil
		}
		return statusTable(&p, all), nil
	}
}

// statusTable is the table of show interface status; mgmt0 may be left out.
func statusTable(p *mgmtPort, all iter.Seq[view]) feature.Screen {
	text := func(port, name, status, vlan, duplex, speed, kind string) string {
		return fmt.Sprintf("%-13s %-18.18s %-9s %-9s %-7s %-7s %s\n", port, or(name), status, vlan, duplex, speed, or(kind))
	}
	keys := func(port, name, status, vlan, duplex, speed, kind string) []feature.Pair {
		return pairs("interface", port, "name", name, "state", status, "vlan", vlan, "duplex", duplex, "speed", speed, "type", or(kind))
	}
	management := feature.Section{}
	if p != nil {
		status := lineStatus(p.Reason)
		management.Rows = one(feature.Row{
			Text: text(p.Name, p.description, status, "routed", "full", mgmtSpeed(*p), ""),
			Keys: keys(p.Name, p.description, status, "routed", "full", mgmtSpeed(*p), ""),
		})
	}
	row := func(v *view) (status, vlan, duplex string) {
		status, vlan, duplex = lineStatus(v.reason), fmt.Sprint(v.vlan), "auto"
		switch {
		case v.kind == feature.SVI:
			vlan = "routed"
		case v.trunk:
			vlan = "trunk"
		}
		if v.kind == feature.Ethernet && v.up {
			duplex = "full"
		}
		return status, vlan, duplex
	}
	ports := feature.Section{Rows: rows(all, func(v *view) string {
		status, vlan, duplex := row(v)
		return text(feature.ShortName(v.name), v.description, status, vlan, duplex, v.speed(), v.port.Kind)
	}, func(v *view) []feature.Pair {
		status, vlan, duplex := row(v)
		return keys(v.name, v.description, status, vlan, duplex, v.speed(), v.port.Kind)
	})}
	return feature.Screen{{
		Name:    "interface",
		Heading: rule80 + "Port          Name               Status    Vlan      Duplex  Speed   Type\n" + rule80,
		Rows:    concat(management, ports),
	}}
}

// adapterSpeed is the speed of a vEthernet whose adapter has none, in Mbit/s.
const adapterSpeed = 10000

func showDescription(q feature.Query) (feature.Screen, error) {
	all, err := views(q)
	if err != nil {
		return nil, err
	}
	var own []described
	if p, ok := mgmt(q); ok {
		own = append(own, described{p.Name, p.description})
	}
	for _, n := range nves(q) {
		own = append(own, described{n.name, n.description})
	}
	management := descriptions(slices.Values(own))
	speed := func(v *view) string {
		if v.kind == feature.Vethernet {
			return shortSpeed(bandwidth(v))
		}
		return v.speed()
	}
	ports := feature.Section{
		Heading: "\n" + rule79 + "Port          Type   Speed   Description\n" + rule79,
		Rows: rows(noSVIs(all), func(v *view) string {
			return fmt.Sprintf("%-13s %-6s %-7s %s\n", feature.ShortName(v.name), v.word(), speed(v), or(v.description))
		}, func(v *view) []feature.Pair {
			return pairs("interface", v.name, "type", v.word(), "speed", speed(v), "desc", v.description)
		}),
	}
	svis := descriptions(func(yield func(described) bool) {
		for v := range onlySVIs(all) {
			if !yield(described{v.name, v.description}) {
				return
			}
		}
	})
	return feature.Screen{{Name: "interface", Rows: concat(management, ports, svis)}}, nil
}

// described is an interface that is no port, with its description.
type described struct{ name, description string }

// descriptions is the table of those.
func descriptions(all iter.Seq[described]) feature.Section {
	return feature.Section{
		Heading: "\n" + rule79 + "Interface                Description\n" + rule79,
		Rows: feature.RowsOf(all, func(d described) string {
			return fmt.Sprintf("%-24s %s\n", d.name, or(d.description))
		}, func(d described) []feature.Pair { return pairs("interface", d.name, "desc", d.description) }),
	}
}

// bandwidth is the port's speed in Mbit/s, as far as it is known.
func bandwidth(v *view) uint32 {
	if v.port.Mbps == 0 {
		return adapterSpeed
	}
	return v.port.Mbps
}

func showIndex(q feature.Query) (feature.Screen, error) {
	text := func(name string) string {
		i := feature.IfIndex(name)
		return fmt.Sprintf("%-15s %-10d (0x%x)\n", feature.ShortName(name), i, i)
	}
	keys := func(name string) []feature.Pair {
		i := feature.IfIndex(name)
		return pairs("interface", name, "snmp-ifindex", i, "snmp-ifindex-hex", fmt.Sprintf("0x%x", i))
	}
	management := feature.Section{}
	if p, ok := mgmt(q); ok {
		management.Rows = one(feature.Row{Text: text(p.Name), Keys: keys(p.Name)})
	}
	var all feature.Section
	all.Rows = func(yield func(feature.Row) bool) {
		for name := range ports(q) {
			if !yield(feature.Row{Text: text(name), Keys: keys(name)}) {
				return
			}
		}
	}
	return feature.Screen{{
		Name:    "interface",
		Heading: rule80 + "Port            IFMIB      Ifindex (hex)\n" + rule80,
		Rows:    concat(management, all),
	}}, nil
}
