package fdb

import "unsafe"

// prefetch asks for the cache line at p. It has no effect that can be seen.
//
//go:noescape
func prefetch(p unsafe.Pointer)
