package pipeline

import (
	"fmt"
	"testing"
	"time"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
	"trunkline/linecard/port/porttest"
)

// fullCard is the largest card of cli.md §15: 1000 vEthernets, 32 uplinks, all
// VLANs.
func fullCard(b *Builder) error {
	b.Activate(ether.AllVLANs())
	for i := range 1000 {
		p, err := b.AddPort(fmt.Sprint("Vethernet", i+1))
		if err != nil {
			return err
		}
		p.Vethernet, p.Up = true, true
		p.PVID = ether.VLANID(1 + i)
		p.Allowed = ether.VLANs(p.PVID)
	}
	for i := range 32 {
		p, err := b.AddPort(fmt.Sprint("Ethernet3/", i+1))
		if err != nil {
			return err
		}
		p.Uplink, p.Up, p.Trunk, p.Number, p.Allowed = true, true, true, i+1, ether.AllVLANs()
	}
	return nil
}

// TestFullCard brings up the largest card. A port that comes or goes costs one
// plan, which must not take longer than a person notices.
func TestFullCard(t *testing.T) {
	ports := map[string]*porttest.Port{}
	for _, n := range []string{"Vethernet1", "Vethernet2", "Ethernet3/1", "Ethernet3/2", "Ethernet3/32"} {
		ports[n] = porttest.New(porttest.Options{Name: n})
	}
	b := newBench(t, fullCard, ports)
	if got := b.run("Vethernet2", ethernet(ether.Broadcast, mac(1), 60)); got != "Ethernet3/1=2" {
		t.Errorf("flood: %s", got)
	}
	begin := time.Now()
	const rounds = 20
	for range rounds {
		b.e.mu.Lock()
		b.e.rebuild()
		b.e.mu.Unlock()
	}
	t.Logf("a plan of %d ports and 4094 VLANs takes %v", len(b.e.Ports()), time.Since(begin)/rounds)
}

// FuzzFrames sends arbitrary frames with arbitrary virtio headers into a trunk,
// a plain port and a vEthernet: nothing may panic, nothing may be unaccounted.
func FuzzFrames(f *testing.F) {
	f.Add([]byte{}, []byte{})
	f.Add(ethernet(ether.Broadcast, mac(1), 60), make([]byte, 12))
	f.Add(porttest.Tagged(ethernet(mac(2), mac(1), 60), 10), make([]byte, 12))
	super := tcp(f, ether.Broadcast, mac(1), 5000, 1000)
	f.Add(super.Bytes, super.Hdr[:])
	// One chassis for all inputs: making one takes longer than using it.
	ports := allPorts("V1", "V4", "E2", "U1")
	ports["E1"] = porttest.New(porttest.Options{Name: "E1"})
	b := newBench(f, chassis, ports)
	f.Fuzz(func(t *testing.T, data, hdr []byte) {
		if len(data) > 70000 {
			return
		}
		b.t = t
		b.now += 2e9 // each input has the move guard's second to itself
		x := porttest.Frame{Bytes: data}
		copy(x.Hdr[:], hdr)
		for _, p := range ports {
			p.DeliverFrames(x)
		}
		b.turn()
		for _, p := range ports {
			p.Sent()
		}
		b.checkSum()
		for _, p := range b.e.Ports() {
			if p.ErrDisabled != frame.Forward {
				t.Fatalf("%s is closed: %v", p.Name, p.ErrDisabled)
			}
		}
	})
}
