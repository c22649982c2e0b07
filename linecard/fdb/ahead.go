package fdb

import "unsafe"

// manySlots is the size of a table in slots, of 16 bytes, beyond which it does
// not stay in the second-level cache.
const manySlots = 1 << 17

// Homes sets at[i] to where the search for keys[i] begins, for Find and Enter.
// Of a table that is too large to stay in the cache, the slots are asked for:
// waiting for one after the other takes longer than all the rest of what is done
// with a frame, and they come side by side. at is as long as keys.
func (v *View) Homes(keys []uint64, at []uint32) {
	at = at[:len(keys)]
	a := v.a
	for i, k := range keys {
		at[i] = uint32(a.home(k) & a.mask)
	}
	if len(keys) > 0 && len(a.slots) > manySlots {
		prefetch(unsafe.Pointer(&a.slots[0]), &at[0], len(at))
	}
}
