package tree

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func mustParse(t *testing.T, s string) Path {
	t.Helper()
	p, err := Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPathText(t *testing.T) {
	p := Path{{Name: "mac-table"}, {Name: "static", Key: `20 a]b\c/[d`}, {Name: "target"}}
	want := `mac-table/static[20 a\]b\\c/[d]/target`
	if got := p.String(); got != want {
		t.Fatalf("String: got %q, want %q", got, want)
	}
	if got := mustParse(t, want); !got.Equal(p) {
		t.Fatalf("Parse(%q) = %v", want, got)
	}
	if got := p.Names(); got != "mac-table/static/target" {
		t.Errorf("Names: got %q", got)
	}
	for _, bad := range []string{"/", "a/", "/a", "a//b", "a[", "a[]", `a[\x]`, `a[x\`, "a[x]b", "a]", "1a", "a b", "é", strings.Repeat("a/", MaxDepth) + "a",
		"a[" + strings.Repeat("x", MaxText) + "]"} {
		if p, err := Parse(bad); err == nil {
			t.Errorf("Parse(%.40q) = %v, want an error", bad, p)
		}
	}
	base := make(Path, 1, 8)
	base[0] = Elem{Name: "a"}
	x, y := base.Child("x"), base.Child("y")
	if x.String() != "a/x" || y.String() != "a/y" {
		t.Errorf("children of one path share memory: %v %v", x, y)
	}
	if !x.HasPrefix(base) || x.HasPrefix(y) || base.HasPrefix(x) || !x.Parent().Equal(base) {
		t.Error("prefix or parent is wrong")
	}
}

func TestNaturalOrder(t *testing.T) {
	want := []string{"", "1", "01", "2", "10", "Ethernet3/2", "Ethernet3/10", "Ethernet10/1", "Vethernet1", "a", "a0", "a00", "a1b2", "a1b10"}
	want[1], want[2] = "01", "1"
	got := slices.Clone(want)
	rand.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
	slices.SortFunc(got, Compare)
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestSetDelete(t *testing.T) {
	var empty Tree
	leaf := mustParse(t, "vlans/vlan[20]/name")
	a := empty.Set(leaf, "web")
	if v, ok := a.Get(leaf); !ok || v != "web" || !empty.Empty() {
		t.Fatalf("Get = %v, %v; empty tree changed: %v", v, ok, !empty.Empty())
	}
	b := a.Delete(leaf)
	if !b.Exists(leaf.Parent()) {
		t.Error("a list entry vanished with its last leaf")
	}
	if c := b.Delete(leaf.Parent()); !c.Equal(empty) || c.Exists(mustParse(t, "vlans")) {
		t.Error("a container stayed without entries")
	}
	if c := a.Set(leaf.Parent(), nil); !c.Equal(a) {
		t.Error("Set of nil changed an entry that was there")
	}
	many := a.Set(mustParse(t, "vlans/vlan[3]"), nil).Set(mustParse(t, "vlans/vlan[100]"), nil).Set(mustParse(t, "vlans/x"), 1)
	if got := slices.Collect(many.Keys(mustParse(t, "vlans/vlan"))); !slices.Equal(got, []string{"3", "20", "100"}) {
		t.Errorf("Keys = %v", got)
	}
	if got := many.Delete(mustParse(t, "vlans/vlan")); !got.Equal(empty.Set(mustParse(t, "vlans/x"), 1)) {
		t.Error("Delete of a list left entries or took more")
	}
	sub := many.Sub(mustParse(t, "vlans/vlan[20]"))
	if v, _ := sub.Get(Path{{Name: "name"}}); v != "web" {
		t.Errorf("Sub: name = %v", v)
	}
	if got := empty.Graft(mustParse(t, "vlans/vlan[20]"), sub); !got.Equal(a) {
		t.Error("Graft of Sub is not the tree")
	}
	if got := a.Graft(leaf.Parent(), Tree{}); !got.Equal(b) {
		t.Error("Graft of nothing should leave the entry")
	}
}

func TestSetPanicsOnIncomparable(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	Tree{}.Set(Path{{Name: "a"}}, []int{1})
}

// model is the naive twin of a Tree: leaves and keyed entries by path text.
type model struct {
	leaves  map[string]any
	entries map[string]bool
}

func (m model) set(p Path, v any) {
	for i := range p {
		above := p[:i+1].String()
		delete(m.leaves, above)
		if p[i].Key != "" {
			m.entries[above] = true
		}
	}
	m.drop(p, v == nil)
	if p[len(p)-1].Key != "" {
		m.entries[p.String()] = v == nil
	}
	if v != nil {
		m.leaves[p.String()] = v
	}
	for e, is := range m.entries {
		if !is {
			delete(m.entries, e)
		}
	}
}

func (m model) drop(p Path, keepBelow bool) {
	s := p.String()
	if !keepBelow {
		for l := range m.leaves {
			if strings.HasPrefix(l, s+"/") {
				delete(m.leaves, l)
			}
		}
		for e := range m.entries {
			if strings.HasPrefix(e, s+"/") {
				delete(m.entries, e)
			}
		}
	}
	delete(m.leaves, s)
	if !keepBelow {
		delete(m.entries, s)
	}
}

func randomPath(r *rand.Rand) Path {
	var p Path
	for range 1 + r.IntN(4) {
		name := string('a' + byte(r.IntN(3)))
		if r.IntN(2) == 0 {
			p = p.Entry("l"+name, fmt.Sprint(r.IntN(5)))
		} else {
			p = p.Child(name)
		}
	}
	return p
}

// TestModel applies random edits to a tree and to a model of maps, and compares
// leaves and entries, and that Diff tells exactly what differs.
func TestModel(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		m := model{map[string]any{}, map[string]bool{}}
		var tr Tree
		var trail []Tree
		for range 60 {
			p := randomPath(r)
			if r.IntN(3) == 0 {
				m.drop(p, false)
				tr = tr.Delete(p)
			} else {
				v := r.IntN(3)
				m.set(p, v)
				tr = tr.Set(p, v)
			}
			trail = append(trail, tr)
			got := map[string]any{}
			for p, v := range tr.Leaves(nil) {
				got[p.String()] = v
			}
			if fmt.Sprint(got) != fmt.Sprint(m.leaves) {
				t.Fatalf("seed %d: after %s\ngot  %v\nwant %v", seed, p, got, m.leaves)
			}
			for e := range m.entries {
				if !tr.Exists(mustParse(t, e)) {
					t.Fatalf("seed %d: entry %s is not there", seed, e)
				}
			}
		}
		old, new := trail[r.IntN(len(trail))], tr
		if got := replay(old, new); !got.Equal(new) || !new.Equal(got) {
			t.Fatalf("seed %d: the difference does not lead from one to the other", seed)
		}
	}
}

// replay applies the difference between two trees to the first.
func replay(old, new Tree) Tree {
	t := old
	for c := range Diff(old, new) {
		switch {
		case c.New != nil:
			t = t.Set(c.Path, c.New)
		case c.Old != nil || !c.Added:
			t = t.Delete(c.Path)
		default:
			t = t.Set(c.Path, nil)
		}
	}
	return t
}

// TestEqualRegardlessOfHistory: equal contents are equal however they came.
func TestEqualRegardlessOfHistory(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	keys := r.Perm(500)
	var a, b Tree
	for _, k := range keys {
		a = a.Set(Path{{Name: "l", Key: fmt.Sprint(k)}, {Name: "v"}}, k)
	}
	for k := range 700 {
		b = b.Set(Path{{Name: "l", Key: fmt.Sprint(k)}, {Name: "v"}}, k)
	}
	for k := 500; k < 700; k++ {
		b = b.Delete(Path{{Name: "l", Key: fmt.Sprint(k)}})
	}
	if !a.Equal(b) {
		t.Error("trees with the same contents differ")
	}
	if n := depth(a.root.kids); n > 60 {
		t.Errorf("treap of 500 is %d deep", n)
	}
}

func depth(k *kid) int {
	if k == nil {
		return 0
	}
	return 1 + max(depth(k.left), depth(k.right))
}

func TestManyEntries(t *testing.T) {
	start := time.Now()
	var tr Tree
	for i := range 10000 {
		tr = tr.Set(Path{{Name: "interfaces"}, {Name: "interface", Key: fmt.Sprintf("Vethernet%d", i)}, {Name: "mtu"}}, i)
	}
	if d := time.Since(start); d > 5*time.Second { // a busy machine with the race detector; copying all would take minutes
		t.Errorf("10,000 entries took %v", d)
	}
	next := tr.Set(Path{{Name: "interfaces"}, {Name: "interface", Key: "Vethernet77"}, {Name: "mtu"}}, "x")
	n := 0
	for c := range Diff(tr, next) {
		n++
		if c.Old != 77 || c.New != "x" {
			t.Errorf("change = %+v", c)
		}
	}
	if n != 1 {
		t.Errorf("%d changes, want 1", n)
	}
	if a := testing.AllocsPerRun(10, func() { tr.Equal(next) }); a > 200 {
		t.Errorf("comparing two trees that share nearly all allocates %v times", a)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "a", "interfaces/interface[Ethernet3/1]/mtu", `a[\]\\]`, "a[x y]/b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := Parse(s)
		if err != nil {
			return
		}
		if got := p.String(); got != s {
			t.Fatalf("Parse(%q).String() = %q", s, got)
		}
		tr := Tree{}.Set(p, 1)
		if v, ok := tr.Get(p); !ok || v != 1 {
			t.Fatalf("%q is not there after Set", s)
		}
		if back := tr.Delete(p); back.Exists(p) {
			t.Fatalf("%q is there after Delete", s)
		}
	})
}

func FuzzCompare(f *testing.F) {
	f.Add("a1", "a01", "a2")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		sign := func(n int) int { return max(-1, min(1, n)) }
		if sign(Compare(a, b)) != -sign(Compare(b, a)) || (Compare(a, b) == 0) != (a == b) {
			t.Fatalf("not antisymmetric: %q %q", a, b)
		}
		if Compare(a, b) <= 0 && Compare(b, c) <= 0 && Compare(a, c) > 0 {
			t.Fatalf("not transitive: %q %q %q", a, b, c)
		}
	})
}

func TestExistsOtherEntry(t *testing.T) {
	list := Path{{Name: "vlans"}, {Name: "vlan"}}
	tr := Tree{}.Set(Path{{Name: "vlans"}, {Name: "vlan", Key: "20"}}, nil)
	if !tr.Exists(list) || tr.Exists(Path{{Name: "vlans"}, {Name: "vlan", Key: "999"}}) {
		t.Errorf("with entry 20: list there %v, entry 999 there %v, want true, false",
			tr.Exists(list), tr.Exists(Path{{Name: "vlans"}, {Name: "vlan", Key: "999"}}))
	}
}

func TestLen(t *testing.T) {
	var tr Tree
	for i, path := range []string{"a", "b/c", "l[1]/x", "l[2]/x", "l[2]/y"} {
		p, err := Parse(path)
		if err != nil {
			t.Fatal(err)
		}
		if tr = tr.Set(p, i); tr.Len() != i+1 {
			t.Errorf("%d leaves after %d were set", tr.Len(), i+1)
		}
	}
	if n := tr.Set(Path{{"l", "3"}}, nil).Len(); n != 5 {
		t.Errorf("an entry without leaves counts: %d", n)
	}
}
