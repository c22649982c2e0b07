package vxlan_test

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"trunkline/linecard/frame"
	"trunkline/linecard/port/inns/innstest"
	"trunkline/linecard/port/porttest"
	"trunkline/linecard/port/vxlan"
)

// TestTailTaken: a frame whose tail cannot be read ends its burst, and nothing
// of the burst goes through another tunnel afterwards.
func TestTailTaken(t *testing.T) {
	third := netip.MustParseAddr("192.0.2.3")
	a, b := underlay(t)
	innstest.IP(t, b, "addr add 192.0.2.3/24 dev u0")
	shared := &vxlan.Shared{}
	one := queue(t, open(t, vxlan.Config{Namespace: a, Name: "nve1", Local: left, Peer: right, Shared: shared}))
	two := queue(t, open(t, vxlan.Config{Namespace: a, Name: "nve1", Local: left, Peer: third, Shared: shared}))
	far := queue(t, open(t, vxlan.Config{Namespace: b, Name: "nve1", Local: third, Peer: left}))

	bad := ethernet(1, 1000, unix.ETH_P_IP)
	taken, done, err := porttest.Taken(bad, 200)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	unfinished := made(bad[:200], 200)
	unfinished.Tail = taken[200:]
	unfinished.Flags, unfinished.CsumStart, unfinished.CsumOffset = frame.NeedsCsum, 34, 6
	out := func(f *frame.Frame) frame.Out { return frame.Out{Frame: f, TCI: 100, Tag: true} }
	if !porttest.Faults(func() {
		_ = one.Send([]frame.Out{out(made(ethernet(1, 500, 0x88b5), 200)), out(unfinished)})
	}) {
		t.Fatal("the tail was not read")
	}
	// Every bucket of the burst that was broken off is looked at.
	var outs []frame.Out
	var want []string
	for flow := range 64 {
		data := ethernet(flow+2, 300, 0x88b5)
		outs = append(outs, out(made(data, 200)))
		want = append(want, string(data))
	}
	if err := two.Send(outs); err != nil {
		t.Fatal(err)
	}
	left := map[string]bool{}
	for _, w := range want {
		left[w] = true
	}
	for _, g := range receive(t, far, len(want)) {
		if !left[g.data] {
			t.Fatalf("a frame of %d bytes arrives that was not sent through this tunnel", len(g.data))
		}
		delete(left, g.data)
	}
}
