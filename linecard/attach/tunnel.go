package attach

import (
	"net/netip"

	"trunkline/linecard/port"
	"trunkline/linecard/port/vxlan"
)

// Tunnel is what a port of kind VXLAN leads to: the VTEP Peer, from the card's
// own address Local, with the segments of Table, which may change while the port
// is open.
type Tunnel struct {
	Interface   string // "nve1"
	Local, Peer netip.Addr
	Table       *vxlan.Table
}

// tunnelled is an open tunnel.
type tunnelled struct{ port *vxlan.Port }

func (m *Manager) attachTunnel(t Tunnel) (attached, error) {
	p, err := vxlan.Open(vxlan.Config{
		Namespace: m.options.Namespace, Name: t.Interface, Local: t.Local, Peer: t.Peer, Table: t.Table, Shared: &m.tunnels,
	})
	if err != nil {
		return nil, err
	}
	return &tunnelled{p}, nil
}

func (t *tunnelled) device() port.Port { return t.port }

// stale is never so: without a route the port has no carrier, and waits.
func (t *tunnelled) stale(*Manager, port.Info) (bool, bool) { return false, false }

func (t *tunnelled) setMTU(*Manager, int) error { return nil }

func (t *tunnelled) forsake() error { return nil }

func (t *tunnelled) close(*Manager, bool) error { return t.port.Close() }

// segments puts the table of a want in force in its tunnel.
func (e *entry) segments() {
	if t, ok := e.open.(*tunnelled); ok {
		t.port.SetTable(e.want.Tunnel.Table)
	}
}
