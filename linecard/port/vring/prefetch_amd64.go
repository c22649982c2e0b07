package vring

// prefetch brings the cache lines of nr addresses into the cache to be read, and
// of nw to be written to. It never faults.
//
//go:noescape
func prefetch(reads *uintptr, nr int, writes *uintptr, nw int)
