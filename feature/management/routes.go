package management

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"trunkline/feature"
)

// path is a next hop of a route.
type path struct {
	via        netip.Addr
	device     string // of what is attached, "" else
	preference int
	metric     int
	since      time.Time
	source     string
}

// prefix is a route with its next hops.
type prefix struct {
	to       netip.Prefix
	attached bool
	paths    []path
}

// preference is the administrative distance of what is not attached.
func preference(source string) int {
	switch source {
	case "dhcp":
		return 254
	case "nd":
		return 2
	}
	return 1
}

// table is the routing table of a VRF: what is attached to its interfaces and what
// the IP stack of each routes through next hops.
func table(q feature.Query, c context, v4 bool) ([]prefix, error) {
	var all []prefix
	for _, i := range own(q, c) {
		if !i.link {
			continue // routes over a port that is down are not in force
		}
		s, err := stack(q, i.name)
		if err != nil {
			return nil, err
		}
		all = i.routes(q, s, v4, all)
	}
	slices.SortStableFunc(all, func(a, b prefix) int {
		return cmp.Or(a.to.Addr().Compare(b.to.Addr()), cmp.Compare(a.to.Bits(), b.to.Bits()))
	})
	return all, nil
}

// routes adds the routes over an interface.
func (i ipInterface) routes(q feature.Query, s feature.Stack, v4 bool, all []prefix) []prefix {
	own := i.prefixes6
	if v4 {
		own = i.prefixes4
	}
	since := i.since
	if since.IsZero() {
		since = q.State.Supervisor.Started
	}
	for _, p := range own {
		a := p.Addr()
		if p.Bits() < a.BitLen() {
			all = append(all, prefix{p.Masked(), true, []path{{via: a, device: i.name, since: since, source: "direct"}}})
		}
		all = append(all, prefix{netip.PrefixFrom(a, a.BitLen()), true, []path{{via: a, device: i.name, since: since, source: "local"}}})
	}
	for _, r := range s.Routes {
		if r.To.Addr().Is4() != v4 {
			continue
		}
		hop := path{via: r.Via, preference: preference(r.Source), metric: r.Metric, since: r.Since, source: r.Source}
		if r.Via.IsLinkLocalUnicast() {
			hop.device = i.name
		}
		if n := slices.IndexFunc(all, func(p prefix) bool { return p.to == r.To && !p.attached }); n >= 0 {
			all[n].paths = append(all[n].paths, hop)
			continue
		}
		all = append(all, prefix{to: r.To, paths: []path{hop}})
	}
	return all
}

func showIPRoute(q feature.Query) (feature.Screen, error)   { return showRoutes(q, true) }
func showIPv6Route(q feature.Query) (feature.Screen, error) { return showRoutes(q, false) }

// showRoutes prints the routing tables of VRFs.
func showRoutes(q feature.Query, v4 bool) (feature.Screen, error) {
	family, title := "ipv6", "IPv6 Routing Table"
	if v4 {
		family, title = "ipv4", "IP Route Table"
	}
	var rows []feature.Row
	for n, c := range chosen(q, contexts[0].name) {
		var b strings.Builder
		if n > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s for VRF \"%s\"\n", title, c.name)
		b.WriteString("'*' denotes best ucast next-hop\n'**' denotes best mcast next-hop\n" +
			"'[x/y]' denotes [preference/metric]\n")
		if v4 {
			b.WriteString("'%<string>' in via output denotes VRF <string>\n")
		}
		b.WriteString("\n")
		var prefixes []feature.Row
		routes, err := table(q, c, v4)
		if err != nil {
			return nil, err
		}
		for _, p := range routes {
			b.WriteString(p.text(q.Now))
			prefixes = append(prefixes, p.row(q.Now))
		}
		row := feature.Row{Text: b.String()}
		if len(prefixes) > 0 {
			row.Keys = []feature.Pair{{Key: "vrf-name-out", Value: c.name}}
			row.Sub = []feature.Section{{Name: "addrf", Rows: each([]feature.Row{{
				Keys: []feature.Pair{{Key: "addrf", Value: family}},
				Sub:  []feature.Section{{Name: "prefix", Rows: each(prefixes)}},
			}})}}
		}
		rows = append(rows, row)
	}
	return feature.Screen{{Name: "vrf", Rows: each(rows)}}, nil
}

func (p prefix) text(now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, ubest/mbest: %d/0", p.to, len(p.paths))
	if p.attached {
		b.WriteString(", attached")
	}
	b.WriteString("\n")
	for _, h := range p.paths {
		fmt.Fprintf(&b, "    *via %s", h.via)
		if h.device != "" {
			fmt.Fprintf(&b, ", %s", h.device)
		}
		fmt.Fprintf(&b, ", [%d/%d], %s, %s\n", h.preference, h.metric, age(now.Sub(h.since)), h.source)
	}
	return b.String()
}

func (p prefix) row(now time.Time) feature.Row {
	paths := make([]feature.Row, len(p.paths))
	for n, h := range p.paths {
		keys := []feature.Pair{{Key: "ipnexthop", Value: h.via}}
		if h.device != "" {
			keys = append(keys, feature.Pair{Key: "ifname", Value: h.device})
		}
		paths[n].Keys = append(keys,
			feature.Pair{Key: "uptime", Value: period(now.Sub(h.since))}, feature.Pair{Key: "pref", Value: h.preference},
			feature.Pair{Key: "metric", Value: h.metric}, feature.Pair{Key: "clientname", Value: h.source}, feature.Pair{Key: "ubest", Value: "true"})
	}
	return feature.Row{
		Keys: []feature.Pair{
			{Key: "ipprefix", Value: p.to}, {Key: "ucast-nhops", Value: len(p.paths)}, {Key: "mcast-nhops", Value: 0},
			{Key: "attached", Value: p.attached},
		},
		Sub: []feature.Section{{Name: "path", Rows: each(paths)}},
	}
}

// period is a time as structured output has it (ISO 8601-1 §5.5.2).
func period(d time.Duration) string {
	s := int(max(d, 0).Seconds())
	if days := s / 86400; days > 0 {
		return fmt.Sprintf("P%dDT%dH%dM%dS", days, s/3600%24, s/60%60, s%60)
	}
	return fmt.Sprintf("PT%dH%dM%dS", s/3600, s/60%60, s%60)
}
