package management

import (
	"fmt"

	"trunkline/feature"
)

func showVRF(q feature.Query) (feature.Screen, error) {
	return feature.Screen{{
		Name:    "vrf",
		Heading: "VRF-Name                           VRF-ID State   Reason\n",
		Rows: feature.Rows(chosen(q, allVRFs),
			func(c context) string { return fmt.Sprintf("%-34s %6d %-7s %s\n", c.name, c.id, "Up", "--") },
			func(c context) []feature.Pair {
				return []feature.Pair{
					{Key: "vrf_name", Value: c.name}, {Key: "vrf_id", Value: c.id},
					{Key: "vrf_state", Value: "Up"}, {Key: "vrf_reason", Value: "--"},
				}
			}),
	}}, nil
}

// Identifiers of the tables of a VRF: its number, with the highest bit set for
// IPv6.
const ipv6Table = 0x80000000

func showVRFDetail(q feature.Query) (feature.Screen, error) {
	return feature.Screen{{
		Name: "vrf",
		Rows: func(yield func(feature.Row) bool) {
			gap := ""
			for _, c := range chosen(q, allVRFs) {
				text := gap + fmt.Sprintf("VRF-Name: %s, VRF-ID: %d, State: Up\n    VPNID: unknown\n    RD: 0:0\n", c.name, c.id)
				if c.name == VRF {
					text += fmt.Sprintf("    Max Routes: %d  Mid-Threshold: 0\n", maxRoutes)
				} else {
					text += "    Max Routes: 0  Mid-Threshold: 0\n"
				}
				gap = "\n"
				families := []struct {
					name string
					id   uint32
				}{{"IPv6", ipv6Table | uint32(c.id)}, {"IPv4", uint32(c.id)}}
				var tables []feature.Row
				for _, f := range families {
					id := fmt.Sprintf("0x%08x", f.id)
					text += fmt.Sprintf("    Table-ID: %s, AF: %s, Fwd-ID: %[1]s, State: Up\n", id, f.name)
					tables = append(tables, feature.Row{Keys: []feature.Pair{
						{Key: "tbl_id", Value: id}, {Key: "tbl_af", Value: f.name}, {Key: "fwd_id", Value: id}, {Key: "state", Value: "Up"},
					}})
				}
				row := feature.Row{
					Text: text,
					Keys: []feature.Pair{
						{Key: "vrf_name", Value: c.name}, {Key: "vrf_id", Value: c.id}, {Key: "vrf_state", Value: "Up"},
						{Key: "vpnid", Value: "unknown"}, {Key: "rd", Value: "0:0"},
					},
					Sub: []feature.Section{{Name: "tib", Rows: each(tables)}},
				}
				if !yield(row) {
					return
				}
			}
		},
	}}, nil
}

// each yields rows as they are.
func each(rows []feature.Row) func(yield func(feature.Row) bool) {
	return func(yield func(feature.Row) bool) {
		for _, r := range rows {
			if !yield(r) {
				return
			}
		}
	}
}

func showVRFInterface(q feature.Query) (feature.Screen, error) {
	var rows []ipInterface
	for _, c := range chosen(q, allVRFs) {
		rows = append(rows, own(q, c)...)
	}
	return feature.Screen{{
		Name:    "if",
		Heading: "Interface                 VRF-Name                        VRF-ID  Site-of-Origin\n",
		Rows: feature.Rows(rows,
			func(i ipInterface) string {
				return fmt.Sprintf("%-25s %-31s %6d  %s\n", i.name, i.context.name, i.context.id, "--")
			},
			func(i ipInterface) []feature.Pair {
				return []feature.Pair{
					{Key: "if_name", Value: i.name}, {Key: "vrf_name", Value: i.context.name},
					{Key: "vrf_id", Value: i.context.id}, {Key: "soo", Value: "--"},
				}
			}),
	}}, nil
}
