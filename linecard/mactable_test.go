package linecard

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"trunkline/internal/ether"
	"trunkline/linecard/api"
	"trunkline/linecard/fdb"
)

// TestMACPages reads a table by pages of any size: it is the whole table, in order.
func TestMACPages(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 7, 64, 1000} {
		table := fdb.New(fdb.Config{Limit: 4096})
		var want []uint64
		var statics []fdb.Entry
		for len(statics) < n {
			e := fdb.Entry{BD: uint16(1 + rng.IntN(5)), MAC: ether.MACFromUint64(2<<40 + rng.Uint64N(1<<20)), Hop: 1, Static: true, Age: time.Second}
			if key := keyOf(e.BD, e.MAC); !slices.Contains(want, key) {
				want = append(want, key)
				statics = append(statics, e)
			}
		}
		slices.Sort(want)
		if refused := table.Statics(statics); len(refused) > 0 {
			t.Fatalf("%d entries refused", len(refused))
		}
		for _, limit := range []int{1, 3, 8, 1000, maxEntries + 1} {
			q := api.FDBQuery{Limit: limit}
			var got []uint64
			for {
				entries, more, err := page(table, fdb.Filter{}, q)
				if err != nil || len(entries) > limit || more && len(entries) == 0 {
					t.Fatalf("%d entries of %d, more %v, %v", len(entries), limit, more, err)
				}
				for _, e := range entries {
					got = append(got, keyOf(e.BD, e.MAC))
				}
				if !more {
					break
				}
				last := entries[len(entries)-1]
				q.After = &api.FDBKey{VLAN: last.BD, MAC: last.MAC.String()}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d entries by %d: got %d in order %v", n, limit, len(got), slices.IsSorted(got))
			}
		}
	}
}
