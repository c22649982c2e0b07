package attach

import (
	"errors"
	"fmt"

	"trunkline/linecard/port"
	"trunkline/linecard/port/ifctl"
	"trunkline/linecard/port/packet"
	"trunkline/linecard/port/xdp"
)

// Drivers of the devices that are not TAPs, the values of Options.Datapath.
const (
	Auto   = "auto"
	Packet = "packet" // AF_PACKET
	XDP    = "xdp"    // AF_XDP, where it can stand in for AF_PACKET
)

// ringMemory is what the receive rings of AF_PACKET take together, in bytes.
const ringMemory = 48 << 20

// A card with more ports than crowd waits for them by epoll, which knows sockets
// and not descriptors: a ring cannot be exchanged there (packet.Port.Tend), so a
// port begins with one that is large. One with no more than calm is back at ppoll
// for sure (pipeline).
const (
	crowd = 16
	calm  = 8
)

// count notes how many ports are wanted.
func (m *Manager) count(ports int) {
	switch {
	case ports > crowd:
		m.crowded = true
	case ports <= calm:
		m.crowded = false
	}
}

// tend lets a port look after its receive ring.
func (m *Manager) tend(e *entry) {
	if p, ok := e.open.device().(*packet.Port); ok {
		if err := p.Tend(!m.crowded); err != nil {
			m.options.Log.Debug("tend receive ring", "port", e.want.Name, "error", err)
		}
	}
}

// drive opens a device of the card's namespace, which is to have the MTU. far is
// the other end of a veth that the card has made, which then finishes its frames
// or leaves that to the switch as the driver needs it; nil where the other end is
// not the card's.
//
// Auto is AF_PACKET: it carries super-frames, and small frames nearly as fast as
// AF_XDP does (docs/adr/0017).
func (m *Manager) drive(device string, mtu int, far *Want) (port.Port, error) {
	note := ""
	if m.options.Datapath == XDP {
		p, err := m.driveXDP(device, mtu, far)
		if err == nil {
			return p, nil
		}
		note = "not xdp: " + err.Error()
	}
	if far != nil {
		if err := finish(far, false); err != nil {
			return nil, err
		}
	}
	return packet.Open(packet.Config{
		Device: device, Namespace: m.options.Namespace, Note: note,
		Ring: true, Memory: m.rings, Fixed: m.crowded, Look: m.poke,
	})
}

// driveXDP opens a device by AF_XDP. The error says why it cannot be.
func (m *Manager) driveXDP(device string, mtu int, far *Want) (port.Port, error) {
	if mtu > xdp.MaxMTU {
		return nil, fmt.Errorf("mtu of %d bytes, at most %d", mtu, xdp.MaxMTU)
	}
	if far == nil {
		c, err := ifctl.Open(m.options.Namespace)
		if err != nil {
			return nil, err
		}
		kind := c.Driver(device)
		if err := c.Close(); err != nil {
			return nil, err
		}
		if kind == "veth" {
			return nil, errors.New("the other end leaves checksums and tags to the device")
		}
	} else if err := finish(far, true); err != nil {
		return nil, err
	}
	return xdp.Open(xdp.Config{Device: device, Namespace: m.options.Namespace})
}

// carries says why an open port cannot have an MTU. It gets it when it is opened
// again, by AF_PACKET.
func carries(p port.Port, mtu int) error {
	if _, ok := p.(*xdp.Port); ok && mtu > xdp.MaxMTU {
		return fmt.Errorf("mtu of %d bytes, at most %d while AF_XDP drives the port", mtu, xdp.MaxMTU)
	}
	return nil
}

// finish makes the workload's end of a veth finish checksums, segments and tags
// itself, or leave them to the switch.
func finish(far *Want, itself bool) error {
	c, err := ifctl.Open(far.Namespace)
	if err != nil {
		return err
	}
	return errors.Join(c.SetSendOffloads(far.Ifname, !itself), c.Close())
}
