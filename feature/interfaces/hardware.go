package interfaces

import (
	"fmt"
	"strings"

	"trunkline/feature"
	"trunkline/internal/ether"
)

var hardwareShows = []feature.Show{
	{Line: "show interface [<interface>] capabilities", Help: "What the interface can do", Run: showCapabilities},
	{Line: "show interface [<interface>] transceiver", Help: "Transceivers", Run: showTransceivers},
	{Line: "show interface [<interface>] mac-address", Help: "MAC addresses of interfaces", Run: showAddresses},
	{Line: "show interface [<interface>] status up", Help: "Interfaces that are up", Run: statusOf(func(v *view) bool { return v.up })},
	{Line: "show interface [<interface>] status down", Help: "Interfaces that are down", Run: statusOf(func(v *view) bool { return !v.up })},
	{Line: "show interface [<interface>] status inactive", Help: "Interfaces whose VLAN is not active",
		Run: statusOf(func(v *view) bool { return v.reason == reasonNoVLAN || v.reason == reasonSuspended })},
	{Line: "show interface [<interface>] status err-disabled", Help: "Interfaces that a guard has shut", Run: showDisabled},
}

// physical yields the Ethernets of a command's interfaces.
func physical(q feature.Query) (func(yield func(view) bool), error) {
	all, err := views(q)
	if err != nil {
		return nil, err
	}
	return func(yield func(view) bool) {
		for v := range all {
			if v.kind == feature.Ethernet && !yield(v) {
				return
			}
		}
	}, nil
}

// capability is one line of show interface capabilities.
type capability struct{ label, key, value string }

// capabilities are what an uplink can do. What no uplink can is said too, since
// the labels are what clients look for.
func capabilities(v *view) []capability {
	model, speed := v.port.Kind, "auto"
	if model == "" {
		model = "--"
	}
	if v.port.Mbps != 0 {
		speed = fmt.Sprintf("%d,auto", v.port.Mbps)
	}
	return []capability{
		{"Model", "model", model}, {"Type (Non SFP)", "type", model},
		{"Speed", "speed", speed}, {"Duplex", "duplex", "full"}, {"Trunk encap. type", "trunk_encap", "802.1Q"},
		{"Dot1q Tunnel", "dot1q_tunnel", "no"}, {"Channel", "port_channel", "no"},
		{"Broadcast suppression", "broadcast_suppression", "no"}, {"Flowcontrol", "flo_ctrl", "rx-(off),tx-(off)"},
		{"Rate mode", "rate_mode", "dedicated"}, {"Port mode", "port_mode", "Switched"},
		{"QOS scheduling", "qos_scheduling", "rx-(none),tx-(none)"}, {"CoS rewrite", "cos_rewrite", "no"},
		{"ToS rewrite", "tos_rewrite", "no"}, {"SPAN", "span", "no"}, {"UDLD", "udld", "no"},
		{"MDIX", "mdix", "no"}, {"TDR capable", "tdr", "no"},
	}
}

func showCapabilities(q feature.Query) (feature.Screen, error) {
	all, err := physical(q)
	if err != nil {
		return nil, err
	}
	return feature.Screen{{Name: "interface", Rows: func(yield func(feature.Row) bool) {
		gap := ""
		for v := range all {
			var b strings.Builder
			b.WriteString(gap + v.name + "\n")
			gap = "\n"
			keys := pairs("interface", v.name)
			for _, c := range capabilities(&v) {
				fmt.Fprintf(&b, "  %-22s %s\n", c.label+":", c.value)
				keys = append(keys, feature.Pair{Key: c.key, Value: c.value})
			}
			if !yield(feature.Row{Text: b.String(), Keys: keys}) {
				return
			}
		}
	}}}, nil
}

// showTransceivers: what a host's network device is plugged into, its host
// knows.
func showTransceivers(q feature.Query) (feature.Screen, error) {
	all, err := physical(q)
	if err != nil {
		return nil, err
	}
	return feature.Screen{{Name: "interface", Rows: rows(all, func(v *view) string {
		return v.name + "\n    transceiver is not applicable\n"
	}, func(v *view) []feature.Pair { return pairs("interface", v.name, "sfp", "not applicable") })}}, nil
}

func showAddresses(q feature.Query) (feature.Screen, error) {
	all, err := views(q)
	if err != nil {
		return nil, err
	}
	text := func(name string, mac ether.MAC) string { return fmt.Sprintf("%-26s %-15s %s\n", name, mac, mac) }
	keys := func(name string, mac ether.MAC) []feature.Pair {
		return pairs("interface", name, "mac_addr", mac.String(), "burn_in_mac_addr", mac.String())
	}
	var management feature.Section
	if p, ok := mgmt(q); ok && p.MAC != (ether.MAC{}) {
		management.Rows = one(feature.Row{Text: text(p.Name, p.MAC), Keys: keys(p.Name, p.MAC)})
	}
	known := func(yield func(view) bool) { // what is not there has no address
		for v := range all {
			if v.port.MAC != (ether.MAC{}) && !yield(v) {
				return
			}
		}
	}
	return feature.Screen{{
		Name:    "interface",
		Heading: rule80 + "Interface                  Mac-Address     Burn-in Mac-Address\n" + rule80,
		Rows: concat(management, feature.Section{Rows: rows(known,
			func(v *view) string { return text(v.name, v.port.MAC) },
			func(v *view) []feature.Pair { return keys(v.name, v.port.MAC) })}),
	}}, nil
}

// showDisabled prints the ports that a guard has shut, and why.
func showDisabled(q feature.Query) (feature.Screen, error) {
	all, err := views(q)
	if err != nil {
		return nil, err
	}
	shut := func(yield func(view) bool) {
		for v := range all {
			if strings.Contains(v.reason, errDisable) && !yield(v) {
				return
			}
		}
	}
	return feature.Screen{{
		Name:    "interface",
		Heading: rule80 + "Port          Name               Status    Reason\n" + rule80,
		Rows: rows(shut, func(v *view) string {
			return fmt.Sprintf("%-13s %-18.18s %-9s %s\n", feature.ShortName(v.name), or(v.description), lineStatus(v.reason), v.reason)
		}, func(v *view) []feature.Pair {
			return pairs("interface", v.name, "name", v.description, "state", lineStatus(v.reason), "state_rsn_desc", v.reason)
		}),
	}}, nil
}
