package fdb

import "unsafe"

// manySlots is the size of a table in slots, of 16 bytes, beyond which it does
// not stay in the second-level cache.
const manySlots = 1 << 17

// Large reports whether a batch gains by asking for its slots Ahead.
func (v *View) Large() bool { return len(v.a.slots) > manySlots }

// Ahead has the cache load the slot of an address that is to be looked up or
// learned soon. In a large table that takes longer than all the rest of what is
// done with a frame, and the slots of a batch are loaded side by side.
func (v *View) Ahead(key uint64) {
	prefetch(unsafe.Pointer(&v.a.slots[v.a.home(key)&v.a.mask]))
}
