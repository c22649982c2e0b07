package fdb

import (
	"time"

	"trunkline/internal/ether"
)

// Entry is one address as the control plane sees it.
type Entry struct {
	BD     uint16
	MAC    ether.MAC
	Hop    uint16
	Static bool
	Own    bool          // static, for an adapter's own address
	Age    time.Duration // since last seen, in ticks; 0 for static entries
}

// Filter selects entries; zero values match everything.
type Filter struct {
	BD  uint16
	MAC ether.MAC
	Hop uint16 // 0: any
}

func (f Filter) match(key, val uint64) bool {
	return (f.BD == 0 || uint64(f.BD) == key>>48) &&
		(f.MAC == ether.MAC{} || f.MAC.Uint64() == key&(1<<48-1)) &&
		(f.Hop == 0 || uint64(f.Hop) == val&hopMask)
}

// FlushHop makes every dynamic entry behind a hop invalid.
func (t *Table) FlushHop(hop uint16) {
	if hop < MaxHops {
		t.flush(func(gen uint64) { t.hopFlush[hop].Store(gen) })
	}
}

// FlushBD makes every dynamic entry of a bridge domain invalid.
func (t *Table) FlushBD(bd uint16) {
	if bd < MaxBD {
		t.flush(func(gen uint64) { t.bdFlush[bd].Store(gen) })
	}
}

// FlushAll makes every dynamic entry invalid.
func (t *Table) FlushAll() {
	t.flush(func(gen uint64) {
		for i := range t.bdFlush {
			t.bdFlush[i].Store(gen)
		}
	})
}

// flush begins a generation and asks for a sweep.
func (t *Table) flush(mark func(gen uint64)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	mark(t.gen.Add(1))
	if t.gen.Load()-t.swept > genMask/8 {
		t.sweepLocked()
	}
	select {
	case t.wake <- struct{}{}:
	default: // a sweep is due already
	}
}

// Clear deletes the dynamic entries that match and returns their number.
func (t *Table) Clear(f Filter) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.View(0)
	n := 0
	for i := range v.a.slots {
		for {
			key, val := v.a.slots[i].key.Load(), v.a.slots[i].val.Load()
			if val == 0 || val&static != 0 || !f.match(key, val) || !v.live(val, key>>48) {
				break
			}
			if t.remove(v.a, i, val) {
				n++
				break
			}
		}
	}
	t.stats.flushed.Add(uint64(n))
	return n
}

// Dump calls yield for every entry that matches, in no order, until it returns
// false.
func (t *Table) Dump(f Filter, yield func(Entry) bool) {
	v := t.View(0)
	now := v.fresh >> tickFrom
	for i := range v.a.slots {
		val := v.a.slots[i].val.Load() &^ frozen
		key := v.a.slots[i].key.Load()
		if val == 0 || !f.match(key, val) || !v.live(val, key>>48) {
			continue
		}
		e := Entry{
			BD: uint16(key >> 48), MAC: ether.MACFromUint64(key), Hop: uint16(val & hopMask),
			Static: val&static != 0, Own: val&own != 0,
		}
		if !e.Static {
			if since := (now - val>>tickFrom) & tickMask; since < tickMask/2 {
				e.Age = time.Duration(since) * TickLen
			}
		}
		if !yield(e) {
			return
		}
	}
}

// Counts returns the number of dynamic and of static entries.
func (t *Table) Counts() (dynamic, fixed int) {
	t.Dump(Filter{}, func(e Entry) bool {
		if e.Static {
			fixed++
		} else {
			dynamic++
		}
		return true
	})
	return dynamic, fixed
}

// Statics replaces all static entries by those given; Age is ignored. It
// returns the entries for which there was no room.
func (t *Table) Statics(want []Entry) (refused []Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	keep := make(map[uint64]struct{}, len(want))
	for _, e := range want {
		if t.setStatic(e) {
			keep[Key(e.BD, e.MAC.Uint64())] = struct{}{}
		} else {
			refused = append(refused, e)
		}
	}
	a := t.arrays.Load()
	for key := range t.fixed {
		if _, ok := keep[key]; ok {
			continue
		}
		if i, ok := a.find(key); ok {
			if val := a.slots[i].val.Load(); val&static != 0 {
				t.remove(a, i, val)
			}
		}
	}
	t.fixed = keep
	return refused
}

// find returns the slot of a key.
func (a *arrays) find(key uint64) (int, bool) {
	at := a.home(key)
	for range probes {
		i := at & a.mask
		switch k := a.slots[i].key.Load(); {
		case k == key:
			return int(i), true
		case k <= sealed:
			return 0, false
		}
		at++
	}
	return 0, false
}

// setStatic writes a static entry over whatever is there. The table's own
// limit does not hold for it, only the room in the arrays.
func (t *Table) setStatic(e Entry) bool {
	if e.BD == 0 || e.BD >= MaxBD || e.Hop >= MaxHops {
		return false
	}
	key, want := Key(e.BD, e.MAC.Uint64()), uint64(e.Hop)|static
	if e.Own {
		want |= own
	}
	a := t.arrays.Load()
	at := a.home(key)
	for range probes {
		i := at & a.mask
		k := a.slots[i].key.Load()
		if k == 0 {
			if a.slots[i].key.CompareAndSwap(0, key) {
				a.used.Add(1)
				k = key
			} else {
				k = a.slots[i].key.Load()
			}
		}
		if k == key {
			t.overwrite(a, i, want)
			return true
		}
		at++
	}
	return false
}

func (t *Table) overwrite(a *arrays, i, want uint64) {
	for {
		val := a.slots[i].val.Load()
		if val == want {
			return
		}
		if !a.slots[i].val.CompareAndSwap(val, want) {
			continue
		}
		switch {
		case val == 0:
			t.total.Add(1)
			t.statics++
		case val&static == 0:
			t.count[val&hopMask&(MaxHops-1)].Add(-1)
			t.statics++
		}
		return
	}
}
