package vlan

import (
	"strings"

	"trunkline/config/schema"
	"trunkline/feature"
)

// operational are the leaves of a VLAN.
var operational = schema.Group{Leaves: schema.Augment([]string{"vlans/vlan"},
	schema.Oper("oper/name", schema.Text, "Name in force"),
	schema.Oper("oper/status", schema.Enum("vlan-status",
		schema.Keyword{Text: "active", Help: "The VLAN forwards"},
		schema.Keyword{Text: "suspended", Help: "The VLAN is suspended or shut down"}), "Whether the VLAN forwards"),
	schema.Oper("oper/members", schema.Text, "Interfaces in the VLAN, joined by blanks"),
)}

// observe says of VLANs what show vlan does.
func observe(c feature.Running, emit feature.Emit) {
	m := membersOf(feature.Query{Running: c.Tree, Effective: c.Effective})
	for id := range ids(c.Tree).All() {
		active, status := feature.VLANActive(c.Tree, id), "suspended"
		if active {
			status = "active"
		}
		emit(feature.VLANPath(id, "oper", "name"), feature.VLANName(c.Tree, id), c.At)
		emit(feature.VLANPath(id, "oper", "status"), status, c.At)
		if ports := m.of(id, active); len(ports) > 0 {
			emit(feature.VLANPath(id, "oper", "members"), strings.Join(ports, " "), c.At)
		}
	}
}
