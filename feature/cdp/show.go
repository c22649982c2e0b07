package cdp

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline/config/schema"
	"trunkline/feature"
	"trunkline/linecard/api"
)

var words = schema.Words{
	"show cdp":                     "CDP information",
	"show cdp neighbors":           "Neighbors",
	"show cdp neighbors detail":    "All that is known of them",
	"show cdp neighbors interface": "Neighbors of one interface",
	"show cdp entry":               "All that is known of neighbors",
	"show cdp entry all":           "All neighbors",
	"show cdp entry name":          "One neighbor",
	"show cdp interface":           "State of interfaces",
	"show cdp traffic":             "Traffic statistics",
	"show cdp traffic interface":   "Traffic statistics of one interface",
	"clear":                        "Reset functions",
	"clear cdp":                    "CDP information",
	"clear cdp counters":           "Traffic statistics",
	"clear cdp table":              "Neighbors",
}

var deviceTypes = map[string]schema.AnyType{"device": schema.Word("device-id", "Device id of a neighbor", 255)}

var shows = []feature.Show{
	{Line: "show cdp neighbors [interface <interface>] [detail]", Words: words, Help: "Neighbors", Run: on(showNeighbours)},
	{Line: "show cdp entry {all|name <device>}", Types: deviceTypes, Words: words, Help: "All that is known of neighbors", Run: on(showEntry)},
	{Line: "show cdp global", Words: words, Help: "Settings of the switch", Run: showGlobal},
	{Line: "show cdp interface [<interface>]", Words: words, Help: "State of interfaces", Run: on(showInterfaces)},
	{Line: "show cdp traffic [interface <interface>]", Words: words, Help: "Traffic statistics", Run: on(showTraffic)},
}

var execs = []feature.Exec{{
	Line: "clear cdp {counters|table}", Words: words, Help: "CDP information", Run: clearCards,
}}

// errOff refuses commands while CDP is off.
const errOff = feature.Error("ERROR: CDP is not enabled; use cdp enable first.")

// on refuses a show while CDP is off.
func on(run func(feature.Query) (feature.Screen, error)) func(feature.Query) (feature.Screen, error) {
	return func(q feature.Query) (feature.Screen, error) {
		if !feature.Read(q.Running, enablePath, true) {
			return nil, errOff
		}
		return run(q)
	}
}

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
		func(port string) int { return feature.SlotOf(q.Running, port) }, feature.CompareNames)
	if only, ok := feature.Value[string](q.Args, "interface"); ok {
		all = slices.DeleteFunc(all, func(p port) bool { return p.Name != only })
	}
	return all
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
	"Capability Codes: R - Router, T - Trans-Bridge, B - Source-Route-Bridge\n" +
	"                  S - Switch, H - Host, I - IGMP, r - Repeater,\n" +
	"                  V - VoIP-Phone, D - Remotely-Managed-Device,\n" +
	"                  s - Supports-STP-Dispute\n\n\n" +
	"Device-ID          Local Intrfce  Hldtme Capability  Platform      Port ID\n"

func showNeighbours(q feature.Query) (feature.Screen, error) {
	all := neighbours(q)
	if q.Args.Has("detail") {
		return details(q, all), nil
	}
	return feature.Screen{{
		Name: "cdp_neighbor_brief_info", Heading: legend, Footer: fmt.Sprintf("\nTotal entries displayed: %d\n", len(all)),
		Rows: feature.Rows(all, func(n neighbour) string { return n.line(q.Now) },
			func(n neighbour) []feature.Pair { return n.keys(q.Now) }),
	}}, nil
}

func showEntry(q feature.Query) (feature.Screen, error) {
	all := neighbours(q)
	if device, ok := feature.Value[string](q.Args, "device"); ok {
		all = slices.DeleteFunc(all, func(n neighbour) bool { return n.Info.Device != device })
	}
	return details(q, all), nil
}

func details(q feature.Query, all []neighbour) feature.Screen {
	return feature.Screen{{
		Name: "cdp_neighbor_detail_info",
		Rows: feature.Rows(all, func(n neighbour) string { return n.detail(q.Now) },
			func(n neighbour) []feature.Pair { return append(n.keys(q.Now), n.more()...) }),
	}}
}

// shortPort abbreviates the name of a peer's interface where it is one.
func shortPort(name string) string {
	if rest, ok := strings.CutPrefix(name, "Ethernet"); ok {
		return "Eth" + rest
	}
	return name
}

// line is a row of the table: a long name takes a line of its own.
func (n neighbour) line(now time.Time) string {
	device, before := n.Info.Device, ""
	if len(device) > 18 {
		device, before = "", device+"\n"
	}
	row := fmt.Sprintf("%-19s %-14s %-6d %-9s %-13s %s", device, feature.ShortName(n.port), n.Left(now),
		cut(letters(n.Info.Capabilities), 9), cut(n.Info.Platform, 13), shortPort(n.Info.Port))
	return feature.Fit(before + strings.TrimRight(row, " ") + "\n")
}

// cut shortens a text to what a column holds.
func cut(s string, width int) string {
	if r := []rune(s); len(r) > width {
		return string(r[:width])
	}
	return s
}

// detail is the block of a neighbour; what was not advertised is left out.
func (n neighbour) detail(now time.Time) string {
	var b strings.Builder
	i := &n.Info
	line := func(format string, args ...any) {
		b.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
	}
	line("%s", strings.Repeat("-", 40))
	line("Device ID:%s", i.Device)
	if i.System != "" {
		line("System Name: %s", i.System)
	}
	if i.Addresses != "" {
		line("\nInterface address(es):")
		b.WriteString(addressLines(i.Addresses))
	}
	line("Platform: %s, Capabilities: %s", i.Platform, capabilityWords(i.Capabilities))
	line("Interface: %s, Port ID (outgoing port): %s", n.port, i.Port)
	line("Holdtime: %d sec", n.Left(now))
	line("\nVersion:\n%s", i.Software)
	line("\nAdvertisement Version: %d", i.Version)
	if i.NativeVLAN != 0 || i.Duplex != "" {
		b.WriteString("\n")
	}
	if i.NativeVLAN != 0 {
		line("Native VLAN: %d", i.NativeVLAN)
	}
	if i.Duplex != "" {
		line("Duplex: %s", i.Duplex)
	}
	if i.MTU != 0 || i.Management != "" {
		b.WriteString("\n")
	}
	if i.MTU != 0 {
		line("MTU: %d", i.MTU)
	}
	if i.Management != "" {
		line("Mgmt address(es):")
		b.WriteString(addressLines(i.Management))
	}
	return feature.Fit(b.String())
}

func addressLines(list string) string {
	var b strings.Builder
	for a := range strings.FieldsSeq(list) {
		kind := "IPv4"
		if strings.Contains(a, ":") {
			kind = "IPv6"
		}
		fmt.Fprintf(&b, "    %s Address: %s\n", kind, a)
	}
	return b.String()
}

func (n neighbour) keys(now time.Time) []feature.Pair {
	i := &n.Info
	return []feature.Pair{
		{Key: "ifindex", Value: int(feature.IfIndex(n.port))}, {Key: "device_id", Value: i.Device},
		{Key: "intf_id", Value: n.port}, {Key: "ttl", Value: n.Left(now)},
		{Key: "capability", Value: text(capabilityWords(i.Capabilities))}, {Key: "platform_id", Value: text(i.Platform)},
		{Key: "port_id", Value: i.Port},
	}
}

// more are the keys that only the detail has.
func (n neighbour) more() []feature.Pair {
	i := &n.Info
	number := func(v uint64) any {
		if v == 0 {
			return nil
		}
		return v
	}
	return []feature.Pair{
		{Key: "sysname", Value: text(i.System)}, {Key: "v4addr", Value: text(first(i.Addresses))},
		{Key: "version", Value: text(i.Software)}, {Key: "version_no", Value: fmt.Sprintf("v%d", i.Version)},
		{Key: "nativevlan", Value: number(uint64(i.NativeVLAN))}, {Key: "duplexmode", Value: text(i.Duplex)},
		{Key: "mtu", Value: number(uint64(i.MTU))}, {Key: "v4mgmtaddr", Value: text(first(i.Management))},
	}
}

// first is the first IPv4 address of a list.
func first(list string) string {
	for a := range strings.FieldsSeq(list) {
		if !strings.Contains(a, ":") {
			return a
		}
	}
	return ""
}

// text leaves out what was not advertised.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func showGlobal(q feature.Query) (feature.Screen, error) {
	c := config(q.Running)
	if !c.Enabled {
		return feature.Screen{{
			Heading: "Global CDP information:\n    CDP disabled globally\n",
			Keys:    []feature.Pair{{Key: "cdp_global_enabled", Value: "disabled"}},
		}}, nil
	}
	v2 := map[bool]string{false: "disabled", true: "enabled"}[c.Advertise == defaultAdvertise]
	form := map[string]string{
		ByName: "System-Name(Default)", BySerial: "Serial-Number", ByMAC: "Mac-Address", ByOther: "Other",
	}[c.DeviceID]
	return feature.Screen{{
		Heading: fmt.Sprintf("Global CDP information:\n    CDP enabled globally\n    Refresh time is %d seconds\n"+
			"    Hold time is %d seconds\n    CDPv2 advertisements is %s\n    DeviceID TLV in %s Format\n", c.Interval, c.Hold, v2, form),
		Keys: []feature.Pair{
			{Key: "cdp_global_enabled", Value: "enabled"}, {Key: "refresh_time", Value: c.Interval}, {Key: "ttl", Value: c.Hold},
			{Key: "v2_advertisement", Value: v2}, {Key: "deviceid_format", Value: form},
		},
	}}, nil
}

func showInterfaces(q feature.Query) (feature.Screen, error) {
	c := config(q.Running)
	all := ports(q)
	if only, ok := feature.Value[string](q.Args, "interface"); ok && len(all) == 0 {
		if !q.Running.Exists(feature.InterfacePath(only)) {
			return nil, feature.NoInterface(only)
		}
		return feature.Screen{{
			Heading: only + ":\n    CDP disabled on interface\n",
			Keys:    []feature.Pair{{Key: "interface", Value: only}, {Key: "cdp_intf_enabled", Value: "disabled"}},
		}}, nil
	}
	state := func(p port) string { return map[bool]string{false: "down", true: "up"}[p.Up] }
	return feature.Screen{{
		Name: "cdp_interface",
		Rows: feature.Rows(all, func(p port) string {
			return fmt.Sprintf("%s is %s\n    CDP enabled on interface\n    Refresh time is %d seconds\n    Hold time is %d seconds\n",
				p.Name, state(p), c.Interval, c.Hold)
		}, func(p port) []feature.Pair {
			return []feature.Pair{{Key: "interface", Value: p.Name}, {Key: "state", Value: state(p)},
				{Key: "cdp_intf_enabled", Value: "enabled"}, {Key: "refresh_time", Value: c.Interval}, {Key: "ttl", Value: c.Hold}}
		}),
	}}, nil
}

func showTraffic(q feature.Query) (feature.Screen, error) {
	return feature.Screen{{
		Name: "cdp_traffic",
		Rows: feature.Rows(ports(q), func(p port) string {
			n, invalid := &p.Counters, invalid(&p.Counters)
			return fmt.Sprintf("%s\nTraffic statistics for %s\nInput Statistics:\n    Total Packets: %d\n    Valid CDP Packets: %d\n"+
				"        CDP v1 Packets: %d\n        CDP v2 Packets: %d\n    Invalid CDP Packets: %d\n        Unsupported Version: %d\n"+
				"        Checksum Errors: %d\n        Malformed Packets: %d\n\nOutput Statistics:\n    Total Packets: %d\n"+
				"        CDP v1 Packets: %d\n        CDP v2 Packets: %d\n    Send Errors: %d\n",
				strings.Repeat("-", 40), p.Name, n.Received, n.Received-invalid, n.ReceivedV1, n.Received-invalid-n.ReceivedV1,
				invalid, n.BadVersion, n.BadChecksum, n.Malformed, n.Sent, n.SentV1, n.Sent-n.SentV1, n.SendErrors)
		}, func(p port) []feature.Pair {
			n, invalid := &p.Counters, invalid(&p.Counters)
			return []feature.Pair{
				{Key: "interface", Value: p.Name}, {Key: "total_in", Value: n.Received}, {Key: "valid_in", Value: n.Received - invalid},
				{Key: "v1_in", Value: n.ReceivedV1}, {Key: "v2_in", Value: n.Received - invalid - n.ReceivedV1},
				{Key: "invalid_in", Value: invalid}, {Key: "bad_version_in", Value: n.BadVersion},
				{Key: "bad_checksum_in", Value: n.BadChecksum}, {Key: "malformed_in", Value: n.Malformed},
				{Key: "total_out", Value: n.Sent}, {Key: "v1_out", Value: n.SentV1}, {Key: "v2_out", Value: n.Sent - n.SentV1},
				{Key: "errors_out", Value: n.SendErrors},
			}
		}),
	}}, nil
}

// invalid is how many of the frames received were not good, no more than all of
// them whatever a card says.
func invalid(n *api.DiscoveryCounters) uint64 {
	return min(n.Malformed+n.BadChecksum+n.BadVersion, n.Received-min(n.ReceivedV1, n.Received))
}

// askTime bounds a question to a card.
const askTime = 5 * time.Second

// clearCards has all cards in service clear their counters or tables.
func clearCards(ctx context.Context, q feature.Query, _ feature.Host, _ feature.Output) error {
	body, err := json.Marshal(api.DiscoveryQuery{Clear: cmp.Or(map[bool]string{true: "counters"}[q.Args.Has("counters")], "table")})
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
