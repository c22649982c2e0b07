package portprofile

import (
	"slices"
	"strings"

	"trunkline/feature"
)

// quarantined is a port whose module could not apply its lines. It keeps what
// it had, and the lines are applied again after shutdown, no shutdown.
type quarantined struct {
	port, profile, err string
	cached             []string
	gap                string // what separates it from the one before
}

const recovery = "Fix the cause, then shutdown / no shutdown the interface"

func showSync(q feature.Query) (feature.Screen, error) {
	only, one := feature.Value[string](q.Args, "interface")
	if one && !slices.Contains(q.Ports(), only) {
		return nil, feature.NoInterface(only)
	}
	var rows []quarantined
	gap := ""
	for _, p := range q.State.Ports {
		if p.Error == "" || one && p.Name != only {
			continue
		}
		lines := expanded(q, p.Name)
		rows = append(rows, quarantined{
			port: p.Name, profile: feature.ProfileOf(q.Running, p.Name), err: p.Error,
			cached: blamed(lines, p.Error), gap: gap,
		})
		gap = "\n"
	}
	return feature.Screen{{
		Name: "port_profile_sync_status",
		Rows: feature.Rows(rows,
			func(r quarantined) string {
				var b strings.Builder
				b.WriteString(r.gap + r.port + "\n" +
					strings.TrimRight("port-profile: "+r.profile, " ") + "\n" +
					"interface status: quarantine\n" +
					"sync status: out of sync\n" +
					"cached commands:\n")
				for _, l := range r.cached {
					b.WriteString("  " + l + "\n")
				}
				b.WriteString("errors:\n  " + r.err + "\nrecovery steps:\n  " + recovery + "\n")
				return b.String()
			},
			func(r quarantined) []feature.Pair {
				return []feature.Pair{
					{Key: "interface", Value: r.port},
					{Key: "port_profile", Value: optional(r.profile)},
					{Key: "interface_status", Value: "quarantine"},
					{Key: "sync_status", Value: "out of sync"},
					{Key: "cached_commands", Value: r.cached},
					{Key: "errors", Value: r.err},
					{Key: "recovery_steps", Value: recovery},
				}
			}),
	}}, nil
}

// blamed returns the lines that an error names, or all when it names none.
func blamed(lines []string, err string) []string {
	named := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !strings.Contains(err, l) })
	if len(named) > 0 {
		return named
	}
	return lines
}
