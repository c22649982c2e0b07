package soak

import (
	"math/rand/v2"
	"testing"
)

// values are the options in the order of a cover's columns, for one end.
const perEnd = 8

// decode makes options of one end's columns.
func decode(c []int) options {
	return options{
		driver: drivers[c[0]], csum: c[1] == 1, tso: c[2] == 1, uso: c[3] == 1, ufo: c[4] == 1,
		mrg: c[5] == 1, event: c[6] == 1, tag: c[7] == 1,
	}
}

// limits returns the number of values of each column.
func limits() []int {
	end := []int{len(drivers), 2, 2, 2, 2, 2, 2, 2}
	return append(end, end...)
}

// pairOf names two columns with a value each.
type pairOf struct{ i, a, j, b int }

// cover returns rows in which every two values of two columns occur together,
// where any valid row has them together. Rows are found greedily among random
// ones: it is not the smallest cover.
func cover(seed uint64) (rows [][2]options, pairs int) {
	rng := rand.New(rand.NewPCG(seed, 1))
	limit := limits()
	valid := func(c []int) bool { return decode(c[:perEnd]).valid() && decode(c[perEnd:]).valid() }
	random := func() []int {
		c := make([]int, len(limit))
		for {
			for i, n := range limit {
				c[i] = rng.IntN(n)
			}
			if valid(c) {
				return c
			}
		}
	}
	// All pairs that valid rows have: many random rows show them.
	missing := map[pairOf]bool{}
	for range 200_000 {
		c := random()
		for i := range c {
			for j := i + 1; j < len(c); j++ {
				missing[pairOf{i, c[i], j, c[j]}] = true
			}
		}
	}
	pairs = len(missing)
	for len(missing) > 0 {
		var best []int
		most := 0
		for range 300 {
			c, n := random(), 0
			for i := range c {
				for j := i + 1; j < len(c); j++ {
					if missing[pairOf{i, c[i], j, c[j]}] {
						n++
					}
				}
			}
			if n > most {
				best, most = c, n
			}
		}
		for i := range best {
			for j := i + 1; j < len(best); j++ {
				delete(missing, pairOf{i, best[i], j, best[j]})
			}
		}
		if best != nil {
			rows = append(rows, [2]options{decode(best[:perEnd]), decode(best[perEnd:])})
		}
	}
	return rows, pairs
}

// The cover has every pair of drivers and stays small.
func TestCover(t *testing.T) {
	rows, pairs := cover(1)
	seen := map[[2]string]bool{}
	for _, r := range rows {
		seen[[2]string{r[0].driver, r[1].driver}] = true
	}
	if want := len(drivers) * len(drivers); len(seen) != want {
		t.Errorf("%d pairs of drivers, want %d", len(seen), want)
	}
	if len(rows) > 90 {
		t.Errorf("%d rows for %d pairs", len(rows), pairs)
	}
	t.Logf("%d rows cover %d pairs of values", len(rows), pairs)
}
