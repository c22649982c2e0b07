package interfacevlan

import (
	"fmt"
	"net/netip"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// maxRoutes is how many static routes the VRF takes.
const maxRoutes = 64

func check(c feature.Candidate) []schema.Problem {
	routes := tree.Path{{Name: "static-routes"}}
	if !c.ChangedPorts(feature.SVI, "ipv4", "ipv4-secondary", "ipv6") && !c.Changed(routes, feature.InterfacePath(feature.Mgmt0)) {
		return nil
	}
	var problems []schema.Problem
	add := func(at tree.Path, rule, format string, args ...any) {
		problems = append(problems, schema.Problem{Path: at, Rule: rule, Text: fmt.Sprintf(format, args...)})
	}
	if n := len(Routes(c.New)); n > maxRoutes {
		add(routes, "scale", "ERROR: Maximum number of routes (%d) reached.", maxRoutes)
	}
	type subnet struct {
		of string
		p  netip.Prefix
	}
	var taken []subnet
	for _, leaf := range []string{"ipv4", "ipv6"} {
		if p := feature.Read(c.New, feature.InterfacePath(feature.Mgmt0, leaf), netip.Prefix{}); p.IsValid() {
			taken = append(taken, subnet{feature.Mgmt0, p})
		}
	}
	for n, i := range Read(c.New) {
		if n == Max {
			add(feature.InterfacePath(i.Name), "scale", "ERROR: Maximum number of VLAN interfaces (%d) reached.", Max)
		}
		further := feature.Read(c.New, feature.InterfacePath(i.Name, "ipv4-secondary"), feature.Secondary("")).Prefixes()
		if len(further) > maxSecondary {
			add(feature.InterfacePath(i.Name, "ipv4-secondary"), "scale", "ERROR: Maximum number of secondary addresses (%d) reached.", maxSecondary)
		}
		if len(further) > 0 && !c.New.Exists(feature.InterfacePath(i.Name, "ipv4")) {
			add(feature.InterfacePath(i.Name, "ipv4-secondary"), "no-primary", "ERROR: %s has no primary address; secondary addresses need one.", i.Name)
		}
		for _, p := range i.Addresses {
			for _, t := range taken {
				if t.p.Overlaps(p) && (t.of != i.Name || t.p.Addr() == p.Addr()) {
					add(feature.InterfacePath(i.Name), "overlap", "ERROR: %s overlaps with the subnet %s of %s.", p, t.p.Masked(), t.of)
				}
			}
			taken = append(taken, subnet{i.Name, p})
		}
	}
	return problems
}
