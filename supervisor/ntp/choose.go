package ntp

import (
	"cmp"
	"slices"
	"time"
)

// candidate is a source that could be followed.
type candidate struct {
	source  int // its place in the list of sources
	offset  time.Duration
	bound   time.Duration // the true offset is at most so far from it: the root distance
	stratum int
	prefer  bool
}

// choose returns the source to follow, -1 for none (RFC 5905 §11.2.1, simplified
// to what a client without a discipline of its own needs). Each candidate says
// that the true offset is in an interval around its own. The truth is where most
// of the intervals overlap, if those are more than half of all; the others are
// falsetickers. Of those that tell the truth the preferred ones come first, then
// those nearest to a reference clock.
func choose(all []candidate) int {
	best, at := 0, time.Duration(0)
	for _, c := range all { // where the most intervals overlap, one of them begins
		edge := c.offset - c.bound
		n := 0
		for _, other := range all {
			if other.offset-other.bound <= edge && edge <= other.offset+other.bound {
				n++
			}
		}
		if n > best {
			best, at = n, edge
		}
	}
	if 2*best <= len(all) {
		return -1
	}
	truechimers := slices.DeleteFunc(slices.Clone(all), func(c candidate) bool {
		return at < c.offset-c.bound || c.offset+c.bound < at
	})
	return slices.MinFunc(truechimers, func(a, b candidate) int {
		return cmp.Or(less(b.prefer, a.prefer), cmp.Compare(a.stratum, b.stratum), cmp.Compare(a.bound, b.bound), cmp.Compare(a.source, b.source))
	}).source
}

func less(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
