//go:build !amd64

package fdb

import "unsafe"

// prefetch has no instruction on this architecture.
func prefetch(unsafe.Pointer, *uint32, int) {}
