package linecard

import (
	"context"
	"fmt"
	"slices"
	"time"

	ethernet "trunkline/feature/ethernet/dataplane"
	hosting "trunkline/feature/module/dataplane"
	vethernet "trunkline/feature/vethernet/dataplane"
	"trunkline/linecard/attach"
	"trunkline/linecard/pipeline"
)

// settleTime is how long the answer to a program waits for devices to open and
// close.
const settleTime = 100 * time.Millisecond

// Apply implements agent.Card: the data plane learns what to do with frames,
// then devices are opened and closed to match. A device that cannot be opened
// shows in the report of its port, not here: it may appear at any time.
func (c *Card) Apply(generation uint64, sections map[string][]byte) (map[string]string, error) {
	wants, uplinks, err := wants(sections)
	if err != nil {
		return nil, err
	}
	own, err := c.svis(sections)
	if err != nil {
		return nil, err
	}
	wants = append(wants, own...)
	tunnels, local, err := tunnels(sections)
	if err != nil {
		return nil, err
	}
	wants = append(wants, tunnels...)
	if err := c.leave(sections); err != nil {
		return nil, err
	}
	if err := c.engine.Apply(pipeline.Program(Features(), sections)); err != nil {
		return nil, err
	}
	if err := c.keepHost(sections[hosting.Component.Name]); err != nil {
		return nil, err
	}
	if err := c.speak(sections); err != nil { // the components have taken the same sections
		return nil, err
	}
	c.mu.Lock()
	same := slices.Equal(c.uplinks, uplinks)
	c.uplinks, c.vtep = uplinks, local
	c.mu.Unlock()
	if !same {
		c.adopt()
	}
	c.changes.Add(1)
	c.attach.Set(wants)
	// The report that goes with the answer shows ports as they are, if devices
	// open as fast as they mostly do.
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	c.attach.Settle(ctx)
	c.log.Debug("program applied", "generation", generation, "ports", len(wants))
	return nil, nil
}

// wants reads the devices that a program needs open.
func wants(sections map[string][]byte) ([]attach.Want, []string, error) {
	var list []attach.Want
	var uplinks []string
	if s, ok := sections[ethernet.Component.Name]; ok {
		p, err := ethernet.Decode(s)
		if err != nil {
			return nil, nil, fmt.Errorf("section %s: %w", ethernet.Component.Name, err)
		}
		uplinks = p.Uplinks
		for _, e := range p.Ports {
			list = append(list, attach.Want{Name: e.Name, Kind: attach.NIC, Number: e.Number, MTU: int(e.MTU)})
		}
	}
	if s, ok := sections[vethernet.Component.Name]; ok {
		p, err := vethernet.Decode(s)
		if err != nil {
			return nil, nil, fmt.Errorf("section %s: %w", vethernet.Component.Name, err)
		}
		for _, v := range p.Ports {
			w := attach.Want{Name: v.Name}
			switch o := v.Owner; o.Kind {
			case "netns":
				w.Kind, w.Namespace, w.Ifname = attach.Netns, o.Namespace, o.Ifname
			case "device":
				w.Kind, w.Device = attach.Device, o.Device
			case "tap":
				w.Kind, w.Device = attach.TAP, o.Device
			case "vhost-user":
				w.Kind, w.Device, w.Client = attach.VhostUser, o.Socket, o.Client
			case "internal":
				w.Kind, w.Device = attach.Inband, o.Device
			default:
				continue // a workload whose adapter is not known here
			}
			list = append(list, w)
		}
	}
	return list, uplinks, nil
}
