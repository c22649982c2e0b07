package bridge_test

import (
	"fmt"
	"strings"
	"testing"

	"trunkline/internal/ether"
	"trunkline/linecard/bridge"
	"trunkline/linecard/fdb"
	"trunkline/linecard/frame"
)

// office has ports 1 and 2 (vEthernets, access 10), 3 (vEthernet trunk), 4
// (plain Ethernet, access 10), 5 and 6 (uplinks; 6 is preferred), 7 (down).
func office() *bridge.Map {
	v := func(ids ...ether.VLANID) ether.VLANSet { return ether.VLANs(ids...) }
	m := &bridge.Map{Ports: []bridge.Port{
		{},
		{Present: true, Up: true, Vethernet: true, PVID: 10, Allowed: v(10)},
		{Present: true, Up: true, Vethernet: true, PVID: 10, Allowed: v(10)},
		{Present: true, Up: true, Vethernet: true, Trunk: true, PVID: 1, Allowed: v(1, 10, 20, 30)},
		{Present: true, Up: true, PVID: 10, Allowed: v(10)},
		{Present: true, Up: true, Uplink: true, Trunk: true, PVID: 1, Allowed: ether.AllVLANs()},
		{Present: true, Up: true, Uplink: true, Trunk: true, PVID: 10, Allowed: v(1, 10)},
		{Present: true, Vethernet: true, PVID: 10, Allowed: v(10)},
	}}
	m.Compile(v(1, 10, 20), func(p uint16) int { return 10 - int(p) })
	return m
}

func members(list []bridge.Member) string {
	var s []string
	for _, m := range list {
		x := fmt.Sprint(m.Port)
		if m.Tag {
			x += "t"
		}
		s = append(s, x)
	}
	return strings.Join(s, " ")
}

func TestCompile(t *testing.T) {
	m := office()
	for _, c := range []struct {
		vlan                    int
		local, network, control string
		uplink                  uint16
	}{
		{1, "3 6t", "3", "", 6},
		{10, "1 2 4 6 3t", "1 2 4 3t", "4", 6},
		{20, "3t 5t", "3t", "", 5},
	} {
		d := m.Domains[c.vlan]
		got := [...]string{members(d.Local), members(d.Network), members(d.Control)}
		if want := [...]string{c.local, c.network, c.control}; got != want || d.Uplink != c.uplink {
			t.Errorf("vlan %d: %q, uplink %d, want %q, uplink %d", c.vlan, got, d.Uplink, want, c.uplink)
		}
	}
	if m.Domains[30] != nil || m.Domains[4095] != nil || m.Domains[0] != nil {
		t.Error("a domain that is not active")
	}
	if p := &m.Ports[3]; p.Member != ether.VLANs(1, 10, 20) {
		t.Errorf("members of port 3: %v", p.Member)
	}
}

// batch has one frame from a port.
func batch(port uint16, dst, src uint64) *frame.Batch {
	b := &frame.Batch{N: 1, Port: port}
	buf := make([]byte, frame.Headroom+60)
	at := buf[frame.Headroom:]
	for i := range 6 {
		at[i], at[6+i] = byte(dst>>(40-8*i)), byte(src>>(40-8*i))
	}
	at[12], at[13] = 0x88, 0xb5
	b.Frames[0] = frame.Frame{Buf: buf, Off: frame.Headroom, Head: 60}
	return b
}

// TestSteps takes a frame through the steps and looks at the egress lists.
func TestSteps(t *testing.T) {
	m, table := office(), fdb.New(fdb.Config{})
	var lists bridge.Lists
	for p := uint16(1); p <= 6; p++ {
		lists.Open(p)
	}
	step := func(b *frame.Batch) string {
		view := table.View(0)
		var keys bridge.Keys
		m.Classify(b, &keys)
		keys.Ahead(&view, b.N)
		refused, _ := m.Learn(&view, b, &keys)
		m.Lookup(&view, b, &keys, refused)
		at := 0
		var copies bridge.Copies
		m.Replicate(b, &lists, &at, &copies)
		defer lists.Reset()
		if b.Drop[0] != frame.Forward {
			return b.Drop[0].String()
		}
		var s []string
		for _, p := range lists.Touched() {
			for _, o := range lists.List(p) {
				x := fmt.Sprint(p)
				if o.Tag {
					x += fmt.Sprintf("t%d", o.TCI)
				}
				s = append(s, x)
			}
		}
		if copies.Copies != uint64(len(s)) && copies.Copies != 0 {
			t.Errorf("%d copies counted, %d made", copies.Copies, len(s))
		}
		return strings.Join(s, " ")
	}
	for _, c := range []struct {
		port     uint16
		dst, src uint64
		want     string
	}{
		{1, frame.Broadcast, 0x020000000001, "2 4 6 3t10"},
		{2, 0x020000000001, 0x020000000002, "1"},
		{1, 0x020000000002, 0x020000000001, "2"},
		{6, 0x020000000001, 0x020000000006, "1"},
		{2, 0x020000000006, 0x020000000002, "6"},
		{7, frame.Broadcast, 0x020000000007, "port-down"},
		{5, frame.Broadcast, 0x020000000005, "not-designated"}, // native VLAN 1, where 6 is
	} {
		if got := step(batch(c.port, c.dst, c.src)); got != c.want {
			t.Errorf("from %d to %x: %s, want %s", c.port, c.dst, got, c.want)
		}
	}
	// The worker has let go of a port that the map still has.
	lists.Close(2)
	if got := step(batch(1, 0x020000000002, 0x020000000001)); got != "port-down" {
		t.Errorf("to a closed port: %s", got)
	}
	if got := step(batch(1, frame.Broadcast, 0x020000000001)); got != "4 6 3t10" {
		t.Errorf("flood past a closed port: %s", got)
	}
}

func TestMarks(t *testing.T) {
	m := bridge.Marks(1<<63 | 1<<5)
	for i := range 64 {
		if m.Has(i) != (i == 63 || i == 5) {
			t.Errorf("mark %d: %v", i, m.Has(i))
		}
	}
}
