package switchport

import "trunkline/internal/ether"

// Program is the section of one line card: how each of its ports maps frames
// to VLANs. A port that is not in it is an access port of VLAN 1.
type Program struct {
	Ports []Port `json:"ports"`
}

// Port is the VLAN configuration of one port, with defaults filled in.
type Port struct {
	Name    string        `json:"name"`
	Trunk   bool          `json:"trunk,omitempty"`
	Access  ether.VLANID  `json:"access,omitempty"`
	Native  ether.VLANID  `json:"native,omitempty"`
	Allowed ether.VLANSet `json:"allowed"`
}
