// Package dataplane is the card half of the feature module: what a card is to
// be like when it is started again.
package dataplane

import (
	"fmt"

	"trunkline/feature/module"
	"trunkline/internal/cores"
	"trunkline/linecard/pipeline"
)

// Component checks the section module. It adds nothing to a plan: drivers and
// workers are what they are until the card is started again.
var Component = pipeline.Component{Name: "module", Version: 1, Build: build}

func build(_ *pipeline.Builder, section []byte) error {
	_, err := Decode(section)
	return err
}

// Decode reads the section.
func Decode(section []byte) (module.Program, error) {
	p, err := pipeline.Section[module.Program](section)
	if err != nil {
		return p, err
	}
	switch p.Driver {
	case module.DriverAuto, module.DriverPacket, module.DriverXDP:
	default:
		return p, fmt.Errorf("driver %.32q", p.Driver)
	}
	if len(p.Cores) > 0 {
		if _, err := cores.Parse(cores.Format(p.Cores)); err != nil {
			return p, err
		}
	}
	return p, nil
}
