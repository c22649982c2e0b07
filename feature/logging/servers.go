package logging

import (
	"fmt"
	"slices"
	"strings"

	"trunkline/feature"
)

var transportNames = []string{"udp", "tcp", "tls"}

// servers is the section of the servers that messages are sent to.
func servers(q feature.Query) feature.Section {
	s := Read(q.Running)
	if len(s.Servers) == 0 {
		return feature.Section{
			Heading: fmt.Sprintf("%-31s %s\n", "Logging server:", "disabled"),
			Keys:    []feature.Pair{{Key: "server_status", Value: "disabled"}},
		}
	}
	rows := make([]feature.Row, len(s.Servers))
	for i, to := range s.Servers {
		rows[i] = serverRow(to, stateOf(q, to.Host), s.Strict)
	}
	return feature.Section{
		Name:    "logging_server",
		Heading: fmt.Sprintf("%-31s %s\n", "Logging server:", "enabled"),
		Keys:    []feature.Pair{{Key: "server_status", Value: "enabled"}},
		Rows:    slices.Values(rows),
	}
}

// stateOf is how it goes with a server.
func stateOf(q feature.Query, host string) feature.LogServer {
	if q.State != nil {
		for _, l := range q.State.LogServers {
			if l.Host == host {
				return l
			}
		}
	}
	return feature.LogServer{}
}

func serverRow(to Server, now feature.LogServer, strict bool) feature.Row {
	form := "RFC 3164"
	if strict || to.Transport.Kind == Secure {
		form = "RFC 5424"
	}
	state := "connecting"
	switch {
	case now.Up:
		state = "up"
	case now.Error != "":
		state = "down"
	}
	vrf := to.VRF
	if vrf == "" {
		vrf = "default"
	}
	var b strings.Builder
	keys := []feature.Pair{{Key: "server_address", Value: to.Host}}
	fmt.Fprintf(&b, "{%s}\n", to.Host)
	line := func(label, key string, value any) {
		fmt.Fprintf(&b, "        %-23s %v\n", label+":", value)
		keys = append(keys, feature.Pair{Key: key, Value: value})
	}
	line("server severity", "server_severity", names[to.Severity])
	line("server facility", "server_facility", to.Facility.String())
	line("server VRF", "server_vrf", vrf)
	line("server port", "server_port", int(to.Port))
	line("server transport", "server_transport", transportNames[to.Transport.Kind])
	line("server format", "server_format", form)
	line("server state", "server_state", state)
	if now.Error != "" && !now.Up {
		line("server error", "server_error", now.Error)
	}
	line("messages sent", "messages_sent", now.Sent)
	line("messages queued", "messages_queued", now.Queued)
	line("messages dropped", "messages_dropped", now.Dropped)
	return feature.Row{Text: b.String(), Keys: keys}
}
