// Package dataplane is the card half of the feature vlan: it says which VLANs
// forward.
package dataplane

import (
	"trunkline/feature/vlan"
	"trunkline/linecard/pipeline"
)

// Component applies the section vlan.
var Component = pipeline.Component{Name: "vlan", Version: 1, Build: build}

func build(b *pipeline.Builder, section []byte) error {
	p, err := pipeline.Section[vlan.Program](section)
	if err != nil {
		return err
	}
	b.Activate(p.Active)
	return nil
}
