package vhostuser

import (
	"encoding/binary"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/vmem"
	"trunkline/linecard/port/vring"
)

// loop is a port with one pair of rings of 256 in memory of its own, whose
// descriptors never change: buffers of 2 KiB, given again and again.
type loop struct {
	q   port.Queue
	mem []byte
	in  int // bytes of each frame that the guest sends
}

const (
	loopRing = 256
	loopData = 0x20000
)

func newLoop(b testing.TB, size int) *loop {
	b.Helper()
	s, _ := pair(b)
	fd, err := unix.MemfdCreate("loop", unix.MFD_CLOEXEC)
	if err != nil {
		b.Fatal(err)
	}
	defer unix.Close(fd)
	const all = loopData + 2*loopRing*2048
	if err := unix.Ftruncate(fd, all); err != nil {
		b.Fatal(err)
	}
	r, err := vmem.Map(fd, vmem.Place{Size: all})
	if err != nil {
		b.Fatal(err)
	}
	table, err := vmem.NewTable([]*vmem.Region{r})
	if err != nil {
		b.Fatal(err)
	}
	l := &loop{mem: r.Bytes(), in: size}
	v := &view{header: 12, features: 1<<fVersion1 | 1<<fMrgRxbuf, table: table, plain: true}
	for i := range 2 {
		at := uint64(i) * 0x10000
		ring, err := vring.New(vring.Layout{Size: loopRing, Desc: at, Avail: at + 0x4000, Used: at + 0x8000}, table, nil)
		if err != nil {
			b.Fatal(err)
		}
		for k := range loopRing {
			d := l.mem[int(at)+16*k:]
			binary.LittleEndian.PutUint64(d, uint64(loopData+(i*loopRing+k)*2048))
			n, flags := uint32(size+12), uint16(0)
			if i == 0 {
				n, flags = 2048, 2
			}
			binary.LittleEndian.PutUint32(d[8:], n)
			binary.LittleEndian.PutUint16(d[12:], flags)
			binary.LittleEndian.PutUint16(l.mem[int(at)+0x4004+2*k:], uint16(k))
		}
		c := ring.Start(0, nil)
		ring.Disarm(c)
		v.rings = append(v.rings, &lane{ring: ring, at: c, call: -1, enabled: true})
	}
	v.send = v.rings[:1]
	s.p.view.Store(v)
	if l.q, err = s.p.Queue(0, 0); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.q.Close(); r.Close() })
	return l
}

// give makes n more chains of a ring available.
func (l *loop) give(ring, n int) {
	at := l.mem[ring*0x10000+0x4002:]
	binary.LittleEndian.PutUint16(at, binary.LittleEndian.Uint16(at)+uint16(n))
}

// pass takes a batch from one port to the other, as the pipeline does.
func pass(from, to *loop, b *frame.Batch, out []frame.Out) (int, error) {
	from.give(1, frame.BatchSize)
	to.give(0, frame.BatchSize)
	if err := from.q.Recv(b); err != nil {
		return 0, err
	}
	sent := 0
	for i := range b.N {
		out[i] = frame.Out{Frame: &b.Frames[i]}
	}
	if err := to.q.Send(out[:b.N]); err != nil {
		return 0, err
	}
	for i := range b.N {
		if out[i].Drop == frame.Forward && b.Drop[i] == frame.Forward {
			sent++
		}
	}
	from.q.Release(b)
	return sent, nil
}

// BenchmarkPass is the cost of a frame from guest to guest without a data plane
// between them, on one core, with all memory in its cache.
func BenchmarkPass(b *testing.B) {
	for _, size := range []int{60, 1514} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			from, to := newLoop(b, size), newLoop(b, size)
			batch, out := new(frame.Batch), make([]frame.Out, frame.BatchSize)
			frames := 0
			b.ReportAllocs()
			for b.Loop() {
				n, err := pass(from, to, batch, out)
				if err != nil || n != frame.BatchSize {
					b.Fatal(n, err)
				}
				frames += n
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(frames), "ns/frame")
		})
	}
}

// TestNoAllocation holds the frame path to none.
func TestNoAllocation(t *testing.T) {
	from, to := newLoop(t, 1514), newLoop(t, 1514)
	batch, out := new(frame.Batch), make([]frame.Out, frame.BatchSize)
	if n := testing.AllocsPerRun(100, func() {
		if n, err := pass(from, to, batch, out); err != nil || n != frame.BatchSize {
			t.Fatal(n, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
}
