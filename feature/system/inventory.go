package system

import (
	"fmt"

	"trunkline/feature"
)

// part is one piece of the chassis in show inventory.
type part struct{ name, description, product, version, serial string }

func showInventory(q feature.Query) (feature.Screen, error) {
	s := q.State.Supervisor
	serial, version := or(s.Serial, "NA"), or(s.Version, defaultVersion)
	parts := []part{
		{"Chassis", platform, "VSM-V1", "1.0", serial},
		{"Slot 1", module, "VSM-V1", version, serial},
	}
	for _, m := range q.State.Modules {
		if m.Status != feature.ModuleAbsent {
			parts = append(parts, part{fmt.Sprintf("Slot %d", m.Slot), "Virtual Ethernet Module", "VEM-V1", or(m.Version, "NA"), or(m.UUID, "NA")})
		}
	}
	return feature.Screen{{
		Name: "inv",
		Rows: feature.Rows(parts,
			func(p part) string {
				gap := "\n"
				if p.name == "Chassis" {
					gap = ""
				}
				return fmt.Sprintf("%sNAME: \"%s\",  DESCR: \"%s\"\nPID: %-19s ,  VID: %s ,  SN: %s\n",
					gap, p.name, p.description, p.product, p.version, p.serial)
			},
			func(p part) []feature.Pair {
				return []feature.Pair{
					{Key: "name", Value: p.name},
					{Key: "desc", Value: p.description},
					{Key: "productid", Value: p.product},
					{Key: "vendorid", Value: p.version},
					{Key: "serialnum", Value: p.serial},
				}
			}),
	}}, nil
}
