package history_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"trunkline/config"
	"trunkline/config/configtest"
	"trunkline/config/history"
	"trunkline/config/schema"
	"trunkline/config/tree"
)

func open(t *testing.T, b *configtest.Backend) (*config.Store, *history.History) {
	t.Helper()
	s, err := config.Open(t.Context(), configtest.Schema(), b, config.Hooks{}, tree.Tree{})
	if err != nil {
		t.Fatal(err)
	}
	h, err := history.Open(t.Context(), s, b)
	if err != nil {
		t.Fatal(err)
	}
	return s, h
}

func commit(t *testing.T, s *config.Store, edits ...config.Edit) config.Result {
	t.Helper()
	c := s.Begin()
	if err := c.Apply(edits...); err != nil {
		t.Fatal(err)
	}
	r, err := s.Commit(t.Context(), c, meta)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func set(at string, value any) config.Edit {
	p, err := tree.Parse(at)
	if err != nil {
		panic(err)
	}
	return config.Edit{Op: config.Set, Path: p, Value: value}
}

// TestCommits: the record is bounded, goes back beyond a restart, and knows who.
func TestCommits(t *testing.T) {
	var b configtest.Backend
	s, h := open(t, &b)
	for i := range config.MaxCommits + 5 {
		commit(t, s, set("system/hostname", fmt.Sprint("h", i)))
		if i == 50 {
			s, h = open(t, &b)
		}
	}
	for range 2 {
		all := h.Commits(1000)
		if len(all) != config.MaxCommits || all[0].Generation != config.MaxCommits+5 || all[len(all)-1].Generation != 6 || all[40].User != "admin" {
			t.Fatalf("%d commits, from %+v to %+v", len(all), all[0].Meta, all[len(all)-1].Generation)
		}
		for i, c := range all[1:] {
			if c.Generation != all[i].Generation-1 || c.At.IsZero() {
				t.Fatalf("commit %d follows %d", c.Generation, all[i].Generation)
			}
		}
		for _, g := range []uint64{6, 50, config.MaxCommits + 5} {
			got, err := h.Tree(t.Context(), g)
			if v, _ := got.Get(set("system/hostname", "").Path); err != nil || v != fmt.Sprint("h", g-1) {
				t.Errorf("tree of commit %d: %v, %v", g, v, err)
			}
		}
		before, err := h.Before(t.Context(), 51)
		if v, _ := before.Get(set("system/hostname", "").Path); err != nil || v != "h49" {
			t.Errorf("before commit 51: %v, %v", v, err)
		}
		for _, g := range []uint64{0, 5, 1000} {
			if _, err := h.Tree(t.Context(), g); !errors.Is(err, history.ErrNoCommit) {
				t.Errorf("tree of commit %d: %v", g, err)
			}
			if _, err := h.Before(t.Context(), g+1); !errors.Is(err, history.ErrNoCommit) {
				t.Errorf("before commit %d: %v", g+1, err)
			}
		}
		_, h = open(t, &b)
	}
	if n := len(h.Commits(-1)); n != 0 {
		t.Errorf("%d of -1 commits", n)
	}
}

func TestCheckpointNames(t *testing.T) {
	var b configtest.Backend
	s, h := open(t, &b)
	for _, c := range []struct {
		name, description string
		want              error
	}{
		{strings.Repeat("n", 80), strings.Repeat("d", 80), nil},
		{"a/b", "change 4711", nil},
		{"a/b", "", history.ErrExists},
		{strings.Repeat("n", 81), "", history.ErrName},
		{"a b", "", history.ErrName},
		{"ü", "", history.ErrName},
		{"system", "", history.ErrReserved},
		{"systematic", "", history.ErrReserved},
		{"x", strings.Repeat("d", 81), history.ErrDescription},
		{"x", "a\nb", history.ErrDescription},
	} {
		if _, err := h.Save(t.Context(), c.name, c.description, meta); !errors.Is(err, c.want) {
			t.Errorf("%q, %q: %v, want %v", c.name, c.description, err, c.want)
		}
	}
	commit(t, s, set("system/hostname", "other"))
	for range 2 {
		got, at, err := h.Checkpoint(t.Context(), "a/b")
		if err != nil || !at.Empty() || got.By != "admin" || got.Description != "change 4711" || got.At.IsZero() || got.Size == 0 {
			t.Errorf("checkpoint %+v, %v", got, err)
		}
		if all := h.Checkpoints(); len(all) != 2 || all[1] != got {
			t.Errorf("checkpoints %+v, want the last to be %+v", all, got)
		}
		_, h = open(t, &b)
	}
	if _, _, err := h.Checkpoint(t.Context(), "x"); !errors.Is(err, history.ErrNoCheckpoint) {
		t.Errorf("absent: %v", err)
	}
}

func names(h *history.History) (out []string) {
	for _, c := range h.Checkpoints() {
		out = append(out, c.Name)
	}
	return out
}

func TestCheckpointBounds(t *testing.T) {
	s, h := open(t, &configtest.Backend{})
	ctx := t.Context()
	save := func(name string) error { _, err := h.Save(ctx, name, "", meta); return err }
	for range 12 {
		if err := save(""); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"3", "4", "5", "6", "7", "8", "9", "10", "1", "2"}
	for i := range want {
		want[i] = "user-checkpoint-" + want[i]
	}
	if got := names(h); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// Named ones take the places of unnamed ones, and then nothing gives place.
	for i := range history.MaxUser {
		if err := save(fmt.Sprint("n", i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"", "more"} {
		if err := save(name); !errors.Is(err, history.ErrTooMany) {
			t.Errorf("%q: %v", name, err)
		}
	}
	// The product's are counted apart, the oldest gives place, and one of a name
	// replaces its former self.
	for i := range history.MaxSystem + 2 {
		if _, err := h.SaveSystem(ctx, fmt.Sprint("fm-", i), meta); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.SaveSystem(ctx, "fm-5", meta); err != nil {
		t.Fatal(err)
	}
	got := names(h)[history.MaxUser:]
	if len(got) != history.MaxSystem || got[0] != "system-fm-2" || got[len(got)-1] != "system-fm-5" || slices.Index(got, "system-fm-5") != len(got)-1 {
		t.Errorf("the product's: %v", got)
	}
	if err := h.Clear(ctx, true, false); err != nil || len(names(h)) != history.MaxSystem {
		t.Errorf("cleared: %v, %v", names(h), err)
	}
	if err := h.Clear(ctx, false, true); err != nil || len(names(h)) != 0 {
		t.Errorf("cleared: %v, %v", names(h), err)
	}
	// One writer at a time.
	release, err := s.Exclusive()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	c := s.Begin()
	_, commitErr := h.Commit(ctx, c, meta, history.Confirm{})
	_, _, restoreErr := h.Restore(ctx, tree.Tree{}, meta, history.Confirm{})
	for what, err := range map[string]error{
		"save": save("x"), "delete": h.Delete(ctx, "x"), "clear": h.Clear(ctx, true, true), "commit": commitErr, "restore": restoreErr,
	} {
		if !errors.Is(err, config.ErrBusy) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestBackendFails: what was not stored is not listed.
func TestBackendFails(t *testing.T) {
	var b configtest.Backend
	_, h := open(t, &b)
	if _, err := h.Save(t.Context(), "kept", "", meta); err != nil {
		t.Fatal(err)
	}
	b.Fail = func(string) error { return errors.New("no quorum") }
	if _, err := h.Save(t.Context(), "lost", "", meta); err == nil {
		t.Error("saved")
	}
	if err := h.Delete(t.Context(), "kept"); err == nil {
		t.Error("deleted")
	}
	if got := names(h); !slices.Equal(got, []string{"kept"}) {
		t.Errorf("checkpoints %v", got)
	}
	if _, err := history.Open(t.Context(), nil, &b); err == nil {
		t.Error("opened")
	}
}

// TestRestoreKeepsInventory: workloads attached now stay attached, and one that
// has gone does not come back (cli.md §13.4).
func TestRestoreKeepsInventory(t *testing.T) {
	s, h := open(t, &configtest.Backend{})
	owner := configtest.Owner{Kind: "none"}
	commit(t, s, set("interfaces/interface[Vethernet1]/owner", owner), set("interfaces/interface[Vethernet1]/description", "was"))
	then := s.Running().Tree
	gone := set("interfaces/interface[Vethernet1]", nil)
	commit(t, s, config.Edit{Op: config.Delete, Path: gone.Path},
		set("interfaces/interface[Vethernet2]/owner", owner), set("interfaces/interface[Vethernet2]/description", "now"))
	c, changes, err := h.Restoration(then)
	if err != nil || len(changes) == 0 {
		t.Fatalf("changes %v, %v", changes, err)
	}
	if s.Running().Generation != 2 || len(s.Check(c)) != 0 {
		t.Errorf("a restoration that was not committed: %v", s.Check(c))
	}
	m := meta
	m.Method = config.MethodRollback
	r, _, err := h.Restore(t.Context(), then, m, history.Confirm{})
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]any{
		"[Vethernet1]/owner": nil, "[Vethernet1]/description": "was", "[Vethernet2]/owner": owner, "[Vethernet2]/description": nil,
	} {
		if v, _ := r.Tree.Get(set("interfaces/interface"+at, nil).Path); v != want {
			t.Errorf("%s: %v, want %v", at, v, want)
		}
	}
	if got := h.Commits(1)[0]; got.Method != config.MethodRollback {
		t.Errorf("recorded as %+v", got.Meta)
	}
	// Again, there is nothing to do.
	r, changes, err = h.Restore(t.Context(), then, meta, history.Confirm{})
	if err != nil || len(changes) != 0 || r.Generation != 3 {
		t.Errorf("a second time: %v, %v, generation %d", changes, err, r.Generation)
	}
}

// TestRestoreRandom: any valid tree can be gone back to from any other, exactly.
func TestRestoreRandom(t *testing.T) {
	sch := configtest.Schema()
	for seed := range uint64(60) {
		s, h := open(t, &configtest.Backend{})
		for i := range uint64(3) {
			want := sch.KeepInventory(s.Running().Tree, configtest.Random(sch, rng(seed, i)))
			if len(sch.Validate(tree.Tree{}, want)) > 0 {
				continue // without its bindings it is not valid
			}
			r, _, err := h.Restore(t.Context(), want, meta, history.Confirm{})
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			for d := range tree.Diff(want, r.Tree) {
				t.Errorf("seed %d: %s: want %v, got %v", seed, d.Path, d.Old, d.New)
			}
		}
	}
}

// TestRestoreRefused: what the checks refuse changes nothing, and neither does
// a tree of another schema.
func TestRestoreRefused(t *testing.T) {
	s, err := config.Open(t.Context(), configtest.Schema(), &configtest.Backend{}, config.Hooks{Check: func(_, n tree.Tree) []schema.Problem {
		if n.Exists(vlan(66)) {
			return []schema.Problem{{Path: vlan(66), Text: "ERROR: Not that one."}}
		}
		return nil
	}}, tree.Tree{})
	if err != nil {
		t.Fatal(err)
	}
	h, err := history.Open(context.Background(), s, nil)
	if err != nil {
		t.Fatal(err)
	}
	var problems config.Problems
	for _, bad := range []tree.Tree{
		tree.Tree{}.Set(vlan(66), nil).Set(vlan(3), nil),
		tree.Tree{}.Set(tree.Path{{Name: "nonsense"}}, "x"),
		tree.Tree{}.Set(vlan(3).Child("name"), 7),
	} {
		if _, _, err := h.Restore(t.Context(), bad, meta, history.Confirm{}); !errors.As(err, &problems) {
			t.Errorf("got %v", err)
		}
	}
	if s.Running().Generation != 0 {
		t.Error("something was committed")
	}
}
