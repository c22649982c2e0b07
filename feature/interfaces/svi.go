package interfaces

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
)

// Down reasons of the switch's own interfaces in VLANs.
const (
	reasonNoBD  = "VLAN/BD does not exist"
	reasonBD    = "VLAN/BD is down"
	reasonAlone = "no VEM on the supervisor's host"
)

// turned is what a card says of an SVI as the switch's own IP stack sees it: what
// the card sends to its device comes in.
func turned(p feature.PortState) feature.PortState {
	c := p.Counters
	p.Counters = feature.Counters{
		RxUnicast: c.TxUnicast, RxMulticast: c.TxMulticast, RxBroadcast: c.TxBroadcast, RxOctets: c.TxOctets, RxJumbo: c.TxJumbo, RxDrops: c.TxDrops,
		TxUnicast: c.RxUnicast, TxMulticast: c.RxMulticast, TxBroadcast: c.RxBroadcast, TxOctets: c.RxOctets, TxJumbo: c.RxJumbo, TxDrops: c.RxDrops,
	}
	for i, r := range p.Rates {
		p.Rates[i] = feature.Rates{RxBits: r.TxBits, RxFrames: r.TxFrames, TxBits: r.RxBits, TxFrames: r.RxFrames}
	}
	return p
}

// sviReason is reason of an SVI.
func sviReason(t tree.Tree, v *view, config string) string {
	switch {
	case config != "":
		return config
	case !feature.VLANExists(t, v.vlan):
		return reasonNoBD
	case !feature.VLANActive(t, v.vlan):
		return reasonBD
	case !v.reported:
		return reasonAlone
	case v.port.Error != "":
		return reasonQuarantine
	case v.port.Up:
		return reasonNone
	case v.port.Reason == reasonAbsent:
		return reasonAbsent
	}
	return reasonBD // its device is up while a port of the VLAN is
}

// autostate reports whether the SVI follows the ports in its VLAN.
func autostate(t tree.Tree, name string) bool {
	return feature.Read(t, feature.InterfacePath(name, "autostate"), true)
}

// onlySVIs yields the SVIs among interfaces, and noSVIs the others.
func onlySVIs(all iter.Seq[view]) iter.Seq[view] { return svisOf(all, true) }
func noSVIs(all iter.Seq[view]) iter.Seq[view]   { return svisOf(all, false) }

func svisOf(all iter.Seq[view], are bool) iter.Seq[view] {
	return func(yield func(view) bool) {
		for v := range all {
			if (v.kind == feature.SVI) == are && !yield(v) {
				return
			}
		}
	}
}

// sviBrief is the part of show interface brief for SVIs.
func sviBrief(all iter.Seq[view]) feature.Section {
	reason := func(v *view) string {
		if v.up {
			return "--"
		}
		return v.reason
	}
	return feature.Section{
		Heading: "\n" + rule80 + "Interface Secondary VLAN(Type)                    Status Reason\n" + rule80,
		Rows: rows(onlySVIs(all), func(v *view) string {
			return fmt.Sprintf("%-9s %-39s %-6s %s\n", v.name, "--", v.state(), reason(v))
		}, func(v *view) []feature.Pair {
			return pairs("interface", v.name, "svi_admin_state", upDown(v.admin), "state", v.state(), "svi_rsn_desc", reason(v), "svi_line_proto", v.state())
		}),
	}
}

// sviBlock is the text of show interface for an SVI.
func sviBlock(v *view, now time.Time) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, "  "+format+"\n", args...) }
	state := v.state()
	if !v.up {
		state += " (" + v.reason + ")"
	}
	fmt.Fprintf(&b, "%s is %s, line protocol is %s, autostate %s\n", v.name, state, v.state(), map[bool]string{true: "enabled", false: "disabled"}[v.autostate])
	line("Hardware is EtherSVI, address is  %s", v.port.MAC)
	if v.description != "" {
		line("Description: %s", v.description)
	}
	for _, p := range v.prefixes {
		if p.Addr().Is4() {
			line("Internet Address is %s", p)
			break
		}
	}
	if e := v.fault; e != "" {
		line("Quarantine: %s", strings.ReplaceAll(e, "\n", "; "))
	}
	line("MTU %d bytes, BW %d Kbit, DLY 10 usec,", v.mtu, sviMbps*1000)
	line(" reliability 255/255, txload %d/255, rxload %d/255", load(v.port.Rates[0].TxBits, sviMbps), load(v.port.Rates[0].RxBits, sviMbps))
	line("Encapsulation ARPA, loopback not set")
	line("Keepalive not supported")
	line("ARP type: ARPA")
	line("Last link flapped %s", since(v.port.Since, now))
	line("Last clearing of \"show interface\" counters %s", since(v.port.Cleared, now))
	for i, interval := range intervals {
		r := v.port.Rates[i]
		line("Load-Interval #%d: %s", i+1, interval.title)
		line("  input rate %d bps, %d pps; output rate %d bps, %d pps", r.RxBits, r.RxFrames, r.TxBits, r.TxFrames)
	}
	c := &v.port.Counters
	line("L3 in Switched:")
	line("  ucast: %d pkts, mcast: %d pkts, bcast: %d pkts, %d bytes", c.RxUnicast, c.RxMulticast, c.RxBroadcast, c.RxOctets)
	line("L3 out Switched:")
	line("  ucast: %d pkts, mcast: %d pkts, bcast: %d pkts, %d bytes", c.TxUnicast, c.TxMulticast, c.TxBroadcast, c.TxOctets)
	return b.String()
}

// sviMbps is the bandwidth of an SVI, in Mbit/s.
const sviMbps = 1000

// sviKeys are the block's values for programs.
func sviKeys(v *view, now time.Time) []feature.Pair {
	keys := pairs("interface", v.name, "svi_admin_state", upDown(v.admin), "svi_rsn_desc", v.reason, "svi_line_proto", v.state(),
		"svi_autostate", v.autostate, "svi_mac", v.port.MAC.String(), "svi_desc", v.description)
	for _, p := range v.prefixes {
		if p.Addr().Is4() {
			keys = append(keys, pairs("svi_ip_addr", p.Addr(), "svi_ip_mask", p.Bits())...)
			break
		}
	}
	c := &v.port.Counters
	return append(keys, pairs("svi_fault", v.fault, "svi_mtu", v.mtu, "svi_bw", sviMbps*1000, "svi_delay", 10,
		"svi_tx_load", load(v.port.Rates[0].TxBits, sviMbps), "svi_rx_load", load(v.port.Rates[0].RxBits, sviMbps),
		"svi_arp_type", "ARPA", "svi_link_flapped", since(v.port.Since, now), "svi_time_last_cleared", since(v.port.Cleared, now),
		"svi_ucast_pkts_in", c.RxUnicast, "svi_mcast_pkts_in", c.RxMulticast, "svi_bcast_pkts_in", c.RxBroadcast, "svi_bytes_in", c.RxOctets,
		"svi_ucast_pkts_out", c.TxUnicast, "svi_mcast_pkts_out", c.TxMulticast, "svi_bcast_pkts_out", c.TxBroadcast, "svi_bytes_out", c.TxOctets)...)
}
