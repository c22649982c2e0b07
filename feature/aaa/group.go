package aaa

import (
	"slices"
	"strings"

	"trunkline/config/schema"
	"trunkline/feature"
)

// GroupConfig is the configuration of a group of servers; zero fields are the
// settings of all servers of its protocol.
type GroupConfig struct {
	Servers  string // in the order of configuration, with spaces between
	Deadtime uint32
	VRF      string
	Source   string
}

// groupName is the type of names of groups. What may follow them in a list of
// methods is none.
var groupName = func() schema.Type[string] {
	t := schema.Word("group-name", "Name of the group", 64)
	word := t.Parse
	t.Parse = func(s string) (string, error) {
		if s == LocalLogin || s == noLogin {
			return "", schema.ErrInvalid
		}
		return word(s)
	}
	return t
}()

// source is the type of interfaces whose address servers are asked from.
var source = schema.Enum("aaa-source-interface", schema.Keyword{Text: feature.Mgmt0, Help: "Management interface"})

// groupSchema are the groups of a protocol.
func groupSchema(p Protocol, mode string, order int) schema.Group {
	list, title := "aaa/"+p.group(), p.Title()
	line := "aaa group server " + string(p)
	return schema.Group{
		Blocks: []schema.Block{{
			Path: list, Keys: []schema.Key{{Name: "group", Type: groupName}}, Line: line + " <group>", Mode: mode,
			Section: 12, Order: order, Help: "Group of " + title + " servers",
		}},
		Leaves: schema.Augment([]string{list},
			schema.Bind("servers", members, func(c *GroupConfig) *string { return &c.Servers }, "server <host>", "Servers of the group, in turn").
				With(func(l *schema.Leaf) { l.Join, l.Part, l.Lines, l.Order = joinMembers, partMembers, memberLines, 1 }),
			schema.Bind("deadtime", minutes, func(c *GroupConfig) *uint32 { return &c.Deadtime }, "deadtime <minutes>", "Minutes in which a silent server is not asked").
				With(func(l *schema.Leaf) { l.Order = 2 }),
			schema.Bind("use-vrf", feature.UseVRF, func(c *GroupConfig) *string { return &c.VRF }, "use-vrf <use-vrf>", "VRF that servers are asked by").
				With(func(l *schema.Leaf) { l.Order = 3 }),
			schema.Bind("source-interface", source, func(c *GroupConfig) *string { return &c.Source }, "source-interface <interface>", "Interface whose address servers are asked from").
				With(func(l *schema.Leaf) { l.Order = 4 }),
		),
		Words: schema.Words{
			"aaa group": "Groups of servers", "aaa group server": "Groups of servers", line: "Group of " + title + " servers",
			"server": "Servers of the group, in turn", "deadtime": "Minutes in which a silent server is not asked",
			"use-vrf": "VRF that servers are asked by", "source-interface": "Interface whose address servers are asked from",
		},
	}
}

// maxMembers bounds a group as it is read; what is in force is checkServers' to
// bound, so that its message is told.
const maxMembers = 4 * maxServers

// members is the type of one server on a line, and of several in what is stored.
var members = func() schema.Type[string] {
	t := feature.HostName
	t.Name, t.Yang = "group-servers", "string"
	t.Parse = func(s string) (string, error) {
		hosts := strings.Split(s, " ")
		if len(hosts) > maxMembers {
			return "", schema.ErrInvalid
		}
		for i, h := range hosts {
			var err error
			if hosts[i], err = feature.HostName.Parse(h); err != nil {
				return "", err
			}
		}
		return strings.Join(hosts, " "), nil
	}
	return t
}()

// joinMembers adds a server at the end of a group, unless it is there.
func joinMembers(now, given any) any {
	all := strings.Fields(now.(string))
	for _, h := range strings.Fields(given.(string)) {
		if !slices.Contains(all, h) {
			all = append(all, h)
		}
	}
	return strings.Join(all, " ")
}

// partMembers takes servers out of a group.
func partMembers(now, given any) any {
	gone := strings.Fields(given.(string))
	return strings.Join(slices.DeleteFunc(strings.Fields(now.(string)), func(h string) bool { return slices.Contains(gone, h) }), " ")
}

// memberLines are the servers that a group's lines name.
func memberLines(v any) []any {
	var all []any
	for _, h := range strings.Fields(v.(string)) {
		all = append(all, h)
	}
	return all
}
