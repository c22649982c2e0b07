package supervisor

import (
	"slices"

	"trunkline/cli/session"
)

// Topics are those of show tech-support, for documents.
func Topics() []session.Topic { return support() }

// support are the commands of show tech-support (cli.md §10).
func support() []session.Topic {
	brief := []string{
		"show version", "show clock", "show system uptime", "show system resources", "show module", "show module uptime",
		"show interface brief", "show vlan brief", "show port-profile brief", "show svs domain", "show svs neighbors",
	}
	svs := []string{"show svs domain", "show svs neighbors", "show module", "show module vem mapping", "show module vem counters", "show module vem certificate"}
	vlans := []string{"show vlan", "show vlan summary", "show interface trunk", "show interface switchport", "show mac address-table", "show mac address-table count"}
	profiles := []string{"show port-profile", "show port-profile brief", "show port-profile usage", "show port-profile sync-status", "show running-config port-profile"}
	details := slices.Concat([]string{"show running-config", "show startup-config", "show running-config diff"}, brief, []string{
		"show inventory", "show interface", "show interface status", "show interface description", "show interface counters",
		"show interface counters errors", "show interface counters drops", "show interface virtual", "show interface virtual port-mapping",
	}, svs, vlans, profiles, []string{
		"show feature", "show cdp neighbors", "show lldp neighbors", "show users", "show checkpoint summary", "show logging", "show accounting log", "show configuration commit list",
		"dir bootflash:", "dir volatile:", "show cli alias",
	})
	return []session.Topic{
		{Help: "Information for technical support", Commands: once(details)},
		{Word: "details", Help: "All information", Commands: once(details)},
		{Word: "brief", Help: "The most important information", Commands: brief},
		{Word: "svs", Help: "The SVS domain and its modules", Commands: svs},
		{Word: "vlan", Help: "VLANs and addresses", Commands: vlans},
		{Word: "port-profile", Help: "Port-profiles", Commands: profiles},
		{Word: "module", Help: "One module", Module: true, Commands: []string{
			"show module %d", "show module %d datapath", "show mac address-table module %d", "module vem %d execute show version",
			"module vem %d execute show card", "module vem %d execute show port", "module vem %d execute show port vlans",
			"module vem %d execute show l2 all", "module vem %d execute show stats", "module vem %d execute show drops",
			"module vem %d execute show workers", "module vem %d execute show attach",
		}},
	}
}

// once drops what is repeated.
func once(commands []string) []string {
	var all []string
	for _, c := range commands {
		if !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	return all
}
