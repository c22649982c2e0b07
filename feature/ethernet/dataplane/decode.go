package dataplane

import (
	"trunkline/feature/ethernet"
	"trunkline/linecard/pipeline"
)

// Decode reads the section for the card's wiring, which opens the devices.
func Decode(section []byte) (ethernet.Program, error) {
	return pipeline.Section[ethernet.Program](section)
}
