package vring

import "unsafe"

// prefetch brings two cache lines at each of n addresses into the cache, to be
// written to or to be read. It never faults.
//
//go:noescape
func prefetch(list *unsafe.Pointer, n int, write bool)
