package bridge_test

import (
	"testing"

	"trunkline/internal/ether"
	"trunkline/linecard/bridge"
	"trunkline/linecard/fdb"
	"trunkline/linecard/frame"
)

// TestTunnels checks that what comes through a tunnel goes to local ports only,
// and what local ports flood to all tunnels: three switches with tunnels between
// each two make no loop.
func TestTunnels(t *testing.T) {
	m := &bridge.Map{Ports: []bridge.Port{
		{},
		{Present: true, Up: true, Vethernet: true, PVID: 10, Allowed: ether.VLANs(10)},
		{Present: true, Up: true, Tunnel: true, Trunk: true, Allowed: ether.VLANs(10, 20)},
		{Present: true, Up: true, Tunnel: true, Trunk: true, Allowed: ether.VLANs(10)},
		{Present: true, Up: true, Uplink: true, Trunk: true, PVID: 1, Allowed: ether.AllVLANs()},
		{Present: true, Up: true, PVID: 10, Allowed: ether.VLANs(10)},
	}}
	m.Compile(ether.VLANs(1, 10, 20), func(uint16) int { return 1 })
	if d := m.Domains[10]; members(d.Local) != "1 5 2t 3t 4t" || members(d.Network) != "1 5" || members(d.Control) != "5" {
		t.Errorf("local %s, network %s, control %s", members(d.Local), members(d.Network), members(d.Control))
	}
	table := fdb.New(fdb.Config{})
	step := func(port uint16, dst, src uint64) *frame.Batch {
		b := batch(port, dst, src)
		if m.Ports[port].Trunk {
			b.Frames[0].Flags, b.Frames[0].TCI = frame.Tagged, 10
		}
		view := table.View(0)
		var keys bridge.Keys
		m.Classify(b, &keys)
		keys.Ahead(&view, b.N)
		refused, looping := m.Learn(&view, b, &keys)
		if looping {
			t.Error("a tunnel is no loop")
		}
		m.Lookup(&view, b, &keys, refused)
		return b
	}
	const near, far, farther, beyond = 0x020000000001, 0x020000000002, 0x020000000003, 0x020000000004
	for port, mac := range map[uint16]uint64{1: near, 2: far, 3: farther, 4: beyond} {
		step(port, frame.Broadcast, mac)
	}
	for name, c := range map[string]struct {
		in       uint16
		dst, src uint64
		drop     frame.Reason
		next     uint32
	}{
		"local to tunnel":  {1, far, near, frame.Forward, 2},
		"tunnel to local":  {2, near, far, frame.Forward, 1},
		"tunnel to tunnel": {2, farther, far, frame.SplitHorizon, 0},
		"tunnel to uplink": {2, beyond, far, frame.SplitHorizon, 0},
		"uplink to tunnel": {4, far, beyond, frame.SplitHorizon, 0},
		"bpdu":             {2, 0x0180c2000000, far, frame.Filtered, 0},
	} {
		if b := step(c.in, c.dst, c.src); b.Drop[0] != c.drop || c.drop == frame.Forward && b.Next[0] != c.next {
			t.Errorf("%s: %v, next hop %d", name, b.Drop[0], b.Next[0])
		}
	}
}
