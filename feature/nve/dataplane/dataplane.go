// Package dataplane is the card half of the feature nve: it says which tunnels
// the card has, each a trunk of the VLANs that have a segment with the peer. They
// are opened by the card's wiring.
package dataplane

import (
	"fmt"
	"net/netip"

	"trunkline/feature/nve"
	"trunkline/internal/ether"
	"trunkline/linecard/pipeline"
	"trunkline/linecard/port/vxlan"
)

// Component applies the section nve.
var Component = pipeline.Component{Name: "nve", Version: 1, Build: build}

func build(b *pipeline.Builder, section []byte) error {
	tunnels, _, err := Decode(section)
	if err != nil {
		return err
	}
	for _, t := range tunnels {
		f, err := b.AddPort(t.Name)
		if err != nil {
			return err
		}
		f.Tunnel, f.Trunk, f.Up, f.PVID, f.Allowed = true, true, true, 0, ether.VLANSet{}
		for _, s := range t.Table.Segments() {
			f.Allowed = f.Allowed.With(s.VLAN)
		}
	}
	return nil
}

// Tunnel is one tunnel of the section.
type Tunnel struct {
	Name, Interface string
	Local, Peer     netip.Addr
	Table           *vxlan.Table
}

// Decode reads the section, also for the card's wiring, and the card's own
// address.
func Decode(section []byte) (all []Tunnel, local netip.Addr, err error) {
	p, err := pipeline.Section[nve.Program](section)
	if err != nil {
		return nil, local, err
	}
	local, err = vtep(p.Local)
	if err != nil {
		return nil, local, err
	}
	if p.Interface == "" || len(p.Interface) > 15 || len(p.Tunnels) > nve.MaxPeers {
		return nil, local, fmt.Errorf("interface %.32q with %d tunnels", p.Interface, len(p.Tunnels))
	}
	for _, t := range p.Tunnels {
		peer, err := vtep(t.Peer)
		if err != nil {
			return nil, local, err
		}
		list := make([]vxlan.Segment, len(t.Segments))
		for i, s := range t.Segments {
			list[i] = vxlan.Segment(s)
		}
		table, err := vxlan.NewTable(list)
		if err != nil {
			return nil, local, fmt.Errorf("tunnel to %v: %w", peer, err)
		}
		all = append(all, Tunnel{nve.PortName(p.Interface, t.Peer), p.Interface, local, peer, table})
	}
	return all, local, nil
}

func vtep(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		return netip.Addr{}, fmt.Errorf("%.32q is no IPv4 address of a VTEP", text)
	}
	return a, nil
}
