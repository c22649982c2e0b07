package aaa

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// Limits and defaults of servers of either protocol (cli.md §9.2, NX-OS).
const (
	maxServers     = 64
	maxGroups      = 100
	defaultTimeout = 5
)

// Protocol is one that servers speak, by its name on lines. It is that of the group
// of all its servers as well, which is always there.
type Protocol string

// Protocols.
const (
	Radius Protocol = "radius"
	Tacacs Protocol = "tacacs+"
)

// Protocols are all.
var protocols = []Protocol{Radius, Tacacs}

// Title is the protocol as messages name it.
func (p Protocol) Title() string { return strings.ToUpper(string(p)) }

// server, group and all are the names of the lists of servers and of groups, and of
// the settings of all servers.
func (p Protocol) server() string { return p.all() + "-server" }
func (p Protocol) group() string  { return p.all() + "-group" }
func (p Protocol) all() string    { return strings.TrimSuffix(string(p), "+") }

var aaaRoot = tree.Path{{Name: "aaa"}}

func aaaPath(names ...string) tree.Path {
	p := aaaRoot
	for _, n := range names {
		p = p.Child(n)
	}
	return p
}

// Server is a server with what holds for it.
type Server struct {
	Protocol Protocol
	Host     string
	Port     uint16
	AcctPort uint16 // of accounting by RADIUS
	Key      string // in clear text
	Timeout  time.Duration
	// Retransmit is how often a RADIUS request is sent again; Single that a
	// connection to a TACACS+ server is kept.
	Retransmit int
	Single     bool
	// Deadtime is for how long it is not asked once it was silent.
	Deadtime time.Duration
	// FromManagement says that it is asked from the address of mgmt0.
	FromManagement bool
}

// Group is a group of servers.
type Group struct {
	Protocol Protocol
	Name     string
}

// GroupOf returns the group of a name, and whether there is one.
func GroupOf(t tree.Tree, name string) (Group, bool) {
	for _, p := range protocols {
		if p.on(t) && (name == string(p) || t.Exists(aaaRoot.Entry(p.group(), name))) {
			return Group{p, name}, true
		}
	}
	return Group{}, false
}

// on reports whether configuration has a protocol on.
func (p Protocol) on(t tree.Tree) bool {
	return p != Tacacs || feature.Read(t, tree.Path{{Name: "features"}, {Name: tacacsName}}, false)
}

// Servers are the names of all servers of a protocol, Groups those of its groups.
func Servers(t tree.Tree, p Protocol) []string { return sorted(t, p.server()) }

// Groups are the names of all groups of a protocol but that of all servers.
func Groups(t tree.Tree, p Protocol) []string { return sorted(t, p.group()) }

func sorted(t tree.Tree, list string) []string {
	all := slices.Collect(t.Keys(aaaRoot.Child(list)))
	slices.SortFunc(all, tree.Compare)
	return all
}

// hosts are the servers of a group by name, in the order of configuration; those
// of the group of all are in order of name.
func (g Group) hosts(t tree.Tree) []string {
	if g.Name == string(g.Protocol) {
		return Servers(t, g.Protocol)
	}
	return strings.Fields(feature.Read(t, g.path("servers"), ""))
}

func (g Group) path(leaf string) tree.Path {
	return aaaRoot.Entry(g.Protocol.group(), g.Name).Child(leaf)
}

// Servers are the servers of a group, in the order of configuration.
func (g Group) Servers(t tree.Tree) []Server {
	var all []Server
	for _, host := range g.hosts(t) {
		if !t.Exists(aaaRoot.Entry(g.Protocol.server(), host)) {
			continue
		}
		s := ServerOf(t, g.Protocol, host)
		s.Deadtime = time.Duration(feature.Read(t, g.path("deadtime"), uint32(s.Deadtime/time.Minute))) * time.Minute
		s.FromManagement = feature.Read(t, g.path("source-interface"), "") != ""
		all = append(all, s)
	}
	return all
}

// ServersOf are the servers of groups in turn.
func ServersOf(t tree.Tree, groups []string) []Server {
	var all []Server
	for _, name := range groups {
		if g, ok := GroupOf(t, name); ok {
			all = append(all, g.Servers(t)...)
		}
	}
	return all
}

// ServerOf reads one.
func ServerOf(t tree.Tree, p Protocol, host string) Server {
	at, all := aaaRoot.Entry(p.server(), host), aaaPath(p.all())
	number := func(leaf string, def uint32) uint32 {
		return feature.Read(t, at.Child(leaf), feature.Read(t, all.Child(leaf), def))
	}
	s := Server{
		Protocol: p, Host: host,
		Key:      feature.Read(t, at.Child("key"), feature.Read(t, all.Child("key"), SharedKey{})).Clear(),
		Timeout:  time.Duration(number("timeout", defaultTimeout)) * time.Second,
		Deadtime: time.Duration(feature.Read(t, all.Child("deadtime"), uint32(0))) * time.Minute,
	}
	if p == Tacacs {
		s.Port = uint16(number("port", tacacsPort))
		s.Single = feature.Read(t, at.Child("single-connection"), "") != ""
		return s
	}
	s.Port, s.AcctPort = uint16(number("auth-port", radiusPort)), uint16(number("acct-port", radiusAcctPort))
	s.Retransmit = int(feature.Read(t, all.Child("retransmit"), uint32(defaultResend)))
	if own := feature.Read(t, at.Child("retransmit"), uint32(0)); own > 0 {
		s.Retransmit = int(own) - 1
	}
	return s
}

// checkServers keeps servers and groups few, and references right.
func checkServers(c feature.Candidate) []schema.Problem {
	if !c.Changed(aaaRoot) {
		return nil
	}
	var problems []schema.Problem
	refuse := func(p tree.Path, rule, text string, args ...any) {
		problems = append(problems, schema.Problem{Path: p, Rule: rule, Text: fmt.Sprintf("ERROR: "+text, args...)})
	}
	names := map[string]bool{}
	for _, p := range protocols {
		names[string(p)] = true
	}
	for _, p := range protocols {
		if n := len(Servers(c.New, p)); n > maxServers && n > len(Servers(c.Old, p)) {
			refuse(aaaRoot, "servers", "Maximum number of %s servers (%d) reached.", p.Title(), maxServers)
		}
		groups := Groups(c.New, p)
		if n := len(groups); n > maxGroups && n > len(Groups(c.Old, p)) {
			refuse(aaaRoot, "groups", "Maximum number of groups (%d) reached.", maxGroups)
		}
		for _, name := range groups {
			g := Group{p, name}
			at := aaaRoot.Entry(p.group(), name)
			switch {
			case slices.Contains(protocols, Protocol(name)):
				refuse(at, "group", "Group %s is that of all servers and is not configured.", name)
				continue
			case names[name]:
				refuse(at, "group", "Group %s is one of RADIUS servers.", name)
			}
			names[name] = true
			hosts := g.hosts(c.New)
			if len(hosts) > maxServers {
				refuse(at.Child("servers"), "servers", "Maximum number of servers (%d) of group %s reached.", maxServers, name)
			}
			for _, host := range hosts {
				if !c.New.Exists(aaaRoot.Entry(p.server(), host)) {
					refuse(at.Child("servers"), "server", "%s server %s of group %s does not exist.", p.Title(), host, name)
					break
				}
			}
		}
	}
	return append(problems, checkMethods(c)...)
}
