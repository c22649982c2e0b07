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

// maxRings is how many ports have a receive ring of AF_PACKET, first come first
// served: its memory is committed whether there is traffic or not.
const maxRings = 48 << 20 / packet.RingLen

// drive opens a device of the card's namespace, which is to have the MTU, and
// counts its receive ring, if it has one, to the caller's ring. far is the other
// end of a veth that the card has made, which then finishes its frames or leaves
// that to the switch as the driver needs it; nil where the other end is not the
// card's.
//
// Auto is AF_PACKET: it carries super-frames, and small frames nearly as fast as
// AF_XDP does (docs/adr/0017).
func (m *Manager) drive(device string, mtu int, far *Want, ring *bool) (port.Port, error) {
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
	c := packet.Config{Device: device, Namespace: m.options.Namespace, Note: note, Ring: m.rings < maxRings}
	if !c.Ring && note == "" {
		c.Note = fmt.Sprintf("no ring: %d ports have one", maxRings)
	}
	p, err := packet.Open(c)
	if err != nil {
		return nil, err
	}
	if c.Ring {
		*ring = true
		m.rings++
	}
	return p, nil
}

// parked takes a ring back that drive counted.
func (m *Manager) parked(ring *bool) {
	if *ring {
		*ring = false
		m.rings--
	}
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
