package linecard

import (
	"encoding/json"
	"fmt"

	"trunkline/feature/nve"
	overlay "trunkline/feature/nve/dataplane"
	"trunkline/linecard/attach"
)

// tunnels reads the tunnels that a program needs open, and the card's address as
// a VTEP.
func tunnels(sections map[string][]byte) (list []attach.Want, local string, err error) {
	s, ok := sections[overlay.Component.Name]
	if !ok {
		return nil, "", nil
	}
	all, address, err := overlay.Decode(s)
	if err != nil {
		return nil, "", fmt.Errorf("section %s: %w", overlay.Component.Name, err)
	}
	for _, t := range all {
		list = append(list, attach.Want{Name: t.Name, Kind: attach.VXLAN, Tunnel: attach.Tunnel{
			Interface: t.Interface, Local: t.Local, Peer: t.Peer, Table: t.Table,
		}})
	}
	return list, address.String(), nil
}

// tunnelReport says of the tunnels what the data plane and their sockets do.
func (c *Card) tunnelReport() ([]byte, error) {
	states := c.attach.States()
	c.mu.Lock()
	local := c.vtep
	c.mu.Unlock()
	r := nve.Report{Local: local, Tunnels: []nve.TunnelState{}}
	for _, p := range c.engine.Ports() {
		if !p.Facts.Tunnel {
			continue
		}
		t := nve.TunnelState{
			Peer: nve.PeerOf(p.Name), Up: p.Up, Since: p.Since, MTU: uint32(max(p.Info.MTU, 0)), Driver: p.Info.Driver,
			Error: p.Error, Counters: counters(&p.Counters),
		}
		if s, ok := states[p.Name]; ok && !s.Open {
			t.Error = s.Error
		}
		r.Tunnels = append(r.Tunnels, t)
	}
	return json.Marshal(r)
}
