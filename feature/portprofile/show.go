package portprofile

import (
	"fmt"
	"slices"
	"strings"

	"trunkline/config/schema"
	"trunkline/feature"
)

var words = schema.Words{
	"show port-profile":         "Port-profile information",
	"show port-profile virtual": "Virtual ports",
}

var nameArg = map[string]schema.AnyType{"name": name}

const nameHelp = "One port-profile"

var shows = []feature.Show{
	{Line: "show port-profile", Help: "Port-profile information", Run: showAll},
	{Line: "show port-profile name <name>", Types: nameArg, Words: words, Help: nameHelp, Run: showAll},
	{Line: "show port-profile brief", Words: words, Help: "Port-profiles in brief", Run: showBrief},
	{Line: "show port-profile usage", Words: words, Help: "Ports of each port-profile", Run: showUsage},
	{Line: "show port-profile usage name <name>", Types: nameArg, Words: words, Help: nameHelp, Run: showUsage},
	{Line: "show port-profile virtual usage", Words: words, Help: "Ports with their adapters and owners", Run: showVirtualUsage},
	{Line: "show port-profile virtual usage name <name>", Types: nameArg, Words: words, Help: nameHelp, Run: showVirtualUsage},
	{Line: "show port-profile expand-interface", Words: words, Help: "Resulting lines of each port", Run: showExpand},
	{Line: "show port-profile expand-interface name <name>", Types: nameArg, Words: words, Help: nameHelp, Run: showExpand},
	{Line: "show port-profile sync-status", Words: words, Help: "Ports that are out of sync", Run: showSync},
	{Line: "show port-profile sync-status interface <interface>", Words: words, Help: "One interface", Run: showSync},
}

// profiles returns the profile the command names, or all by name.
func profiles(q feature.Query) ([]string, error) {
	if one, ok := feature.Value[string](q.Args, "name"); ok {
		if !q.Running.Exists(path(one)) {
			return nil, feature.Error("ERROR: Port-profile does not exist: " + one)
		}
		return []string{one}, nil
	}
	return slices.Sorted(q.Running.Keys(listPath)), nil
}

// profile is one profile as show port-profile prints it.
type profile struct {
	name, kind, description, state, parent string
	maxPorts                               int
	own, eval, ports                       []string
	gap                                    string // what separates it from the one before
}

func showAll(q feature.Query) (feature.Screen, error) {
	names, err := profiles(q)
	if err != nil {
		return nil, err
	}
	rows := make([]profile, len(names))
	for i, n := range names {
		rows[i] = profile{
			name: n, kind: capital(kind(q.Running, n)),
			description: feature.Read(q.Running, path(n, "description"), ""),
			state:       feature.Read(q.Running, path(n, "state"), disabled),
			parent:      parentOf(q.Running, n),
			maxPorts:    maxPorts(q.Running, n),
			own:         configured(q, n), eval: evaluated(q, n), ports: members(q.Running, n),
		}
		if i > 0 {
			rows[i].gap = "\n"
		}
	}
	return feature.Screen{{Name: "port_profile_all", Rows: feature.Rows(rows, profile.text, profile.keys)}}, nil
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// field is a labelled value on a line of its own, without a trailing blank.
func field(label, value string) string {
	return strings.TrimRight(" "+label+": "+value, " ") + "\n"
}

// items is a label with one line for each item.
func items(label string, lines []string) string {
	var b strings.Builder
	b.WriteString(" " + label + "\n")
	for _, l := range lines {
		b.WriteString("  " + l + "\n")
	}
	return b.String()
}

func (p profile) text() string {
	return p.gap + "port-profile " + p.name + "\n" +
		field("type", p.kind) +
		field("description", p.description) +
		field("status", p.state) +
		field("max-ports", fmt.Sprint(p.maxPorts)) +
		field("min-ports", "1") +
		field("inherit", p.parent) +
		items("config attributes:", p.own) +
		items("evaluated config attributes:", p.eval) +
		items("assigned interfaces:", p.ports) +
		field("port-group", "") +
		field("system vlans", "none") +
		field("capability l3control", "no") +
		field("capability iscsi-multipath", "no") +
		field("capability vxlan", "no") +
		field("capability l3-vservice", "no") +
		field("port-profile role", "none") +
		field("port-binding", "static")
}

func (p profile) keys() []feature.Pair {
	pairs := []feature.Pair{
		{Key: "profile_name", Value: p.name},
		{Key: "type", Value: p.kind},
		{Key: "desc", Value: optional(p.description)},
		{Key: "status", Value: p.state},
		{Key: "max_ports", Value: p.maxPorts},
		{Key: "inherit", Value: optional(p.parent)},
	}
	for _, list := range []struct {
		key   string
		lines []string
	}{{"profile_cfg", p.own}, {"eval_cfg", p.eval}, {"intf", p.ports}} {
		if len(list.lines) > 0 {
			pairs = append(pairs, feature.Pair{Key: list.key, Value: list.lines})
		}
	}
	return pairs
}

// optional leaves the key of an empty text out.
func optional(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// briefRow is one line of show port-profile brief.
type briefRow struct {
	name, state                  string
	own, eval, assigned, profile int
}

func showBrief(q feature.Query) (feature.Screen, error) {
	names, err := profiles(q)
	if err != nil {
		return nil, err
	}
	rows := make([]briefRow, len(names))
	for i, n := range names {
		rows[i] = briefRow{
			n, feature.Read(q.Running, path(n, "state"), disabled),
			len(configured(q, n)), len(evaluated(q, n)), feature.PortsByProfile.Count(q.Running, n), feature.ProfilesByParent.Count(q.Running, n),
		}
	}
	dashes := strings.Repeat("-", 80) + "\n"
	return feature.Screen{{
		Name: "port_profile_brief",
		Heading: dashes +
			"Port                            Profile   Conf   Eval   Assigned  Child\n" +
			"Profile                         State     Items  Items  Intfs     Profs\n" + dashes,
		Rows: feature.Rows(rows,
			func(r briefRow) string {
				return fmt.Sprintf("%-31.31s %-9s %-6d %-6d %-9d %d\n", r.name, r.state, r.own, r.eval, r.assigned, r.profile)
			},
			func(r briefRow) []feature.Pair {
				return []feature.Pair{
					{Key: "port_profile", Value: r.name},
					{Key: "profile_state", Value: r.state},
					{Key: "conf_items", Value: r.own},
					{Key: "eval_items", Value: r.eval},
					{Key: "assigned_intfs", Value: r.assigned},
					{Key: "child_profs", Value: r.profile},
				}
			}),
	}}, nil
}
