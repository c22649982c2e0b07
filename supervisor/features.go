package supervisor

import (
	"trunkline/feature"
	"trunkline/feature/ethernet"
	"trunkline/feature/interfaces"
	"trunkline/feature/mactable"
	"trunkline/feature/module"
	"trunkline/feature/portprofile"
	"trunkline/feature/svsdomain"
	"trunkline/feature/switchport"
	"trunkline/feature/system"
	"trunkline/feature/vethernet"
	"trunkline/feature/vlan"
)

// Features is THE list of features. Its order breaks ties between lines of one
// section of show running-config, and between lines of one mode.
func Features() []feature.Feature {
	return []feature.Feature{
		system.Feature,
		module.Feature,
		vlan.Feature,
		portprofile.Feature,
		interfaces.Feature,
		switchport.Feature,
		ethernet.Feature,
		vethernet.Feature,
		mactable.Feature,
		svsdomain.Feature,
	}
}

// factory is the configuration of a new chassis.
func factory() []feature.Edit { return portprofile.Factory() }
