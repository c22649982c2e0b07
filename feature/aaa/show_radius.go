package aaa

import (
	"fmt"
	"time"

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
		Rows: feature.Rows(Groups(q.Running),
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
	return feature.Screen{
		{
			Heading: fmt.Sprintf("retransmission count:%d\ntimeout value:%d\ndeadtime value:%d\ntotal number of servers:%d\n\nfollowing RADIUS servers are configured:\n",
				retransmit, timeout, deadtime, len(servers)),
			Keys: []feature.Pair{
				{Key: "retransmission_count", Value: retransmit}, {Key: "timeout_value", Value: timeout},
				{Key: "deadtime_value", Value: deadtime}, {Key: "server_count", Value: len(servers)},
			},
		},
		{
			Name: "server",
			Rows: feature.Rows(servers,
				func(host string) string {
					s := server(t, host)
					return fmt.Sprintf("        %s:\n                available for authentication on port:%d\n                timeout:%d\n                retries:%d\n",
						host, s.Port, int(s.Timeout/time.Second), s.Retransmit)
				},
				func(host string) []feature.Pair {
					s := server(t, host)
					return []feature.Pair{
						{Key: "server_ip", Value: host}, {Key: "auth_port", Value: int(s.Port)},
						{Key: "timeout", Value: int(s.Timeout / time.Second)}, {Key: "retries", Value: s.Retransmit},
					}
				}),
		},
	}, nil
}
