package pipeline

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/vnet"
)

// memory is a port of which each Recv is a batch of 64-byte frames with an
// 802.1Q tag, between random addresses out of two sets, and whose Send does
// nothing: what is left is the pipeline.
type memory struct {
	macs  int // in each set
	in    bool
	slab  []byte
	state uint64
}

const memoryStride = 256

func newMemory(in bool, macs int) *memory {
	m := &memory{macs: macs, in: in, slab: make([]byte, frame.BatchSize*memoryStride), state: 1}
	for i := range frame.BatchSize {
		b := m.slab[i*memoryStride+frame.Headroom:]
		copy(b, ethernet(ether.MAC{}, ether.MAC{}, 64))
		copy(b[12:], []byte{0x81, 0, 0, 10, 0x88, 0xb5})
	}
	return m
}

// sourceMAC and destMAC are the two sets, as frame.Dst has them.
func sourceMAC(n int) uint64 { return 0x020000000000 + uint64(n) }
func destMAC(n int) uint64   { return 0x020100000000 + uint64(n) }

func (m *memory) Queue(_, receive int) (port.Queue, error) {
	return m, nil
}

func (m *memory) Info() port.Info {
	return port.Info{Kind: "memory", MTU: 1500, Carrier: true, Offloads: port.Csum}
}
func (m *memory) Close() error               { return nil }
func (m *memory) FD() int                    { return -1 }
func (m *memory) Release(*frame.Batch)       {}
func (m *memory) Send(out []frame.Out) error { return nil }
func (m *memory) Recv(b *frame.Batch) error {
	b.N = 0
	if !m.in {
		return nil
	}
	m.fill(b)
	return nil
}

// fill describes a batch as a driver does.
func (m *memory) fill(b *frame.Batch) {
	b.N = frame.BatchSize
	s := m.state
	for i := range frame.BatchSize {
		s ^= s << 13
		s ^= s >> 7
		s ^= s << 17
		buf := m.slab[i*memoryStride : (i+1)*memoryStride : (i+1)*memoryStride]
		// vnet.Pop has moved the addresses over the tag.
		binary.BigEndian.PutUint64(buf[frame.Headroom:], destMAC(int(s>>32)%m.macs)<<16|0x0200)
		binary.BigEndian.PutUint32(buf[frame.Headroom+8:], uint32(sourceMAC(int(uint32(s))%m.macs)))
		copy(buf[frame.Headroom+12:frame.Headroom+16], "\x81\x00\x00\x0a")
		f := &b.Frames[i]
		*f = frame.Frame{Buf: buf, Off: frame.Headroom, Head: 64, Slot: uint32(i)}
		b.Drop[i] = frame.Forward
		vnet.Pop(f)
	}
	m.state = s
}

// memoryBench is an engine between two ports in memory that knows n addresses
// behind each, of which the first hot are in use.
func memoryBench(b testing.TB, n, hot, ports int) (w *Worker, in *receiver) {
	src, dst := newMemory(true, hot), newMemory(false, hot)
	e := New(Config{})
	program := func(x *Builder) error {
		x.Activate(ether.VLANs(1, 10))
		x.LimitMACs(max(4*n, 1000))
		for i := range ports {
			p, err := x.AddPort(fmt.Sprint("Vethernet", i+1))
			if err != nil {
				return err
			}
			p.Vethernet, p.Up, p.Trunk, p.PVID, p.Allowed, p.MACLimit = true, true, true, 1, ether.VLANs(1, 10), uint32(4*n)
		}
		return nil
	}
	if err := e.Apply(program); err != nil {
		b.Fatal(err)
	}
	for i := range ports {
		dev := port.Port(dst)
		if i == 0 {
			dev = src
		}
		if err := e.SetPort(fmt.Sprint("Vethernet", i+1), dev); err != nil {
			b.Fatal(err)
		}
	}
	w = e.workers[0]
	view := e.fdb.View(0)
	for i := range n {
		view.Learn(10<<48|sourceMAC(i), e.PortIndex("Vethernet1"))
		// Behind as many ports as there are.
		view.Learn(10<<48|destMAC(i), uint16(2+i%(ports-1)))
	}
	for _, r := range w.rx {
		if r.port == e.PortIndex("Vethernet1") {
			in = r
		}
	}
	return w, in
}

// BenchmarkPipeline is the bar of the frame path: VLAN, learning, look-up and
// counters of 64-byte frames, memory to memory. The harness, which BenchmarkFill
// measures, is in it.
func BenchmarkPipeline(b *testing.B) {
	for _, n := range []int{5, 500, 5_000, 50_000, 250_000} {
		b.Run(fmt.Sprint(2*n, "-macs"), func(b *testing.B) { pipelineSpeed(b, n, n, 2) })
	}
	b.Run("1000-ports", func(b *testing.B) { pipelineSpeed(b, 5000, 5000, 1000) })
}

// BenchmarkWorkingSet has tables of growing size of which as many addresses are
// in use as the second-level cache holds: what is left is what the size itself
// costs.
func BenchmarkWorkingSet(b *testing.B) {
	const hot = 500 // in each set
	for _, n := range []int{5, 500, 5_000, 50_000, 250_000} {
		b.Run(fmt.Sprint(2*n, "-macs"), func(b *testing.B) { pipelineSpeed(b, n, min(n, hot), 2) })
	}
}

func pipelineSpeed(b *testing.B, n, hot, ports int) {
	w, in := memoryBench(b, n, hot, ports)
	w.serve(in, 1)
	b.ReportAllocs()
	begin := threadTime(b)
	for b.Loop() {
		w.serve(in, 2)
	}
	perFrame(b, begin)
	c, _ := w.e.Counters("Vethernet1")
	sent := uint64(0)
	w.e.Totals(func(_ string, t Totals) { sent += t.TxFrames })
	if sent != c.Rx() || c.Rx() == 0 {
		b.Errorf("%d received, %d sent", c.Rx(), sent)
	}
}

// threadTime is the processor time of the benchmark's thread in ns, which other
// processes on a busy machine do not add to. The thread is locked.
func threadTime(b *testing.B) int64 {
	runtime.LockOSThread()
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return t.Nano()
}

func perFrame(b *testing.B, begin int64) {
	b.ReportMetric(float64(threadTime(b)-begin)/float64(b.N)/frame.BatchSize, "cpu-ns/frame")
}

// BenchmarkFill is what BenchmarkPipeline spends on making frames.
func BenchmarkFill(b *testing.B) {
	m, batch := newMemory(true, 5000), &frame.Batch{}
	begin := threadTime(b)
	for b.Loop() {
		m.fill(batch)
	}
	perFrame(b, begin)
}
