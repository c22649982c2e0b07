package porttest

import (
	"fmt"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// Taken copies b to memory whose bytes from at on cannot be read: the memory of
// a peer who has cut its file off. It is given back by done.
func Taken(b []byte, at int) (taken []byte, done func(), err error) {
	page := os.Getpagesize()
	up := func(n int) int { return (n + page - 1) / page * page }
	readable := up(at)
	begin := readable - at
	mem, err := unix.Mmap(-1, 0, readable+up(len(b)-at), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, nil, fmt.Errorf("map memory: %w", err)
	}
	done = func() { _ = unix.Munmap(mem) } // what was mapped
	copy(mem[begin:], b)
	if err := unix.Mprotect(mem[readable:], unix.PROT_NONE); err != nil {
		done()
		return nil, nil, fmt.Errorf("take memory away: %w", err)
	}
	return mem[begin : begin+len(b)], done, nil
}

// Faults runs f and reports whether it touched memory that is taken away.
func Faults(f func()) (faulted bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			if _, faulted = cause.(interface{ Addr() uintptr }); !faulted {
				panic(cause)
			}
		}
	}()
	f()
	return false
}
