package tree

import (
	"slices"
	"sync"
)

// Index finds the entries of a list by the group that each is in: the ports of a
// port-profile, say. It follows from one tree to the next at the cost of the
// entries that differ, so whoever asks about successive trees does not pay for the
// length of the list. Its methods may be called concurrently, with any tree; to
// change between trees that share little costs what differs, every time.
type Index struct {
	list  Path
	group func(key string, entry Tree) string

	mu     sync.Mutex
	at     *node // what the list is in, in the tree that groups is of
	groups map[string]map[string]struct{}
}

// NewIndex returns the index of a list, whose path has no key at its end. The
// group of an entry is a pure function of the entry; "" is none.
func NewIndex(list Path, group func(key string, entry Tree) string) *Index {
	return &Index{list: list, group: group, groups: map[string]map[string]struct{}{}}
}

// Count returns the number of entries that a tree has in a group.
func (x *Index) Count(t Tree, group string) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.of(t, group))
}

// Members returns the keys of the entries that a tree has in a group, naturally
// ordered.
func (x *Index) Members(t Tree, group string) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	members := x.of(t, group)
	if len(members) == 0 {
		return nil
	}
	keys := make([]string, 0, len(members))
	for key := range members {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, Compare)
	return keys
}

// of follows to a tree and returns a group. The caller holds the lock.
func (x *Index) of(t Tree, group string) map[string]struct{} {
	last := len(x.list) - 1
	now := t.find(x.list[:last])
	if now != x.at {
		entries(x.at, now, x.list[last].Name, func(key string, old, new *node) {
			x.leave(key, old)
			x.enter(key, new)
		})
		x.at = now
	}
	return x.groups[group]
}

func (x *Index) enter(key string, n *node) {
	if n == nil {
		return
	}
	g := x.group(key, Tree{n})
	if g == "" {
		return
	}
	if x.groups[g] == nil {
		x.groups[g] = map[string]struct{}{}
	}
	x.groups[g][key] = struct{}{}
}

func (x *Index) leave(key string, n *node) {
	if n == nil {
		return
	}
	g := x.group(key, Tree{n})
	delete(x.groups[g], key)
	if len(x.groups[g]) == 0 {
		delete(x.groups, g)
	}
}

// entries calls f for each entry of a list that two nodes do not share; nil
// stands for one that is not there.
func entries(a, b *node, name string, f func(key string, old, new *node)) {
	var in, out *kid
	if a != nil {
		in = a.kids
	}
	if b != nil {
		out = b.kids
	}
	differ(in, out, func(e Elem, old, new *node) bool {
		if e.Name == name && e.Key != "" {
			f(e.Key, old, new)
		}
		return true
	})
}
