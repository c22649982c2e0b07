package system

import (
	"fmt"

	"trunkline/config/schema"
	"trunkline/feature"
)

var redundancyWords = schema.Words{
	"show redundancy":               "Redundancy of supervisors",
	"show redundancy status":        "State of the supervisors",
	"show system redundancy":        "Redundancy of supervisors",
	"show system redundancy status": "State of the supervisors",
}

var redundancyShows = []feature.Show{
	{Line: "show redundancy status", Words: redundancyWords, Help: "State of the supervisors", Run: showRedundancy(true)},
	{Line: "show system redundancy status", Words: redundancyWords, Help: "State of the supervisors", Run: showRedundancy(false)},
	{Line: "show copyright", Help: "Copyright and license of the software", Run: showCopyright},
}

// showRedundancy says that the supervisor stands alone; with times it also says
// since when.
func showRedundancy(times bool) func(feature.Query) (feature.Screen, error) {
	return func(q feature.Query) (feature.Screen, error) {
		const role, mode, none, internal = "standalone", "None", "N/A", "Active with no standby"
		text := fmt.Sprintf(`Redundancy role
---------------
      administrative:   %s
         operational:   %[1]s

Redundancy mode
---------------
      administrative:   %s
         operational:   %[2]s

This supervisor (sup-1)
-----------------------
    Redundancy state:   Active
    Supervisor state:   Active
      Internal state:   %s

Other supervisor (sup-2)
------------------------
    Redundancy state:   %s
    Supervisor state:   %[4]s
      Internal state:   %[4]s
`, role, mode, internal, none)
		screen := feature.Screen{{
			Heading: text,
			Keys: []feature.Pair{
				{Key: "rdn_role_admin", Value: role}, {Key: "rdn_role_oper", Value: role},
				{Key: "rdn_mode_admin", Value: mode}, {Key: "rdn_mode_oper", Value: mode},
				{Key: "this_sup", Value: 1}, {Key: "this_sup_rdn_state", Value: "Active"},
				{Key: "this_sup_sup_state", Value: "Active"}, {Key: "this_sup_internal_state", Value: internal},
				{Key: "other_sup", Value: 2}, {Key: "other_sup_rdn_state", Value: none},
				{Key: "other_sup_sup_state", Value: none}, {Key: "other_sup_internal_state", Value: none},
			},
		}}
		if times {
			screen = append(screen, uptime(q, "\n"))
		}
		return screen, nil
	}
}

func showCopyright(feature.Query) (feature.Screen, error) {
	text := Notice + "Licensed under the Apache License, Version 2.0:\n  http://www.apache.org/licenses/LICENSE-2.0\n"
	return feature.Screen{{Heading: text, Keys: []feature.Pair{{Key: "copyright", Value: text}}}}, nil
}
