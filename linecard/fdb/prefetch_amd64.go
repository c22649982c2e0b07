package fdb

import "unsafe"

// prefetch asks for the cache lines of the n slots whose places start at at. It
// has no effect that can be seen.
//
//go:noescape
func prefetch(slots unsafe.Pointer, at *uint32, n int)
