package portprofile

import (
	"fmt"
	"strings"

	"trunkline/feature"
)

// use is a port of a profile; first marks the profile's first row.
type use struct {
	profile, port  string
	first          bool
	adapter, owner string
}

func uses(q feature.Query) ([]use, error) {
	names, err := profiles(q)
	if err != nil {
		return nil, err
	}
	state := make(map[string]feature.PortState, len(q.State.Ports))
	for _, p := range q.State.Ports {
		state[p.Name] = p
	}
	hosts := map[int]string{}
	for _, m := range q.State.Modules {
		hosts[m.Slot] = m.Host
	}
	var rows []use
	for _, n := range names {
		for i, port := range members(q.Running, n) {
			u := use{profile: n, port: port, first: i == 0}
			if s, ok := state[port]; ok {
				u.adapter, u.owner = s.Adapter, s.Owner
				if u.owner == "" {
					u.owner = hosts[s.Module] // a port of the host itself
				}
			} else if b := feature.BindingOf(q.Running, port); b != nil {
				u.adapter, u.owner = b.Adapter(), b.Owner()
			}
			rows = append(rows, u)
		}
	}
	return rows, nil
}

// label is the profile's name on its first row, cut to the column.
func (u use) label() string {
	if u.first {
		return u.profile
	}
	return ""
}

func (u use) keys() []feature.Pair {
	return []feature.Pair{{Key: "port_profile", Value: u.profile}, {Key: "port", Value: u.port}}
}

func (u use) virtualKeys() []feature.Pair {
	return append(u.keys(),
		feature.Pair{Key: "adapter", Value: optional(u.adapter)},
		feature.Pair{Key: "owner", Value: optional(u.owner)})
}

var dashes = strings.Repeat("-", 79) + "\n"

func showUsage(q feature.Query) (feature.Screen, error) {
	rows, err := uses(q)
	if err != nil {
		return nil, err
	}
	return feature.Screen{{
		Name:    "port_profile_usage",
		Heading: "\n" + dashes + "Port Profile               Port\n" + dashes,
		Rows: feature.Rows(rows, func(u use) string {
			return fmt.Sprintf("%-26.26s %s\n", u.label(), feature.ShortName(u.port))
		}, use.keys),
	}}, nil
}

func showVirtualUsage(q feature.Query) (feature.Screen, error) {
	rows, err := uses(q)
	if err != nil {
		return nil, err
	}
	return feature.Screen{{
		Name:    "port_profile_virtual_usage",
		Heading: "\n" + dashes + "Port Profile               Port        Adapter        Owner\n" + dashes,
		Rows: feature.Rows(rows, func(u use) string {
			return fmt.Sprintf("%-26.26s %-11s %-14.14s %s\n", u.label(), feature.ShortName(u.port), dash(u.adapter), dash(u.owner))
		}, use.virtualKeys),
	}}, nil
}

func dash(s string) string {
	if s == "" {
		return "--"
	}
	return s
}

// showExpand resolves ports one by one as the rows are pulled, so that the first
// page does not wait for thousands.
func showExpand(q feature.Query) (feature.Screen, error) {
	names, err := profiles(q)
	if err != nil {
		return nil, err
	}
	rows := func(yield func(feature.Row) bool) {
		for _, n := range names {
			heading := "port-profile " + n + "\n"
			for _, port := range members(q.Running, n) {
				lines := expanded(q, port)
				row := feature.Row{
					Text: heading + items(port, lines),
					Keys: []feature.Pair{
						{Key: "port_profile", Value: n},
						{Key: "interface", Value: port},
						{Key: "eval_cfg", Value: lines},
					},
				}
				if heading = ""; !yield(row) {
					return
				}
			}
		}
	}
	return feature.Screen{{Name: "port_profile_expand_interface", Rows: rows}}, nil
}
