package linecard

import (
	ethernet "trunkline/feature/ethernet/dataplane"
	mactable "trunkline/feature/mactable/dataplane"
	switchport "trunkline/feature/switchport/dataplane"
	vethernet "trunkline/feature/vethernet/dataplane"
	vlan "trunkline/feature/vlan/dataplane"
	"trunkline/linecard/pipeline"
)

// Features is THE list of the card halves of features. Their sections are
// applied in this order: what adds ports comes before what refers to them.
func Features() []pipeline.Component {
	return []pipeline.Component{
		vlan.Component,
		ethernet.Component,
		vethernet.Component,
		switchport.Component,
		mactable.Component,
	}
}
