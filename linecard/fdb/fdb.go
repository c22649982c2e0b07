// Package fdb is the MAC table of a line card: which address was last seen
// behind which next hop.
//
// The table is a flat array of pairs of 64-bit atomics, without pointers for the
// collector to scan. A key is bridge domain (16 bits) and MAC (48 bits); a
// value holds next hop, flags, flush generation and last-seen tick:
//
//	key    BD 16 | MAC 48                              0: slot never used
//	value  tick 24 | generation 20 | flags 4 | hop 16  0: no entry
//
// Probing is linear within a bound. Complications, and what answers them:
//
//   - Many writers. Workers look up and learn without a lock: a key is claimed
//     by compare-and-swap from 0, then its value. A slot keeps its key for the
//     life of the arrays, so two workers that learn one address always meet at
//     one slot; a deleted entry is a key with value 0.
//   - Reclaiming. Slots come free only in a rebuild: the maintenance goroutine
//     freezes the old arrays entry by entry (a flag bit makes every later
//     compare-and-swap fail), copies, and swaps one pointer. A worker that
//     meets a frozen slot skips learning; the next frame learns in the new
//     arrays.
//   - Flushing. Each port and bridge domain has a mark, the generation of its
//     last flush. An entry of an older generation is not there. A flush is one
//     store, whatever the number of entries; the sweep deletes them later.
//   - Ageing. A worker writes to an entry only when its tick has changed, at
//     most once in five seconds.
//   - Hostile senders. Hashing is seeded. A port has a learning limit, and the
//     last eighth of the table is kept for ports with few entries, so one guest
//     can neither evict nor keep out the others. Entries are never evicted.
//   - Addresses in two places: a loop, or a guest that sends as another. The
//     hop that an address first moved away from is its home until it has been
//     quiet for a minute. Beyond the rate an address moves home only, so the
//     verdict Looping is about the newcomer, never about the victim.
//
// Locking: View, Lookup and Learn take no lock and may run on any number of
// threads. Everything else takes the table's mutex and is for the control
// plane.
package fdb

import (
	"math/bits"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Limits and defaults.
const (
	MaxHops          = 4096 // next hops, ports among them, are below this
	MaxBD            = 4096 // bridge domains are below this
	DefaultLimit     = 32768
	MaxLimit         = 1_000_000
	MinLimit         = 64
	DefaultPortLimit = 4096
	DefaultAge       = 300 * time.Second
	// TickLen is the granularity of ageing.
	TickLen = 5 * time.Second
	// MaxMoves in one second are taken for a loop (cli.md §9.7).
	MaxMoves = 10
	// homeQuiet seconds without a move make an address at home where it is.
	homeQuiet = 60
	// smallPort may go on learning when the table is nearly full.
	smallPort = 64
	// probes bounds a search, in slots; at half load the longest run of used
	// slots is about 40.
	probes = 128
)

// Layout of a value.
const (
	hopMask  = 1<<16 - 1
	static   = 1 << 16
	own      = 1 << 17
	frozen   = 1 << 19
	genShift = 20
	genBits  = 20
	genMask  = 1<<genBits - 1
	tickFrom = 40
	tickMask = 1<<24 - 1
)

// sealed in the place of a key marks an unused slot of frozen arrays. It is no
// key: bridge domain 0 does not exist.
const sealed = 1

// Key joins a bridge domain, from 1 on, and a MAC address in the low 48 bits.
func Key(bd uint16, mac uint64) uint64 { return uint64(bd)<<48 | mac }

// Config sets up a table. Zero values stand for the defaults.
type Config struct {
	Limit     int // entries
	PortLimit int // dynamic entries per port
	Age       time.Duration
}

// Table is the MAC table. Create it with New.
type Table struct {
	arrays atomic.Pointer[arrays]
	gen    atomic.Uint64 // flushes so far
	tick   atomic.Uint32 // 5 s ticks, modulo 2^24
	limit  atomic.Int64
	total  atomic.Int64 // entries, static ones included

	hopFlush [MaxHops]atomic.Uint64
	bdFlush  [MaxBD]atomic.Uint64
	age      [MaxBD]atomic.Uint32 // ticks, 0 for never
	count    [MaxHops]atomic.Int32
	hopLimit [MaxHops]atomic.Int32

	stats stats

	wake chan struct{} // one token: sweep now

	mu        sync.Mutex
	statics   int
	fixed     map[uint64]struct{} // keys of the static entries
	swept     uint64              // generation at the last sweep
	portLimit int
}

// slot is one entry: key and value in one cache line, which is what a look-up
// waits for.
type slot struct{ key, val atomic.Uint64 }

// arrays are the storage of one size.
type arrays struct {
	shift uint
	mask  uint64
	seed  uint64
	mul   uint64
	slots []slot
	moves []atomic.Uint64 // second of the last move 32 | home 16 | moves in that second 16
	used  atomic.Int64    // slots with a key
}

type stats struct {
	learned, moved, aged, flushed, refused, full, overflow atomic.Uint64
}

// Stats are the table's counters since start.
type Stats struct {
	Learned, Moved, Aged, Flushed uint64
	Refused                       uint64 // by a port's limit
	Full                          uint64 // by the table's limit
	Overflow                      uint64 // by the probe bound
	Entries, Static, Limit, Slots int
}

// New returns an empty table.
func New(c Config) *Table {
	t := &Table{wake: make(chan struct{}, 1)}
	t.portLimit = c.PortLimit
	if t.portLimit <= 0 {
		t.portLimit = DefaultPortLimit
	}
	for i := range t.hopLimit {
		t.hopLimit[i].Store(int32(t.portLimit))
	}
	limit := clampLimit(c.Limit)
	t.limit.Store(int64(limit))
	t.arrays.Store(newArrays(limit))
	age := c.Age
	if age == 0 {
		age = DefaultAge
	}
	t.SetAge(0, age)
	return t
}

func clampLimit(n int) int {
	if n <= 0 {
		return DefaultLimit
	}
	return min(max(n, MinLimit), MaxLimit)
}

// newArrays makes room for limit entries at half load. The pages are committed
// by the kernel as they are first used.
func newArrays(limit int) *arrays {
	size := 1 << bits.Len(uint(2*limit-1))
	return &arrays{
		shift: uint(64 - bits.Len(uint(size-1))),
		mask:  uint64(size - 1),
		seed:  rand.Uint64(),
		mul:   rand.Uint64() | 1,
		slots: make([]slot, size),
		moves: make([]atomic.Uint64, size),
	}
}

// home is where a key's search begins.
func (a *arrays) home(key uint64) uint64 {
	x := key ^ a.seed
	x ^= x >> 32
	x *= 0x9e3779b97f4a7c15
	x ^= x >> 29
	x *= a.mul
	return x >> a.shift
}

// Stats returns the counters.
func (t *Table) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &t.stats
	return Stats{
		Learned: s.learned.Load(), Moved: s.moved.Load(), Aged: s.aged.Load(), Flushed: s.flushed.Load(),
		Refused: s.refused.Load(), Full: s.full.Load(), Overflow: s.overflow.Load(),
		Entries: int(t.total.Load()), Static: t.statics, Limit: int(t.limit.Load()),
		Slots: len(t.arrays.Load().slots),
	}
}

// Count returns the number of dynamic entries behind a hop, those flushed but
// not yet swept included.
func (t *Table) Count(hop uint16) int {
	if hop >= MaxHops {
		return 0
	}
	return int(t.count[hop].Load())
}

// SetPortLimit bounds the dynamic entries behind a hop; 0 restores the
// default. Entries above a lowered limit stay until they age.
func (t *Table) SetPortLimit(hop uint16, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n <= 0 {
		n = t.portLimit
	}
	if hop < MaxHops {
		t.hopLimit[hop].Store(int32(min(n, MaxLimit)))
	}
}

// SetAge sets the ageing time of a bridge domain, or with 0 of all of them. A
// time of 0 or less means never.
func (t *Table) SetAge(bd uint16, d time.Duration) {
	ticks := uint32(0)
	if d > 0 {
		ticks = uint32(min((d+TickLen-1)/TickLen, tickMask/2))
	}
	if bd != 0 {
		if bd < MaxBD {
			t.age[bd].Store(ticks)
		}
		return
	}
	for i := range t.age {
		t.age[i].Store(ticks)
	}
}
