package lldp

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"trunkline/config/schema"
	"trunkline/feature"
	"trunkline/linecard/api"
)

var words = schema.Words{
	"show lldp":                     "LLDP information",
	"show lldp neighbors":           "Neighbors",
	"show lldp neighbors detail":    "All that is known of them",
	"show lldp neighbors interface": "Neighbors of one interface",
	"show lldp interface":           "State of one interface",
	"clear":                         "Reset functions",
	"clear lldp":                    "LLDP information",
	"clear lldp counters":           "Traffic statistics",
	"clear lldp table":              "Neighbors",
}

var shows = []feature.Show{
	{Line: "show lldp neighbors [detail] [interface <interface>]", Words: words, Help: "Neighbors", Run: showNeighbours},
	{Line: "show lldp timers", Words: words, Help: "Times", Run: showTimers},
	{Line: "show lldp traffic [interface <interface>]", Words: withTraffic, Help: "Traffic statistics", Run: showTraffic},
	{Line: "show lldp tlv-select", Words: words, Help: "Optional TLVs that are sent", Run: showTLVs},
	{Line: "show lldp interface <interface>", Words: words, Help: "State of one interface", Run: showInterface},
}

var withTraffic = schema.Words{
	"show lldp":                   "LLDP information",
	"show lldp traffic":           "Traffic statistics",
	"show lldp traffic interface": "Traffic statistics of one interface",
}

var execs = []feature.Exec{{
	Line: "clear lldp {counters|table}", Words: words, Help: "LLDP information", Run: clearCards,
}}

type (
	port      = api.DiscoveryPort[Neighbour]
	neighbour struct {
		port string
		api.Neighbour[Neighbour]
	}
)

// ports returns what cards report, of one port if the command names it.
func ports(q feature.Query) []port {
	all := api.MergeDiscovery(feature.Reported[api.Discovery[Neighbour]](q.State, name),
		func(name string) int { return feature.SlotOf(q.Running, name) }, feature.CompareNames)
	only, ok := feature.Value[string](q.Args, "interface")
	if !ok {
		return all
	}
	for _, p := range all {
		if p.Name == only {
			return []port{p}
		}
	}
	return nil
}

func neighbours(q feature.Query) []neighbour {
	var all []neighbour
	for _, p := range ports(q) {
		for _, n := range p.Neighbours {
			all = append(all, neighbour{p.Name, n})
		}
	}
	return all
}

const legend = "" +
	"Capability codes:\n" +
	"  (R) Router, (B) Bridge, (T) Telephone, (C) DOCSIS Cable Device\n" +
	"  (W) WLAN Access Point, (P) Repeater, (S) Station, (O) Other\n"

func showNeighbours(q feature.Query) (feature.Screen, error) {
	all := neighbours(q)
	total := fmt.Sprintf("Total entries displayed: %d\n", len(all))
	if q.Args.Has("detail") {
		first := true
		return feature.Screen{{
			Name: "nbor_detail", Heading: legend + "\n", Footer: total,
			Rows: feature.Rows(all, func(n neighbour) string {
				gap := "\n\n"
				if first {
					gap, first = "", false
				}
				return gap + n.detail(q.Now)
			}, func(n neighbour) []feature.Pair { return n.keys(n.Info.Chassis, q.Now) }),
		}}, nil
	}
	return feature.Screen{{
		Name:    "nbor",
		Heading: legend + "Device ID            Local Intf      Hold-time  Capability  Port ID\n", Footer: total,
		Rows: feature.Rows(all, neighbour.line, func(n neighbour) []feature.Pair { return n.keys(n.device(), q.Now) }),
	}}, nil
}

// device is what the table calls a neighbour.
func (n neighbour) device() string { return cmp.Or(n.Info.System, n.Info.Chassis) }

func (n neighbour) hold() int { return int(n.Expires.Sub(n.Heard).Seconds() + 0.5) }

// line is a row of the table: a long name takes a line of its own.
func (n neighbour) line() string {
	device, before := n.device(), ""
	if len(device) > 20 {
		device, before = "", device+"\n"
	}
	row := fmt.Sprintf("%-20s %-15s %-10d %-11s %s", device, feature.ShortName(n.port), n.hold(),
		strings.Join(letters(n.Info.Enabled), ""), n.Info.Port)
	return feature.Fit(before + strings.TrimRight(row, " ") + "\n")
}

const notAdvertised = "not advertised"

func (n neighbour) detail(now time.Time) string {
	var b strings.Builder
	i := &n.Info
	line := func(label, value string) {
		b.WriteString(strings.TrimRight(label+": "+value, " ") + "\n")
	}
	line("Chassis id", i.Chassis)
	line("Port id", i.Port)
	line("Local Port id", feature.ShortName(n.port))
	line("Port Description", cmp.Or(i.PortDescription, notAdvertised))
	line("System Name", cmp.Or(i.System, notAdvertised))
	line("System Description", cmp.Or(i.Description, notAdvertised))
	line("Time remaining", strconv.Itoa(n.Left(now))+" seconds")
	line("System Capabilities", cmp.Or(strings.Join(letters(i.Capabilities), ", "), notAdvertised))
	line("Enabled Capabilities", cmp.Or(strings.Join(letters(i.Enabled), ", "), notAdvertised))
	line("Management Address", cmp.Or(i.Management4, notAdvertised))
	line("Management Address IPV6", cmp.Or(i.Management6, notAdvertised))
	line("Vlan ID", n.vlan())
	return feature.Fit(b.String())
}

func (n neighbour) vlan() string {
	if n.Info.VLAN == 0 {
		return notAdvertised
	}
	return strconv.Itoa(int(n.Info.VLAN))
}

// keys are the values for programs. The table has the name of the neighbour
// where the detail has its chassis.
func (n neighbour) keys(chassis string, now time.Time) []feature.Pair {
	i := &n.Info
	return []feature.Pair{
		{Key: "chassis_type", Value: int(i.ChassisType)}, {Key: "chassis_id", Value: chassis},
		{Key: "l_port_id", Value: feature.ShortName(n.port)}, {Key: "hold_time", Value: n.hold()},
		{Key: "ttl", Value: n.Left(now)},
		{Key: "system_capability", Value: strings.Join(letters(i.Capabilities), ", ")},
		{Key: "enabled_capability", Value: strings.Join(letters(i.Enabled), ", ")},
		{Key: "port_type", Value: int(i.PortType)}, {Key: "port_id", Value: i.Port},
		{Key: "port_desc", Value: text(i.PortDescription)}, {Key: "sys_name", Value: text(i.System)},
		{Key: "sys_desc", Value: text(i.Description)},
		{Key: "mgmt_addr", Value: text(cmp.Or(i.Management4, i.Management6))}, {Key: "vlan_id", Value: n.vlan()},
	}
}

// text leaves out what was not advertised.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// form is a heading with one line for each pair.
func form(heading string, pairs ...feature.Pair) feature.Screen {
	return feature.Screen{{Heading: heading, Keys: pairs}}
}

func showTimers(q feature.Query) (feature.Screen, error) {
	c := config(q.Running)
	return form(fmt.Sprintf("LLDP Timers:\n\n"+
		"    Holdtime in seconds: %d\n    Reinit-time in seconds: %d\n    Transmit interval in seconds: %d\n", c.Hold, c.Reinit, c.Interval),
		feature.Pair{Key: "ttl", Value: c.Hold}, feature.Pair{Key: "reinit", Value: c.Reinit},
		feature.Pair{Key: "tx_interval", Value: c.Interval}), nil
}

func showTraffic(q feature.Query) (feature.Screen, error) {
	n := api.Total(ports(q))
	return form(fmt.Sprintf("LLDP traffic statistics:\n\n"+
		"    Total frames transmitted: %d\n    Total entries aged: %d\n    Total frames received: %d\n"+
		"    Total frames received in error: %d\n    Total frames discarded: %d\n    Total unrecognized TLVs: %d\n",
		n.Sent, n.Aged, n.Received, n.Malformed, n.Discarded, n.Unknown),
		feature.Pair{Key: "total_transmitted", Value: n.Sent}, feature.Pair{Key: "total_aged", Value: n.Aged},
		feature.Pair{Key: "total_received", Value: n.Received}, feature.Pair{Key: "total_errors", Value: n.Malformed},
		feature.Pair{Key: "total_discarded", Value: n.Discarded}, feature.Pair{Key: "total_unrecognized", Value: n.Unknown}), nil
}

func showTLVs(q feature.Query) (feature.Screen, error) {
	c := config(q.Running)
	var sent []string
	for i, k := range TLVs {
		if c.TLVs[i] {
			sent = append(sent, k.Text)
		}
	}
	return feature.Screen{{
		Name: "tlv_select",
		Rows: feature.Rows(sent, func(s string) string { return s + "\n" },
			func(s string) []feature.Pair { return []feature.Pair{{Key: "tlv", Value: s}} }),
	}}, nil
}

func showInterface(q feature.Query) (feature.Screen, error) {
	name, _ := feature.Value[string](q.Args, "interface")
	all := ports(q)
	if !q.Running.Exists(feature.InterfacePath(name)) && len(all) == 0 {
		return nil, feature.NoInterface(name)
	}
	yes := func(b bool) string {
		if b {
			return "Y"
		}
		return "N"
	}
	ethernet := feature.KindOf(name) == feature.Ethernet
	effective := q.Effective(name)
	tx := ethernet && feature.Read(effective, transmitPath, true)
	rx := ethernet && feature.Read(effective, receivePath, true)
	var mac string
	count := 0
	for _, p := range all {
		mac, count = p.MAC, len(p.Neighbours)
	}
	return form(fmt.Sprintf("Interface Information: %s\n  Enable (tx/rx): %s/%s    Port Mac address: %s\n  Neighbors: %d\n",
		name, yes(tx), yes(rx), cmp.Or(mac, "--"), count),
		feature.Pair{Key: "interface", Value: name}, feature.Pair{Key: "tx_enabled", Value: yes(tx)},
		feature.Pair{Key: "rx_enabled", Value: yes(rx)}, feature.Pair{Key: "port_mac", Value: text(mac)},
		feature.Pair{Key: "neigh_count", Value: count}), nil
}

// askTime bounds a question to a card.
const askTime = 5 * time.Second

// clearCards has all cards in service clear their counters or tables.
func clearCards(ctx context.Context, q feature.Query, _ feature.Host, _ feature.Output) error {
	what := "table"
	if q.Args.Has("counters") {
		what = "counters"
	}
	body, err := json.Marshal(api.DiscoveryQuery{Clear: what})
	if err != nil {
		return fmt.Errorf("encode query: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	for _, m := range q.State.Modules {
		if m.Status != feature.ModuleOK {
			continue
		}
		if _, err := q.Module(ctx, m.Slot, name, body); err != nil {
			return feature.Error(fmt.Sprintf("ERROR: Module %d: %v", m.Slot, err))
		}
	}
	return nil
}
