package fdb

import "sync/atomic"

// View is the table as one batch sees it: arrays, generation and tick are
// loaded once. It is valid for that batch.
type View struct {
	t      *Table
	a      *arrays
	gen    uint64
	second uint64
	fresh  uint64 // generation and tick, in place in a value
}

// View returns a view. now is a monotonic clock in ns, for the move guard.
func (t *Table) View(now int64) View {
	v := View{t: t, gen: t.gen.Load(), a: t.arrays.Load(), second: uint64(now) / 1e9}
	v.fresh = v.gen&genMask<<genShift | uint64(t.tick.Load()&tickMask)<<tickFrom
	return v
}

// Verdict is what became of a source address.
type Verdict uint8

// Verdicts of Learn.
const (
	Known    Verdict = iota // there already
	Learned                 // new
	Moved                   // was behind another hop
	Looping                 // not moved: more than MaxMoves moves in a second, and hop is not its home
	Refused                 // the port's limit is reached
	Full                    // the table is full, or its search bound is
	Fixed                   // a static entry of another hop
	OwnMoved                // a static entry made for an adapter's own address
)

// live reports whether a value is an entry that was not flushed.
func (v *View) live(val uint64, bd uint64) bool {
	if val&static != 0 {
		return true
	}
	if val&^frozen == 0 {
		return false
	}
	if (val^v.fresh)&(genMask<<genShift) == 0 {
		return true // flushes are not younger than the view
	}
	// The generation is kept modulo 2^20; the sweep keeps entries within half
	// of that of the present. It may be ahead of the view's.
	behind := int64(v.gen-val>>genShift) << (64 - genBits) >> (64 - genBits)
	gen := uint64(int64(v.gen) - behind)
	return gen >= v.t.hopFlush[val&hopMask&(MaxHops-1)].Load() && gen >= v.t.bdFlush[bd&(MaxBD-1)].Load()
}

// Lookup returns the next hop of an address.
func (v *View) Lookup(key uint64) (hop uint16, ok bool) { return v.Find(key, uint32(v.a.home(key))) }

// Find is Lookup of a key whose home is known.
func (v *View) Find(key uint64, home uint32) (hop uint16, ok bool) {
	a, at := v.a, uint64(home)
	for range probes {
		s := &a.slots[at&a.mask]
		k := s.key.Load()
		if k == key {
			val := s.val.Load()
			return uint16(val & hopMask), v.live(val, key>>48)
		}
		if k <= sealed {
			return 0, false
		}
		at++
	}
	return 0, false
}

// Learn notes that the address was seen behind hop, a port.
func (v *View) Learn(key uint64, hop uint16) Verdict {
	return v.Enter(key, uint32(v.a.home(key)), hop)
}

// Enter is Learn of a key whose home is known.
func (v *View) Enter(key uint64, home uint32, hop uint16) Verdict {
	a, at := v.a, uint64(home)
	want := uint64(hop) | v.fresh
	for range probes {
		s := &a.slots[at&a.mask]
		k := s.key.Load()
		if k == key {
			if s.val.Load() == want {
				return Known
			}
			return v.update(at&a.mask, key, want)
		}
		if k <= sealed {
			return v.insert(at, key, want)
		}
		at++
	}
	v.t.stats.overflow.Add(1)
	return Full
}

// insert claims the first unused slot from at on. Another worker may be first;
// then it is looked at again, so that one key never has two slots.
func (v *View) insert(at, key, want uint64) Verdict {
	a, hop := v.a, uint16(want&hopMask)
	if r := v.t.admit(hop); r != Learned {
		return r
	}
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
		switch k {
		case key:
			if a.slots[i].val.CompareAndSwap(0, want) {
				v.t.stats.learned.Add(1)
				return Learned
			}
			v.t.dismiss(hop)
			return v.update(i, key, want)
		case sealed:
			v.t.dismiss(hop)
			return Known
		}
		at++
	}
	v.t.dismiss(hop)
	v.t.stats.overflow.Add(1)
	return Full
}

// update brings the value of a slot that holds the key up to date.
func (v *View) update(i, key, want uint64) Verdict {
	t, slot, hop := v.t, &v.a.slots[i].val, uint16(want&hopMask)
	guarded := false
	for {
		val := slot.Load()
		was := uint16(val & hopMask)
		switch {
		case val&static != 0:
			switch {
			case was == hop:
				return Known
			case val&own != 0:
				return OwnMoved
			}
			return Fixed
		case val&frozen != 0:
			return Known // being rebuilt: learned by the next frame
		case val == 0:
			if r := t.admit(hop); r != Learned {
				return r
			}
			if slot.CompareAndSwap(0, want) {
				t.stats.learned.Add(1)
				return Learned
			}
			t.dismiss(hop)
		case was == hop:
			if v.live(val, key>>48) && newer(val, want) || slot.CompareAndSwap(val, want) {
				return Known
			}
		default:
			// Before the move: what is over the rate stays where it is.
			if !guarded && v.live(val, key>>48) {
				guarded = true // counted once, however often the exchange fails
				if n, home := moves(&v.a.moves[i], v.second, was); n > MaxMoves && hop != home {
					return Looping
				}
			}
			if !t.take(hop) {
				return Refused
			}
			if !slot.CompareAndSwap(val, want) {
				t.count[hop].Add(-1)
				continue
			}
			t.count[was&(MaxHops-1)].Add(-1)
			if !v.live(val, key>>48) {
				t.stats.flushed.Add(1)
				t.stats.learned.Add(1)
				return Learned
			}
			t.stats.moved.Add(1)
			return Moved
		}
	}
}

// newer reports whether another worker has already refreshed the entry beyond
// what this batch would write.
func newer(val, want uint64) bool {
	tick := int64(val>>tickFrom-want>>tickFrom) << 40
	gen := int64(val>>genShift-want>>genShift) << (64 - genBits)
	return tick >= 0 && gen >= 0
}

// moves counts an attempt to move away from a hop, and returns the number in
// this second and the address's home.
func moves(w *atomic.Uint64, second uint64, from uint16) (n uint64, home uint16) {
	for {
		old := w.Load()
		n, home = 1, uint16(old>>16)
		switch since := uint32(second) - uint32(old>>32); {
		case old == 0 || since > homeQuiet && since < 1<<31: // the view of another worker may be older
			home = from
		case since == 0:
			n = min(old&0xffff+1, 0xffff)
		}
		if w.CompareAndSwap(old, second<<32|uint64(home)<<16|n) {
			return n, home
		}
	}
}

// take counts one more entry behind a hop, unless its limit is reached.
func (t *Table) take(hop uint16) bool {
	h := hop & (MaxHops - 1)
	if t.count[h].Add(1) > t.hopLimit[h].Load() {
		t.count[h].Add(-1)
		t.stats.refused.Add(1)
		return false
	}
	return true
}

// admit counts one more entry in the table and behind a hop: Learned, or
// Refused or Full with nothing counted.
func (t *Table) admit(hop uint16) Verdict {
	if !t.take(hop) {
		return Refused
	}
	limit := t.limit.Load()
	n := t.total.Add(1)
	if n > limit || n > limit-limit/8 && t.count[hop&(MaxHops-1)].Load() > smallPort {
		t.dismiss(hop)
		t.stats.full.Add(1)
		return Full
	}
	return Learned
}

// dismiss undoes admit.
func (t *Table) dismiss(hop uint16) {
	t.count[hop&(MaxHops-1)].Add(-1)
	t.total.Add(-1)
}
