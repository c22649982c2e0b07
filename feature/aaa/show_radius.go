package aaa

import (
	"fmt"
	"strings"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
)

// method is how one service authenticates.
type method struct{ service, method string }

func showAuthentication(q feature.Query) (feature.Screen, error) {
	login := feature.Read(q.Running, aaaPath("login", "default"), LocalLogin)
	return feature.Screen{{
		Name: "AuthenMethods",
		Rows: feature.Rows([]method{{"default", login}, {"console", LocalLogin}},
			func(m method) string { return fmt.Sprintf("         %s: %s\n", m.service, m.method) },
			func(m method) []feature.Pair {
				return []feature.Pair{{Key: "service", Value: m.service}, {Key: "method", Value: m.method}}
			}),
	}}, nil
}

func showGroups(q feature.Query) (feature.Screen, error) {
	return feature.Screen{{
		Name: "groups",
		Rows: feature.Rows(append([]string{everyServer}, Groups(q.Running)...),
			func(g string) string { return g + "\n" },
			func(g string) []feature.Pair { return []feature.Pair{{Key: "group", Value: g}} }),
	}}, nil
}

func showServers(q feature.Query) (feature.Screen, error) {
	t := q.Running
	timeout := feature.Read(t, aaaPath("radius", "timeout"), uint32(defaultTimeout))
	retransmit := feature.Read(t, aaaPath("radius", "retransmit"), uint32(defaultResend))
	deadtime := int(Deadtime(t) / time.Minute)
	servers := Servers(t)
	secret := ""
	keys := []feature.Pair{
		{Key: "retransmission_count", Value: retransmit}, {Key: "timeout_value", Value: timeout},
		{Key: "deadtime_value", Value: deadtime}, {Key: "server_count", Value: len(servers)},
	}
	if feature.Read(t, aaaPath("radius", "key"), SharedKey{}) != (SharedKey{}) {
		secret = "Global RADIUS shared secret:" + unseen + "\n"
		keys = append([]feature.Pair{{Key: "global_secret", Value: unseen}}, keys...)
	}
	heading := fmt.Sprintf("%sretransmission count:%d\ntimeout value:%d\ndeadtime value:%d\ntotal number of servers:%d\n",
		secret, retransmit, timeout, deadtime, len(servers))
	if len(servers) > 0 {
		heading += "\nfollowing RADIUS servers are configured:\n"
	}
	return feature.Screen{{Heading: heading, Keys: keys}, {
		Name: "server",
		Rows: feature.Rows(servers,
			func(host string) string { return serverText(t, host) },
			func(host string) []feature.Pair {
				s := ServerOf(t, host)
				keys := []feature.Pair{{Key: "server_ip", Value: host}, {Key: "auth_port", Value: int(s.Port)}}
				if ownKey(t, host) {
					keys = append(keys, feature.Pair{Key: "secret", Value: unseen})
				}
				return append(keys, feature.Pair{Key: "timeout", Value: int(s.Timeout / time.Second)}, feature.Pair{Key: "retries", Value: s.Retransmit})
			}),
	}}, nil
}

// unseen stands for a secret.
const unseen = "********"

// ownKey reports whether a server has a secret of its own.
func ownKey(t tree.Tree, host string) bool {
	return feature.Read(t, aaaRoot.Entry("radius-server", host).Child("key"), SharedKey{}) != SharedKey{}
}

func serverText(t tree.Tree, host string) string {
	s := ServerOf(t, host)
	secret := ""
	if ownKey(t, host) {
		secret = "                RADIUS shared secret:" + unseen + "\n"
	}
	return fmt.Sprintf("        %s:\n                available for authentication on port:%d\n%s                timeout:%d\n                retries:%d\n",
		host, s.Port, secret, int(s.Timeout/time.Second), s.Retransmit)
}

// showServerGroups prints the groups with their servers in the order in which they
// are asked.
func showServerGroups(q feature.Query) (feature.Screen, error) {
	t := q.Running
	groups := append([]string{everyServer}, Groups(t)...)
	text := func(g string) string {
		if g == everyServer {
			return "        group " + g + ":\n                server: all configured radius servers\n"
		}
		out := "        group " + g + ":\n"
		for _, s := range GroupServers(t, g) {
			out += fmt.Sprintf("                server %s on auth-port %d\n", s.Host, s.Port)
		}
		return out
	}
	return feature.Screen{{
		Heading: fmt.Sprintf("total number of groups:%d\n\nfollowing RADIUS server groups are configured:\n", len(groups)),
		Keys:    []feature.Pair{{Key: "total_groups", Value: len(groups)}},
	}, {
		Name: "group",
		Rows: feature.Rows(groups, text, func(g string) []feature.Pair {
			return []feature.Pair{{Key: "group_name", Value: g}, {Key: "servers", Value: strings.Join(groupHosts(t, g), " ")}}
		}),
	}}, nil
}
