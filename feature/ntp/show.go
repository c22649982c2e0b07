package ntp

import (
	"fmt"
	"strings"
	"time"

	"trunkline/config/schema"
	"trunkline/feature"
)

var words = schema.Words{"show ntp": "The time from the network"}

var shows = []feature.Show{
	{Line: "show ntp peers", Words: words, Help: "Servers and peers", Run: showPeers},
	{Line: "show ntp peer-status", Words: words, Help: "How it goes with the servers and peers", Run: showStatus},
	{Line: "show ntp status", Words: words, Help: "How it goes with the time", Run: showClock},
	{Line: "show ntp authentication-status", Words: words, Help: "Whether sources have to prove themselves", Run: showAuthentication},
	{Line: "show ntp trusted-keys", Words: words, Help: "Keys that sources are trusted by", Run: showTrusted},
}

func showPeers(q feature.Query) (feature.Screen, error) {
	const rule = "--------------------------------------------------\n"
	kind := func(s Source) string {
		if s.Peer {
			return "Peer (configured)"
		}
		return "Server (configured)"
	}
	return feature.Screen{{
		Name:    "peers",
		Heading: rule + "  Peer IP Address               Serv/Peer\n" + rule,
		Rows: feature.Rows(Read(q.Running).Sources,
			func(s Source) string { return fmt.Sprintf("  %-29s %s\n", s.Host, kind(s)) },
			func(s Source) []feature.Pair {
				return []feature.Pair{{Key: "PeerIPAddress", Value: s.Host}, {Key: "serv_peer", Value: kind(s)}}
			}),
	}}, nil
}

// states are those of the configured sources, in order: that of one that has not
// been asked yet is empty.
func states(q feature.Query) []feature.TimeSource {
	var all []feature.TimeSource
	for _, s := range Read(q.Running).Sources {
		now := feature.TimeSource{Stratum: 16}
		if q.State != nil {
			for _, t := range q.State.Clock.Sources {
				if t.Host == s.Host {
					now = t
				}
			}
		}
		now.Host, now.Peer, now.VRF = s.Host, s.Peer, s.VRF
		if now.VRF == "" {
			now.VRF = "default"
		}
		if now.Local == "" {
			now.Local = "0.0.0.0"
		}
		all = append(all, now)
	}
	return all
}

func showStatus(q feature.Query) (feature.Screen, error) {
	all := states(q)
	mark := func(s feature.TimeSource) string {
		if s.Selected {
			return "*"
		}
		return "="
	}
	return feature.Screen{{
		Name: "peersstatus",
		Heading: fmt.Sprintf("Total peers : %d\n"+
			"* - selected for sync, + -  peer mode(active),\n"+
			"- - peer mode(passive), = - polled in client mode\n"+
			"    remote                                 local                                   st   poll   reach delay   vrf\n"+
			"%s\n", len(all), strings.Repeat("-", 119)),
		Keys: []feature.Pair{{Key: "totalpeers", Value: len(all)}},
		Rows: feature.Rows(all,
			func(s feature.TimeSource) string {
				return fmt.Sprintf("%s%-39s %-39s %-4d %-6d %-5o %-7.5f %s\n", mark(s), s.Host, s.Local, s.Stratum,
					int(s.Poll/time.Second), s.Reach, s.Delay.Seconds(), s.VRF)
			},
			func(s feature.TimeSource) []feature.Pair {
				return []feature.Pair{
					{Key: "syncmode", Value: mark(s)},
					{Key: "remote", Value: s.Host},
					{Key: "local", Value: s.Local},
					{Key: "st", Value: s.Stratum},
					{Key: "poll", Value: int(s.Poll / time.Second)},
					{Key: "reach", Value: fmt.Sprintf("%o", s.Reach)},
					{Key: "delay", Value: fmt.Sprintf("%.5f", s.Delay.Seconds())},
					{Key: "vrf", Value: s.VRF},
				}
			}),
	}}, nil
}

func showClock(q feature.Query) (feature.Screen, error) {
	var c feature.Clock
	if q.State != nil {
		c = q.State.Clock
	}
	var b strings.Builder
	keys := []feature.Pair{{Key: "distribution", Value: "Disabled"}}
	b.WriteString("Distribution : Disabled\nLast operational state: No session\n")
	add := func(key, label string, value any) {
		fmt.Fprintf(&b, "%-24s: %v\n", label, value)
		keys = append(keys, feature.Pair{Key: key, Value: value})
	}
	if c.Synced {
		add("synchronized", "Synchronized", "yes")
		add("stratum", "Stratum", c.Stratum)
		add("offset", "Offset", fmt.Sprintf("%+.6f s", c.Offset.Seconds()))
	} else {
		add("synchronized", "Synchronized", "no")
	}
	if c.Sets {
		add("clock", "Clock of the machine", "set")
	} else if c.Reason != "" {
		add("clock", "Clock of the machine", "not set")
		add("reason", "Reason", c.Reason)
	}
	screen := feature.Screen{{Heading: b.String(), Keys: keys}}
	for _, s := range states(q) {
		if s.Error != "" {
			screen = append(screen, feature.Text(fmt.Sprintf("%s: %s\n", s.Host, s.Error)))
		}
	}
	return screen, nil
}

func showAuthentication(q feature.Query) (feature.Screen, error) {
	status := "disabled"
	if Read(q.Running).Authenticate {
		status = "enabled"
	}
	return feature.Screen{{
		Heading: "Authentication " + status + ".\n",
		Keys:    []feature.Pair{{Key: "authentication", Value: status}},
	}}, nil
}

func showTrusted(q feature.Query) (feature.Screen, error) {
	var keys []int
	s := Read(q.Running)
	for id := range 65536 {
		if s.Trusted[uint16(id)] {
			keys = append(keys, id)
		}
	}
	return feature.Screen{{
		Name: "trustedkeys", Heading: "Trusted Keys:\n",
		Rows: feature.Rows(keys, func(k int) string { return fmt.Sprintln(k) }, func(k int) []feature.Pair {
			return []feature.Pair{{Key: "key", Value: k}}
		}),
	}}, nil
}
