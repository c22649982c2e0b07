package vlan

import "trunkline/internal/ether"

// Program is the section of one line card: the VLANs that forward, those that
// exist and are neither suspended nor shut down.
type Program struct {
	Active ether.VLANSet `json:"active"`
}
