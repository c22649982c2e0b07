package vlan

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/ether"
)

var words = schema.Words{"show vlan": "VLAN information"}

var shows = []feature.Show{
	{Line: "show vlan", Help: "VLAN information", Run: func(q feature.Query) (feature.Screen, error) {
		return full(q, ids(q.Running)), nil
	}},
	{Line: "show vlan brief", Words: words, Help: "All VLAN status in brief",
		Run: func(q feature.Query) (feature.Screen, error) {
			return feature.Screen{brief(q, ids(q.Running))}, nil
		}},
	{Line: "show vlan id <vlan-id>", Words: words, Help: "VLAN status by VLAN id",
		Types: map[string]schema.AnyType{"vlan-id": schema.VLAN}, Run: showID},
	{Line: "show vlan name <name>", Words: words, Help: "VLAN status by VLAN name",
		Types: map[string]schema.AnyType{"name": schema.Word("vlan-name", "VLAN name", 32)}, Run: showName},
	{Line: "show vlan summary", Words: words, Help: "VLAN summary information", Run: showSummary},
}

func showID(q feature.Query) (feature.Screen, error) {
	id, _ := feature.Value[ether.VLANID](q.Args, "vlan-id")
	if !feature.VLANExists(q.Running, id) {
		return nil, feature.Error(fmt.Sprintf("ERROR: VLAN does not exist: %d", id))
	}
	return full(q, ether.VLANs(id)), nil
}

func showName(q feature.Query) (feature.Screen, error) {
	name, _ := feature.Value[string](q.Args, "name")
	all := ids(q.Running)
	for id := range all.All() {
		if feature.VLANName(q.Running, id) == name {
			return full(q, ether.VLANs(id)), nil
		}
	}
	return nil, feature.Error("ERROR: VLAN does not exist: " + name)
}

// showSummary counts; extended VLANs are those above 1005.
func showSummary(q feature.Query) (feature.Screen, error) {
	all, extended := ids(q.Running), 0
	for id := range all.All() {
		if id > 1005 {
			extended++
		}
	}
	user := all.Len() - extended
	return feature.Screen{{
		Heading: fmt.Sprintf("Number of existing VLANs           : %d\n"+
			" Number of existing user VLANs     : %d\n"+
			" Number of existing extended VLANs : %d\n", all.Len(), user, extended),
		Keys: []feature.Pair{
			{Key: "vlansum-all-vlan", Value: all.Len()},
			{Key: "vlansum-user-vlan", Value: user},
			{Key: "vlansum-extd-vlan", Value: extended},
		},
	}}, nil
}

// full is the screen of show vlan for some VLANs.
func full(q feature.Query, list ether.VLANSet) feature.Screen {
	return feature.Screen{
		brief(q, list),
		{
			Name: "mtuinfo",
			Heading: "\nVLAN Type         Vlan-mode\n" +
				"---- -----        ----------\n",
			Rows: feature.Rows(slices.Collect(list.All()),
				func(id ether.VLANID) string { return fmt.Sprintf("%-4d %-12s %s\n", id, "enet", "CE") },
				func(id ether.VLANID) []feature.Pair {
					return []feature.Pair{
						{Key: "vlanshowinfo-vlanid", Value: int(id)},
						{Key: "vlanshowinfo-media-type", Value: "enet"},
						{Key: "vlanshowinfo-vlanmode", Value: "ce-vlan"},
					}
				}),
		},
		feature.Text("\nRemote SPAN VLANs\n" + strings.Repeat("-", 79) + "\n" +
			"\nPrimary  Secondary  Type             Ports\n" +
			"-------  ---------  ---------------  -------------------------------------------\n"),
	}
}

// brief is the table of VLANs with their ports.
func brief(q feature.Query, list ether.VLANSet) feature.Section {
	return feature.Section{
		Name: "vlanbrief",
		Heading: "\nVLAN Name                             Status    Ports\n" +
			"---- -------------------------------- --------- -------------------------------\n",
		Rows: briefRows(q, list),
	}
}

func briefRows(q feature.Query, list ether.VLANSet) iter.Seq[feature.Row] {
	return func(yield func(feature.Row) bool) {
		m := membersOf(q)
		for id := range list.All() {
			state, shut := feature.Read(q.Running, feature.VLANPath(id, "state"), "active"),
				feature.Read(q.Running, feature.VLANPath(id, "shutdown"), false)
			ports := m.of(id, state == "active" && !shut)
			shutState := "noshutdown"
			if shut {
				shutState = "shutdown"
			}
			row := feature.Row{
				Text: briefText(id, feature.VLANName(q.Running, id), status(state, shut), ports),
				Keys: []feature.Pair{
					{Key: "vlanshowbr-vlanid", Value: int(id)},
					{Key: "vlanshowbr-vlanid-utf", Value: int(id)},
					{Key: "vlanshowbr-vlanname", Value: feature.VLANName(q.Running, id)},
					{Key: "vlanshowbr-vlanstate", Value: state},
					{Key: "vlanshowbr-shutstate", Value: shutState},
				},
			}
			if len(ports) > 0 {
				row.Keys = append(row.Keys, feature.Pair{Key: "vlanshowplist-ifidx", Value: strings.Join(ports, ",")})
			}
			if !yield(row) {
				return
			}
		}
	}
}

func status(state string, shut bool) string {
	switch {
	case shut && state == "active":
		return "act/lshut"
	case shut:
		return "sus/lshut"
	case state == "active":
		return "active"
	}
	return "suspended"
}

// The ports column starts at portsColumn and is portsWidth wide.
const portsColumn, portsWidth = 48, 31

func briefText(id ether.VLANID, name, status string, ports []string) string {
	lines := wrap(ports, portsWidth)
	var b strings.Builder
	first := fmt.Sprintf("%-4d %-32.32s %-9s %s", id, name, status, lines[0])
	b.WriteString(strings.TrimRight(first, " "))
	b.WriteByte('\n')
	for _, l := range lines[1:] {
		fmt.Fprintf(&b, "%*s%s\n", portsColumn, "", l)
	}
	return b.String()
}

// wrap joins the short names of ports with ", " into lines of at most width
// characters; a line does not end with a comma.
func wrap(ports []string, width int) []string {
	lines := []string{""}
	for _, p := range ports {
		name, last := feature.ShortName(p), &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = name
		case len(*last)+len(", ")+len(name) <= width:
			*last += ", " + name
		default:
			lines = append(lines, name)
		}
	}
	return lines
}

// members knows which ports are in which VLANs by configuration.
type members struct {
	order  map[string]int // position of a port in the order of cli.md §1
	access map[ether.VLANID][]string
	trunks []trunk
}

type trunk struct {
	name    string
	allowed ether.VLANSet
}

var (
	modePath    = tree.Path{{Name: "switchport"}, {Name: "mode"}}
	accessPath  = tree.Path{{Name: "switchport"}, {Name: "access-vlan"}}
	allowedPath = tree.Path{{Name: "switchport"}, {Name: "trunk"}, {Name: "allowed-vlans"}}
)

func membersOf(q feature.Query) members {
	m := members{order: map[string]int{}, access: map[ether.VLANID][]string{}}
	for i, name := range q.Ports() {
		if feature.KindOf(name) == feature.SVI {
			continue
		}
		m.order[name] = i
		t := q.Effective(name)
		if feature.Read(t, modePath, "access") == "trunk" {
			m.trunks = append(m.trunks, trunk{name, feature.Read(t, allowedPath, ether.AllVLANs())})
			continue
		}
		v := feature.Read(t, accessPath, ether.VLANID(1))
		m.access[v] = append(m.access[v], name)
	}
	return m
}

// of returns the ports of a VLAN: its access ports, and of a VLAN that
// forwards also the trunks that carry it.
func (m members) of(id ether.VLANID, active bool) []string {
	access := m.access[id]
	if !active || len(m.trunks) == 0 {
		return access
	}
	out := make([]string, 0, len(access)+len(m.trunks))
	for i := range m.trunks {
		t := &m.trunks[i]
		if !t.allowed.Has(id) {
			continue
		}
		for len(access) > 0 && m.order[access[0]] < m.order[t.name] {
			out, access = append(out, access[0]), access[1:]
		}
		out = append(out, t.name)
	}
	return append(out, access...)
}
