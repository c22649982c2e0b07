package tree

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
)

// An index that follows random changes, also between trees that come back, says
// what a walk says.
func TestIndex(t *testing.T) {
	list := Path{{Name: "top"}, {Name: "entry"}}
	group := func(key string, entry Tree) string {
		v, _ := entry.Get(Path{{Name: "of"}})
		if s, ok := v.(string); ok {
			return s
		}
		return ""
	}
	x := NewIndex(list, group)
	r := rand.New(rand.NewPCG(1, 2))
	trees := []Tree{{}}
	for range 500 {
		now := trees[r.IntN(len(trees))]
		for range r.IntN(4) + 1 {
			entry := list.Parent().Entry("entry", "e"+strconv.Itoa(r.IntN(30)))
			switch r.IntN(5) {
			case 0:
				now = now.Delete(entry)
			case 1:
				now = now.Set(entry.Child("other"), r.IntN(3))
			case 2:
				now = now.Delete(list.Parent())
			default:
				now = now.Set(entry.Child("of"), fmt.Sprint("g", r.IntN(4)))
			}
		}
		now = now.Set(Path{{Name: "top"}, {Name: "another", Key: "e1"}, {Name: "of"}}, "g1")
		trees = append(trees, now)
		for g := range 4 {
			name := fmt.Sprint("g", g)
			var want []string
			for key, entry := range now.Entries(list) {
				if group(key, entry) == name {
					want = append(want, key)
				}
			}
			if got := x.Members(now, name); !slices.Equal(got, want) || x.Count(now, name) != len(want) {
				t.Fatalf("%s: %v, want %v", name, got, want)
			}
		}
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range trees {
				now := trees[(i*61+j)%len(trees)]
				if n := x.Count(now, "g1"); n != len(x.Members(now, "g1")) {
					t.Errorf("%d members counted", n)
				}
			}
		})
	}
	all.Wait()
}
