package switchport

import (
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// operational are the leaves of a port.
var operational = schema.Group{Leaves: schema.Augment(feature.Interfaces,
	schema.Oper("oper/switchport/mode", modes, "Mode in force"),
	schema.Oper("oper/switchport/access-vlan", schema.VLAN, "VLAN in force, in access mode"),
	schema.Oper("oper/switchport/native-vlan", schema.VLAN, "Native VLAN in force, in trunk mode"),
	schema.Oper("oper/switchport/allowed-vlans", allowed, "VLANs that the trunk carries"),
)}

var (
	operMode    = oper("mode")
	operAccess  = oper("access-vlan")
	operNative  = oper("native-vlan")
	operAllowed = oper("allowed-vlans")
)

func oper(name string) tree.Path {
	return tree.Path{{Name: "oper"}, {Name: "switchport"}, {Name: name}}
}

// observe says what is in force on a port, its port-profile included.
func observe(o *feature.Observed, emit feature.Emit) {
	if feature.KindOf(o.Name) == feature.SVI {
		return
	}
	c, at := read(o.Config.Effective(o.Name)), o.Config.At
	emit(operMode, c.Mode, at)
	if c.Mode == Trunk {
		emit(operNative, c.Native, at)
		emit(operAllowed, c.Allowed, at)
		return
	}
	emit(operAccess, c.Access, at)
}
