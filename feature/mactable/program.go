package mactable

import "trunkline/internal/ether"

// Program is the section of one line card: ageing and static entries.
type Program struct {
	// AgeSeconds is the ageing time, 0 for never; AgeVLAN overrides it.
	AgeSeconds uint32                  `json:"ageSeconds"`
	AgeVLAN    map[ether.VLANID]uint32 `json:"ageVlan,omitempty"`
	Static     []Static                `json:"static,omitempty"`
	// Limit is the table's size in entries, 0 for the card's default.
	Limit uint32 `json:"limit,omitempty"`
}

// Static is one entry that is never overwritten and never ages.
type Static struct {
	VLAN ether.VLANID `json:"vlan"`
	MAC  string       `json:"mac"` // hhhh.hhhh.hhhh
	Port string       `json:"port,omitempty"`
	Drop bool         `json:"drop,omitempty"`
}
