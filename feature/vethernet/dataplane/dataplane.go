// Package dataplane is the card half of the feature vethernet: it says which
// vEthernets are bound to the card. What they are bound to is opened by the
// card's wiring.
package dataplane

import (
	"fmt"

	"trunkline/feature/vethernet"
	"trunkline/internal/ether"
	"trunkline/linecard/pipeline"
)

// Component applies the section vethernet.
var Component = pipeline.Component{Name: "vethernet", Version: 1, Build: build}

// maxMACs bounds a port's learning limit.
const maxMACs = 1_000_000

func build(b *pipeline.Builder, section []byte) error {
	p, err := pipeline.Section[vethernet.Program](section)
	if err != nil {
		return err
	}
	for _, port := range p.Ports {
		if port.MACLimit > maxMACs {
			return fmt.Errorf("port %.64s: %d addresses are more than %d", port.Name, port.MACLimit, maxMACs)
		}
		f, err := b.AddPort(port.Name)
		if err != nil {
			return err
		}
		f.Vethernet, f.Up, f.MACLimit = true, port.Up, port.MACLimit
		if port.Owner.MAC != "" {
			if f.OwnMAC, err = ether.ParseMAC(port.Owner.MAC); err != nil {
				return fmt.Errorf("port %.64s: adapter address %.32q: %w", port.Name, port.Owner.MAC, err)
			}
		}
	}
	return nil
}
