package aaa

import (
	"fmt"
	"time"

	"trunkline/config/schema"
	"trunkline/feature"
)

// tacacsShows and tacacsExecs are the commands of TACACS+.
var (
	tacacsShows = append(serverShows(Tacacs),
		feature.Show{Line: "show aaa authentication login ascii-authentication", Words: words, Help: "Whether questions of TACACS+ servers are answered",
			Run: showFlag("ascii-authentication", ASCII)},
		feature.Show{Line: "show tacacs-server sorted", Words: serverWords(Tacacs), Help: "TACACS+ servers by name", Run: showTacacs},
		feature.Show{Line: "show tacacs-server directed-request", Words: serverWords(Tacacs), Help: "Whether USER@SERVER is a login by that server",
			Run: showFlag("directed-request", directed)},
	)
	tacacsExecs = serverExecs(Tacacs)
)

func showTacacs(q feature.Query) (feature.Screen, error) {
	t := q.Running
	timeout := feature.Read(t, aaaPath("tacacs", "timeout"), uint32(defaultTimeout))
	deadtime := feature.Read(t, aaaPath("tacacs", "deadtime"), uint32(0))
	servers := Servers(t, Tacacs)
	keys := []feature.Pair{
		{Key: "timeout_value", Value: timeout}, {Key: "deadtime_value", Value: deadtime}, {Key: "server_count", Value: len(servers)},
	}
	secret := ""
	if feature.Read(t, aaaPath("tacacs", "key"), SharedKey{}) != (SharedKey{}) {
		secret = "Global TACACS+ shared secret:" + unseen + "\n"
		keys = append([]feature.Pair{{Key: "global_secret", Value: unseen}}, keys...)
	}
	heading := fmt.Sprintf("%stimeout value:%d\ndeadtime value:%d\ntotal number of servers:%d\n", secret, timeout, deadtime, len(servers))
	if len(servers) > 0 {
		heading += "\nfollowing TACACS+ servers are configured:\n"
	}
	return feature.Screen{{Heading: heading, Keys: keys}, {
		Name: "server",
		Rows: feature.Rows(servers, func(host string) string {
			s := ServerOf(t, Tacacs, host)
			text := fmt.Sprintf("        %s:\n                available on port:%d\n", host, s.Port)
			if ownKey(t, Tacacs, host) {
				text += "                TACACS+ shared secret:" + unseen + "\n"
			}
			if text += fmt.Sprintf("                timeout:%d\n", int(s.Timeout/time.Second)); s.Single {
				text += "                single connection:enabled\n"
			}
			return text
		}, func(host string) []feature.Pair {
			s := ServerOf(t, Tacacs, host)
			keys := []feature.Pair{{Key: "server_ip", Value: host}, {Key: "port", Value: int(s.Port)}}
			if ownKey(t, Tacacs, host) {
				keys = append(keys, feature.Pair{Key: "secret", Value: unseen})
			}
			return append(keys, feature.Pair{Key: "timeout", Value: int(s.Timeout / time.Second)}, feature.Pair{Key: "single_connection", Value: s.Single})
		}),
	}}, nil
}

// serverWords are the help texts of the commands of a protocol's servers.
func serverWords(p Protocol) schema.Words {
	show, clear := "show "+p.server(), "clear "+p.server()
	return schema.Words{
		"show": words["show"], show: p.Title() + " servers", show + " statistics": "What became of requests",
		"clear": words["clear"], clear: p.Title() + " servers", clear + " statistics": "What became of requests",
		"test": "Test functions", "test aaa": "Authentication of users by servers", "test aaa server": "One server",
		"test aaa server " + string(p): p.Title() + " server", "test aaa group": "Servers of a group",
	}
}
