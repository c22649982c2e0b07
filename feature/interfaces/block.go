package interfaces

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"trunkline/feature"
)

func showBlocks(q feature.Query) (feature.Screen, error) {
	all, err := views(q)
	if err != nil {
		return nil, err
	}
	var management feature.Section
	if p, ok := mgmt(q); ok {
		management.Rows = one(mgmtBlock(p))
	}
	blocks := feature.Section{Rows: rows(all, func(v *view) string { return block(v, q.Now) },
		func(v *view) []feature.Pair { return blockKeys(v, q.Now) })}
	return feature.Screen{{Name: "interface", Rows: separate(concat(management, blocks))}}, nil
}

// separate puts an empty line between the texts of rows.
func separate(all iter.Seq[feature.Row]) iter.Seq[feature.Row] {
	return func(yield func(feature.Row) bool) {
		gap := ""
		for r := range all {
			r.Text, gap = gap+r.Text, "\n"
			if !yield(r) {
				return
			}
		}
	}
}

// faults sorts the drops of a port into the lines of the block. What a bridge
// does not forward in the ordinary course is no discard; show interface counters
// drops has all.
type faults struct {
	runts, giants, noBuffer, overruns, rxErrors, ifDown, rxDiscards uint64
	txErrors, txDiscards                                            uint64
}

func faultsOf(c *feature.Counters) faults {
	var f faults
	for reason, n := range c.RxDrops {
		switch reason {
		case "forward", "consumed", // not lost
			"same-segment", "no-member", "split-horizon", "not-designated", "own-mac", "filtered", "link-local":
		case "runt":
			f.runts += n
			f.rxErrors += n
		case "giant":
			f.giants += n
			f.rxErrors += n
		case "bad-header", "bad-source":
			f.rxErrors += n
		case "no-memory":
			f.noBuffer += n
		case "overrun":
			f.overruns += n
			f.rxErrors += n
		case "port-down":
			f.ifDown += n
		default:
			f.rxDiscards += n
		}
	}
	for reason, n := range c.TxDrops {
		switch reason {
		case "forward", "consumed":
		case "tx-error":
			f.txErrors += n
		default:
			f.txDiscards += n
		}
	}
	return f
}

// firstLines are the two lines every block begins with.
func firstLines(b *strings.Builder, name string, up bool, reason, admin string) {
	if up {
		fmt.Fprintf(b, "%s is up\n", name)
	} else {
		fmt.Fprintf(b, "%s is down (%s)\n", name, reason)
	}
	fmt.Fprintf(b, "admin state is %s\n", admin)
}

// block is the text of show interface for one port (cli.md §11.7).
func block(v *view, now time.Time) string {
	if v.kind == feature.SVI {
		return sviBlock(v, now)
	}
	var b strings.Builder
	c, f := &v.port.Counters, faultsOf(&v.port.Counters)
	line := func(format string, args ...any) { fmt.Fprintf(&b, "  "+format+"\n", args...) }
	firstLines(&b, v.name, v.up, v.reason, upDown(v.admin)+", Dedicated Interface")
	if s := belongs(v); s != "" {
		b.WriteString(feature.Fit("  Belongs to " + s + "\n"))
	}
	line("Hardware: %s, address: %s (bia %s)", hardware(v), v.port.MAC, v.port.MAC)
	if v.description != "" {
		line("Description: %s", v.description)
	}
	mbps := bandwidth(v)
	line("MTU %d bytes, BW %d Kbit, DLY 10 usec", v.mtu, uint64(mbps)*1000)
	line("reliability 255/255, txload %d/255, rxload %d/255", load(v.port.Rates[0].TxBits, mbps), load(v.port.Rates[0].RxBits, mbps))
	line("Encapsulation ARPA, medium is broadcast")
	line("Port mode is %s", v.mode())
	duplex, speed := duplexSpeed(v)
	line("%s-duplex, %s", duplex, speed)
	line("Beacon is turned off")
	line("Auto-Negotiation is turned off")
	line("Input flow-control is off, output flow-control is off")
	line("Auto-mdix is turned off")
	line("Switchport monitor is off")
	line("EtherType is 0x8100")
	line("Last link flapped %s", since(v.port.Since, now))
	line("Last clearing of \"show interface\" counters %s", since(v.port.Cleared, now))
	line("%d interface resets", v.port.Resets)
	for i, interval := range intervals {
		r := v.port.Rates[i]
		line("Load-Interval #%d: %s", i+1, interval.title)
		line("  %d seconds input rate %d bits/sec, %d packets/sec", interval.seconds, r.RxBits, r.RxFrames)
		line("  %d seconds output rate %d bits/sec, %d packets/sec", interval.seconds, r.TxBits, r.TxFrames)
		line("  input rate %d bps, %d pps; output rate %d bps, %d pps", r.RxBits, r.RxFrames, r.TxBits, r.TxFrames)
	}
	line("RX")
	line("  %d unicast packets  %d multicast packets  %d broadcast packets", c.RxUnicast, c.RxMulticast, c.RxBroadcast)
	line("  %d input packets  %d bytes", rxPackets(c), c.RxOctets)
	line("  %d jumbo packets  0 storm suppression bytes", c.RxJumbo)
	line("  %d runts  %d giants  0 CRC  %d no buffer", f.runts, f.giants, f.noBuffer)
	line("  %d input error  %d short frame  %d overrun   0 underrun  0 ignored", f.rxErrors, f.runts, f.overruns)
	line("  0 watchdog  0 bad etype drop  0 bad proto drop  %d if down drop", f.ifDown)
	line("  0 input with dribble  %d input discard", f.rxDiscards)
	line("  0 Rx pause")
	line("TX")
	line("  %d unicast packets  %d multicast packets  %d broadcast packets", c.TxUnicast, c.TxMulticast, c.TxBroadcast)
	line("  %d output packets  %d bytes", txPackets(c), c.TxOctets)
	line("  %d jumbo packets", c.TxJumbo)
	line("  %d output error  0 collision  0 deferred  0 late collision", f.txErrors)
	line("  0 lost carrier  0 no carrier  0 babble  %d output discard", f.txDiscards)
	line("  0 Tx pause")
	return b.String()
}

var intervals = [2]struct {
	seconds int
	title   string
}{{30, "30 seconds"}, {300, "5 minute (300 seconds)"}}

func rxPackets(c *feature.Counters) uint64 { return c.RxUnicast + c.RxMulticast + c.RxBroadcast }
func txPackets(c *feature.Counters) uint64 { return c.TxUnicast + c.TxMulticast + c.TxBroadcast }

func hardware(v *view) string {
	if v.kind == feature.Vethernet {
		return "Virtual"
	}
	return "Ethernet"
}

func duplexSpeed(v *view) (duplex, speed string) {
	switch {
	case v.kind == feature.Vethernet:
		return "auto", longSpeed(bandwidth(v))
	case !v.up || v.port.Mbps == 0:
		return "auto", "auto-speed"
	}
	return "full", longSpeed(v.port.Mbps)
}

// belongs says what a vEthernet is bound to.
func belongs(v *view) string {
	if v.binding == nil {
		return ""
	}
	what := v.owner()
	if v.binding.Owner() != "" {
		what = "workload " + what
	}
	what += ", adapter " + v.adapter() + fmt.Sprintf(", module %d", v.slot)
	if v.profile != "" {
		what += ", port-profile " + v.profile
	}
	return what
}

// blockKeys are the block's values for programs.
func blockKeys(v *view, now time.Time) []feature.Pair {
	if v.kind == feature.SVI {
		return sviKeys(v, now)
	}
	c, f := &v.port.Counters, faultsOf(&v.port.Counters)
	mbps := bandwidth(v)
	duplex, speed := duplexSpeed(v)
	keys := pairs(
		"interface", v.name, "state", v.state(), "state_rsn_desc", v.reason, "admin_state", upDown(v.admin),
		"share_state", "Dedicated", "eth_hw_desc", hardware(v), "eth_hw_addr", v.port.MAC.String(),
		"eth_bia_addr", v.port.MAC.String(), "desc", v.description, "eth_mtu", v.mtu, "eth_bw", uint64(mbps)*1000,
		"eth_dly", 10, "eth_reliability", 255, "eth_txload", load(v.port.Rates[0].TxBits, mbps),
		"eth_rxload", load(v.port.Rates[0].RxBits, mbps), "medium", "broadcast", "eth_mode", v.mode(), "eth_duplex", duplex,
		"eth_speed", speed, "eth_beacon", "off", "eth_autoneg", "off", "eth_in_flowctrl", "off", "eth_out_flowctrl", "off",
		"eth_mdix", "off", "eth_swt_monitor", "off", "eth_ethertype", "0x8100", "eth_link_flapped", since(v.port.Since, now),
		"eth_clear_counters", since(v.port.Cleared, now), "eth_reset_cntr", v.port.Resets,
	)
	for i, interval := range intervals {
		r, n := v.port.Rates[i], i+1
		keys = append(keys, pairs(
			fmt.Sprintf("eth_load_interval%d_rx", n), interval.seconds,
			fmt.Sprintf("eth_inrate%d_bits", n), r.RxBits, fmt.Sprintf("eth_inrate%d_pkts", n), r.RxFrames,
			fmt.Sprintf("eth_outrate%d_bits", n), r.TxBits, fmt.Sprintf("eth_outrate%d_pkts", n), r.TxFrames)...)
	}
	keys = append(keys, pairs(
		"eth_inucast", c.RxUnicast, "eth_inmcast", c.RxMulticast, "eth_inbcast", c.RxBroadcast, "eth_inpkts", rxPackets(c),
		"eth_inbytes", c.RxOctets, "eth_jumbo_inpkts", c.RxJumbo, "eth_storm_supp", 0, "eth_runts", f.runts,
		"eth_giants", f.giants, "eth_crc", 0, "eth_nobuf", f.noBuffer, "eth_inerr", f.rxErrors, "eth_frame", f.runts,
		"eth_overrun", f.overruns, "eth_underrun", 0, "eth_ignored", 0, "eth_indiscard", f.rxDiscards, "eth_inpause", 0,
		"eth_outucast", c.TxUnicast, "eth_outmcast", c.TxMulticast, "eth_outbcast", c.TxBroadcast, "eth_outpkts", txPackets(c),
		"eth_outbytes", c.TxOctets, "eth_jumbo_outpkts", c.TxJumbo, "eth_outerr", f.txErrors, "eth_coll", 0,
		"eth_outdiscard", f.txDiscards, "eth_outpause", 0,
		"veth_owner", v.owner(), "veth_adapter", vethOnly(v, v.adapter()), "veth_module", vethOnly(v, module(v.slot)),
		"veth_profile", vethOnly(v, v.profile))...)
	return keys
}

func vethOnly(v *view, s string) string {
	if v.kind == feature.Vethernet {
		return s
	}
	return ""
}

func module(slot int) string {
	if slot == 0 {
		return ""
	}
	return fmt.Sprint(slot)
}

// mgmtBlock is the block of mgmt0, which has an order of its own.
func mgmtBlock(p mgmtPort) feature.Row {
	var b strings.Builder
	mbps := p.Mbps
	if mbps == 0 {
		mbps = 1000
	}
	c := &p.Counters
	line := func(format string, args ...any) { fmt.Fprintf(&b, "  "+format+"\n", args...) }
	firstLines(&b, p.Name, p.Up, p.Reason, upDown(p.admin)+",")
	line("Hardware: Ethernet, address: %s (bia %s)", p.MAC, p.MAC)
	if p.description != "" {
		line("Description: %s", p.description)
	}
	if p.prefix != "" {
		line("Internet Address is %s", p.prefix)
	}
	if p.Error != "" {
		line("Quarantine: %s", strings.ReplaceAll(p.Error, "\n", "; "))
	}
	line("MTU %d bytes, BW %d Kbit, DLY 10 usec", p.MTU, uint64(mbps)*1000)
	line("reliability 255/255, txload %d/255, rxload %d/255", load(p.Rates[0].TxBits, mbps), load(p.Rates[0].RxBits, mbps))
	line("Encapsulation ARPA, medium is broadcast")
	line("full-duplex, %s", longSpeed(mbps))
	line("Auto-Negotiation is turned on")
	line("Auto-mdix is turned off")
	line("EtherType is 0x0000")
	line("1 minute input rate %d bits/sec, %d packets/sec", p.Rates[0].RxBits, p.Rates[0].RxFrames)
	line("1 minute output rate %d bits/sec, %d packets/sec", p.Rates[0].TxBits, p.Rates[0].TxFrames)
	line("Rx")
	line("  %d input packets %d unicast packets %d multicast packets", rxPackets(c), c.RxUnicast, c.RxMulticast)
	line("  %d broadcast packets %d bytes", c.RxBroadcast, c.RxOctets)
	line("Tx")
	line("  %d output packets %d unicast packets %d multicast packets", txPackets(c), c.TxUnicast, c.TxMulticast)
	line("  %d broadcast packets %d bytes", c.TxBroadcast, c.TxOctets)
	return feature.Row{Text: b.String(), Keys: pairs(
		"interface", p.Name, "state", upDown(p.Up), "state_rsn_desc", p.Reason, "admin_state", upDown(p.admin), "desc", p.description, "eth_hw_desc", "Ethernet", "eth_hw_addr", p.MAC.String(),
		"eth_bia_addr", p.MAC.String(), "eth_ip_addr", p.prefix, "eth_mtu", p.MTU, "eth_bw", uint64(mbps)*1000, "eth_dly", 10,
		"eth_reliability", 255, "medium", "broadcast", "eth_duplex", "full", "eth_speed", longSpeed(mbps), "eth_autoneg", "on",
		"eth_mdix", "off", "eth_ethertype", "0x0000",
		"vdc_lvl_in_pkts", rxPackets(c), "vdc_lvl_in_ucast", c.RxUnicast, "vdc_lvl_in_mcast", c.RxMulticast,
		"vdc_lvl_in_bcast", c.RxBroadcast, "vdc_lvl_in_bytes", c.RxOctets,
		"vdc_lvl_out_pkts", txPackets(c), "vdc_lvl_out_ucast", c.TxUnicast, "vdc_lvl_out_mcast", c.TxMulticast,
		"vdc_lvl_out_bcast", c.TxBroadcast, "vdc_lvl_out_bytes", c.TxOctets,
	)}
}

// showDetail is the block with the heritage lines (cli.md §11.10).
func showDetail(q feature.Query) (feature.Screen, error) {
	all, err := views(q)
	if err != nil {
		return nil, err
	}
	return feature.Screen{{Name: "interface", Rows: rows(all, func(v *view) string {
		return block(v, q.Now) + detail(v)
	}, func(v *view) []feature.Pair { return blockKeys(v, q.Now) })}}, nil
}

func detail(v *view) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, "  "+format+"\n", args...) }
	if v.binding != nil {
		owner := v.owner()
		if v.binding.Owner() != "" {
			owner = fmt.Sprintf("workload %q", owner)
		}
		line("Owner is %s, adapter is %s", owner, v.adapter())
	}
	if v.slot != 0 && v.reason != reasonAbsent {
		line("Active on module %d", v.slot)
	}
	if v.port.Adapter != "" {
		line("Host port is %s (%s)", v.port.Adapter, v.port.Kind)
	}
	if v.profile != "" {
		line("Port-Profile is %s", v.profile)
	}
	if v.kind == feature.Vethernet {
		line("Binding is static")
	}
	if v.port.Error != "" {
		line("Quarantine: %s", v.port.Error)
	}
	r := v.port.Rates[1]
	line("5 minute input rate %d bits/second, %d packets/second", r.RxBits, r.RxFrames)
	line("5 minute output rate %d bits/second, %d packets/second", r.TxBits, r.TxFrames)
	return b.String()
}
