package tree

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestModel runs random edits on a tree and on a map of leaves.
func TestModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var tr Tree
	model := map[string]int{}
	random := func() Path {
		p := Path{}.Entry("list", fmt.Sprintf("Eth%d/%d", rng.IntN(4), rng.IntN(300)))
		if rng.IntN(3) == 0 {
			return p.Child("a/b")
		}
		return p.Child("c")
	}
	history := []Tree{tr}
	for step := range 20000 {
		p := random()
		if rng.IntN(3) == 0 {
			tr = tr.Delete(p)
			delete(model, p.String())
		} else {
			v := rng.IntN(5) + 1
			tr = tr.Set(p, v)
			model[p.String()] = v
		}
		if step%1000 == 0 {
			got := map[string]int{}
			for p, v := range tr.Leaves(nil) {
				got[p.String()] = v.(int)
			}
			if !maps.Equal(got, model) {
				t.Fatalf("step %d: tree and model differ", step)
			}
			history = append(history, tr)
		}
	}
	for i := range len(history) - 1 {
		patched := history[i]
		for c := range Diff(history[i], history[i+1]) {
			switch {
			case c.New != nil:
				patched = patched.Set(c.Path, c.New)
			case c.Old == nil && c.Added:
				patched = patched.Set(c.Path, nil)
			default:
				patched = patched.Delete(c.Path)
			}
		}
		if !patched.Equal(history[i+1]) {
			t.Fatalf("snapshot %d and its diff do not make snapshot %d", i, i+1)
		}
	}
}

func TestNaturalOrder(t *testing.T) {
	var tr Tree
	want := []string{"Ethernet3/2", "Ethernet3/10", "Ethernet10/1", "Vethernet2", "Vethernet12"}
	for _, k := range []string{"Vethernet12", "Ethernet3/10", "Vethernet2", "Ethernet10/1", "Ethernet3/2"} {
		tr = tr.Set(Path{}.Entry("interface", k), nil)
	}
	if got := slices.Collect(tr.Keys(MustParse("interface"))); !slices.Equal(got, want) {
		t.Errorf("keys %v, want %v", got, want)
	}
}

func TestDeleteTidies(t *testing.T) {
	tr := Tree{}.Set(MustParse("l[1]/c/d/leaf"), 1).Set(MustParse("m/leaf"), 2)
	tr = tr.Delete(MustParse("l[1]/c/d/leaf"))
	if tr.Exists(MustParse("l[1]/c")) || !tr.Exists(MustParse("l[1]")) {
		t.Error("empty containers must go, entries must stay")
	}
	if tr = tr.Delete(MustParse("l[1]")).Delete(MustParse("m/leaf")); !tr.Empty() || !tr.Equal(Tree{}) {
		t.Error("the emptied tree is not the zero tree")
	}
}

func TestSharedSnapshot(t *testing.T) {
	a := Tree{}.Set(MustParse("x/y"), 1)
	b := a.Set(MustParse("x/y"), 2).Set(MustParse("x/z"), 3)
	if v, _ := a.Get(MustParse("x/y")); v != 1 || a.Exists(MustParse("x/z")) {
		t.Error("an edit changed the tree it started from")
	}
	if g := a.Graft(MustParse("q[1]"), b.Sub(MustParse("x"))); !g.Exists(MustParse("q[1]/z")) {
		t.Error("graft lost a leaf")
	}
}

func TestNotComparablePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a slice was accepted as a value")
		}
	}()
	Tree{}.Set(MustParse("x"), []int{1})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "a", "a/b[c]", `a[\]\\]/b`, "a/", "[k]", "a[k", "a//b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text)
		if err != nil {
			return
		}
		if back, err := Parse(p.String()); err != nil || !back.Equal(p) {
			t.Fatalf("%q → %v does not parse back: %v %v", text, p, back, err)
		}
	})
}

func BenchmarkSetInTenThousand(b *testing.B) {
	var tr Tree
	for i := range 10000 {
		tr = tr.Set(Path{}.Entry("interface", fmt.Sprintf("Vethernet%d", i)).Child("shutdown"), true)
	}
	p := MustParse("interface[Vethernet5000]/shutdown")
	v := false
	for b.Loop() {
		tr = tr.Set(p, v)
		v = !v
	}
}
