package fdb

import (
	"context"
	"time"
)

// Run is the maintenance goroutine: it ages, sweeps what was flushed and
// rebuilds, until ctx ends.
func (t *Table) Run(ctx context.Context) {
	tick := time.NewTicker(TickLen)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			t.Advance(1)
		case <-t.wake:
			t.sweep()
		}
	}
}

// Advance lets n ticks pass and sweeps. Run does it; tests call it themselves.
func (t *Table) Advance(n int) {
	t.tick.Add(uint32(n))
	t.sweep()
}

// sweep deletes entries that are too old or were flushed, and rebuilds the
// arrays when a quarter of them is taken by deleted entries.
func (t *Table) sweep() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweepLocked()
	a := t.arrays.Load()
	if dead := a.used.Load() - t.total.Load(); dead > int64(len(a.slots)/4) {
		t.rebuild(int(t.limit.Load()))
	}
}

func (t *Table) sweepLocked() {
	v := t.View(0)
	a := v.a
	now := v.fresh >> tickFrom
	for i := range a.slots {
		val := a.slots[i].val.Load()
		if val == 0 || val&static != 0 {
			continue
		}
		bd := a.slots[i].key.Load() >> 48
		if !v.live(val, bd) {
			if t.remove(a, i, val) {
				t.stats.flushed.Add(1)
			}
			continue
		}
		age := uint64(t.age[bd&(MaxBD-1)].Load())
		if since := (now - val>>tickFrom) & tickMask; age != 0 && since > age && since < tickMask/2 {
			if t.remove(a, i, val) {
				t.stats.aged.Add(1)
			}
			continue
		}
		// Entries that never age must not fall behind by half the range of
		// their generation.
		if behind := (v.gen - val>>genShift) & genMask; behind > genMask/4 && behind < genMask/2 {
			a.slots[i].val.CompareAndSwap(val, val&^(genMask<<genShift)|v.gen&genMask<<genShift)
		}
	}
	t.swept = v.gen
}

// remove deletes an entry, unless a worker has changed it meanwhile.
func (t *Table) remove(a *arrays, i int, val uint64) bool {
	if !a.slots[i].val.CompareAndSwap(val, 0) {
		return false
	}
	t.total.Add(-1)
	if val&static != 0 {
		t.statics--
	} else {
		t.count[val&hopMask&(MaxHops-1)].Add(-1)
	}
	return true
}

// SetLimit changes the size of the table; 0 means the default. A limit below
// the number of entries keeps those that fit, static ones first.
func (t *Table) SetLimit(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n = clampLimit(n); int64(n) != t.limit.Load() {
		t.limit.Store(int64(n))
		t.rebuild(n)
	}
}

// rebuild moves every entry to new arrays. Called with mu held.
func (t *Table) rebuild(limit int) {
	old, new := t.arrays.Load(), newArrays(limit)
	for _, fixed := range []bool{true, false} {
		for i := range old.slots {
			key := seal(old, i)
			if key == sealed {
				continue
			}
			val := freeze(old, i) &^ frozen
			if val == 0 || (val&static != 0) != fixed {
				continue
			}
			room := fixed || new.used.Load() < int64(limit)
			if !room || !new.put(key, val) {
				t.forget(val)
			}
		}
	}
	t.arrays.Store(new)
}

// forget takes an entry that found no room out of the counts.
func (t *Table) forget(val uint64) {
	t.total.Add(-1)
	t.stats.overflow.Add(1)
	if val&static != 0 {
		t.statics--
		return
	}
	t.count[val&hopMask&(MaxHops-1)].Add(-1)
}

// seal makes an unused slot unusable and returns the slot's key.
func seal(a *arrays, i int) uint64 {
	if a.slots[i].key.CompareAndSwap(0, sealed) {
		return sealed
	}
	return a.slots[i].key.Load()
}

// freeze makes the slot's value final and returns it.
func freeze(a *arrays, i int) uint64 {
	for {
		val := a.slots[i].val.Load()
		if val&frozen != 0 || a.slots[i].val.CompareAndSwap(val, val|frozen) {
			return val
		}
	}
}

// put inserts into arrays that nobody else sees yet.
func (a *arrays) put(key, val uint64) bool {
	at := a.home(key)
	for range probes {
		i := at & a.mask
		if a.slots[i].key.Load() == 0 {
			a.slots[i].key.Store(key)
			a.slots[i].val.Store(val)
			a.used.Add(1)
			return true
		}
		at++
	}
	return false
}
