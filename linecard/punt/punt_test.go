package punt

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
)

func lldp(t testing.TB) []byte {
	t.Helper()
	buf := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{},
		&layers.Ethernet{
			DstMAC: []byte{1, 0x80, 0xc2, 0, 0, 0x0e}, SrcMAC: []byte{2, 0, 0, 0, 0, 1},
			EthernetType: layers.EthernetTypeLinkLayerDiscovery,
		},
		&layers.LinkLayerDiscovery{
			ChassisID: layers.LLDPChassisID{Subtype: layers.LLDPChassisIDSubTypeMACAddr, ID: []byte{2, 0, 0, 0, 0, 1}},
			PortID:    layers.LLDPPortID{Subtype: layers.LLDPPortIDSubtypeIfaceName, ID: []byte("eth0")},
			TTL:       120,
		})
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func described(b []byte) *frame.Frame {
	return &frame.Frame{Buf: b, Head: uint32(len(b))}
}

func TestHandlers(t *testing.T) {
	got := make(chan string, 1)
	q := New(Config{
		PortName: func(i uint16) string { return map[uint16]string{7: "Ethernet3/1"}[i] },
		Handlers: map[ether.EtherType]Handler{
			ether.TypeLLDP: func(_ context.Context, p *Packet) {
				l, ok := p.Layer(layers.LayerTypeLinkLayerDiscovery).(*layers.LinkLayerDiscovery)
				if !ok {
					got <- "not decoded"
					return
				}
				got <- p.Name + " " + string(l.PortID.ID)
			},
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- q.Run(ctx) }()
	if !q.Punt(7, described(lldp(t)), 1) {
		t.Fatal("refused")
	}
	select {
	case s := <-got:
		if s != "Ethernet3/1 eth0" {
			t.Errorf("handled %q", s)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("not handled")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestPanic(t *testing.T) {
	causes := make(chan any, 2)
	q := New(Config{
		Handlers: map[ether.EtherType]Handler{ether.TypeLLDP: func(context.Context, *Packet) { panic("bad tlv") }},
		Panicked: func(_ *Packet, cause any) { causes <- cause },
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _ = q.Run(ctx) }()
	for range 2 {
		if !q.Punt(1, described(lldp(t)), 1) {
			t.Fatal("refused")
		}
		select {
		case c := <-causes:
			if c != "bad tlv" {
				t.Errorf("cause %v", c)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("the queue does not go on after a panic")
		}
	}
	if n := q.Panics(); n != 2 {
		t.Errorf("%d panics counted", n)
	}
}

// TestPolicer checks that a storm from one port leaves the others' frames
// alone.
func TestPolicer(t *testing.T) {
	q := New(Config{Rate: 10, Burst: 5, Buffers: 64})
	f := described(lldp(t))
	admitted := 0
	for i := range 10000 {
		if q.Punt(1, f, int64(i)*1000) {
			admitted++
		}
	}
	if admitted != 5 {
		t.Errorf("%d frames of a storm within 10 ms, want the burst of 5", admitted)
	}
	if !q.Punt(2, f, 10_000_000) {
		t.Error("another port's frame is refused")
	}
	if !q.Punt(1, f, 10_000_000+100_000_000) {
		t.Error("no credit after a tenth of a second")
	}
	if q.Punt(1, f, 10_000_000+100_000_001) {
		t.Error("more credit than time passed")
	}
}

func TestBounds(t *testing.T) {
	q := New(Config{Rate: 1 << 20, Burst: 1 << 10, Buffers: 4})
	f := described(lldp(t))
	for i := range 4 {
		if !q.Punt(1, f, 0) {
			t.Fatalf("frame %d refused", i)
		}
	}
	if q.Punt(2, f, 0) {
		t.Error("a frame was taken without a buffer")
	}
	if New(Config{}).Punt(1, described(make([]byte, MaxLen+1)), 0) {
		t.Error("a frame beyond the limit was taken")
	}
}

func TestProtocol(t *testing.T) {
	addresses := make([]byte, 12)
	cdp := []byte{0, 12, 0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0, 2, 60, 0, 0}
	tag := []byte{0x81, 0, 0, 1}
	for name, c := range map[string]struct {
		frame []byte
		want  ether.EtherType
	}{
		"nothing":                     {nil, 0},
		"short":                       {addresses, 0},
		"LLDP":                        {lldp(t), ether.TypeLLDP},
		"tagged LLDP":                 {slices.Concat(addresses, tag, []byte{0x88, 0xcc, 0, 0}), ether.TypeLLDP},
		"CDP":                         {slices.Concat(addresses, cdp), ether.TypeCDP},
		"tagged CDP":                  {slices.Concat(addresses, []byte{0x88, 0xa8, 0, 1}, tag, cdp), ether.TypeCDP},
		"three tags":                  {slices.Concat(addresses, tag, tag, tag, cdp), ether.TypeVLAN},
		"its identifier as EtherType": {slices.Concat(addresses, []byte{0x20, 0, 2, 60, 0, 0}), 0},
		"another SNAP":                {slices.Concat(addresses, cdp[:5], []byte{0, 0, 0, 0x20, 0, 2, 60, 0, 0}), 0},
		"spanning tree":               {slices.Concat(addresses, []byte{0, 7, 0x42, 0x42, 3, 0, 0, 0, 0}), 0},
	} {
		if got := Protocol(Decode(c.frame)); got != c.want {
			t.Errorf("%s: %#x, want %#x", name, got, c.want)
		}
	}
}

func FuzzProtocol(f *testing.F) {
	f.Add([]byte{})
	f.Add(append(make([]byte, 12), 0x81, 0, 0, 1, 0x88, 0xcc))
	f.Add(append(make([]byte, 12), 0, 40, 0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := Decode(b)
		if got := Protocol(p); got != 0 && got != ether.TypeCDP && got < 0x600 {
			t.Errorf("protocol %#x", got)
		}
		if tags := len(b) - len(p.Data()); tags < 0 || tags > maxTags*frame.TagLen {
			t.Errorf("%d bytes removed", tags)
		}
	})
}
