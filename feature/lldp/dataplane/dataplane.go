// Package dataplane is the card half of the feature lldp: it has LLDP frames of
// Ethernet ports punted, and speaks LLDP (IEEE 802.1AB-2016) on them.
package dataplane

import (
	"fmt"
	"time"

	"trunkline/feature/lldp"
	"trunkline/linecard/bridge"
	"trunkline/linecard/discovery"
	"trunkline/linecard/pipeline"
)

// Component applies the section lldp. It comes after those that add ports.
var Component = pipeline.Component{Name: "lldp", Version: 1, Build: build}

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
		case port.Receive:
			f.Punts |= bridge.PuntLLDP
		}
	}
	return nil
}

// Bounds of a section.
const (
	maxName    = 255 // bytes
	maxSeconds = 1 << 16
)

func decode(section []byte) (lldp.Program, error) {
	p, err := pipeline.Section[lldp.Program](section)
	if err != nil {
		return p, err
	}
	if p.Interval < 1 || p.Interval >= maxSeconds || p.Hold < 1 || p.Hold >= maxSeconds || p.Reinit >= maxSeconds {
		return p, fmt.Errorf("times %d, %d, %d s", p.Interval, p.Hold, p.Reinit)
	}
	if len(p.System) > maxName || len(p.Ports) >= pipeline.MaxPorts || len(p.Omit) > len(optional) {
		return p, fmt.Errorf("name of %d bytes, %d ports, %d TLVs", len(p.System), len(p.Ports), len(p.Omit))
	}
	for _, o := range p.Omit {
		if _, ok := optional[o]; !ok {
			return p, fmt.Errorf("TLV %.32q", o)
		}
	}
	if err := discovery.CheckManagement(p.Management); err != nil {
		return p, err
	}
	for _, port := range p.Ports {
		if len(port.Name) > maxName || len(port.Description) > maxName {
			return p, fmt.Errorf("port %.64q: name or description of more than %d bytes", port.Name, maxName)
		}
	}
	return p, nil
}

// Speaker speaks LLDP.
type Speaker = discovery.Speaker[lldp.Program, lldp.Neighbour]

// New returns the card's speaker, silent until a program has a section for it.
func New(card discovery.Card) *Speaker {
	return discovery.New(discovery.Config[lldp.Program, lldp.Neighbour]{
		Quick: 3, // after the first: txFastInit of clause 9.2.5.19 is 4
		Link:  card.Link, Inject: card.Inject, Changed: card.Changed, Log: card.Log,
		Settings: settings, Decode: Decode,
		Encode: func(p lldp.Program, port string, l pipeline.Link, live time.Duration) ([]byte, bool) {
			return encode(p, port, l, live, card), false
		},
	})
}

func settings(section []byte) (s discovery.Settings[lldp.Program], err error) {
	if section == nil {
		return s, nil
	}
	p, err := decode(section)
	if err != nil {
		return s, err
	}
	s = discovery.Settings[lldp.Program]{
		Program: p, Interval: time.Duration(p.Interval) * time.Second, Hold: time.Duration(p.Hold) * time.Second,
		Reinit: time.Duration(p.Reinit) * time.Second, Ports: map[string]discovery.Port{},
	}
	for _, port := range p.Ports {
		s.Ports[port.Name] = discovery.Port{Transmit: port.Transmit, Receive: port.Receive}
	}
	return s, nil
}
