package tree

import (
	"iter"
	"slices"
	"strings"
)

// chunkSize bounds a chunk; a full one is split in halves.
const chunkSize = 128

// kids are the children of a node in order: chunks that are never changed in
// place.
type kids struct {
	n      int
	chunks [][]kid
}

type kid struct {
	Elem
	node *node
}

// locate returns the chunk and the place in it where e is or belongs.
func (k kids) locate(e Elem) (chunk, place int, found bool) {
	chunk, _ = slices.BinarySearchFunc(k.chunks, e, func(c []kid, e Elem) int {
		return compare(c[len(c)-1].Elem, e)
	})
	if chunk == len(k.chunks) {
		if chunk == 0 {
			return 0, 0, false
		}
		chunk--
	}
	place, found = slices.BinarySearchFunc(k.chunks[chunk], e, func(c kid, e Elem) int { return compare(c.Elem, e) })
	return chunk, place, found
}

func (k kids) get(e Elem) *node {
	if c, i, ok := k.locate(e); ok {
		return k.chunks[c][i].node
	}
	return nil
}

func (k kids) with(e Elem, n *node) kids {
	c, i, found := k.locate(e)
	if len(k.chunks) == 0 {
		return kids{1, [][]kid{{{e, n}}}}
	}
	out := kids{k.n, slices.Clone(k.chunks)}
	if found {
		out.chunks[c] = slices.Clone(k.chunks[c])
		out.chunks[c][i].node = n
		return out
	}
	out.n++
	whole := slices.Insert(slices.Clone(k.chunks[c]), i, kid{e, n})
	if len(whole) <= chunkSize {
		out.chunks[c] = whole
		return out
	}
	half := len(whole) / 2
	out.chunks[c] = whole[:half:half]
	out.chunks = slices.Insert(out.chunks, c+1, whole[half:])
	return out
}

func (k kids) without(e Elem) kids {
	c, i, found := k.locate(e)
	if !found {
		return k
	}
	out := kids{k.n - 1, slices.Clone(k.chunks)}
	if len(k.chunks[c]) == 1 {
		out.chunks = slices.Delete(out.chunks, c, c+1)
		return out
	}
	out.chunks[c] = slices.Delete(slices.Clone(k.chunks[c]), i, i+1)
	return out
}

// from yields the children from e on, in order.
func (k kids) from(e Elem) iter.Seq2[Elem, *node] {
	return func(yield func(Elem, *node) bool) {
		if len(k.chunks) == 0 {
			return
		}
		c, i, _ := k.locate(e)
		for ; c < len(k.chunks); c++ {
			for ; i < len(k.chunks[c]); i++ {
				if !yield(k.chunks[c][i].Elem, k.chunks[c][i].node) {
					return
				}
			}
			i = 0
		}
	}
}

// compare orders by name, then naturally by key.
func compare(a, b Elem) int {
	if c := strings.Compare(a.Name, b.Name); c != 0 {
		return c
	}
	return CompareKeys(a.Key, b.Key)
}

// CompareKeys orders keys naturally: runs of digits by their number, all else
// by byte. Keys that differ only in leading zeros differ still.
func CompareKeys(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		if digit(x[0]) && digit(y[0]) {
			i, j := run(x), run(y)
			m, n := strings.TrimLeft(x[:i], "0"), strings.TrimLeft(y[:j], "0")
			if len(m) != len(n) {
				return len(m) - len(n)
			}
			if c := strings.Compare(m, n); c != 0 {
				return c
			}
			x, y = x[i:], y[j:]
			continue
		}
		if x[0] != y[0] {
			return int(x[0]) - int(y[0])
		}
		x, y = x[1:], y[1:]
	}
	if len(x) != len(y) {
		return len(x) - len(y)
	}
	return strings.Compare(a, b)
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func run(s string) int {
	i := 0
	for i < len(s) && digit(s[i]) {
		i++
	}
	return i
}
