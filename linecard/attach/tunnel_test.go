package attach_test

import (
	"net/netip"
	"testing"
	"time"

	"trunkline/internal/ether"
	"trunkline/linecard/attach"
	"trunkline/linecard/pipeline"
	"trunkline/linecard/port/inns/innstest"
	"trunkline/linecard/port/vxlan"
)

// TestTunnel has a tunnel opened when there is a route, and down while there is
// none.
func TestTunnel(t *testing.T) {
	card, peer := innstest.New(t), innstest.New(t)
	innstest.Veth(t, card, "u0", peer, "u0")
	table, err := vxlan.NewTable([]vxlan.Segment{{VLAN: 10, VNI: 5001}})
	if err != nil {
		t.Fatal(err)
	}
	const name = "nve1(192.0.2.2)"
	want := attach.Want{Name: name, Kind: attach.VXLAN, Tunnel: attach.Tunnel{
		Interface: "nve1", Local: netip.MustParseAddr("192.0.2.1"), Peer: netip.MustParseAddr("192.0.2.2"), Table: table,
	}}
	_, m := switched(t, attach.Options{Namespace: card}, []attach.Want{want}, func(b *pipeline.Builder) error {
		b.Activate(ether.VLANs(10))
		f, err := b.AddPort(name)
		if err != nil {
			return err
		}
		f.Up, f.Tunnel, f.Trunk, f.PVID, f.Allowed = true, true, true, 0, ether.VLANs(10)
		return nil
	})
	wait := func(what string, ok func(attach.State) bool) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); !ok(m.States()[name]); time.Sleep(2 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: %+v", what, m.States()[name])
			}
		}
	}
	wait("without an address", func(s attach.State) bool { return !s.Open && s.Error != "" })
	innstest.IP(t, card, "addr add 192.0.2.1/24 dev u0")
	wait("with an address", func(s attach.State) bool { return s.Up && s.Info.MTU == 1450 })
	want.Tunnel.Table, err = vxlan.NewTable(nil)
	if err != nil {
		t.Fatal(err)
	}
	m.Set([]attach.Want{want}) // the tunnel stays
	innstest.IP(t, card, "addr del 192.0.2.1/24 dev u0")
	wait("without a route", func(s attach.State) bool { return s.Open && !s.Up })
	innstest.IP(t, card, "addr add 192.0.2.1/24 dev u0")
	wait("with a route", func(s attach.State) bool { return s.Up })
	m.Set(nil)
	wait("not wanted", func(s attach.State) bool { return s == attach.State{} })
}
