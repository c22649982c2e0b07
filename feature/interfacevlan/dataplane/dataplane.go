// Package dataplane is the card half of the feature interface-vlan: it says which
// of the switch's own interfaces are on the card. Their devices are made by the
// card's wiring.
package dataplane

import (
	"fmt"

	"trunkline/feature/interfacevlan"
	"trunkline/internal/ether"
	"trunkline/linecard/pipeline"
)

// Component applies the section interface-vlan.
var Component = pipeline.Component{Name: "interface-vlan", Version: 1, Build: build}

func build(b *pipeline.Builder, section []byte) error {
	p, err := Decode(section)
	if err != nil {
		return err
	}
	for _, port := range p.Ports {
		f, err := b.AddPort(port.Name)
		if err != nil {
			return err
		}
		f.Vethernet, f.Up, f.PVID, f.Allowed = true, true, port.VLAN, ether.VLANs(port.VLAN)
	}
	return nil
}

// maxMTU is what a frame may carry, in bytes.
const maxMTU = 9216

// Decode reads the section for the card's wiring, which makes the devices.
func Decode(section []byte) (interfacevlan.Program, error) {
	p, err := pipeline.Section[interfacevlan.Program](section)
	if err != nil {
		return p, err
	}
	if len(p.Ports) > interfacevlan.Max {
		return p, fmt.Errorf("%d interfaces are more than %d", len(p.Ports), interfacevlan.Max)
	}
	for _, port := range p.Ports {
		// The device is the card's to name, not a file of the host to open.
		if !port.VLAN.Valid() || port.Device != interfacevlan.Device(port.VLAN) || port.MTU > maxMTU {
			return p, fmt.Errorf("port %.64s: device %.32q, VLAN %d, MTU %d", port.Name, port.Device, port.VLAN, port.MTU)
		}
	}
	return p, nil
}
