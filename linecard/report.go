package linecard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	overlay "trunkline/feature/nve/dataplane"
	"trunkline/internal/ether"
	"trunkline/linecard/api"
	"trunkline/linecard/frame"
	"trunkline/linecard/pipeline"
)

// Reports implements agent.Card.
func (c *Card) Reports() map[string][]byte {
	now := c.stamp()
	out := c.still.take(now)
	if out == nil {
		out = c.describe()
		c.still.keep(now, out)
	}
	for _, s := range c.services {
		b, err := s.Report()
		if err != nil {
			c.log.Error("encode report", "section", s.name, "error", err)
			continue
		}
		out[s.name] = b
	}
	return out
}

// describe makes the sections that stand for ports and devices.
func (c *Card) describe() map[string][]byte {
	out := map[string][]byte{}
	c.mu.Lock()
	nics := api.NICReport{NICs: c.nics}
	c.mu.Unlock()
	for name, v := range map[string]any{api.ReportPorts: api.PortReport{Ports: c.ports()}, api.ReportNICs: nics} {
		b, err := json.Marshal(v)
		if err != nil { // plain structs of strings and numbers
			c.log.Error("encode report", "section", name, "error", err)
			continue
		}
		out[name] = b
	}
	if b, err := c.tunnelReport(); err != nil {
		c.log.Error("encode report", "section", overlay.Component.Name, "error", err)
	} else {
		out[overlay.Component.Name] = b
	}
	return out
}

// ports joins what the data plane and the devices say of every port that the
// program names.
func (c *Card) ports() []api.PortState {
	states := c.attach.States()
	var list []api.PortState
	for _, p := range c.engine.Ports() {
		if !p.Known || p.Facts.Tunnel {
			continue
		}
		s := api.PortState{
			Name: p.Name, Up: p.Up, Reason: p.Reason, Kind: p.Info.Kind, Device: p.Info.Device,
			Driver: p.Info.Driver, MTU: uint32(max(p.Info.MTU, 0)), Mbps: uint32(max(p.Info.Mbps, 0)),
			Since: p.Since, Cleared: p.Cleared, Resets: p.Resets, Error: p.Error, Counters: counters(&p.Counters),
		}
		if p.Info.MAC != (ether.MAC{}) {
			s.MAC = p.Info.MAC.String()
		}
		if a, ok := states[p.Name]; ok && !a.Open {
			s.Error = a.Error
			if s.Reason == "nonParticipating" {
				s.Reason = a.Reason // bound to a device that is not there
			}
		}
		if p.ErrDisabled == frame.LoopDetected {
			s.Error = "loop-detected: MAC addresses move to this port and back"
		}
		c.mu.Lock()
		if m := c.meters[p.Name]; m != nil {
			s.Rates = m.Rates()
		}
		c.mu.Unlock()
		list = append(list, s)
	}
	return list
}

func counters(n *pipeline.Counters) api.Counters {
	return api.Counters{
		RxUnicast: n.RxUnicast, RxMulticast: n.RxMulticast, RxBroadcast: n.RxBroadcast, RxOctets: n.RxOctets, RxJumbo: n.RxJumbo,
		TxUnicast: n.TxUnicast, TxMulticast: n.TxMulticast, TxBroadcast: n.TxBroadcast, TxOctets: n.TxOctets, TxJumbo: n.TxJumbo,
		RxDrops: drops(&n.RxDrops), TxDrops: drops(&n.TxDrops),
	}
}

func drops(n *[frame.Reasons]uint64) map[string]uint64 {
	var m map[string]uint64
	for r, v := range n {
		if v == 0 {
			continue
		}
		if m == nil {
			m = map[string]uint64{}
		}
		m[frame.Reason(r).String()] = v
	}
	return m
}

// maxFaults bounds the files that faults leave.
const maxFaults = 16

// keep saves the frames of a fault for replay. The oldest files give way.
func (c *Card) keep(port string, f *pipeline.Fault) error {
	dir := filepath.Join(c.cfg.StateDir, "faults")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "port %s\ntime %s\ncause %v\n\n%s\n", port, f.Time.Format(time.RFC3339Nano), f.Cause, f.Stack)
	for i, data := range f.Frames {
		fmt.Fprintf(&b, "frame %d, %d bytes\n%x\n", i, len(data), data)
	}
	name := filepath.Join(dir, f.Time.UTC().Format("20060102T150405.000000000")+".txt")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return err
	}
	for len(files) > maxFaults {
		if err := os.Remove(files[0]); err != nil {
			return err
		}
		files = files[1:]
	}
	return nil
}
