package nve

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/ether"
	"trunkline/linecard/api"
)

var words = schema.Words{
	"show nve": "Network virtualization edge", "show nve peers": "Other VTEPs", "show nve vni": "VXLAN segments",
	"show interface": "Interface status and configuration", "show interface nve": "Network virtualization edge",
}

var shows = []feature.Show{
	{Line: "show nve peers", Words: words, Help: "Other VTEPs", Run: showPeers},
	{Line: "show nve vni", Words: words, Help: "VXLAN segments", Run: showVNIs},
	{
		Line: "show interface nve~<number>", Words: words, Help: "Interface status and configuration",
		Types: map[string]schema.AnyType{"number": number}, Run: showInterface,
	},
}

// peer is a VTEP as all cards with a tunnel to it see it.
type peer struct {
	nve     string
	address netip.Addr
	up      bool // on all of them
	since   time.Time
}

// peersOf returns the peers of the interface in order. One that no card reports is
// down.
func peersOf(q feature.Query, nve string) []peer {
	known := map[netip.Addr]*peer{}
	var all []*peer
	for _, m := range members(q.Running, nve) {
		for _, a := range m.peers {
			if known[a] == nil {
				known[a] = &peer{nve: interfaceName(nve), address: a}
				all = append(all, known[a])
			}
		}
	}
	seen := map[netip.Addr]bool{}
	for _, r := range feature.Reported[Report](q.State, name) {
		for _, t := range r.Tunnels {
			a, _ := netip.ParseAddr(t.Peer)
			p := known[a]
			if p == nil {
				continue // on its way out
			}
			p.up = t.Up && (p.up || !seen[a])
			if t.Since.After(p.since) {
				p.since = t.Since
			}
			seen[a] = true
		}
	}
	slices.SortFunc(all, func(a, b *peer) int { return a.address.Compare(b.address) })
	var out []peer
	for _, p := range all {
		out = append(out, *p)
	}
	return out
}

// showPeers is show nve peers (cli.md §11.24). An interface that is shut down has
// none.
func showPeers(q feature.Query) (feature.Screen, error) {
	var all []peer
	for nve := range q.Running.Keys(nvesPath) {
		if up(q.Running, nve) {
			all = append(all, peersOf(q, nve)...)
		}
	}
	uptime := func(p peer) string {
		if !p.up {
			return "n/a"
		}
		return age(q.Now.Sub(p.since))
	}
	return feature.Screen{{
		Name: "nve_peers", Optional: true,
		Heading: fmt.Sprintf("%-9s %-39s %-5s %-9s %-8s %-17s\n", "Interface", "Peer-IP", "State", "LearnType", "Uptime", "Router-Mac") +
			"--------- --------------------------------------  ----- --------- -------- -----------------\n",
		Rows: feature.Rows(all, func(p peer) string {
			return fmt.Sprintf("%-9s %-39s %-5s %-9s %-8s %-17s\n", p.nve, p.address, word(p.up), "DP", uptime(p), "n/a")
		}, func(p peer) []feature.Pair {
			return []feature.Pair{
				{Key: "if-name", Value: p.nve}, {Key: "peer-ip", Value: p.address.String()}, {Key: "peer-state", Value: word(p.up)},
				{Key: "learn-type", Value: "DP"}, {Key: "uptime", Value: uptime(p)}, {Key: "router-mac", Value: "n/a"},
			}
		}),
	}}, nil
}

func word(up bool) string {
	if up {
		return "Up"
	}
	return "Down"
}

// age is a time as the uptime of a peer: 00:04:12, 3d04h, 2w3d.
func age(d time.Duration) string {
	s := int64(max(0, d) / time.Second)
	const day, week = 86400, 7 * 86400
	switch {
	case s >= week:
		return fmt.Sprintf("%dw%dd", s/week, s%week/day)
	case s >= day:
		return fmt.Sprintf("%dd%02dh", s/day, s%day/3600)
	}
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}

const codes = "" +
	"Codes: CP - Control Plane        DP - Data Plane\n" +
	"       UC - Unconfigured         SA - Suppress ARP\n" +
	"       SU - Suppress Unknown Unicast\n" +
	"       Xconn - Crossconnect\n" +
	"       MS-IR - Multisite Ingress Replication\n\n"

// segment is a member of the interface as show nve vni has it.
type segment struct {
	nve  string
	vni  uint32
	vlan ether.VLANID // 0: none
	up   bool
}

func (s segment) kind() string {
	if s.vlan == 0 {
		return "L2 [-]"
	}
	return "L2 [" + strconv.Itoa(int(s.vlan)) + "]"
}

// showVNIs is show nve vni (cli.md §11.24). A segment is up when the interface is,
// a module has an address to be a VTEP, and its VLAN forwards.
func showVNIs(q feature.Query) (feature.Screen, error) {
	vlans := vlanOf(q.Running)
	vtep := false
	for slot := range q.Running.Keys(vemsPath) {
		vtep = vtep || address(q.Running, slot).IsValid()
	}
	var all []segment
	for nve := range q.Running.Keys(nvesPath) {
		for _, m := range members(q.Running, nve) {
			s := segment{nve: interfaceName(nve), vni: m.vni, vlan: vlans[m.vni]}
			s.up = up(q.Running, nve) && vtep && s.vlan != 0 && feature.VLANActive(q.Running, s.vlan)
			all = append(all, s)
		}
	}
	const mcast = "UnicastStatic"
	return feature.Screen{{
		Name: "nve_vni", Optional: true,
		Heading: codes + "Interface VNI      Multicast-group   State Mode Type [BD/VRF]      Flags\n" +
			"--------- -------- ----------------- ----- ---- ------------------ -----\n",
		Rows: feature.Rows(all, func(s segment) string {
			return fmt.Sprintf("%-9s %-8d %-17s %-5s %-4s %-18s %-5s\n", s.nve, s.vni, mcast, word(s.up), "DP", s.kind(), "")
		}, func(s segment) []feature.Pair {
			return []feature.Pair{
				{Key: "if-name", Value: s.nve}, {Key: "vni", Value: s.vni}, {Key: "mcast", Value: mcast}, {Key: "vni-state", Value: word(s.up)},
				{Key: "mode", Value: "DP"}, {Key: "type", Value: s.kind()}, {Key: "flags", Value: ""},
			}
		}),
	}}, nil
}

// minimum is the payload in bytes that a guest's frame mostly has, and that must
// fit into a tunnel.
const minimum = 1500

// card is one line card's part of the interface.
type card struct {
	slot   int
	local  string
	report Report
}

// showInterface is show interface nve1.
func showInterface(q feature.Query) (feature.Screen, error) {
	n, _ := feature.Value[uint32](q.Args, "number")
	nve := fmt.Sprint(n)
	if !q.Running.Exists(nvePath(nve)) {
		return nil, feature.NoInterface(interfaceName(nve))
	}
	var cards []card
	for slot, r := range feature.Reported[Report](q.State, name) {
		if r.Local != "" {
			cards = append(cards, card{slot, r.Local, r})
		}
	}
	slices.SortFunc(cards, func(a, b card) int { return cmp.Compare(a.slot, b.slot) })
	var sum api.Counters
	mtu := uint32(0)
	var rx, tx uint64
	for _, c := range cards {
		for _, t := range c.report.Tunnels {
			n := &t.Counters
			sum.RxUnicast, sum.RxMulticast, sum.RxBroadcast = sum.RxUnicast+n.RxUnicast, sum.RxMulticast+n.RxMulticast, sum.RxBroadcast+n.RxBroadcast
			sum.TxUnicast, sum.TxMulticast, sum.TxBroadcast = sum.TxUnicast+n.TxUnicast, sum.TxMulticast+n.TxMulticast, sum.TxBroadcast+n.TxBroadcast
			sum.RxOctets, sum.TxOctets = sum.RxOctets+n.RxOctets, sum.TxOctets+n.TxOctets
			rx, tx = rx+total(n.RxDrops), tx+total(n.TxDrops)
			if t.Up && (mtu == 0 || t.MTU < mtu) {
				mtu = t.MTU
			}
		}
	}
	admin, state, reason := "down", "down", "Administratively down"
	if up(q.Running, nve) {
		admin, reason = "up", "no VTEP address"
		if len(cards) > 0 {
			state, reason = "up", "none"
		}
	}
	description := feature.Read(q.Running, nvePath(nve, tree.Elem{Name: "description"}), "")
	return feature.Screen{{Name: "interface", Rows: feature.Rows([]api.Counters{sum}, func(c api.Counters) string {
		text := interfaceName(nve) + " is " + state
		if state != "up" {
			text += " (" + reason + ")"
		}
		text += "\nadmin state is " + admin + ",  Hardware: NVE\n"
		line := func(format string, args ...any) { text += fmt.Sprintf("  "+format+"\n", args...) }
		if description != "" {
			line("Description: %s", description)
		}
		for _, c := range cards {
			line("Module %d: VTEP %s, %d tunnels", c.slot, c.local, len(c.report.Tunnels))
		}
		if mtu != 0 {
			line("MTU %d bytes inside the tunnels", mtu)
			if mtu < minimum {
				line("The way to a peer is too narrow: packets of more than %d bytes are dropped", mtu)
			}
		}
		line("Encapsulation VXLAN")
		line("RX")
		line("  %d unicast packets  %d multicast packets  %d broadcast packets", c.RxUnicast, c.RxMulticast, c.RxBroadcast)
		line("  %d input packets  %d bytes  %d input discard", c.RxUnicast+c.RxMulticast+c.RxBroadcast, c.RxOctets, rx)
		line("TX")
		line("  %d unicast packets  %d multicast packets  %d broadcast packets", c.TxUnicast, c.TxMulticast, c.TxBroadcast)
		line("  %d output packets  %d bytes  %d output discard", c.TxUnicast+c.TxMulticast+c.TxBroadcast, c.TxOctets, tx)
		return text
	}, func(c api.Counters) []feature.Pair {
		return []feature.Pair{
			{Key: "interface", Value: interfaceName(nve)}, {Key: "state", Value: state}, {Key: "state_rsn_desc", Value: reason},
			{Key: "admin_state", Value: admin}, {Key: "eth_hw_desc", Value: "NVE"}, {Key: "desc", Value: description}, {Key: "eth_mtu", Value: mtu},
			{Key: "eth_inpkts", Value: c.RxUnicast + c.RxMulticast + c.RxBroadcast}, {Key: "eth_inbytes", Value: c.RxOctets}, {Key: "eth_indiscard", Value: rx},
			{Key: "eth_outpkts", Value: c.TxUnicast + c.TxMulticast + c.TxBroadcast}, {Key: "eth_outbytes", Value: c.TxOctets}, {Key: "eth_outdiscard", Value: tx},
		}
	})}}, nil
}

func total(drops map[string]uint64) (n uint64) {
	for _, v := range drops {
		n += v
	}
	return n
}
