// Package dataplane is the card half of the feature switchport: it maps the
// frames of each port to VLANs.
package dataplane

import (
	"fmt"

	"trunkline/feature/switchport"
	"trunkline/internal/ether"
	"trunkline/linecard/pipeline"
)

// Component applies the section switchport. It comes after those that add
// ports; a port that none of them added is not on this card and is left out.
var Component = pipeline.Component{Name: "switchport", Version: 1, Build: build}

func build(b *pipeline.Builder, section []byte) error {
	p, err := pipeline.Section[switchport.Program](section)
	if err != nil {
		return err
	}
	for _, port := range p.Ports {
		vlan := port.Access
		if port.Trunk {
			vlan = port.Native
		}
		if vlan == 0 {
			vlan = 1
		}
		if !vlan.Valid() {
			return fmt.Errorf("port %.64s: vlan %d", port.Name, vlan)
		}
		f := b.Port(port.Name)
		if f == nil {
			continue
		}
		f.Trunk, f.PVID, f.Allowed = port.Trunk, vlan, port.Allowed
		if !port.Trunk {
			f.Allowed = ether.VLANs(vlan)
		}
	}
	return nil
}
