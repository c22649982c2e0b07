package pipeline

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/porttest"
)

// tcp returns a super-frame of TCP over IPv4 as a TAP delivers it.
func tcp(t testing.TB, dst, src ether.MAC, payload, size int) porttest.Frame {
	t.Helper()
	ip := &layers.IPv4{Version: 4, IHL: 5, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: []byte{10, 0, 0, 1}, DstIP: []byte{10, 0, 0, 2}}
	l4 := &layers.TCP{SrcPort: 1000, DstPort: 2000, Seq: 7, ACK: true, PSH: true, Window: 100}
	if err := l4.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	buf := gopacket.NewSerializeBuffer()
	data := make([]byte, payload)
	for i := range data {
		data[i] = byte(i * 7)
	}
	err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.Ethernet{DstMAC: dst[:], SrcMAC: src[:], EthernetType: layers.EthernetTypeIPv4}, ip, l4, gopacket.Payload(data))
	if err != nil {
		t.Fatal(err)
	}
	f := porttest.Frame{Bytes: buf.Bytes()}
	// The partial sum: of the pseudo header alone.
	pseudo := []byte{10, 0, 0, 1, 10, 0, 0, 2, 0, 6, 0, 0}
	binary.BigEndian.PutUint16(pseudo[10:], uint16(20+payload))
	binary.BigEndian.PutUint16(f.Bytes[50:], ^frame.Checksum(pseudo))
	f.Hdr[0] = 1
	if size > 0 {
		f.Hdr[1] = 1
		binary.NativeEndian.PutUint16(f.Hdr[2:], 54)
		binary.NativeEndian.PutUint16(f.Hdr[4:], uint16(size))
	}
	binary.NativeEndian.PutUint16(f.Hdr[6:], 34)
	binary.NativeEndian.PutUint16(f.Hdr[8:], 16)
	return f
}

// intact checks the checksums of a frame and returns its TCP payload length.
func intact(t testing.TB, b []byte) int {
	t.Helper()
	rest, _, _ := porttest.Untagged(b)
	p := gopacket.NewPacket(rest, layers.LayerTypeEthernet, gopacket.Default)
	ip, _ := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
	l4, _ := p.Layer(layers.LayerTypeTCP).(*layers.TCP)
	if ip == nil || l4 == nil {
		t.Fatalf("not TCP: %x", rest[:40])
	}
	pseudo := append(append(append([]byte(nil), ip.SrcIP...), ip.DstIP...), 0, 6, 0, 0)
	binary.BigEndian.PutUint16(pseudo[10:], uint16(len(ip.Payload)))
	if frame.Checksum(ip.Contents) != 0 || frame.Checksum(append(pseudo, ip.Payload...)) != 0 {
		t.Error("wrong checksum")
	}
	return len(l4.Payload)
}

// TestOffloads floods a super-frame to receivers that can take it, that can
// only checksum, and that can take nothing.
func TestOffloads(t *testing.T) {
	ports := map[string]*porttest.Port{
		veth1: porttest.New(porttest.Options{Name: veth1, HeadLen: frame.HeadMin}),
		veth2: porttest.New(porttest.Options{Name: veth2, Offloads: port.Csum | port.TSO4}),
		veth3: porttest.New(porttest.Options{Name: veth3, Offloads: port.Csum}),
		eth1:  porttest.New(porttest.Options{Name: eth1}),
		eth2:  porttest.New(porttest.Options{Name: eth2, MTU: 1400}),
	}
	b := newBench(t, standard, ports)
	super := tcp(t, ether.Broadcast, mac(1), 60000, 1460)
	ports[veth1].DeliverFrames(super)
	b.turn()
	whole := ports[veth2].Sent()
	if len(whole) != 1 || whole[0].Hdr != super.Hdr || string(whole[0].Bytes) != string(super.Bytes) {
		t.Errorf("receiver of super-frames got %d frames", len(whole))
	}
	for _, name := range []string{veth3, eth1} {
		n, got := 0, ports[name].Sent()
		for _, f := range got {
			if name == veth3 { // completes checksums itself
				if f.Hdr[0] != 1 || f.Hdr[1] != 0 {
					t.Fatalf("%s: header %x", name, f.Hdr)
				}
				x := frame.Frame{Buf: f.Bytes, Head: uint32(len(f.Bytes)), Flags: frame.NeedsCsum, CsumStart: 34, CsumOffset: 16}
				frame.CompleteChecksum(&x)
			}
			n += intact(t, f.Bytes)
		}
		if len(got) != 42 || n != 60000 {
			t.Errorf("%s got %d segments with %d bytes, want 42 with 60000", name, len(got), n)
		}
		c, _ := b.e.Counters(name)
		if c.TxBroadcast != 42 || c.TxOctets != 60000+42*54 {
			t.Errorf("%s counts %d frames, %d octets", name, c.TxBroadcast, c.TxOctets)
		}
	}
	c, _ := b.e.Counters(eth2)
	if c.TxDrops[frame.Giant] != 42 || c.Tx() != 0 {
		t.Errorf("a port with a smaller mtu: %d dropped, %d sent", c.TxDrops[frame.Giant], c.Tx())
	}
	in, _ := b.e.Counters(veth1)
	if in.RxBroadcast != 42 || in.RxOctets != 60000+42*54 {
		t.Errorf("ingress counts %d frames, %d octets", in.RxBroadcast, in.RxOctets)
	}
	b.checkSum()

	ports[veth1].DeliverFrames(tcp(t, ether.Broadcast, mac(1), 1000, 0))
	b.turn()
	if got := ports[veth2].Sent(); len(got) != 1 || got[0].Hdr[0] != 1 {
		t.Errorf("a partial checksum was completed for a device that takes it? %v", got)
	}
	if got := ports[eth1].Sent(); len(got) != 1 || got[0].Hdr[0] != 0 || intact(t, got[0].Bytes) != 1000 {
		t.Error("the checksum is not complete")
	}
}

// TestHostileHeaders sends random virtio headers, to receivers with and without
// offloads.
func TestHostileHeaders(t *testing.T) {
	ports := allPorts(veth1, veth2, veth3)
	ports[eth1] = porttest.New(porttest.Options{Name: eth1})
	b := newBench(t, standard, ports)
	r := rand.New(rand.NewPCG(1, 2))
	small := []uint16{0, 1, 13, 14, 20, 33, 34, 35, 50, 52, 54, 60, 1460, 9499, 65535}
	pick := func() uint16 {
		if r.IntN(4) == 0 {
			return uint16(r.Uint32())
		}
		return small[r.IntN(len(small))]
	}
	for range 3000 {
		f := tcp(t, ether.Broadcast, mac(1), r.IntN(5000), 0)
		f.Hdr[0] = byte(r.IntN(4))
		f.Hdr[1] = []byte{0, 1, 3, 4, 5, 0x81, 0x84, byte(r.Uint32())}[r.IntN(8)]
		for at := 2; at < 10; at += 2 {
			binary.NativeEndian.PutUint16(f.Hdr[at:], pick())
		}
		if r.IntN(8) == 0 {
			f.Bytes = f.Bytes[:r.IntN(len(f.Bytes))]
		}
		ports[veth1].DeliverFrames(f)
		b.turn()
		for _, p := range ports {
			p.Sent()
		}
	}
	b.checkSum()
	for _, p := range b.e.Ports() {
		if p.ErrDisabled != frame.Forward {
			t.Errorf("%s is quarantined", p.Name)
		}
	}
}

// TestSums sends random traffic through ports that are full, gone, down and
// too small, and checks that nothing is unaccounted.
func TestSums(t *testing.T) {
	ports := allPorts(chassisPorts...)
	ports["E1"] = porttest.New(porttest.Options{Name: "E1"})
	ports["V2"] = porttest.New(porttest.Options{Name: "V2", MTU: 600})
	b := newBench(t, chassis, ports)
	r := rand.New(rand.NewPCG(8, 9))
	address := func() ether.MAC {
		switch r.IntN(8) {
		case 0:
			return ether.Broadcast
		case 1:
			return ether.MAC{1, 0, 0x5e, 0, 0, byte(r.IntN(4))}
		case 2:
			return ether.MAC{1, 0x80, 0xc2, 0, 0, byte(r.IntN(16))}
		}
		return mac(r.IntN(40))
	}
	for round := range 400 {
		for name, p := range ports {
			for range r.IntN(100) {
				switch r.IntN(10) {
				case 0:
					p.DeliverFrames(tcp(t, address(), mac(r.IntN(40)), r.IntN(20000)+1, 1000))
				default:
					f := ethernet(address(), mac(r.IntN(40)), r.IntN(1600))
					if r.IntN(2) == 0 && len(f) >= 14 {
						f = porttest.Tagged(f, uint16([]int{0, 1, 10, 20, 30, 50}[r.IntN(6)]))
					}
					p.Deliver(f)
				}
			}
			p.Room(-1)
			if r.IntN(5) == 0 {
				p.Room(r.IntN(30))
			}
			if r.IntN(20) == 0 {
				p.SetCarrier(r.IntN(2) == 0)
				b.e.Refresh(name)
			}
		}
		if round == 300 {
			ports["U1"].Vanish()
		}
		b.turn()
		b.e.Recover("V1")
		for _, p := range ports {
			p.Sent()
		}
		b.now += 1e8
	}
	b.checkSum()
	seen := map[frame.Reason]bool{}
	for _, p := range b.e.Ports() {
		for r := range frame.Reasons {
			if p.Counters.RxDrops[r]+p.Counters.TxDrops[r] != 0 {
				seen[r] = true
			}
		}
	}
	for _, want := range []frame.Reason{frame.Runt, frame.Giant, frame.TaggedOnAccess, frame.VLANNotAllowed, frame.VLANInactive,
		frame.PortDown, frame.SameSegment, frame.NotDesignated, frame.QueueFull, frame.LinkLocal, frame.Filtered} {
		if !seen[want] {
			t.Errorf("the traffic never met %v", want)
		}
	}
}

// TestOldPlan delivers to a port that a worker has and its plan has not yet.
func TestOldPlan(t *testing.T) {
	b := newBench(t, standard, allPorts(veth1, veth2))
	b.e.plan.Store(&Plan{})
	b.ports[veth1].Deliver(ethernet(ether.Broadcast, mac(1), 60))
	b.turn()
	if c, _ := b.e.Counters(veth1); c.Rx() != 1 || c.RxDrops[frame.PortDown] != 1 {
		t.Errorf("%d received, %d dropped for port-down", c.Rx(), c.RxDrops[frame.PortDown])
	}
	b.checkSum()
}

// TestNoAllocation takes whole batches through a worker round: received,
// learned, looked up, flooded and sent.
func TestNoAllocation(t *testing.T) {
	for _, c := range []struct {
		name   string
		frames []porttest.Frame
		have   port.Offloads
	}{
		{"unicast", repeat(64, func(i int) porttest.Frame { return porttest.Frame{Bytes: ethernet(mac(2), mac(1), 60)} }), 0},
		{"flood", repeat(64, func(i int) porttest.Frame { return porttest.Frame{Bytes: ethernet(ether.Broadcast, mac(1), 60)} }), 0},
		{"learning", repeat(64, func(i int) porttest.Frame { return porttest.Frame{Bytes: ethernet(mac(2), mac(100+i), 60)} }), 0},
		{"drop", repeat(64, func(i int) porttest.Frame {
			return porttest.Frame{Bytes: porttest.Tagged(ethernet(mac(2), mac(1), 60), 5)}
		}), 0},
		{"super-frame", repeat(4, func(i int) porttest.Frame { return tcp(t, mac(2), mac(1), 60000, 1460) }), port.Csum | port.TSO4},
		{"super-frame segmented", repeat(4, func(i int) porttest.Frame { return tcp(t, mac(2), mac(1), 60000, 1460) }), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			ports := map[string]*porttest.Port{veth1: porttest.New(porttest.Options{Name: veth1, Repeat: c.frames, Polled: true})}
			for _, n := range []string{veth2, veth3, eth1, eth2} {
				ports[n] = porttest.New(porttest.Options{Name: n, Discard: true, Polled: true, Offloads: c.have})
			}
			b := newBench(t, standard, ports)
			ports[veth2].Deliver(ethernet(ether.Broadcast, mac(2), 60))
			b.w.round(1)
			now := int64(2)
			if n := testing.AllocsPerRun(100, func() {
				b.w.round(now)
				now += 1000
			}); n != 0 {
				t.Errorf("%v allocations a round", n)
			}
			b.checkSum()
			if c, _ := b.e.Counters(veth1); c.Rx() < 100 {
				t.Errorf("only %d frames received", c.Rx())
			}
		})
	}
}

func repeat(n int, f func(i int) porttest.Frame) []porttest.Frame {
	list := make([]porttest.Frame, n)
	for i := range list {
		list[i] = f(i)
	}
	return list
}

// stage is a guard, flood and egress stage made of functions.
type stage struct {
	run    func(*Worker, *frame.Batch)
	egress func(*Worker, uint16, []frame.Out)
}

func (s stage) Run(w *Worker, b *frame.Batch)                     { s.run(w, b) }
func (s stage) RunEgress(w *Worker, port uint16, out []frame.Out) { s.egress(w, port, out) }

func TestStages(t *testing.T) {
	flooded := 0
	guard := stage{run: func(_ *Worker, b *frame.Batch) {
		for i := range b.N {
			if b.Drop[i] == frame.Forward && b.Frames[i].Len() == 61 {
				b.Drop[i] = frame.Filtered
			}
		}
	}}
	flood := stage{run: func(_ *Worker, b *frame.Batch) { flooded++ }}
	egress := stage{egress: func(_ *Worker, _ uint16, out []frame.Out) {
		for i := range out {
			if out[i].Len() == 62 {
				out[i].Drop = frame.Filtered
			}
		}
	}}
	b := newBench(t, func(b *Builder) error {
		err := chassis(b)
		b.Port("V1").Guard = []Stage{guard}
		b.Port("V1").Flood = []Stage{flood}
		b.Port("V2").Egress = []EgressStage{egress}
		return err
	}, allPorts("V1", "V2", "E1"))
	for _, c := range []struct {
		in   string
		data []byte
		want string
	}{
		{"V1", ethernet(ether.Broadcast, mac(1), 60), "E1 V2"},
		{"V1", ethernet(ether.Broadcast, mac(1), 61), "!filtered"},
		{"V2", ethernet(ether.Broadcast, mac(2), 61), "E1 V1"},
		{"V1", ethernet(ether.Broadcast, mac(1), 62), "E1 V2!filtered"},
		{"V1", ethernet(mac(2), mac(1), 60), "V2"},
	} {
		if got := b.run(c.in, c.data); got != c.want {
			t.Errorf("%s, %d bytes: %s, want %s", c.in, len(c.data), got, c.want)
		}
	}
	if flooded != 2 {
		t.Errorf("the flood slot ran %d times, want 2", flooded)
	}
}

// TestFault panics in every slot: the frames are counted and saved, the port is
// quarantined, the worker goes on.
func TestFault(t *testing.T) {
	boom := func(*Worker, *frame.Batch) { panic("stage") }
	for slot, set := range map[string]func(*Builder){
		"guard": func(b *Builder) { b.Port("V1").Guard = []Stage{stage{run: boom}} },
		"flood": func(b *Builder) { b.Port("V1").Flood = []Stage{stage{run: boom}} },
		"egress": func(b *Builder) {
			b.Port("V2").Egress = []EgressStage{stage{egress: func(*Worker, uint16, []frame.Out) { panic("stage") }}}
		},
	} {
		t.Run(slot, func(t *testing.T) {
			b := newBench(t, func(b *Builder) error {
				err := chassis(b)
				set(b)
				return err
			}, allPorts("V1", "V2", "E1"))
			var events []Event
			b.e.onEvent = func(ev Event) { events = append(events, ev) }
			data := ethernet(ether.Broadcast, mac(1), 60)
			b.ports["V1"].Deliver(data, data)
			b.turn()
			b.checkSum()
			var fault *Fault
			for _, ev := range events {
				if ev.Kind == EventFault && ev.Port == "V1" {
					fault = ev.Fault
				}
			}
			if fault == nil || len(fault.Frames) != 2 || string(fault.Frames[0]) != string(data) || fault.Cause != "stage" ||
				!strings.Contains(string(fault.Stack), "pipeline") {
				t.Fatalf("fault %+v", fault)
			}
			if got := b.run("V1", data); got != "!fault" {
				t.Errorf("out of the quarantined port: %s", got)
			}
			if got := b.run("E1", ethernet(ether.Broadcast, mac(3), 60)); slot != "egress" && got != "V2" {
				t.Errorf("another port: %s", got)
			}
		})
	}
}

func TestGone(t *testing.T) {
	ports := allPorts("V1", "V2", "E1")
	b := newBench(t, chassis, ports)
	var events []string
	b.e.onEvent = func(ev Event) { events = append(events, fmt.Sprint(ev.Kind, ev.Port)) }
	b.run("V1", ethernet(ether.Broadcast, mac(1), 60))
	ports["V1"].Vanish()
	b.turn()
	if len(events) == 0 || events[0] != fmt.Sprint(EventGone, "V1") {
		t.Errorf("events %v", events)
	}
	if got := b.run("V2", ethernet(mac(1), mac(2), 60)); got != "E1" {
		t.Errorf("beside the gone port: %s", got)
	}
	ports["V1"] = allPorts("V1")["V1"]
	if err := b.e.SetPort("V1", ports["V1"]); err != nil {
		t.Fatal(err)
	}
	if got := b.run("V2", ethernet(mac(9), mac(2), 60)); got != "E1 V1" {
		t.Errorf("after the device came back: %s", got)
	}
	if c, _ := b.e.Counters("V1"); c.Rx() != 1 {
		t.Errorf("counters were lost: %d frames", c.Rx())
	}
}

func TestInject(t *testing.T) {
	ports := allPorts("V1", "V2")
	b := newBench(t, chassis, ports)
	b.w.running, b.w.event = true, -1 // as if it ran
	data := ethernet(mac(9), mac(8), 60)
	if err := b.e.Inject("V1", data); err != nil {
		t.Fatal(err)
	}
	b.turn()
	b.w.running = false
	if got := ports["V1"].Sent(); len(got) != 1 || string(got[0].Bytes) != string(data) {
		t.Errorf("sent %v", got)
	}
	b.checkSum()
	for _, c := range []struct {
		port string
		data []byte
	}{{"V1", data[:13]}, {"V1", make([]byte, frame.MaxWire+1)}, {"V5", data}, {"none", data}} {
		if err := b.e.Inject(c.port, c.data); err == nil {
			t.Errorf("%d bytes into %s: no error", len(c.data), c.port)
		}
	}
	for range maxInjections {
		_ = b.e.Inject("V1", data)
	}
	if err := b.e.Inject("V1", data); !errors.Is(err, ErrFull) {
		t.Errorf("beyond the bound: %v", err)
	}
}

// TestFlush takes a port down right after a frame was injected: it has left.
func TestFlush(t *testing.T) {
	e := New(Config{})
	if err := e.Apply(standard); err != nil {
		t.Fatal(err)
	}
	dev := allPorts(veth1)[veth1]
	if err := e.SetPort(veth1, dev); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	// What is injected before the workers run waits for them, not for Flush.
	if err := errors.Join(e.Apply(standard), e.Inject(veth1, ethernet(mac(9), mac(8), 60))); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); len(dev.Sent()) == 0; time.Sleep(time.Millisecond) { // a poll of the condition
		if time.Now().After(deadline) {
			t.Fatal("the engine does not run")
		}
	}
	const times = 50
	for range times {
		if err := e.Apply(standard); err != nil {
			t.Fatal(err)
		}
		if l := e.Link(veth1); !l.Up || l.Info.Device != veth1 || l.PVID != 10 {
			t.Fatalf("link %+v", l)
		}
		if err := e.Inject(veth1, ethernet(mac(9), mac(8), 60)); err != nil {
			t.Fatal(err)
		}
		e.Flush()
		if err := e.Apply(func(*Builder) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := len(dev.Sent()); n != times { // since the last call
		t.Errorf("%d frames left, want %d", n, times)
	}
	if l := e.Link("none"); l != (Link{}) {
		t.Errorf("link of no port: %+v", l)
	}
}

func TestCapture(t *testing.T) {
	b := newBench(t, chassis, allPorts("V1", "V2", "E2"))
	k, err := b.e.Capture(CaptureConfig{SnapLen: 20, Slots: 8})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.e.Capture(CaptureConfig{}); err == nil {
		t.Error("two captures at a time")
	}
	b.run("E2", porttest.Tagged(ethernet(ether.Broadcast, mac(1), 60), 10))
	b.run("V1", porttest.Tagged(ethernet(ether.Broadcast, mac(2), 60), 10))
	var got []string
	for {
		r, ok := k.Read()
		if !ok {
			break
		}
		if len(r.Data) != 20 {
			t.Errorf("%d bytes", len(r.Data))
		}
		got = append(got, fmt.Sprintf("%d %s %s %d", r.Point, b.e.PortName(r.Port), r.Reason, r.Len))
	}
	want := []string{"1 E2 forward 64", "2 V1 forward 60", "2 V2 forward 60", "1 V1 forward 64", "4 V1 tagged-on-access 64"}
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		t.Errorf("captured %q, want %q", got, want)
	}
	for i := range 10 {
		b.run("V1", ethernet(mac(1), mac(2+i), 60))
	}
	if k.Lost() == 0 {
		t.Error("the ring never filled")
	}
	k.Close()
	if b.e.capture.Load() != nil {
		t.Error("still capturing")
	}
}

// TestOverrun has devices that lose frames before anybody sees them: they count
// as dropped, not as received, across a change of device and a clearing.
func TestOverrun(t *testing.T) {
	b := newBench(t, chassis, allPorts("V1", "V2"))
	overruns := func(want uint64, rx uint64) {
		t.Helper()
		if c, _ := b.e.Counters("V1"); c.RxDrops[frame.Overrun] != want || c.Rx() != rx {
			t.Errorf("%d overruns, %d frames received, want %d and %d", c.RxDrops[frame.Overrun], c.Rx(), want, rx)
		}
	}
	// A buffer that overflows holds a frame that is received later.
	lose := func(p *porttest.Port, n uint64) {
		t.Helper()
		p.Lose(n)
		p.Deliver(ethernet(ether.Broadcast, mac(1), 60))
		b.turn()
	}
	lose(b.ports["V1"], 3)
	overruns(3, 1)
	b.ports["V1"].Lose(1)
	if err := b.e.RemovePort("V1"); err != nil {
		t.Fatal(err)
	}
	overruns(4, 1)
	next := allPorts("V1")["V1"]
	next.Lose(2)
	if err := b.e.SetPort("V1", next); err != nil {
		t.Fatal(err)
	}
	overruns(6, 1)
	b.e.ClearCounters("V1")
	overruns(0, 0)
	lose(next, 1)
	overruns(1, 1)
}

func TestCountersClear(t *testing.T) {
	b := newBench(t, chassis, allPorts("V1", "V2"))
	b.run("V1", ethernet(ether.Broadcast, mac(1), 60))
	if !b.e.ClearCounters("V1") || b.e.ClearCounters("none") {
		t.Error("clear reports wrongly")
	}
	b.ports["V1"].Deliver(ethernet(ether.MAC{1, 0, 0x5e, 0, 0, 1}, mac(1), 1514))
	b.turn()
	c, _ := b.e.Counters("V1")
	if c.RxBroadcast != 0 || c.RxMulticast != 1 || c.RxOctets != 1514 || c.RxJumbo != 0 {
		t.Errorf("counters %+v", c)
	}
	if err := b.e.Apply(chassis); err != nil {
		t.Fatal(err)
	}
	if again, _ := b.e.Counters("V1"); again != c {
		t.Error("a program changed the counters")
	}
}

// TestSwap applies programs, attaches and detaches ports while two workers
// forward; a port that is not touched loses nothing.
func TestSwap(t *testing.T) {
	names := []string{"V1", "V2", "V3", "V4", "E1"}
	ports := allPorts(names...)
	e := New(Config{Workers: 2})
	if err := e.Apply(chassis); err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if err := e.SetPort(n, ports[n]); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	ports["V2"].Deliver(ethernet(ether.Broadcast, mac(2), 60))
	wait(t, "learning", func() bool { return e.FDB().Count(e.PortIndex("V2")) == 1 })
	ports["V1"].Sent()
	ports["V2"].Sent()

	const frames = 4000
	sent, got := 0, 0
	for round := 0; sent < frames || got < frames; round++ {
		for range 50 {
			if sent < frames {
				ports["V1"].Deliver(ethernet(mac(2), mac(1), 60))
				sent++
			}
		}
		switch round % 4 {
		case 0:
			if err := e.Apply(func(b *Builder) error {
				err := chassis(b)
				b.Port("V4").Trunk = round%8 == 0
				return err
			}); err != nil {
				t.Fatal(err)
			}
		case 1:
			if err := e.RemovePort("E1"); err != nil {
				t.Fatal(err)
			}
		case 2:
			ports["E1"] = allPorts("E1")["E1"]
			if err := e.SetPort("E1", ports["E1"]); err != nil {
				t.Fatal(err)
			}
		default:
			e.ClearCounters("V3")
			e.Ports()
			e.Workers()
		}
		got += len(ports["V2"].Sent())
		if round > 100000 {
			t.Fatalf("%d of %d frames arrived", got, frames)
		}
	}
	if got != frames {
		t.Errorf("%d frames arrived, want %d", got, frames)
	}
}

// TestApplyRefused checks that a bad program changes nothing.
func TestApplyRefused(t *testing.T) {
	b := newBench(t, chassis, allPorts("V1", "V2"))
	before := b.e.Generation()
	if err := b.e.Apply(func(*Builder) error { return errors.New("no") }); err == nil {
		t.Error("no error")
	}
	if err := b.e.Apply(func(b *Builder) error {
		for i := range MaxPorts {
			if _, err := b.AddPort(fmt.Sprint("Vethernet", i)); err != nil {
				return err
			}
		}
		return nil
	}); err == nil {
		t.Error("too many ports: no error")
	}
	if b.e.Generation() != before {
		t.Error("the plan changed")
	}
	if got := b.run("V1", ethernet(ether.Broadcast, mac(1), 60)); got != "V2" {
		t.Errorf("after refused programs: %s", got)
	}
}

// TestIdle checks that workers sleep without traffic and wake for it.
func TestIdle(t *testing.T) {
	ports := allPorts("V1", "V2")
	e := New(Config{})
	if err := e.Apply(chassis); err != nil {
		t.Fatal(err)
	}
	for n, p := range ports {
		if err := e.SetPort(n, p); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	settled := func() bool {
		a := e.Workers()[0]
		time.Sleep(20 * time.Millisecond)
		z := e.Workers()[0]
		return a.Sleeps > 0 && a.Rounds == z.Rounds
	}
	wait(t, "sleep", settled)
	ports["V1"].Deliver(ethernet(ether.Broadcast, mac(1), 60))
	wait(t, "a frame to pass", func() bool { return len(ports["V2"].Sent()) == 1 })
	wait(t, "sleep again", settled)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func BenchmarkUnicast(b *testing.B) { benchmark(b, mac(2)) }
func BenchmarkFlood(b *testing.B)   { benchmark(b, ether.Broadcast) }

// benchmark takes batches of 64 from a port in memory to its receivers.
func benchmark(tb *testing.B, dst ether.MAC) {
	frames := repeat(64, func(i int) porttest.Frame { return porttest.Frame{Bytes: ethernet(dst, mac(100+i), 60)} })
	ports := map[string]*porttest.Port{veth1: porttest.New(porttest.Options{Name: veth1, Repeat: frames, Polled: true})}
	for _, n := range []string{veth2, veth3, eth1} {
		ports[n] = porttest.New(porttest.Options{Name: n, Discard: true, Polled: true})
	}
	b := newBench(tb, standard, ports)
	ports[veth2].Deliver(ethernet(ether.Broadcast, mac(2), 60))
	for _, r := range b.w.rx {
		b.w.serve(r, 1)
	}
	in := b.w.rx[0]
	for _, r := range b.w.rx {
		if r.port == b.e.PortIndex(veth1) {
			in = r
		}
	}
	tb.ReportAllocs()
	for tb.Loop() {
		b.w.serve(in, 2)
	}
	tb.ReportMetric(float64(tb.Elapsed().Nanoseconds())/float64(tb.N)/64, "ns/frame")
}
