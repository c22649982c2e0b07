package switchport

import (
	"fmt"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/ether"
)

// vlanLeaves are the leaves that name one VLAN, with the word for it.
var vlanLeaves = []struct {
	what string
	path tree.Path
}{
	{"Access", accessPath},
	{"Native", nativePath},
}

// check warns of VLANs that do not exist, once for each VLAN and only about
// lines that this candidate brings: the port is inactive until somebody creates
// the VLAN, and says so itself.
func check(c feature.Candidate) []schema.Problem {
	var out []schema.Problem
	for _, leaf := range vlanLeaves {
		warned := map[ether.VLANID]bool{}
		for _, mount := range []tree.Path{
			{{Name: "interfaces"}, {Name: "interface"}},
			{{Name: "port-profiles"}, {Name: "port-profile"}},
		} {
			for key := range c.New.Keys(mount) {
				at := append(tree.Path{mount[0], {Name: mount[1].Name, Key: key}}, leaf.path...)
				vlan := feature.Read(c.New, at, ether.VLANID(1))
				if feature.VLANExists(c.New, vlan) || warned[vlan] || feature.Read(c.Old, at, ether.VLANID(1)) == vlan {
					continue
				}
				warned[vlan] = true
				out = append(out, schema.Problem{
					Path: at, Severity: schema.Warning, Rule: "vlan-missing",
					Text: fmt.Sprintf("Warning: %s VLAN does not exist. Creating is not automatic; configure vlan %d.", leaf.what, vlan),
				})
			}
		}
	}
	return out
}
