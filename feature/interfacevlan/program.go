package interfacevlan

import "trunkline/internal/ether"

// Program is the section of the card on the supervisor's host: the ports that
// are the switch's own interfaces in VLANs. Other cards have no such section.
type Program struct {
	Ports []Port `json:"ports"`
}

// Port is one SVI. The card always carries its frames: the supervisor sets the
// device up and down, so that who shuts an SVI that he came by has his answer.
type Port struct {
	Name   string       `json:"name"` // "Vlan10"
	VLAN   ether.VLANID `json:"vlan"`
	Device string       `json:"device"` // that the card makes in its namespace: "vlan10"
	MTU    uint32       `json:"mtu"`    // bytes
}
