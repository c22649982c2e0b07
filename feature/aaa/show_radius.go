package aaa

import (
	"fmt"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
)

func showRadius(q feature.Query) (feature.Screen, error) {
	t := q.Running
	timeout := feature.Read(t, aaaPath("radius", "timeout"), uint32(defaultTimeout))
	retransmit := feature.Read(t, aaaPath("radius", "retransmit"), uint32(defaultResend))
	deadtime := feature.Read(t, aaaPath("radius", "deadtime"), uint32(0))
	servers := Servers(t, Radius)
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
			func(host string) string { return radiusText(t, host) },
			func(host string) []feature.Pair {
				s := ServerOf(t, Radius, host)
				keys := []feature.Pair{{Key: "server_ip", Value: host}, {Key: "auth_port", Value: int(s.Port)}, {Key: "acct_port", Value: int(s.AcctPort)}}
				if ownKey(t, Radius, host) {
					keys = append(keys, feature.Pair{Key: "secret", Value: unseen})
				}
				return append(keys, feature.Pair{Key: "timeout", Value: int(s.Timeout / time.Second)}, feature.Pair{Key: "retries", Value: s.Retransmit})
			}),
	}}, nil
}

// radiusText is what is known of one server.
func radiusText(t tree.Tree, host string) string {
	s := ServerOf(t, Radius, host)
	secret := ""
	if ownKey(t, Radius, host) {
		secret = "                RADIUS shared secret:" + unseen + "\n"
	}
	return fmt.Sprintf("        %s:\n                available for authentication on port:%d\n                available for accounting on port:%d\n%s                timeout:%d\n                retries:%d\n",
		host, s.Port, s.AcctPort, secret, int(s.Timeout/time.Second), s.Retransmit)
}
