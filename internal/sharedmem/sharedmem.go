// Package sharedmem is atomic access to memory that is shared with a process
// which may truncate it at any moment. The fault that follows is a panic of the
// goroutine (debug.SetPanicOnFault), as long as it comes in Go code: the atomics
// of a program built with the race detector work in C, where a fault ends the
// process. There, assembly takes their place.
package sharedmem
