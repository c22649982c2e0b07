package sharedmem_test

import (
	"runtime/debug"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"trunkline/internal/sharedmem"
)

func TestValues(t *testing.T) {
	var a uint32 = 5
	var b uint64 = 1 << 40
	if sharedmem.Load32(&a) != 5 || sharedmem.Load64(&b) != 1<<40 {
		t.Error("load")
	}
	sharedmem.Swap32(&a, 8)
	sharedmem.Or32(&a, 3)
	sharedmem.Order(&b)
	if a != 11 || b != 1<<40 {
		t.Errorf("%d, %d", a, b)
	}
	var bits uint32
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() { sharedmem.Or32(&bits, 1<<i) })
	}
	if all.Wait(); bits != ^uint32(0) {
		t.Errorf("%#x: a bit is lost", bits)
	}
}

// Memory that is gone costs a panic, with the race detector as without.
func TestFault(t *testing.T) {
	fd, err := unix.MemfdCreate("gone", 0)
	if err != nil {
		t.Skip("no memfd: ", err)
	}
	defer unix.Close(fd)
	const size = 4096
	if err := unix.Ftruncate(fd, size); err != nil {
		t.Fatal(err)
	}
	mem, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(mem)
	if err := unix.Ftruncate(fd, 0); err != nil {
		t.Fatal(err)
	}
	p, q := (*uint32)(unsafe.Pointer(&mem[0])), (*uint64)(unsafe.Pointer(&mem[0]))
	for name, f := range map[string]func(){
		"Load32": func() { sharedmem.Load32(p) }, "Load64": func() { sharedmem.Load64(q) },
		"Swap32": func() { sharedmem.Swap32(p, 1) }, "Or32": func() { sharedmem.Or32(p, 1) }, "Order": func() { sharedmem.Order(q) },
	} {
		t.Run(name, func(t *testing.T) {
			defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
			defer func() {
				if recover() == nil {
					t.Error("no fault")
				}
			}()
			f()
		})
	}
}
