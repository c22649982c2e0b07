package vmem_test

import (
	"math"
	"testing"

	"golang.org/x/sys/unix"

	"trunkline/linecard/port/vmem"
)

// file returns a memfd of n bytes.
func file(t testing.TB, n int64) int {
	t.Helper()
	fd, err := unix.MemfdCreate("vmem", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Ftruncate(fd, n); err != nil {
		t.Fatal(err)
	}
	return fd
}

func region(t testing.TB, fd int, p vmem.Place) *vmem.Region {
	t.Helper()
	r, err := vmem.Map(fd, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func TestMapRefuses(t *testing.T) {
	fd := file(t, 8192)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	for _, c := range []struct {
		name string
		fd   int
		p    vmem.Place
	}{
		{"no size", fd, vmem.Place{}},
		{"larger than the file", fd, vmem.Place{Size: 8193}},
		{"beyond the file", fd, vmem.Place{Size: 4096, Offset: 4097}},
		{"sum wraps", fd, vmem.Place{Size: 4096, Offset: math.MaxUint64 - 4095}},
		{"size wraps", fd, vmem.Place{Size: math.MaxUint64, Offset: 1}},
		{"guest wraps", fd, vmem.Place{Guest: math.MaxUint64 - 4095, Size: 4097}},
		{"user wraps", fd, vmem.Place{User: math.MaxUint64 - 4095, Size: 4097}},
		{"pipe", pipe[0], vmem.Place{Size: 4096}},
		{"no file", -1, vmem.Place{Size: 4096}},
	} {
		if r, err := vmem.Map(c.fd, c.p); err == nil {
			t.Errorf("%s: mapped", c.name)
			r.Close()
		}
	}
}

func TestTranslate(t *testing.T) {
	fd := file(t, 3*4096)
	low := region(t, fd, vmem.Place{Guest: 0x1000, Size: 4096, User: 0x70001000})
	high := region(t, fd, vmem.Place{Guest: 0x2000, Size: 4096, User: 0x50000000, Offset: 8192})
	table, err := vmem.NewTable([]*vmem.Region{high, low})
	if err != nil {
		t.Fatal(err)
	}
	copy(low.Bytes(), "low")
	copy(high.Bytes(), "high")
	for _, c := range []struct {
		addr uint64
		n    uint32
		want string // the first bytes; "" for none
	}{
		{0x1000, 3, "low"}, {0x2000, 4, "high"}, {0x1000, 4096, "low"},
		{0x0fff, 2, ""}, {0x0fff, 1, ""}, {0x1fff, 2, ""}, {0x1000, 4097, ""}, {0x2fff, 2, ""}, {0x3000, 1, ""},
		{math.MaxUint64, 1, ""}, {math.MaxUint64, math.MaxUint32, ""}, {0x1000, math.MaxUint32, ""}, {0, 1, ""},
	} {
		b := table.Guest(c.addr, c.n)
		if c.want == "" {
			if b != nil {
				t.Errorf("%#x+%d: translated", c.addr, c.n)
			}
		} else if len(b) != int(c.n) || cap(b) != int(c.n) || string(b[:len(c.want)]) != c.want {
			t.Errorf("%#x+%d: %d bytes", c.addr, c.n, len(b))
		}
	}
	if b, guest := table.User(0x50000010, 16); len(b) != 16 || guest != 0x2010 {
		t.Errorf("user address: %d bytes, guest %#x", len(b), guest)
	}
	if b, _ := table.User(0x50000ff8, 16); b != nil {
		t.Error("user address across the end: translated")
	}
}

func TestOverlap(t *testing.T) {
	fd := file(t, 8192)
	a := region(t, fd, vmem.Place{Guest: 0, Size: 8192, User: 0x10000})
	b := region(t, fd, vmem.Place{Guest: 8191, Size: 4096, User: 0x20000})
	c := region(t, fd, vmem.Place{Guest: 8192, Size: 4096, User: 0x11fff})
	d := region(t, fd, vmem.Place{Guest: 8192, Size: 4096, User: 0x12000})
	for _, bad := range [][]*vmem.Region{{a, b}, {c, a}, {a, a}} {
		if _, err := vmem.NewTable(bad); err == nil {
			t.Errorf("overlap of %v is accepted", bad)
		}
	}
	if _, err := vmem.NewTable([]*vmem.Region{d, a}); err != nil {
		t.Error(err)
	}
	if _, err := vmem.NewTable(make([]*vmem.Region, vmem.MaxRegions+1)); err == nil {
		t.Error("too many regions are accepted")
	}
}

// TestLog compares the bits of writes with a slow reckoning, and wants none of
// those outside the log to have any effect.
func TestLog(t *testing.T) {
	const bytes = 64 // 512 pages
	fd := file(t, 4096+bytes)
	log, err := vmem.MapLog(fd, bytes, 4096)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	want := make([]byte, bytes)
	for _, w := range []struct {
		addr uint64
		n    uint32
	}{
		{0, 1}, {4095, 2}, {3 * 4096, 4096}, {9*4096 + 4095, 4098}, {31 * 4096, 3 * 4096}, {511 * 4096, 5000},
		{512 * 4096, 1}, {1 << 40, 70000}, {math.MaxUint64, 1}, {math.MaxUint64 - 10, 100}, {77, 0},
	} {
		log.Mark(w.addr, w.n)
		for i := uint64(0); i < uint64(w.n); i++ {
			if page := (w.addr + i) / 4096; w.addr+i >= w.addr && page < bytes*8 {
				want[page/8] |= 1 << (page % 8)
			}
		}
	}
	got := make([]byte, 4096+bytes)
	if _, err := unix.Pread(fd, got, 0); err != nil {
		t.Fatal(err)
	}
	for i, b := range got {
		w := byte(0)
		if i >= 4096 {
			w = want[i-4096]
		}
		if b != w {
			t.Errorf("byte %d of the file: %08b, want %08b", i, b, w)
		}
	}
	for _, bad := range [][2]uint64{{0, 0}, {4097 + bytes, 0}, {bytes, 4100}, {math.MaxUint64, 8}, {8, math.MaxUint64 - 7}, {4, 2}} {
		if l, err := vmem.MapLog(fd, bad[0], bad[1]); err == nil {
			t.Errorf("log of %d bytes at %d: mapped", bad[0], bad[1])
			l.Close()
		}
	}
}

func TestSealed(t *testing.T) {
	fd := file(t, 4096)
	if region(t, fd, vmem.Place{Size: 4096}).Sealed {
		t.Error("sealed without a seal")
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK); err != nil {
		t.Fatal(err)
	}
	if !region(t, fd, vmem.Place{Size: 4096}).Sealed {
		t.Error("the seal is not seen")
	}
}
