package vxlan_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/inns/innstest"
	"trunkline/linecard/port/vxlan"
)

var (
	left  = netip.MustParseAddr("192.0.2.1")
	right = netip.MustParseAddr("192.0.2.2")
)

func table(t testing.TB, list ...vxlan.Segment) *vxlan.Table {
	t.Helper()
	x, err := vxlan.NewTable(list)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// underlay makes two namespaces joined by a wire with room for VXLAN.
func underlay(t testing.TB) (a, b string) {
	t.Helper()
	a, b = innstest.New(t), innstest.New(t)
	innstest.Veth(t, a, "u0", b, "u0")
	for i, ns := range []string{a, b} {
		innstest.IP(t, ns, "link set u0 mtu 1600")
		innstest.IP(t, ns, fmt.Sprintf("addr add 192.0.2.%d/24 dev u0", i+1))
	}
	return a, b
}

func open(t testing.TB, c vxlan.Config) *vxlan.Port {
	t.Helper()
	if c.Table == nil {
		c.Table = table(t, vxlan.Segment{VLAN: 100, VNI: 5001}, vxlan.Segment{VLAN: 200, VNI: 5002})
	}
	p, err := vxlan.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func queue(t testing.TB, p port.Port) port.Queue {
	t.Helper()
	q, err := p.Queue(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return q
}

// make fills a frame from bytes, with the first head bytes in the head.
func made(b []byte, head int) *frame.Frame {
	f := &frame.Frame{Off: frame.Headroom}
	n := min(head, len(b))
	f.Buf = append(make([]byte, frame.Headroom), b[:n]...)
	f.Head = uint32(n)
	if n < len(b) {
		f.Tail = b[n:]
	}
	return f
}

// got is a frame that was received.
type got struct {
	vlan uint16
	data string
	drop frame.Reason
	flag frame.Flags
	gso  frame.GSO
}

// receive waits until n frames have come.
func receive(t testing.TB, q port.Queue, n int) []got {
	t.Helper()
	var list []got
	var b frame.Batch
	for end := time.Now().Add(30 * time.Second); len(list) < n; {
		if time.Now().After(end) {
			t.Fatalf("%d frames, want %d", len(list), n)
		}
		if err := q.Recv(&b); err != nil {
			t.Fatal(err)
		}
		for i := range b.N {
			f := &b.Frames[i]
			data := append(append([]byte(nil), f.Bytes()...), f.Tail...)
			list = append(list, got{f.TCI, string(data), b.Drop[i], f.Flags, f.GSO})
		}
		q.Release(&b)
		if b.N == 0 {
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(q.FD()), Events: unix.POLLIN}}, 100)
		}
	}
	return list
}

// ethernet builds a frame of n bytes of a flow.
func ethernet(flow, n int, kind uint16) []byte {
	b := make([]byte, n)
	copy(b, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, byte(flow), byte(kind >> 8), byte(kind)})
	for i := 14; i < n; i++ {
		b[i] = byte(i * (flow + 3))
	}
	return b
}

func TestFrames(t *testing.T) {
	for _, single := range []bool{false, true} {
		t.Run(fmt.Sprintf("single=%v", single), func(t *testing.T) {
			a, b := underlay(t)
			pa := open(t, vxlan.Config{Namespace: a, Name: "nve1", Local: left, Peer: right, Single: single})
			pb := open(t, vxlan.Config{Namespace: b, Name: "nve1", Local: right, Peer: left, Single: single})
			qa, qb := queue(t, pa), queue(t, pb)
			if i := pa.Info(); !i.Carrier || i.MTU != 1550 {
				t.Errorf("info %+v", i)
			} else if (i.Driver == "udp segment gro") == single {
				t.Errorf("driver %q", i.Driver)
			}
			var outs []frame.Out
			var want []got
			for i := range 60 { // of some flows and lengths, with and without a tail
				vlan := uint16(100 + i%2*100)
				data := ethernet(i%5, 60+(i%7)*220, 0x88b5)
				outs = append(outs, frame.Out{Frame: made(data, 128+i%3*2000), TCI: vlan | 0x6000, Tag: true})
				want = append(want, got{vlan, string(data), frame.Forward, frame.Tagged, 0})
			}
			bad := []frame.Out{
				{Frame: made(ethernet(1, 60, 0x88b5), 128), TCI: 300},
				{Frame: made(ethernet(1, 60, 0x8100), 128), TCI: 100},
				{Frame: made(ethernet(1, 13, 0)[:13], 128), TCI: 100},
				{Frame: made(ethernet(1, 1700, 0x88b5), 128), TCI: 100},
			}
			outs = append(outs, bad...)
			if err := qa.Send(outs); err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if outs[i].Drop != frame.Forward {
					t.Errorf("frame %d: %v", i, outs[i].Drop)
				}
			}
			for i, r := range []frame.Reason{frame.VLANNotAllowed, frame.BadEncap, frame.Runt, frame.Giant} {
				if d := outs[len(want)+i].Drop; d != r {
					t.Errorf("bad frame %d: %v, want %v", i, d, r)
				}
			}
			flows := map[byte][]got{}
			for _, g := range receive(t, qb, len(want)) {
				flows[g.data[11]] = append(flows[g.data[11]], g)
			}
			for _, g := range want { // in order, flow by flow
				list := flows[g.data[11]]
				if len(list) == 0 || list[0] != g {
					t.Fatalf("flow %d: frames are missing or out of order", g.data[11])
				}
				flows[g.data[11]] = list[1:]
			}
		})
	}
}

// TestTrains counts what trains save: a burst of frames of one flow is received
// as one message.
func TestTrains(t *testing.T) {
	a, b := underlay(t)
	pa := open(t, vxlan.Config{Namespace: a, Local: left, Peer: right})
	pb := open(t, vxlan.Config{Namespace: b, Local: right, Peer: left})
	qa, qb := queue(t, pa), queue(t, pb)
	if pa.Info().Driver != "udp segment gro" {
		t.Skip("this kernel does not do trains")
	}
	send := func(rounds int) {
		for range rounds {
			var outs []frame.Out
			for range frame.BatchSize {
				outs = append(outs, frame.Out{Frame: made(ethernet(1, 1000, 0x88b5), 128), TCI: 100})
			}
			if err := qa.Send(outs); err != nil {
				t.Fatal(err)
			}
			for i := range outs {
				if outs[i].Drop != frame.Forward {
					t.Fatalf("frame %d: %v", i, outs[i].Drop)
				}
			}
		}
	}
	send(4)
	list := receive(t, qb, 4*frame.BatchSize)
	for i := range list {
		if list[i] != (got{100, string(ethernet(1, 1000, 0x88b5)), frame.Forward, frame.Tagged, 0}) {
			t.Fatalf("frame %d was damaged", i)
		}
	}
	// One system call sends the burst and one receives it: what it takes must not
	// allocate either.
	outs := make([]frame.Out, frame.BatchSize)
	f := made(ethernet(1, 1000, 0x88b5), 128)
	var batch frame.Batch
	if n := testing.AllocsPerRun(50, func() {
		for i := range outs {
			outs[i] = frame.Out{Frame: f, TCI: 100}
		}
		_ = qa.Send(outs)
		for {
			if _ = qb.Recv(&batch); batch.N == 0 {
				return
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations in a burst", n)
	}
}

func TestOpenRefuses(t *testing.T) {
	ns := innstest.New(t)
	tab := table(t)
	for name, c := range map[string]vxlan.Config{
		"itself":   {Local: left, Peer: left, Table: tab},
		"no table": {Local: left, Peer: right},
		"v6":       {Local: left, Peer: netip.MustParseAddr("2001:db8::1"), Table: tab},
		"no route": {Local: left, Peer: right, Table: tab},
	} {
		c.Namespace = ns
		if p, err := vxlan.Open(c); err == nil {
			t.Errorf("%s: opened", name)
			_ = p.Close()
		}
	}
}

func TestTable(t *testing.T) {
	var list []vxlan.Segment
	for v := ether.VLANID(1); v <= ether.MaxVLAN; v++ {
		list = append(list, vxlan.Segment{VLAN: v, VNI: uint32(v) * 4096})
	}
	if got := table(t, list...).Segments(); len(got) != len(list) {
		t.Errorf("%d segments", len(got))
	}
	for name, bad := range map[string][]vxlan.Segment{
		"vlan 0": {{0, 5000}}, "vlan 4095": {{4095, 5000}}, "vni 0": {{1, 0}}, "vni": {{1, 1 << 24}},
		"vlan twice": {{1, 5000}, {1, 5001}}, "vni twice": {{1, 5000}, {2, 5000}},
	} {
		if _, err := vxlan.NewTable(bad); err == nil {
			t.Errorf("%s: made", name)
		}
	}
}
