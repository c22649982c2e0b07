// Package dataplane is the card half of the feature ethernet: it says which
// Ethernet ports there are. Their devices are opened by the card's wiring.
package dataplane

import (
	"fmt"

	"trunkline/feature/ethernet"
	"trunkline/linecard/pipeline"
)

// Component applies the section ethernet.
var Component = pipeline.Component{Name: "ethernet", Version: 1, Build: build}

// maxMTU is what the receive limit leaves room for, in bytes.
const maxMTU = 9500

func build(b *pipeline.Builder, section []byte) error {
	p, err := pipeline.Section[ethernet.Program](section)
	if err != nil {
		return err
	}
	for _, port := range p.Ports {
		if port.MTU > maxMTU {
			return fmt.Errorf("port %.64s: mtu %d is above %d", port.Name, port.MTU, maxMTU)
		}
		if port.Number < 0 {
			return fmt.Errorf("port %.64s: number %d", port.Name, port.Number)
		}
		f, err := b.AddPort(port.Name)
		if err != nil {
			return err
		}
		f.Number, f.Uplink, f.Up, f.MTU = port.Number, port.Uplink, port.Up, port.MTU
	}
	return nil
}
