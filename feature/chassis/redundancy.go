package chassis

import (
	"fmt"

	"trunkline/feature"
	"trunkline/feature/system"
)

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
			screen = append(screen, system.RedundancyTimes(q))
		}
		return screen, nil
	}
}
