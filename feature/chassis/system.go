package chassis

import (
	"fmt"
	"strings"

	"trunkline/feature"
)

// dashes is the rule under a heading: lines of the columns' widths.
func dashes(gap string, widths ...int) string {
	var all []string
	for _, w := range widths {
		all = append(all, strings.Repeat("-", w))
	}
	return strings.Join(all, gap) + "\n"
}

// showContexts: the chassis is one virtual device context.
func showContexts(q feature.Query) (feature.Screen, error) {
	name, mac := feature.Hostname(q.Running), q.State.Supervisor.MAC.Colons()
	line := func(id, name, state, mac, kind, cards string) string {
		return fmt.Sprintf("%-6s  %-32s  %-18s  %-18s  %-10s  %s\n", id, name, state, mac, kind, cards)
	}
	return feature.Screen{{
		Name:    "vdc",
		Heading: "\n" + line("vdc_id", "vdc_name", "state", "mac", "type", "lc") + line("------", "--------", "-----", "----------", "---------", "------"),
		Rows: feature.Rows([]string{name},
			func(name string) string { return line("1", name, "active", mac, "Ethernet", "None") },
			func(name string) []feature.Pair {
				return []feature.Pair{
					{Key: "vdc_id", Value: 1}, {Key: "vdc_name", Value: name}, {Key: "state", Value: "active"},
					{Key: "mac", Value: mac}, {Key: "type", Value: "Ethernet"}, {Key: "lc", Value: "None"},
				}
			}),
	}}, nil
}

// showBoot: the software starts as its machine starts it.
func showBoot(feature.Query) (feature.Screen, error) {
	unset := "\nsup-1\nNXOS variable not set\nNo module boot variable set\n"
	return feature.Screen{
		{Heading: "Current Boot Variables:\n" + unset, Keys: []feature.Pair{{Key: "start_image", Value: "variable not set"}}},
		{Heading: "\nBoot Variables on next reload:\n" + unset, Keys: []feature.Pair{{Key: "reload_image", Value: "variable not set"}}},
	}, nil
}

// showCores is without rows: the software writes no core dumps.
func showCores(feature.Query) (feature.Screen, error) {
	return feature.Screen{{
		Name: "cores",
		Heading: "VDC  Module  Instance  Process-name     PID       Date(Year-Month-Day Time)\n" +
			dashes("  ", 3, 6, 8, 15, 8, 25),
	}}, nil
}
