package attach

import (
	"trunkline/linecard/port"
	"trunkline/linecard/port/vhostuser"
)

// machine is a virtual machine or DPDK application on a vhost-user socket. The
// port is open as soon as the socket is, and has carrier while a driver of the
// peer's runs; peers come and go without it being attached anew.
type machine struct{ port *vhostuser.Port }

func (m *Manager) attachVhost(w Want) (attached, error) {
	p, err := vhostuser.Open(vhostuser.Config{
		Path: w.Device, Client: w.Client, Queues: min(max(m.options.Queues, 1), vhostuser.MaxQueues), MTU: w.MTU,
		Log: m.options.Log.With("port", w.Name), Changed: m.poke,
	})
	if err != nil {
		return nil, err
	}
	return &machine{p}, nil
}

func (v *machine) device() port.Port { return v.port }

func (v *machine) stale(*Manager, port.Info) (stale, remove bool) { return false, false }

func (v *machine) setMTU(_ *Manager, mtu int) error {
	v.port.SetMTU(mtu)
	return nil
}

func (v *machine) forsake() error { return nil }

func (v *machine) close(*Manager, bool) error { return v.port.Close() }
