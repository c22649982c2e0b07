package dataplane

import (
	"trunkline/feature/vethernet"
	"trunkline/linecard/pipeline"
)

// Decode reads the section for the card's wiring, which opens the devices.
func Decode(section []byte) (vethernet.Program, error) {
	return pipeline.Section[vethernet.Program](section)
}
