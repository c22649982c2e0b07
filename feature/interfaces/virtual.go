package interfaces

import (
	"fmt"
	"iter"

	"trunkline/feature"
)

func vethernets(all iter.Seq[view]) iter.Seq[view] {
	return func(yield func(view) bool) {
		for v := range all {
			if v.kind == feature.Vethernet && !yield(v) {
				return
			}
		}
	}
}

func showVirtual(q feature.Query) (feature.Screen, error) {
	all, err := views(q)
	if err != nil {
		return nil, err
	}
	cells := func(v *view) (port, adapter, owner, mod, host string) {
		mod, host = "-", "-"
		if v.slot != 0 {
			mod = fmt.Sprint(v.slot)
		}
		if v.host != "" {
			host = v.host
		}
		return feature.ShortName(v.name), or(v.adapter()), or(v.owner()), mod, host
	}
	return feature.Screen{{
		Name:    "interface_virtual",
		Heading: "\n" + rule79 + "Port        Adapter        Owner                    Mod Host\n" + rule79,
		Rows: rows(vethernets(all), func(v *view) string {
			port, adapter, owner, mod, host := cells(v)
			return fmt.Sprintf("%-11s %-14.14s %-24.24s %3s %s\n", port, adapter, owner, mod, host)
		}, func(v *view) []feature.Pair {
			_, _, _, mod, host := cells(v)
			return pairs("port", v.name, "adapter", v.adapter(), "owner", v.owner(), "mod", mod, "host", host)
		}),
	}}, nil
}

func showMapping(q feature.Query) (feature.Screen, error) {
	all, err := views(q)
	if err != nil {
		return nil, err
	}
	return feature.Screen{{
		Name:    "port_mapping",
		Heading: "\n" + rule79 + "Port        Hypervisor Port  Binding Type  Status    Reason\n" + rule79,
		Rows: rows(vethernets(all), func(v *view) string {
			return fmt.Sprintf("%-11s %-16.16s %-13s %-9s %s\n", feature.ShortName(v.name), or(v.port.Adapter), "static",
				v.state(), v.reason)
		}, func(v *view) []feature.Pair {
			return pairs("port", v.name, "hypervisor_port", v.port.Adapter, "binding_type", "static",
				"status", v.state(), "reason", v.reason)
		}),
	}}, nil
}

// showVethernetBrief has the heritage columns (cli.md §11.4).
func showVethernetBrief(q feature.Query) (feature.Screen, error) {
	all, err := views(q)
	if err != nil {
		return nil, err
	}
	slot := func(v *view) string {
		if v.slot == 0 {
			return "-"
		}
		return fmt.Sprint(v.slot)
	}
	return feature.Screen{{
		Name: "interface",
		Heading: rule80 + "Vethernet     VLAN/     Type Mode   Status  Reason                   MTU   Module\n" +
			"              Segment\n" + rule80,
		Rows: rows(vethernets(all), func(v *view) string {
			return fmt.Sprintf("%-13s %-9d %-4s %-6s %-7s %-24.24s %-5d %s\n", feature.ShortName(v.name), v.vlan, v.word(),
				v.mode(), v.state(), v.reason, v.mtu, slot(v))
		}, func(v *view) []feature.Pair {
			return pairs("interface", v.name, "vlan", int(v.vlan), "type", v.word(), "portmode", v.mode(), "state", v.state(),
				"state_rsn_desc", v.reason, "mtu", v.mtu, "module", slot(v))
		}),
	}}, nil
}
