package management

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"trunkline/feature"
)

// perVRF yields the rows of each VRF with the VRF's heading, an empty line
// between VRFs; those of a VRF without interfaces have no structure.
func perVRF(q feature.Query, heading func(context) string, row func(ipInterface) (feature.Row, bool)) (feature.Screen, error) {
	vrfs, interfaces, err := asked(q)
	if err != nil {
		return nil, err
	}
	var rows []feature.Row
	for n, c := range vrfs {
		head := heading(c)
		if n > 0 {
			head = "\n" + head
		}
		rows = append(rows, feature.Row{Text: head})
		for _, i := range interfaces[c.name] {
			if r, ok := row(i); ok {
				rows = append(rows, r)
			}
		}
	}
	return feature.Screen{{Name: "intf", Rows: each(rows)}}, nil
}

// states are the first keys of an interface.
func (i ipInterface) states() []feature.Pair {
	return []feature.Pair{
		{Key: "vrf-name-out", Value: i.context.name}, {Key: "intf-name", Value: i.name},
		{Key: "proto-state", Value: upDown(i.up)}, {Key: "link-state", Value: upDown(i.link)},
		{Key: "admin-state", Value: upDown(i.admin)}, {Key: "iod", Value: i.number},
	}
}

func (i ipInterface) status() string {
	return fmt.Sprintf("protocol-%s/link-%s/admin-%s", upDown(i.up), upDown(i.link), upDown(i.admin))
}

func showIPInterface(q feature.Query) (feature.Screen, error) {
	title := func(c context) string { return fmt.Sprintf("IP Interface Status for VRF \"%s\"(%d)\n", c.name, c.id) }
	if q.Args.Has("brief") {
		return perVRF(q, func(c context) string {
			return title(c) + "Interface            IP Address      Interface Status\n"
		}, briefRow)
	}
	return perVRF(q, title, fullRow)
}

func briefRow(i ipInterface) (feature.Row, bool) {
	if len(i.prefixes4) == 0 {
		return feature.Row{}, false
	}
	primary := i.prefixes4[0].Addr()
	return feature.Row{
		Text: fmt.Sprintf("%-20s %-15s %s\n", i.name, primary, i.status()),
		Keys: append(i.states(), feature.Pair{Key: "prefix", Value: primary}, feature.Pair{Key: "ip-disabled", Value: "FALSE"}),
	}, true
}

func fullRow(i ipInterface) (feature.Row, bool) {
	if len(i.prefixes4) == 0 {
		return feature.Row{}, false
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, Interface status: %s, iod: %d,\n", i.name, i.status(), i.number)
	var secondary []feature.Row
	for n, p := range i.prefixes4 {
		fmt.Fprintf(&b, "  IP address: %s, IP subnet: %s", p.Addr(), p.Masked())
		if n > 0 {
			b.WriteString(" secondary")
			secondary = append(secondary, feature.Row{Keys: []feature.Pair{
				{Key: "prefix1", Value: p.Addr()}, {Key: "subnet1", Value: p.Masked().Addr()}, {Key: "masklen1", Value: p.Bits()},
			}})
		}
		b.WriteString(" route-preference: 0, tag: 0\n")
	}
	b.WriteString("  IP broadcast address: 255.255.255.255\n")
	keys := append(i.states(), feature.Pair{Key: "prefix", Value: i.prefixes4[0].Addr()},
		feature.Pair{Key: "subnet", Value: i.prefixes4[0].Masked().Addr()}, feature.Pair{Key: "masklen", Value: i.prefixes4[0].Bits()},
		feature.Pair{Key: "ip-disabled", Value: "FALSE"}, feature.Pair{Key: "bcast-addr", Value: "255.255.255.255"})
	if i.mtu != 0 {
		fmt.Fprintf(&b, "  IP MTU: %d bytes (using link MTU)\n", i.mtu)
		keys = append(keys, feature.Pair{Key: "mtu", Value: i.mtu})
	}
	b.WriteString("  IP primary address route-preference: 0, tag: 0\n")
	return feature.Row{Text: b.String(), Keys: keys, Sub: []feature.Section{{Name: "secondary_address", Rows: each(secondary)}}}, true
}

func showIPv6Interface(q feature.Query) (feature.Screen, error) {
	title := func(c context) string { return fmt.Sprintf("IPv6 Interface Status for VRF \"%s\"(%d)\n", c.name, c.id) }
	row, heading := fullRow6, title
	if q.Args.Has("brief") {
		row, heading = briefRow6, func(c context) string {
			return title(c) + "Interface        IPv6 Address/Link-local Address  Interface Status\n" +
				"                                                  prot/link/admin\n"
		}
	}
	var failed error
	screen, err := perVRF(q, heading, func(i ipInterface) (feature.Row, bool) {
		if len(i.prefixes6) == 0 {
			return feature.Row{}, false // not enabled for IPv6
		}
		found, err := stack(q, i.name)
		failed = cmp.Or(failed, err)
		i.linkLocal = found.LinkLocal
		return row(i), true
	})
	return screen, cmp.Or(err, failed)
}

func briefRow6(i ipInterface) feature.Row {
	var b strings.Builder
	primary := i.prefixes6[0].Addr()
	fmt.Fprintf(&b, "%-16s %-32s %s/%s/%s\n", i.name, primary, upDown(i.up), upDown(i.link), upDown(i.admin))
	for _, p := range i.prefixes6[1:] {
		fmt.Fprintf(&b, "%-16s %s\n", "", p.Addr())
	}
	keys := append(i.states(), feature.Pair{Key: "addr", Value: primary})
	if i.linkLocal.IsValid() {
		fmt.Fprintf(&b, "%-16s %s\n", "", i.linkLocal)
		keys = append(keys, feature.Pair{Key: "linklocal-addr", Value: i.linkLocal})
	}
	return feature.Row{Text: b.String(), Keys: keys}
}

func fullRow6(i ipInterface) feature.Row {
	state := "VALID"
	if !i.link {
		state = "INVALID"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, Interface status: %s, iod: %d\n  IPv6 address:\n", i.name, i.status(), i.number)
	subnets := make([]netip.Prefix, len(i.prefixes6))
	for n, p := range i.prefixes6 {
		fmt.Fprintf(&b, "    %s [%s]\n", p, state)
		subnets[n] = p.Masked()
	}
	fmt.Fprintf(&b, "  IPv6 subnet:  %s\n", subnets[0])
	keys := append(i.states(), feature.Pair{Key: "addr", Value: i.prefixes6[0]}, feature.Pair{Key: "prefix", Value: subnets[0]})
	if i.linkLocal.IsValid() {
		fmt.Fprintf(&b, "  IPv6 link-local address: %s (default) [%s]\n", i.linkLocal, state)
		keys = append(keys, feature.Pair{Key: "linklocal-addr", Value: i.linkLocal})
	}
	if i.mtu != 0 {
		fmt.Fprintf(&b, "  IPv6 MTU: %d (using link MTU)\n", i.mtu)
		keys = append(keys, feature.Pair{Key: "mtu", Value: i.mtu})
	}
	var secondary []feature.Row
	for n, p := range i.prefixes6[1:] {
		secondary = append(secondary, feature.Row{Keys: []feature.Pair{{Key: "sec-addr", Value: p}, {Key: "sec-prefix", Value: subnets[n+1]}}})
	}
	return feature.Row{Text: b.String(), Keys: keys, Sub: []feature.Section{{Name: "sec_addr", Rows: each(secondary)}}}
}
