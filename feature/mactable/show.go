package mactable

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"trunkline/config/schema"
	"trunkline/feature"
	"trunkline/internal/ether"
	"trunkline/linecard/api"
)

var moduleType = schema.Uint("module", "Module number", feature.FirstCard, feature.MaxModule)

var words = schema.Words{
	"show mac":                                  "MAC information",
	"show mac address-table":                    "MAC address table",
	"show mac address-table dynamic":            "Dynamic entries",
	"show mac address-table static":             "Static entries",
	"show mac address-table address":            "Entries of one address",
	"show mac address-table interface":          "Entries of one interface",
	"show mac address-table vlan":               "Entries of one VLAN",
	"show mac address-table count":              "Number of entries",
	"show mac address-table aging-time":         "Aging times",
	"show mac address-table module":             "Table of one module",
	"clear":                                     "Reset functions",
	"clear mac":                                 "MAC information",
	"clear mac address-table":                   "MAC address table",
	"clear mac address-table dynamic":           "Dynamic entries",
	"clear mac address-table dynamic vlan":      "Entries of one VLAN",
	"clear mac address-table dynamic interface": "Entries of one interface",
	"clear mac address-table dynamic address":   "Entries of one address",
}

var filterTypes = map[string]schema.AnyType{"mac": schema.MAC, "vlan": schema.VLAN, "module": moduleType}

var shows = []feature.Show{
	{
		Line:  "show mac address-table [dynamic|static] [address <mac>] [interface <interface>] [vlan <vlan>]",
		Types: filterTypes, Words: words, Help: "MAC address table", Run: showTable,
	},
	{Line: "show mac address-table count", Words: words, Help: "Number of entries", Run: showCount},
	{Line: "show mac address-table aging-time", Words: words, Help: "Aging times", Run: showAging},
	{
		Line: "show mac address-table module <module>", Types: filterTypes, Words: words,
		Help: "Table of one module", Run: showModule,
	},
}

var execs = []feature.Exec{{
	Line:  "clear mac address-table dynamic [vlan <vlan>] [interface <interface>] [address <mac>]",
	Types: filterTypes, Words: words, Help: "Dynamic entries", Run: clearDynamic,
}}

// filter is the question with the filters of the command.
func filter(q feature.Query, op string) api.FDBQuery {
	request := api.FDBQuery{Op: op}
	if v, ok := feature.Value[ether.VLANID](q.Args, "vlan"); ok {
		request.VLAN = uint16(v)
	}
	if m, ok := feature.Value[ether.MAC](q.Args, "mac"); ok {
		request.MAC = m.String()
	}
	request.Port, _ = feature.Value[string](q.Args, "interface")
	return request
}

// known refuses a filter by an interface that does not exist.
func known(q feature.Query) error {
	name, ok := feature.Value[string](q.Args, "interface")
	if !ok || q.Running.Exists(feature.InterfacePath(name)) {
		return nil
	}
	for _, p := range q.State.Ports {
		if p.Name == name {
			return nil
		}
	}
	return feature.NoInterface(name)
}

// switchWide yields the merged table of all cards that answer, with the
// command's filters. The interface filters after merging, so that it finds
// the addresses that live behind the port.
func switchWide(q feature.Query) (iter.Seq[entry], error) {
	if err := known(q); err != nil {
		return nil, err
	}
	request := filter(q, "dump")
	port := request.Port
	request.Port = ""
	cards, _, err := dumps(q, 0, request)
	if err != nil {
		return nil, err
	}
	return func(yield func(entry) bool) {
		for e := range merged(cards, uplinks(q)) {
			if port != "" && e.Port != port || q.Args.Has("dynamic") && e.Static || q.Args.Has("static") && !e.Static {
				continue
			}
			if !yield(e) {
				return
			}
		}
	}, nil
}

const legend = "" +
	"Legend:\n" +
	"        * - primary entry, G - Gateway MAC, (R) - Routed MAC, O - Overlay MAC\n" +
	"        age - seconds since last seen,+ - primary entry using vPC Peer-Link,\n" +
	"        (T) - True, (F) - False, C - ControlPlane MAC, ~ - vsan\n" +
	"   VLAN     MAC Address      Type      age     Secure NTFY Ports\n" +
	"---------+-----------------+--------+---------+------+----+------------------\n"

func (e entry) kind() string {
	if e.Static {
		return "static"
	}
	return "dynamic"
}

func (e entry) age() string {
	if e.Static {
		return "-"
	}
	return fmt.Sprint(e.AgeSeconds)
}

func (e entry) port() string {
	if e.Port == "" {
		return "drop"
	}
	return feature.ShortName(e.Port)
}

func showTable(q feature.Query) (feature.Screen, error) {
	rows, err := switchWide(q)
	if err != nil {
		return nil, err
	}
	enabled := map[bool]string{false: "disabled", true: "enabled"}
	return feature.Screen{{
		Name: "mac_address", Heading: legend,
		Rows: feature.RowsOf(rows, func(e entry) string {
			return fmt.Sprintf("%s %-8d %-16s %-8s %-9s %-6s %-4s %s\n", "*", e.vlan, e.mac, e.kind(), e.age(), "F", "F", e.port())
		}, func(e entry) []feature.Pair {
			return []feature.Pair{{Key: "disp_mac_addr", Value: e.mac.String()}, {Key: "disp_type", Value: "* "},
				{Key: "disp_vlan", Value: int(e.vlan)}, {Key: "disp_is_static", Value: enabled[e.Static]},
				{Key: "disp_age", Value: e.age()}, {Key: "disp_is_secure", Value: "disabled"},
				{Key: "disp_is_ntfy", Value: "disabled"}, {Key: "disp_port", Value: e.port()}}
		}),
	}}, nil
}

func showModule(q feature.Query) (feature.Screen, error) {
	n, _ := feature.Value[uint32](q.Args, "module")
	cards, answers, err := dumps(q, int(n), filter(q, "dump"))
	switch {
	case err != nil:
		return nil, err
	case len(answers) == 0:
		for _, m := range q.State.Modules {
			if m.Slot == int(n) {
				return nil, feature.Error(fmt.Sprintf("ERROR: Module %d is absent.", n))
			}
		}
		return nil, feature.Error(fmt.Sprintf("ERROR: Module does not exist: %d", n))
	case answers[0].err != nil:
		return nil, answers[0].err
	}
	var rows []entry
	for e, ok := cards[0].head(); ok; e, ok = cards[0].head() {
		rows = append(rows, e)
		cards[0].take()
	}
	return feature.Screen{{
		Name: "mac_address",
		Heading: "VLAN      MAC Address       Type    Age       Port                           Mod\n" +
			"---------+-----------------+-------+---------+------------------------------+---\n",
		Footer: fmt.Sprintf("Total MAC Addresses: %d\n", len(rows)),
		Rows: feature.Rows(rows, func(e entry) string {
			return fmt.Sprintf("%-9d %-17s %-7s %-9d %-30s %d\n", e.vlan, e.mac, e.kind(), e.AgeSeconds, e.port(), e.module)
		}, func(e entry) []feature.Pair {
			return []feature.Pair{{Key: "vlan", Value: int(e.vlan)}, {Key: "mac_address", Value: e.mac.String()},
				{Key: "type", Value: e.kind()}, {Key: "age", Value: e.AgeSeconds}, {Key: "port", Value: e.port()},
				{Key: "mod", Value: e.module}}
		}),
	}}, nil
}

func showCount(q feature.Query) (feature.Screen, error) {
	all, err := switchWide(q)
	if err != nil {
		return nil, err
	}
	total, fixed := 0, 0
	for e := range all {
		total++
		if e.Static {
			fixed++
		}
	}
	dynamic := total - fixed
	line := func(label string, n int) string { return fmt.Sprintf("%-52s%d\n", "  "+label, n) }
	return feature.Screen{{
		Heading: "MAC Entries for all vlans:\n" + line("Dynamic Address Count:", dynamic) +
			line("Static Address (User-defined) Count:", fixed) + line("Secure Address Count:", 0),
		Keys: []feature.Pair{{Key: "dyn_cnt", Value: dynamic}, {Key: "usr_static_cnt", Value: fixed},
			{Key: "secure_cnt", Value: 0}, {Key: "total_cnt", Value: total}},
	}}, nil
}

func showAging(q feature.Query) (feature.Screen, error) {
	type aging struct {
		vlan string
		age  uint32
	}
	rows := []aging{{"-", feature.Read(q.Running, agePath, uint32(DefaultAge))}}
	byVLAN := ages(q.Running)
	for _, vlan := range slices.Sorted(maps.Keys(byVLAN)) {
		rows = append(rows, aging{fmt.Sprint(vlan), byVLAN[vlan]})
	}
	return feature.Screen{{
		Name: "mac_aging_time", Heading: "Vlan   Aging Time\n----   ----------\n",
		Rows: feature.Rows(rows, func(a aging) string { return fmt.Sprintf("%-6s %d\n", a.vlan, a.age) },
			func(a aging) []feature.Pair {
				return []feature.Pair{{Key: "vlan", Value: a.vlan}, {Key: "aging_time", Value: a.age}}
			}),
	}}, nil
}

func clearDynamic(ctx context.Context, q feature.Query, _ feature.Host, _ feature.Output) error {
	if err := known(q); err != nil {
		return err
	}
	answers, err := ask(ctx, q, 0, filter(q, "clear"))
	if err != nil {
		return err
	}
	for _, a := range answers {
		if a.err != nil {
			return a.err
		}
	}
	return nil
}
