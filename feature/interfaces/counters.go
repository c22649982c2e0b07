package interfaces

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"trunkline/feature"
)

// showCounters has four sub-tables; in JSON the two of a direction are one
// table (cli.md §11.8).
func showCounters(q feature.Query) (feature.Screen, error) {
	all, err := views(q)
	if err != nil {
		return nil, err
	}
	table := func(first, second string, values func(*feature.Counters) (uint64, uint64)) feature.Section {
		return feature.Section{
			Heading: "\n" + rule82 + fmt.Sprintf("%-11s %33s %32s\n", "Port", first, second) + rule82,
			Rows: rows(all, func(v *view) string {
				a, b := values(&v.port.Counters)
				return fmt.Sprintf("%-11s %33d %32d\n", feature.ShortName(v.name), a, b)
			}, nil),
		}
	}
	s := feature.Screen{
		table("InOctets", "InUcastPkts", func(c *feature.Counters) (uint64, uint64) { return c.RxOctets, c.RxUnicast }),
		table("InMcastPkts", "InBcastPkts", func(c *feature.Counters) (uint64, uint64) { return c.RxMulticast, c.RxBroadcast }),
		table("OutOctets", "OutUcastPkts", func(c *feature.Counters) (uint64, uint64) { return c.TxOctets, c.TxUnicast }),
		table("OutMcastPkts", "OutBcastPkts", func(c *feature.Counters) (uint64, uint64) { return c.TxMulticast, c.TxBroadcast }),
	}
	s = append(s, keyed("rx_counters", all, func(v *view) []feature.Pair {
		c := &v.port.Counters
		return pairs("interface_rx", v.name, "eth_inbytes", c.RxOctets, "eth_inucast", c.RxUnicast,
			"eth_inmcast", c.RxMulticast, "eth_inbcast", c.RxBroadcast)
	}), keyed("tx_counters", all, func(v *view) []feature.Pair {
		c := &v.port.Counters
		return pairs("interface_tx", v.name, "eth_outbytes", c.TxOctets, "eth_outucast", c.TxUnicast,
			"eth_outmcast", c.TxMulticast, "eth_outbcast", c.TxBroadcast)
	}))
	return s, nil
}

// keyed is a table for programs only.
func keyed(name string, all iter.Seq[view], keys func(*view) []feature.Pair) feature.Section {
	return feature.Section{Name: name, Rows: rows(all, nil, keys)}
}

// errorTables are the sub-tables of show interface counters errors: a column's
// heading, its key, and its value, nil for one that is always 0.
type column struct {
	head, key string
	value     func(*faults) uint64
}

var errorTables = [][]column{
	{
		{"Align-Err", "eth_align_err", nil}, {"FCS-Err", "eth_fcs_err", nil},
		{"Xmit-Err", "eth_xmit_err", func(f *faults) uint64 { return f.txErrors }},
		{"Rcv-Err", "eth_rcv_err", func(f *faults) uint64 { return f.rxErrors }},
		{"UnderSize", "eth_undersize", func(f *faults) uint64 { return f.runts }},
		{"OutDiscards", "eth_outdisc", func(f *faults) uint64 { return f.txDiscards }},
	},
	{
		{"Single-Col", "eth_single_col", nil}, {"Multi-Col", "eth_multi_col", nil}, {"Late-Col", "eth_late_col", nil},
		{"Exces-Col", "eth_excess_col", nil}, {"Carri-Sen", "eth_carri_sen", nil},
		{"Runts", "eth_runts", func(f *faults) uint64 { return f.runts }},
	},
	{
		{"Giants", "eth_giants", func(f *faults) uint64 { return f.giants }}, {"SQETest-Err", "", nil},
		{"Deferred-Tx", "eth_deferred_tx", nil}, {"IntMacTx-Er", "eth_inmactx_err", nil},
		{"IntMacRx-Er", "eth_inmacrx_err", nil}, {"Symbol-Err", "eth_symbol_err", nil},
	},
	{{"InDiscards", "eth_indisc", func(f *faults) uint64 { return f.rxDiscards + f.ifDown + f.noBuffer }}},
	{{"Stomped-CRC", "eth_stomped_crc", nil}},
}

func (c column) of(f *faults) uint64 {
	if c.value == nil {
		return 0
	}
	return c.value(f)
}

// widest is the largest count that has room in a column of 12 beside another: more
// than that is told in JSON.
const widest = 99_999_999_999

func showErrors(q feature.Query) (feature.Screen, error) {
	all, err := views(q)
	if err != nil {
		return nil, err
	}
	var s feature.Screen
	for _, columns := range errorTables {
		heading := fmt.Sprintf("%-10s", "Port")
		for _, c := range columns {
			heading += fmt.Sprintf("%12s", c.head)
		}
		s = append(s, feature.Section{
			Heading: rule80 + heading + "\n" + rule80,
			Footer:  "\n",
			Rows: rows(all, func(v *view) string {
				f := faultsOf(&v.port.Counters)
				text := feature.ShortName(v.name)
				for i, c := range columns {
					value := "--"
					if c.key != "" {
						value = fmt.Sprint(min(c.of(&f), widest))
					}
					text += fmt.Sprintf("%*s", 10+12*(i+1)-len(text), value) // a long name takes from the first gap
				}
				return text + "\n"
			}, nil),
		})
	}
	return append(s, keyed("interface", all, func(v *view) []feature.Pair {
		f := faultsOf(&v.port.Counters)
		keys := pairs("interface", v.name)
		for _, columns := range errorTables {
			for _, c := range columns {
				if c.key != "" {
					keys = append(keys, feature.Pair{Key: c.key, Value: c.of(&f)})
				}
			}
		}
		return keys
	})), nil
}

// showDetailed lists what is not zero, one counter a line.
func showDetailed(q feature.Query) (feature.Screen, error) {
	all, err := views(q)
	if err != nil {
		return nil, err
	}
	type counter struct {
		label, key string
		n          uint64
	}
	counters := func(v *view) []counter {
		c, f := &v.port.Counters, faultsOf(&v.port.Counters)
		return slices.DeleteFunc([]counter{
			{"Rx Packets", "eth_inpkts", rxPackets(c)},
			{"Rx Unicast Packets", "eth_inucast", c.RxUnicast},
			{"Rx Multicast Packets", "eth_inmcast", c.RxMulticast},
			{"Rx Broadcast Packets", "eth_inbcast", c.RxBroadcast},
			{"Rx Jumbo Packets", "eth_jumbo_inpkts", c.RxJumbo},
			{"Rx Bytes", "eth_inbytes", c.RxOctets},
			{"Rx Errors", "eth_inerr", f.rxErrors},
			{"Rx Discards", "eth_indiscard", f.rxDiscards + f.ifDown + f.noBuffer},
			{"Tx Packets", "eth_outpkts", txPackets(c)},
			{"Tx Unicast Packets", "eth_outucast", c.TxUnicast},
			{"Tx Multicast Packets", "eth_outmcast", c.TxMulticast},
			{"Tx Broadcast Packets", "eth_outbcast", c.TxBroadcast},
			{"Tx Jumbo Packets", "eth_jumbo_outpkts", c.TxJumbo},
			{"Tx Bytes", "eth_outbytes", c.TxOctets},
			{"Tx Errors", "eth_outerr", f.txErrors},
			{"Tx Discards", "eth_outdiscard", f.txDiscards},
		}, func(c counter) bool { return c.n == 0 })
	}
	return feature.Screen{{Name: "interface", Rows: separate(rows(all, func(v *view) string {
		var b strings.Builder
		fmt.Fprintf(&b, "%s\n", v.name)
		for _, c := range counters(v) {
			fmt.Fprintf(&b, "  %-30s %20d\n", c.label+":", c.n)
		}
		return b.String()
	}, func(v *view) []feature.Pair {
		keys := pairs("interface", v.name)
		for _, c := range counters(v) {
			keys = append(keys, feature.Pair{Key: c.key, Value: c.n})
		}
		return keys
	}))}}, nil
}

// showDrops is one row per port, direction and reason with a count.
func showDrops(q feature.Query) (feature.Screen, error) {
	all, err := views(q)
	if err != nil {
		return nil, err
	}
	return feature.Screen{{
		Name: "drops",
		Heading: rule80 + fmt.Sprintf("%-13s %-10s %-20s %20s\n", "Port", "Direction", "Reason", "Frames") +
			rule80,
		Rows: func(yield func(feature.Row) bool) {
			for v := range all {
				for i, drops := range []map[string]uint64{v.port.Counters.RxDrops, v.port.Counters.TxDrops} {
					direction := [2]string{"rx", "tx"}[i]
					for _, reason := range slices.Sorted(maps.Keys(drops)) {
						if !yield(feature.Row{
							Text: fmt.Sprintf("%-13s %-10s %-20s %20d\n", feature.ShortName(v.name), direction, reason, drops[reason]),
							Keys: pairs("interface", v.name, "direction", direction, "reason", reason, "frames", drops[reason]),
						}) {
							return
						}
					}
				}
			}
		},
	}}, nil
}

var execs = []feature.Exec{
	{Line: "clear counters", Words: words, Help: "Clear interface counters", Run: clearCounters},
	{Line: "clear counters interface <interface>", Words: words, Help: "Clear the counters of one interface", Run: clearCounters},
}

func clearCounters(ctx context.Context, q feature.Query, host feature.Host, _ feature.Output) error {
	name, one := feature.Value[string](q.Args, "interface")
	if one && report(q.State, name) == nil && !q.Running.Exists(feature.InterfacePath(name)) {
		return absent(name)
	}
	return host.ClearCounters(ctx, name)
}
