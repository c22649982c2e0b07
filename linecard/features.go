package linecard

import (
	cdp "trunkline/feature/cdp/dataplane"
	ethernet "trunkline/feature/ethernet/dataplane"
	interfacevlan "trunkline/feature/interfacevlan/dataplane"
	lldp "trunkline/feature/lldp/dataplane"
	mactable "trunkline/feature/mactable/dataplane"
	module "trunkline/feature/module/dataplane"
	nve "trunkline/feature/nve/dataplane"
	switchport "trunkline/feature/switchport/dataplane"
	vethernet "trunkline/feature/vethernet/dataplane"
	vlan "trunkline/feature/vlan/dataplane"
	"trunkline/internal/ether"
	"trunkline/linecard/discovery"
	"trunkline/linecard/pipeline"
)

// Features is THE list of the card halves of features. Their sections are
// applied in this order: what adds ports comes before what refers to them.
func Features() []pipeline.Component {
	return []pipeline.Component{
		module.Component,
		vlan.Component,
		ethernet.Component,
		vethernet.Component,
		interfacevlan.Component,
		switchport.Component,
		nve.Component,
		mactable.Component,
		cdp.Component,
		lldp.Component,
	}
}

// services are the card halves of features that speak with peers.
func services(card discovery.Card) []service {
	return []service{
		{cdp.Component.Name, ether.TypeCDP, cdp.New(card)},
		{lldp.Component.Name, ether.TypeLLDP, lldp.New(card)},
	}
}
