package aaa

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// hostTypes is the placeholder of a server.
var hostTypes = map[string]schema.AnyType{"host": feature.HostName}

// serverShows are the commands that show servers of a protocol.
func serverShows(p Protocol) []feature.Show {
	all, help := showRadius, serverWords(p)
	if p == Tacacs {
		all = showTacacs
	}
	line := "show " + p.server()
	return []feature.Show{
		{Line: line, Help: p.Title() + " servers", Words: help, Run: all},
		{Line: line + " groups", Help: "Groups of " + p.Title() + " servers", Words: help, Run: p.showGroups},
		{Line: line + " statistics <host>", Help: "What became of requests", Words: help, Types: hostTypes, Run: p.showStatistics},
	}
}

// serverExecs are the commands that act on servers of a protocol.
func serverExecs(p Protocol) []feature.Exec {
	all := []feature.Exec{
		{Line: "clear " + p.server() + " statistics <host>", Help: "What became of requests", Words: serverWords(p), Types: hostTypes, Run: p.clearStatistics},
		{Line: "test aaa server " + string(p) + " <host> <user> <password>", Help: "Ask a server for a user", Words: serverWords(p), Types: tryTypes, Run: p.tryServer},
	}
	if p == Radius { // of both protocols
		all = append(all, feature.Exec{Line: "test aaa group <group> <user> <password>", Help: "Ask the servers of a group for a user", Words: serverWords(p), Types: tryTypes, Run: tryGroup})
	}
	return all
}

// given returns the server that a command names.
func (p Protocol) given(q feature.Query) (string, error) {
	name, _ := feature.Value[string](q.Args, "host")
	if !slices.Contains(Servers(q.Running, p), name) {
		return "", feature.Error(fmt.Sprintf("ERROR: %s server %s does not exist.", p.Title(), name))
	}
	return name, nil
}

// unseen stands for a secret.
const unseen = "********"

// ownKey reports whether a server has a secret of its own.
func ownKey(t tree.Tree, p Protocol, host string) bool {
	return feature.Read(t, aaaRoot.Entry(p.server(), host).Child("key"), SharedKey{}) != SharedKey{}
}

// showGroups prints the groups with their servers in the order in which they are
// asked.
func (p Protocol) showGroups(q feature.Query) (feature.Screen, error) {
	t := q.Running
	groups := append([]string{string(p)}, Groups(t, p)...)
	port := "auth-port"
	if p == Tacacs {
		port = "port"
	}
	text := func(name string) string {
		if name == string(p) {
			return "        group " + name + ":\n                server: all configured " + string(p) + " servers\n"
		}
		out := "        group " + name + ":\n"
		g := Group{p, name}
		for _, s := range g.Servers(t) {
			out += fmt.Sprintf("                server %s on %s %d\n", s.Host, port, s.Port)
		}
		if d, ok := g.deadtime(t); ok {
			out += fmt.Sprintf("                deadtime is %d\n", d)
		}
		for _, leaf := range []struct{ name, text string }{{"use-vrf", "vrf is "}, {"source-interface", "source interface is "}} {
			if v := feature.Read(t, g.path(leaf.name), ""); v != "" {
				out += "                " + leaf.text + v + "\n"
			}
		}
		return out
	}
	return feature.Screen{{
		Heading: fmt.Sprintf("total number of groups:%d\n\nfollowing %s server groups are configured:\n", len(groups), p.Title()),
		Keys:    []feature.Pair{{Key: "total_groups", Value: len(groups)}},
	}, {
		Name: "group",
		Rows: feature.Rows(groups, text, func(name string) []feature.Pair {
			g := Group{p, name}
			keys := []feature.Pair{{Key: "group_name", Value: name}, {Key: "servers", Value: strings.Join(g.hosts(t), " ")}}
			if d, ok := g.deadtime(t); ok {
				keys = append(keys, feature.Pair{Key: "deadtime", Value: d})
			}
			for _, leaf := range []struct{ name, key string }{{"use-vrf", "vrf"}, {"source-interface", "source_interface"}} {
				if v := feature.Read(t, g.path(leaf.name), ""); v != "" {
					keys = append(keys, feature.Pair{Key: leaf.key, Value: v})
				}
			}
			return keys
		}),
	}}, nil
}

// deadtime is the group's own, in minutes, and whether it has one.
func (g Group) deadtime(t tree.Tree) (uint32, bool) {
	v, ok := t.Get(g.path("deadtime"))
	d, number := v.(uint32)
	return d, ok && number
}

// showStatistics prints what became of requests to a server.
func (p Protocol) showStatistics(q feature.Query) (feature.Screen, error) {
	host, err := p.given(q)
	if err != nil {
		return nil, err
	}
	c := q.State.Servers[feature.ServerKey{Protocol: string(p), Host: host}]
	type part struct {
		name string
		feature.Requests
	}
	parts := []part{{"Authentication", c.Authentication}, {"Authorization", c.Authorization}, {"Accounting", c.Accounting}}
	if p == Radius { // rights come with the login
		parts = slices.Delete(parts, 1, 2)
	}
	return feature.Screen{{
		Name: "statistics",
		Rows: feature.Rows(parts, func(s part) string {
			return fmt.Sprintf("%s Statistics\n        failed transactions: %d\n        successful transactions: %d\n        requests sent: %d\n        requests timed out: %d\n        responses containing errors: %d\n",
				s.name, s.Failed+s.TimedOut+s.Errors, s.Answered, s.Sent, s.TimedOut, s.Errors)
		}, func(s part) []feature.Pair {
			return []feature.Pair{
				{Key: "service", Value: s.name}, {Key: "failed", Value: s.Failed + s.TimedOut + s.Errors}, {Key: "successful", Value: s.Answered},
				{Key: "sent", Value: s.Sent}, {Key: "timed_out", Value: s.TimedOut}, {Key: "errors", Value: s.Errors},
			}
		}),
	}}, nil
}

func (p Protocol) clearStatistics(_ context.Context, q feature.Query, host feature.Host, _ feature.Output) error {
	name, err := p.given(q)
	if err == nil {
		host.ClearServerCounters(feature.ServerKey{Protocol: string(p), Host: name})
	}
	return err
}
