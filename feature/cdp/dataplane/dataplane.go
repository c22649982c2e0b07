// Package dataplane is the card half of the feature cdp: it has CDP frames of
// Ethernet ports punted, and speaks CDP on them.
package dataplane

import (
	"fmt"
	"slices"
	"time"

	"trunkline/feature/cdp"
	"trunkline/linecard/bridge"
	"trunkline/linecard/discovery"
	"trunkline/linecard/pipeline"
)

// Component applies the section cdp. It comes after those that add ports.
var Component = pipeline.Component{Name: "cdp", Version: 1, Build: build}

func build(b *pipeline.Builder, section []byte) error {
	p, err := decode(section)
	if err != nil {
		return err
	}
	for _, port := range p.Ports {
		f := b.Port(port.Name)
		switch {
		case f == nil: // not on this card
		case f.Vethernet:
			return fmt.Errorf("port %.64s is a vEthernet", port.Name)
		default:
			f.Punts |= bridge.PuntCDP
		}
	}
	return nil
}

// maxName bounds names of a section, in bytes.
const maxName = 255

func decode(section []byte) (cdp.Program, error) {
	p, err := pipeline.Section[cdp.Program](section)
	if err != nil {
		return p, err
	}
	if p.Interval < 1 || p.Interval > 255 || p.Hold < 1 || p.Hold > 255 {
		return p, fmt.Errorf("times %d, %d s", p.Interval, p.Hold)
	}
	if !slices.Contains(cdp.DeviceIDs, p.DeviceID) {
		return p, fmt.Errorf("device id %.32q", p.DeviceID)
	}
	if len(p.System) > maxName || len(p.Ports) >= pipeline.MaxPorts {
		return p, fmt.Errorf("name of %d bytes, %d ports", len(p.System), len(p.Ports))
	}
	if err := discovery.CheckManagement(p.Management); err != nil {
		return p, err
	}
	for _, port := range p.Ports {
		if len(port.Name) > maxName {
			return p, fmt.Errorf("port %.64q: name of more than %d bytes", port.Name, maxName)
		}
	}
	return p, nil
}

// Speaker speaks CDP.
type Speaker = discovery.Speaker[cdp.Program, cdp.Neighbour]

// New returns the card's speaker, silent until a program has a section for it.
func New(card discovery.Card) *Speaker {
	return discovery.New(discovery.Config[cdp.Program, cdp.Neighbour]{
		Quick: 2, // after the first
		Link:  card.Link, Inject: card.Inject, Changed: card.Changed, Log: card.Log,
		Settings: settings, Decode: Decode,
		Encode: func(p cdp.Program, port string, l pipeline.Link, live time.Duration) ([]byte, bool) {
			return encode(p, port, l, live, card), p.V1
		},
	})
}

func settings(section []byte) (s discovery.Settings[cdp.Program], err error) {
	if section == nil {
		return s, nil
	}
	p, err := decode(section)
	if err != nil {
		return s, err
	}
	s = discovery.Settings[cdp.Program]{
		Program: p, Interval: time.Duration(p.Interval) * time.Second, Hold: time.Duration(p.Hold) * time.Second,
		Ports: map[string]discovery.Port{},
	}
	for _, port := range p.Ports {
		s.Ports[port.Name] = discovery.Port{Transmit: true, Receive: true}
	}
	return s, nil
}
