package management

import (
	"fmt"
	"net/netip"
	"strings"

	"trunkline/feature"
	"trunkline/internal/ether"
)

// Legends of the tables; what stands for functions that routers have never
// appears here.
const (
	legend4 = "\nFlags: * - Adjacencies learnt on non-active FHRP router\n" +
		"       + - Adjacencies synced via CFSoE\n" +
		"       # - Adjacencies Throttled for Glean\n" +
		"       CP - Added via L2RIB, Control plane Adjacencies\n" +
		"       PS - Added via L2RIB, Peer Sync\n" +
		"       RO - Re-Originated Peer Sync Entry\n" +
		"       D - Static Adjacencies attached to down interface\n"
	legend6 = "\nFlags: # - Adjacencies Throttled for Glean\n" +
		"       G - Adjacencies of vPC peer with G/W bit\n" +
		"       R - Adjacencies learnt remotely\n" +
		"       CP - Added via L2RIB, Control plane Adjacencies\n" +
		"       PS - Added via L2RIB, Peer Sync\n" +
		"       RO - Derived from L2RIB Peer Sync Entry\n"
)

// neighbor is one on an interface.
type neighbor struct {
	feature.Neighbor
	on string
}

// of are the neighbors of one family in a VRF.
func of(q feature.Query, c context, v4 bool) ([]neighbor, error) {
	var all []neighbor
	for _, i := range own(q, c) {
		s, err := stack(q, i.name)
		if err != nil {
			return nil, err
		}
		for _, n := range s.Neighbors {
			if n.IP.Is4() == v4 {
				all = append(all, neighbor{n, i.name})
			}
		}
	}
	return all, nil
}

// neighborAge is the age of an entry; a static one has none.
func neighborAge(n feature.Neighbor) string {
	if n.Static {
		return "-"
	}
	return age(n.Age)
}

// mac is the address of a neighbor, or the word for one that does not answer.
func mac(n feature.Neighbor) string {
	if n.MAC == (ether.MAC{}) {
		return "INCOMPLETE"
	}
	return n.MAC.String()
}

// counted is a heading of ARP and neighbor tables: the VRF, or all of them.
func counted(q feature.Query, title, all, one string, vrfs []context, total int) string {
	if name, _ := feature.Value[string](q.Args, "vrf"); name == allVRFs {
		title += all
	} else {
		title += one + vrfs[0].name
	}
	return fmt.Sprintf("%s\nTotal number of entries: %d\n", title, total)
}

// tables gathers the neighbors by VRF: their text in turn, and a row for each
// VRF that has some.
func tables(q feature.Query, v4 bool, vrfs []context, text func(neighbor) string, row func(context, []neighbor) feature.Row) (body string, total int, rows []feature.Row, err error) {
	var b strings.Builder
	for _, c := range vrfs {
		list, err := of(q, c, v4)
		if err != nil {
			return "", 0, nil, err
		}
		for _, n := range list {
			b.WriteString(text(n))
		}
		if total += len(list); len(list) > 0 {
			rows = append(rows, row(c, list))
		}
	}
	return b.String(), total, rows, nil
}

func showARP(q feature.Query) (feature.Screen, error) {
	vrfs := chosen(q, contexts[0].name)
	body, total, rows, err := tables(q, true, vrfs, func(n neighbor) string {
		return fmt.Sprintf("%-15s %-9s %-15s %s\n", n.IP, neighborAge(n.Neighbor), mac(n.Neighbor), n.on)
	}, func(c context, list []neighbor) feature.Row {
		return feature.Row{
			Keys: []feature.Pair{{Key: "vrf-name-out", Value: c.name}, {Key: "cnt-total", Value: len(list)}},
			Sub: []feature.Section{{Name: "adj", Rows: feature.Rows(list, nil, func(n neighbor) []feature.Pair {
				keys := []feature.Pair{
					{Key: "intf-out", Value: n.on}, {Key: "ip-addr-out", Value: n.IP}, {Key: "time-stamp", Value: neighborAge(n.Neighbor)},
				}
				if n.MAC == (ether.MAC{}) {
					return append(keys, feature.Pair{Key: "incomplete", Value: "true"})
				}
				return append(keys, feature.Pair{Key: "mac", Value: n.MAC.String()})
			})}},
		}
	})
	if err != nil {
		return nil, err
	}
	return feature.Screen{
		feature.Text(legend4 + "\n" + counted(q, "IP ARP Table for ", "all contexts", "context ", vrfs, total) +
			"Address         Age       MAC Address     Interface       Flags\n" + body),
		{Name: "vrf", Rows: each(rows)},
	}, nil
}

// wide is the width of the address column of the IPv6 table: a longer one has a
// line of its own.
const wide = 15

// Preferences of IPv6 neighbors by source.
const (
	preferDiscovered = 50
	preferStatic     = 1
)

func pref(n feature.Neighbor) (int, string) {
	if n.Static {
		return preferStatic, "static"
	}
	return preferDiscovered, "icmpv6"
}

func showNeighbor(q feature.Query) (feature.Screen, error) {
	vrfs := chosen(q, contexts[0].name)
	body, total, rows, err := tables(q, false, vrfs, func(n neighbor) string {
		prefer, source := pref(n.Neighbor)
		return fmt.Sprintf("%s %-9s %-15s %-4d %-10s %s\n", column(n.IP), neighborAge(n.Neighbor), mac(n.Neighbor), prefer, source, n.on)
	}, func(c context, list []neighbor) feature.Row {
		return feature.Row{
			Keys: []feature.Pair{{Key: "vrf-name-out", Value: c.name}, {Key: "cnt-total", Value: len(list)}},
			Sub: []feature.Section{{Name: "afi", Rows: each([]feature.Row{{
				Keys: []feature.Pair{{Key: "afi", Value: "ipv6"}, {Key: "count", Value: len(list)}},
				Sub: []feature.Section{{Name: "adj", Rows: feature.Rows(list, nil, func(n neighbor) []feature.Pair {
					prefer, source := pref(n.Neighbor)
					return []feature.Pair{
						{Key: "ipv6-addr", Value: n.IP}, {Key: "time-stamp", Value: neighborAge(n.Neighbor)}, {Key: "mac", Value: mac(n.Neighbor)},
						{Key: "pref", Value: prefer}, {Key: "owner", Value: source}, {Key: "ifname", Value: n.on},
					}
				})}},
			}})}},
		}
	})
	if err != nil {
		return nil, err
	}
	return feature.Screen{
		feature.Text(legend6 + "\n" + counted(q, "IPv6 Adjacency Table for ", "all VRFs", "VRF ", vrfs, total) +
			"Address         Age       MAC Address     Pref Source     Interface\n" + body),
		{Name: "vrf", Rows: each(rows)},
	}, nil
}

// column is an address in its column.
func column(a netip.Addr) string {
	s := a.String()
	if len(s) > wide {
		return s + "\n" + strings.Repeat(" ", wide)
	}
	return fmt.Sprintf("%-*s", wide, s)
}
