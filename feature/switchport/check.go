package switchport

import (
	"fmt"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/ether"
)

// check warns of VLANs that do not exist, once for each VLAN and only about
// lines that this candidate brings: the port is inactive until somebody creates
// the VLAN, and says so itself.
func check(c feature.Candidate) []schema.Problem {
	type missing struct {
		what string
		id   ether.VLANID
	}
	var out []schema.Problem
	warned := map[missing]bool{}
	for change := range tree.Diff(c.Old, c.New) {
		id, ok := change.New.(ether.VLANID)
		if !ok || feature.VLANExists(c.New, id) {
			continue
		}
		m := missing{id: id}
		switch change.Path.Names() {
		case "interfaces/interface/switchport/access-vlan", "port-profiles/port-profile/switchport/access-vlan":
			m.what = "Access"
		case "interfaces/interface/switchport/trunk/native-vlan", "port-profiles/port-profile/switchport/trunk/native-vlan":
			m.what = "Native"
		default:
			continue
		}
		if warned[m] {
			continue
		}
		warned[m] = true
		out = append(out, schema.Problem{
			Path: change.Path, Severity: schema.Warning, Rule: "vlan-missing",
			Text: fmt.Sprintf("Warning: %s VLAN does not exist. Creating is not automatic; configure vlan %d.", m.what, id),
		})
	}
	return out
}
