package vring_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"

	"trunkline/linecard/port/vmem"
	"trunkline/linecard/port/vring"
)

// driver is the other side of a ring, in the simplest form: descriptors and
// indices are written where the test wants them.
//
//	0 desc | 0x4000 avail | 0x8000 used | 0x10000 buffers, to size
type driver struct {
	t   testing.TB
	n   uint32
	mem []byte
	r   *vring.Ring
	c   *vring.Cursor
	log *vmem.Log
	fd  int // of the log
}

const (
	guest   = 0x100000
	user    = 0x7f0000000000
	availAt = 0x4000
	usedAt  = 0x8000
	dataAt  = 0x10000
	size    = 0x40000
)

func newDriver(t testing.TB, n uint32, base uint16, set func(*vring.Layout)) *driver {
	t.Helper()
	file := func(n int64) int {
		fd, err := unix.MemfdCreate("vring", unix.MFD_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		if err := unix.Ftruncate(fd, n); err != nil {
			t.Fatal(err)
		}
		return fd
	}
	d := &driver{t: t, n: n, fd: file(4096)}
	region, err := vmem.Map(file(size), vmem.Place{Guest: guest, User: user, Size: size})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { region.Close() })
	d.mem = region.Bytes()
	table, err := vmem.NewTable([]*vmem.Region{region})
	if err != nil {
		t.Fatal(err)
	}
	if d.log, err = vmem.MapLog(d.fd, 4096, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.log.Close() })
	l := vring.Layout{Size: n, Desc: user, Avail: user + availAt, Used: user + usedAt, Indirect: true}
	if set != nil {
		set(&l)
	}
	if d.r, err = vring.New(l, table, d.log); err != nil {
		t.Fatal(err)
	}
	d.set16(usedAt+2, base)
	d.set16(availAt+2, base)
	d.c = d.r.Start(base, nil)
	return d
}

func (d *driver) set16(at int, v uint16) { binary.LittleEndian.PutUint16(d.mem[at:], v) }
func (d *driver) get16(at int) uint16    { return binary.LittleEndian.Uint16(d.mem[at:]) }

// desc writes a descriptor of a table at an offset of the memory.
func (d *driver) desc(table, i int, addr uint64, n uint32, flags, next uint16) {
	b := d.mem[table+16*i:]
	binary.LittleEndian.PutUint64(b, addr)
	binary.LittleEndian.PutUint32(b[8:], n)
	binary.LittleEndian.PutUint16(b[12:], flags)
	binary.LittleEndian.PutUint16(b[14:], next)
}

// offer makes heads available.
func (d *driver) offer(heads ...uint16) {
	idx := d.get16(availAt + 2)
	for _, h := range heads {
		d.set16(availAt+4+2*int(uint32(idx)%d.n), h)
		idx++
	}
	d.set16(availAt+2, idx)
}

// walk returns the bytes of a chain and the fault that ended it.
func (d *driver) walk(head uint16, write bool) (all []byte, pieces int, f vring.Fault) {
	var ch vring.Chain
	d.r.Open(&ch, head, write)
	for {
		b, at, f := ch.Next()
		if b == nil || f != vring.NoFault {
			return all, pieces, f
		}
		if !bytes.Equal(b, d.mem[at-guest:][:len(b)]) {
			d.t.Errorf("buffer at %#x is not its memory", at)
		}
		all = append(all, b...)
		pieces++
	}
}

const (
	next     = 1
	write    = 2
	indirect = 4
)

// TestChains walks chains of all shapes, direct and indirect, aligned and not.
func TestChains(t *testing.T) {
	d := newDriver(t, 16, 0, nil)
	for i := range d.mem[dataAt:] {
		d.mem[dataAt+i] = byte(i * 7)
	}
	at := func(off int) uint64 { return guest + dataAt + uint64(off) }
	cut := func(off, n int) []byte { return d.mem[dataAt+off : dataAt+off+n] }

	d.desc(0, 3, at(0), 10, 0, 0)
	if got, n, f := d.walk(3, false); f != 0 || n != 1 || !bytes.Equal(got, cut(0, 10)) {
		t.Errorf("one buffer: %d bytes, %d pieces, %v", len(got), n, f)
	}
	d.desc(0, 3, at(0), 0, next, 15)
	d.desc(0, 15, at(100), 1, next, 0)
	d.desc(0, 0, at(200), 0, next, 7)
	d.desc(0, 7, at(300), 500, 0, 9)
	want := append(append([]byte(nil), cut(100, 1)...), cut(300, 500)...)
	if got, n, f := d.walk(3, false); f != 0 || n != 2 || !bytes.Equal(got, want) {
		t.Errorf("empty buffers between: %d bytes, %d pieces, %v", len(got), n, f)
	}
	for _, table := range []int{0x20000, 0x20001, 0x20004} {
		d.desc(table, 0, at(5), 6, next, 2)
		d.desc(table, 2, at(50), 60, next, 1)
		d.desc(table, 1, at(7), 1, 0, 0)
		d.desc(0, 1, at(400), 3, next, 2)
		d.desc(0, 2, guest+uint64(table), 48, indirect, 0)
		want := append(append(append(append([]byte(nil), cut(400, 3)...), cut(5, 6)...), cut(50, 60)...), cut(7, 1)...)
		if got, n, f := d.walk(1, false); f != 0 || n != 4 || !bytes.Equal(got, want) {
			t.Errorf("indirect table at %#x: %d bytes, %d pieces, %v", table, len(got), n, f)
		}
	}
}

// TestBadChains wants each rule to be held.
func TestBadChains(t *testing.T) {
	const table = 0x20000
	for _, c := range []struct {
		name string
		make func(d *driver)
		want vring.Fault
	}{
		{"below memory", func(d *driver) { d.desc(0, 0, guest-1, 2, 0, 0) }, vring.BadAddress},
		{"across the end", func(d *driver) { d.desc(0, 0, guest+size-1, 2, 0, 0) }, vring.BadAddress},
		{"wraps", func(d *driver) { d.desc(0, 0, ^uint64(0), 0xffffffff, 0, 0) }, vring.BadAddress},
		{"written to", func(d *driver) { d.desc(0, 0, guest, 2, write, 0) }, vring.BadFlags},
		{"next too large", func(d *driver) { d.desc(0, 0, guest, 2, next, 8) }, vring.BadNext},
		{"loop", func(d *driver) { d.desc(0, 0, guest, 2, next, 0) }, vring.BadLength},
		{"loop of nothing", func(d *driver) { d.desc(0, 0, guest, 0, next, 0) }, vring.BadLength},
		{"empty table", func(d *driver) { d.desc(0, 0, guest+table, 0, indirect, 0) }, vring.BadIndirect},
		{"odd table", func(d *driver) { d.desc(0, 0, guest+table, 17, indirect, 0) }, vring.BadIndirect},
		{"huge table", func(d *driver) { d.desc(0, 0, guest+table, 0xfffffff0, indirect, 0) }, vring.BadIndirect},
		{"table outside", func(d *driver) { d.desc(0, 0, guest+size-16, 32, indirect, 0) }, vring.BadAddress},
		{"table with next", func(d *driver) { d.desc(0, 0, guest+table, 32, indirect|next, 1) }, vring.BadFlags},
		{"table in table", func(d *driver) {
			d.desc(0, 0, guest+table, 32, indirect, 0)
			d.desc(table, 0, guest+table, 32, indirect, 0)
		}, vring.BadFlags},
		{"next outside table", func(d *driver) {
			d.desc(0, 0, guest+table, 32, indirect, 0)
			d.desc(table, 0, guest, 1, next, 2)
		}, vring.BadNext},
		{"loop in table", func(d *driver) {
			d.desc(0, 0, guest+table, 32, indirect, 0)
			d.desc(table, 0, guest, 1, next, 1)
			d.desc(table, 1, guest, 1, next, 0)
		}, vring.BadLength},
	} {
		d := newDriver(t, 8, 0, nil)
		c.make(d)
		if got, _, f := d.walk(0, false); f != c.want {
			t.Errorf("%s: %v after %d bytes, want %v", c.name, f, len(got), c.want)
		}
	}
	d := newDriver(t, 8, 0, func(l *vring.Layout) { l.Indirect = false })
	d.desc(0, 0, guest+table, 32, indirect, 0)
	if _, _, f := d.walk(0, false); f != vring.BadFlags {
		t.Errorf("indirect that was not agreed on: %v", f)
	}
}

// TestWrap takes and completes chains past the wrap of both 16-bit indices.
func TestWrap(t *testing.T) {
	for _, n := range []uint32{1, 2, 8, 1024} {
		d := newDriver(t, n, 0xfff0, nil)
		taken := uint16(0xfff0)
		for round := range 64 {
			k := 1 + round%int(n)
			heads := make([]uint16, k)
			for i := range heads {
				heads[i] = uint16((round*5 + i) % int(n))
			}
			d.offer(heads...)
			for i, want := range heads {
				if head, ok := d.r.Peek(d.c, i); !ok || head != want {
					t.Fatalf("size %d, round %d, chain %d: %d, %v, want %d", n, round, i, head, ok, want)
				}
				d.r.Complete(d.c, i, want, uint32(round*100+i))
			}
			if _, ok := d.r.Peek(d.c, k); ok {
				t.Fatalf("size %d: a chain that was not offered", n)
			}
			d.r.Take(d.c, k)
			d.r.Publish(d.c, k)
			for i, want := range heads {
				e := usedAt + 4 + 8*int(uint32(taken)%n)
				if id := binary.LittleEndian.Uint32(d.mem[e:]); id != uint32(want) {
					t.Fatalf("size %d: used entry %d is %d, want %d", n, taken, id, want)
				}
				if l := binary.LittleEndian.Uint32(d.mem[e+4:]); l != uint32(round*100+i) {
					t.Fatalf("size %d: length %d", n, l)
				}
				taken++
			}
			if got := d.get16(usedAt + 2); got != taken {
				t.Fatalf("size %d: used index %d, want %d", n, got, taken)
			}
		}
		if d.c.Last() != taken {
			t.Errorf("size %d: %d taken, want %d", n, d.c.Last(), taken)
		}
	}
}

// TestIndex tries all values of the available index: those that are further
// ahead than the ring is long break it.
func TestIndex(t *testing.T) {
	d := newDriver(t, 8, 0, nil)
	for i := range 1 << 16 {
		d.set16(availAt+2, uint16(i))
		c := d.r.Start(0, nil)
		n := 0
		for ; n < 100; n++ {
			if _, ok := d.r.Peek(c, n); !ok {
				break
			}
		}
		want, fault := i, vring.NoFault
		if i > 8 {
			want, fault = 0, vring.BadIndex
		}
		if n != want || c.Fault() != fault {
			t.Fatalf("index %d: %d chains, %v", i, n, c.Fault())
		}
	}
	for head := range 1 << 16 {
		d.set16(availAt+2, 1)
		d.set16(availAt+4, uint16(head))
		c := d.r.Start(0, nil)
		if _, ok := d.r.Peek(c, 0); ok != (head < 8) || !ok && c.Fault() != vring.BadHead {
			t.Fatalf("head %d: %v, %v", head, ok, c.Fault())
		}
	}
}

// TestNotify compares when the driver is called, and when it is asked to kick,
// with the rules of virtio 1.2 §2.7.7 and §2.7.10.
func TestNotify(t *testing.T) {
	publish := func(d *driver, n int) bool {
		for i := range n {
			d.offer(uint16(i))
			d.r.Complete(d.c, i, uint16(i), 0)
		}
		d.r.Take(d.c, n)
		return d.r.Publish(d.c, n)
	}
	d := newDriver(t, 8, 0, nil)
	if !publish(d, 1) {
		t.Error("no call")
	}
	d.set16(availAt, 1)
	if publish(d, 1) {
		t.Error("called though it said not to")
	}
	if d.r.Disarm(d.c); d.get16(usedAt) != 1 {
		t.Error("kicks are not refused")
	}
	if d.r.Arm(d.c) || d.get16(usedAt) != 0 {
		t.Error("kicks are not asked for")
	}
	d.offer(0)
	if !d.r.Arm(d.c) || d.get16(usedAt) != 1 {
		t.Error("a chain is there and was not seen")
	}

	for base := range 3 {
		d := newDriver(t, 8, uint16(base)-1, func(l *vring.Layout) { l.EventIdx = true })
		at := uint16(base) - 1
		for event := at - 3; event != at+12; event++ {
			d.set16(availAt+4+2*8, event)
			want := event == at || event == at+1 || event == at+2
			if got := publish(d, 3); got != want {
				t.Errorf("from %d to %d with event %d: called %v", at, at+3, event, got)
			}
			at += 3
			if d.r.Arm(d.c) || d.get16(usedAt+4+8*8) != at {
				t.Errorf("kick at %d, want %d", d.get16(usedAt+4+8*8), at)
			}
			event += 3
		}
	}
}

// TestLogUsed wants the pages of the used ring in the log, and no others.
func TestLogUsed(t *testing.T) {
	d := newDriver(t, 1024, 500, func(l *vring.Layout) { l.LogUsed, l.LogAddr, l.EventIdx = true, 0x7000, true })
	clear(d.logged())
	if _, err := unix.Pwrite(d.fd, make([]byte, 4096), 0); err != nil {
		t.Fatal(err)
	}
	d.offer(0)
	d.r.Complete(d.c, 0, 0, 1) // entry 500: 4 + 4000 reaches across the page
	d.r.Take(d.c, 1)
	d.r.Publish(d.c, 1)
	got := d.logged()
	for i, b := range got {
		want := byte(0)
		if i == 0 {
			want = 1 << 7
		}
		if b != want {
			t.Errorf("byte %d of the log: %08b, want %08b", i, b, want)
		}
	}
	for range 12 {
		d.offer(0)
		d.r.Complete(d.c, 0, 0, 1)
		d.r.Take(d.c, 1)
		d.r.Publish(d.c, 1)
	}
	if got := d.logged(); got[1] != 1 {
		t.Errorf("the next page is not in the log: %08b", got[1])
	}
}

func (d *driver) logged() []byte {
	b := make([]byte, 4096)
	if _, err := unix.Pread(d.fd, b, 0); err != nil {
		d.t.Fatal(err)
	}
	return b
}

// TestInflight stops a device at every point between taking and completing, and
// wants its successor to serve what is left, in order and once.
func TestInflight(t *testing.T) {
	const n = 8
	for _, stop := range []int{0, 1, 2, 3} {
		t.Run(fmt.Sprint("stop ", stop), func(t *testing.T) {
			d := newDriver(t, n, 0, nil)
			mem := make([]byte, vring.InflightLen(n))
			record, err := vring.NewInflight(mem, n)
			if err != nil {
				t.Fatal(err)
			}
			c := d.r.Start(0, record)
			d.offer(5, 3, 7, 1)
			for i := range stop {
				if _, ok := d.r.Peek(c, i); !ok {
					t.Fatal("no chain")
				}
			}
			d.r.Take(c, stop)
			if stop == 3 { // the first of the three is completed
				d.r.Complete(c, 0, 5, 0)
				d.r.Publish(c, 1)
			}
			// The front end may not know how far the device had come.
			if record, err = vring.NewInflight(mem, n); err != nil {
				t.Fatal(err)
			}
			c = d.r.Start(d.get16(usedAt+2), record)
			want := []uint16{5, 3, 7, 1}
			if stop == 3 {
				want = want[1:]
			}
			for i, w := range want {
				if head, ok := d.r.Peek(c, i); !ok || head != w {
					t.Fatalf("chain %d is %d, %v, want %d", i, head, ok, w)
				}
			}
			if _, ok := d.r.Peek(c, len(want)); ok {
				t.Error("one chain too many")
			}
			for i, w := range want {
				d.r.Complete(c, i, w, 0)
			}
			d.r.Take(c, len(want))
			d.r.Publish(c, len(want))
			for i := range n {
				if mem[16+16*i] != 0 {
					t.Errorf("descriptor %d is still inflight", i)
				}
			}
			if d.get16(usedAt+2) != 4 {
				t.Errorf("used index %d", d.get16(usedAt+2))
			}
		})
	}
	if _, err := vring.NewInflight(make([]byte, 10), n); err == nil {
		t.Error("a short record is accepted")
	}
}

// TestLook compares what Look finds, however much it is asked for, with what is
// offered, and single buffers with what walking the chain finds.
func TestLook(t *testing.T) {
	const n = 64
	d := newDriver(t, n, 65500, nil)
	random := rand.New(rand.NewPCG(3, 4))
	for i := range n {
		switch i % 4 {
		case 0: // two buffers
			d.desc(0, i, guest+dataAt+uint64(256*i), 100, next, uint16(i+1))
		case 1:
			d.desc(0, i, guest+dataAt+uint64(256*i), uint32(i), 0, 0)
		case 2: // outside of memory
			d.desc(0, i, guest+size-10, 11, 0, 0)
		case 3: // for the other direction
			d.desc(0, i, guest+dataAt, 9, write, 0)
		}
	}
	var offered []uint16
	for round := range 3000 {
		for range random.IntN(n + 1 - len(offered)) {
			head := uint16(random.IntN(n))
			d.offer(head)
			offered = append(offered, head)
		}
		taken := 0
		for range 4 {
			want := min(taken+random.IntN(20), vring.Most)
			got := d.r.Look(d.c, want, vring.Hint{Skip: 12, Bytes: 1 + random.IntN(200), Ahead: random.IntN(vring.Ahead + 1)})
			if got != min(want, len(offered)) {
				t.Fatalf("round %d: %d chains, want %d of %d", round, got, want, len(offered))
			}
			for k := taken; k < got; k++ {
				x := d.c.Seen(k)
				if x.Head() != offered[k] {
					t.Fatalf("round %d: chain %d is %d, want %d", round, k, x.Head(), offered[k])
				}
				single := offered[k]%4 == 1 && offered[k] > 12
				if buf := x.Buf(); (buf != nil) != single {
					t.Fatalf("descriptor %d: a buffer of %d bytes", x.Head(), len(buf))
				} else if single && (len(buf) != int(x.Head()) || &buf[0] != &d.mem[x.Guest()-guest] || x.Guest() != guest+dataAt+256*uint64(x.Head())) {
					t.Fatalf("descriptor %d: a buffer of %d bytes at %#x", x.Head(), len(buf), x.Guest())
				}
			}
			taken = max(taken, got)
		}
		if taken = random.IntN(taken + 1); taken > 0 {
			d.r.Take(d.c, taken)
			offered = offered[taken:]
		}
	}
}

// TestLookBad wants what is good before a fault to be found, and an index that goes
// back not to be believed.
func TestLookBad(t *testing.T) {
	hint := vring.Hint{Bytes: 64, Ahead: vring.Ahead}
	d := newDriver(t, 16, 0, nil)
	d.offer(1, 2, 16, 3)
	if n := d.r.Look(d.c, 2, hint); n != 2 || d.c.Fault() != vring.NoFault {
		t.Errorf("before a bad head: %d, %v", n, d.c.Fault())
	}
	if n := d.r.Look(d.c, 3, hint); n != 2 || d.c.Fault() != vring.BadHead {
		t.Errorf("at a bad head: %d, %v", n, d.c.Fault())
	}

	d = newDriver(t, 16, 0, nil)
	d.offer(1, 2, 3)
	if n := d.r.Look(d.c, 2, hint); n != 2 {
		t.Fatal(n)
	}
	d.set16(availAt+2, 1)
	if n := d.r.Look(d.c, 16, hint); n != 3 || d.c.Fault() != vring.NoFault {
		t.Errorf("index gone back: %d, %v", n, d.c.Fault())
	}
	d.r.Take(d.c, 3)
	if n := d.r.Look(d.c, 16, hint); n != 0 || d.c.Fault() != vring.BadIndex {
		t.Errorf("index behind what was taken: %d, %v", n, d.c.Fault())
	}

	d = newDriver(t, 16, 0, nil)
	d.offer(1, 2, 3)
	d.r.Look(d.c, 1, hint)
	d.set16(availAt+2, 17)
	if n := d.r.Look(d.c, 3, hint); n != 3 || d.c.Fault() != vring.NoFault {
		t.Errorf("index too far, before: %d, %v", n, d.c.Fault())
	}
	if n := d.r.Look(d.c, 4, hint); n != 3 || d.c.Fault() != vring.BadIndex {
		t.Errorf("index too far: %d, %v", n, d.c.Fault())
	}
}

// FuzzRing gives a ring memory of any content: whatever it holds, walking it ends
// soon, and finds buffers only in the memory.
func FuzzRing(f *testing.F) {
	f.Add(uint64(1), uint64(2), false)
	f.Add(uint64(7), uint64(9), true)
	f.Fuzz(func(t *testing.T, a, b uint64, write bool) {
		d := newDriver(t, 16, 0, func(l *vring.Layout) { l.EventIdx = a&1 != 0 })
		random := rand.New(rand.NewPCG(a, b))
		for i := range 16 {
			flags := uint16(random.Uint32() & 7)
			addr := guest + uint64(random.IntN(size+64)) - 32
			if random.IntN(8) == 0 {
				addr = random.Uint64()
			}
			n := uint32(random.IntN(600))
			if random.IntN(8) == 0 {
				n = random.Uint32()
			}
			d.desc(0, i, addr, n, flags, uint16(random.IntN(18)))
		}
		for i := dataAt; i < size; i += 8 {
			binary.LittleEndian.PutUint64(d.mem[i:], random.Uint64())
		}
		for i := range 16 {
			d.set16(availAt+4+2*i, uint16(random.IntN(17)))
		}
		d.set16(availAt+2, uint16(random.IntN(18)))
		for k := range d.r.Look(d.c, int(b%64), vring.Hint{Skip: int(b % 40), Bytes: 128, Ahead: int(a % 64), Write: write}) {
			x := d.c.Seen(k)
			if buf := x.Buf(); buf != nil {
				if x.Guest() < guest || x.Guest()-guest+uint64(len(buf)) > size || &buf[0] != &d.mem[x.Guest()-guest] {
					t.Fatalf("buffer of %d bytes at %#x", len(buf), x.Guest())
				}
				buf[0] += buf[len(buf)-1]
			}
		}
		total, n := 0, 0
		for ; n < 20; n++ {
			head, ok := d.r.Peek(d.c, n)
			if !ok {
				break
			}
			var ch vring.Chain
			d.r.Open(&ch, head, write)
			for {
				buf, at, fault := ch.Next()
				if buf == nil || fault != vring.NoFault {
					break
				}
				if at < guest || at-guest+uint64(len(buf)) > size {
					t.Fatalf("buffer of %d bytes at %#x", len(buf), at)
				}
				buf[0] += buf[len(buf)-1]
				total++
			}
			if ch.Walked() > 16+vring.MaxChain {
				t.Fatalf("%d descriptors", ch.Walked())
			}
		}
		if n > 16 {
			t.Fatalf("%d chains in a ring of 16", n)
		}
	})
}
