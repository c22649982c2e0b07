package switchport

import (
	"fmt"
	"slices"
	"strings"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/ether"
)

var words = schema.Words{"show interface": "Interface status and configuration"}

var shows = []feature.Show{
	{Line: "show interface [<interface>] switchport", Words: words,
		Help: "Show interface switchport information", Run: showSwitchport},
	{Line: "show interface [<interface>] trunk", Words: words,
		Help: "Show interface trunk information", Run: showTrunk},
}

// row is one port with its settings.
type row struct {
	name string
	Config
	up bool
}

// ports returns the interface the command names, or all.
func ports(q feature.Query) ([]row, error) {
	names := q.Ports()
	if one, ok := feature.Value[string](q.Args, "interface"); ok {
		if !slices.Contains(names, one) {
			return nil, feature.NoInterface(one)
		}
		names = []string{one}
	}
	names = slices.DeleteFunc(names, func(n string) bool { return feature.KindOf(n) == feature.SVI }) // they do not switch
	up := map[string]bool{}
	for _, p := range q.State.Ports {
		up[p.Name] = p.Up
	}
	rows := make([]row, len(names))
	for i, n := range names {
		rows[i] = row{n, read(q.Effective(n)), up[n]}
	}
	return rows, nil
}

func showSwitchport(q feature.Query) (feature.Screen, error) {
	rows, err := ports(q)
	if err != nil {
		return nil, err
	}
	return feature.Screen{{
		Name: "interface",
		Rows: feature.Rows(rows,
			func(r row) string {
				return fmt.Sprintf("Name: %s\n"+
					"  Switchport: Enabled\n"+
					"  Switchport Monitor: Not enabled\n"+
					"  Operational Mode: %s\n"+
					"  Access Mode VLAN: %d (%s)\n"+
					"  Trunking Native Mode VLAN: %d (%s)\n"+
					"  Trunking VLANs Allowed: %s\n"+
					"  Administrative private-vlan primary host-association: none\n"+
					"  Administrative private-vlan secondary host-association: none\n"+
					"  Administrative private-vlan primary mapping: none\n"+
					"  Administrative private-vlan secondary mapping: none\n"+
					"  Administrative private-vlan trunk native VLAN: none\n"+
					"  Administrative private-vlan trunk encapsulation: dot1q\n"+
					"  Administrative private-vlan trunk normal VLANs: none\n"+
					"  Administrative private-vlan trunk private VLANs: none\n"+
					"  Operational private-vlan: none\n",
					r.name, r.Mode, r.Access, vlanName(q.Running, r.Access),
					r.Native, vlanName(q.Running, r.Native), r.Allowed)
			},
			func(r row) []feature.Pair {
				return []feature.Pair{
					{Key: "interface", Value: r.name},
					{Key: "switchport", Value: "Enabled"},
					{Key: "oper_mode", Value: r.Mode},
					{Key: "access_vlan", Value: int(r.Access)},
					{Key: "access_vlan_name", Value: vlanName(q.Running, r.Access)},
					{Key: "native_vlan", Value: int(r.Native)},
					{Key: "native_vlan_name", Value: vlanName(q.Running, r.Native)},
					{Key: "trunk_vlans", Value: r.Allowed.String()},
				}
			}),
	}}, nil
}

func vlanName(t tree.Tree, id ether.VLANID) string {
	if !feature.VLANExists(t, id) {
		return "Vlan not created"
	}
	return feature.VLANName(t, id)
}

var dashes = strings.Repeat("-", 80) + "\n"

// showTrunk lists the trunks; of one interface that is an access port it shows
// the headings only.
func showTrunk(q feature.Query) (feature.Screen, error) {
	rows, err := ports(q)
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(r row) bool { return r.Mode != Trunk })
	var active ether.VLANSet
	for v := range ether.AllVLANs().All() {
		if feature.VLANActive(q.Running, v) {
			active = active.With(v)
		}
	}
	forwarding := func(r row) ether.VLANSet {
		if !r.up {
			return ether.VLANSet{}
		}
		return r.Allowed.Intersect(active)
	}
	allowed := func(r row) ether.VLANSet { return r.Allowed }
	none := func(row) ether.VLANSet { return ether.VLANSet{} }
	return feature.Screen{
		{
			Name: "interface",
			Heading: dashes +
				"Port          Native  Status        Port\n" +
				"              Vlan                  Channel\n" + dashes,
			Rows: feature.Rows(rows,
				func(r row) string {
					return fmt.Sprintf("%-13s %-7d %-13s %s\n", feature.ShortName(r.name), r.Native, status(r), "--")
				},
				func(r row) []feature.Pair {
					return []feature.Pair{
						{Key: "interface", Value: r.name},
						{Key: "native", Value: int(r.Native)},
						{Key: "status", Value: status(r)},
						{Key: "portchannel", Value: "--"},
					}
				}),
		},
		lists("allowed_vlans", "allowedvlans", "Vlans Allowed on Trunk", rows, allowed),
		lists("vlan_errored", "errvlans", "Vlans Err-disabled on Trunk", rows, none),
		lists("stp_forward", "stpfwd_vlans", "STP Forwarding", rows, forwarding),
		lists("notpruned", "notpruned_vlans", "Vlans in spanning tree forwarding state and not pruned", rows, forwarding),
	}, nil
}

func status(r row) string {
	if r.up {
		return "trunking"
	}
	return "not-trunking"
}

// lists is one sub-table of trunks and VLAN lists.
func lists(table, key, heading string, rows []row, of func(row) ether.VLANSet) feature.Section {
	return feature.Section{
		Name:    table,
		Heading: "\n" + dashes + fmt.Sprintf("%-13s %s\n", "Port", heading) + dashes,
		Rows: feature.Rows(rows,
			func(r row) string { return listText(feature.ShortName(r.name), of(r).String()) },
			func(r row) []feature.Pair {
				return []feature.Pair{{Key: "interface", Value: r.name}, {Key: key, Value: of(r).String()}}
			}),
	}
}

// listWidth is where a list of VLANs continues on the next line.
const listWidth = 66

func listText(port, list string) string {
	var b strings.Builder
	for {
		line := list
		if len(line) > listWidth {
			line = line[:strings.LastIndexByte(line[:listWidth+1], ',')]
		}
		fmt.Fprintf(&b, "%-13s %s\n", port, line)
		if list = strings.TrimPrefix(list[len(line):], ","); list == "" {
			return b.String()
		}
		port = ""
	}
}
