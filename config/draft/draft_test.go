package draft_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/config"
	"trunkline/config/configtest"
	"trunkline/config/draft"
	"trunkline/config/tree"
)

func store(t *testing.T) *config.Store {
	t.Helper()
	s, err := config.Open(t.Context(), configtest.Schema(), &configtest.Backend{}, config.Hooks{}, tree.Tree{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func vlan(n int) tree.Path { return tree.Path{{Name: "vlans"}, {Name: "vlan", Key: fmt.Sprint(n)}} }

func line(n int, name string) draft.Line {
	edits := []config.Edit{{Op: config.Set, Path: vlan(n)}}
	if name != "" {
		edits = append(edits, config.Edit{Op: config.Set, Path: vlan(n).Child("name"), Value: name})
	}
	return draft.Line{Text: fmt.Sprintf("vlan %d name %s", n, name), Edits: edits}
}

func add(t *testing.T, d *draft.Draft, lines ...draft.Line) {
	t.Helper()
	for _, l := range lines {
		if err := d.Add(l); err != nil {
			t.Fatal(err)
		}
	}
}

func open(t *testing.T, r *draft.Registry, name string) *draft.Draft {
	t.Helper()
	d, _, err := r.Open(name, "admin", "pts/1")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func plain(t *testing.T, s *config.Store) func(*config.Candidate) (config.Result, error) {
	return func(c *config.Candidate) (config.Result, error) { return s.Commit(t.Context(), c, config.Meta{}) }
}

// TestShared: a draft is one whoever opens it, and ends for all.
func TestShared(t *testing.T) {
	s := store(t)
	r := draft.New(s)
	d := open(t, r, "web")
	add(t, d, line(2, "a"))
	again, resumed, err := r.Open("web", "other", "console")
	if err != nil || !resumed || again != d {
		t.Fatalf("opened again: %v, %v", resumed, err)
	}
	add(t, again, line(3, ""))
	if s.Running().Tree.Exists(vlan(2)) {
		t.Error("a queued line runs")
	}
	info := r.List()
	if len(info) != 1 || info[0].Name != "web" || info[0].ID != 1 || info[0].Owner != "admin" || info[0].Lines != 2 || info[0].Created.IsZero() {
		t.Errorf("listed: %+v", info)
	}
	if _, err := d.Commit(plain(t, s)); err != nil {
		t.Fatal(err)
	}
	if !s.Running().Tree.Exists(vlan(2)) || !s.Running().Tree.Exists(vlan(3)) {
		t.Error("a line does not run")
	}
	_, verify := again.Verify()
	_, commit := again.Commit(plain(t, s))
	for what, err := range map[string]error{
		"add": again.Add(line(4, "")), "remove": again.Remove(1), "renew": again.Renew(), "abort": again.Abort(), "verify": verify, "commit": commit,
	} {
		if !errors.Is(err, draft.ErrClosed) {
			t.Errorf("%s after the end: %v", what, err)
		}
	}
	if _, err := r.Find("web"); !errors.Is(err, draft.ErrNoDraft) {
		t.Errorf("find: %v", err)
	}
	if next := open(t, r, "web"); next.Info().ID != 2 || next.Info().Lines != 0 {
		t.Errorf("a new one of the name: %+v", next.Info())
	}
}

func TestRemove(t *testing.T) {
	s := store(t)
	d := open(t, draft.New(s), "x")
	add(t, d, line(2, "a"), line(3, "b"), line(2, "c"))
	for _, n := range []int{0, 4, -1} {
		if err := d.Remove(n); !errors.Is(err, draft.ErrNoLine) {
			t.Errorf("line %d: %v", n, err)
		}
	}
	if err := d.Remove(3); err != nil {
		t.Fatal(err)
	}
	if v, _ := d.Candidate().Tree().Get(vlan(2).Child("name")); v != "a" {
		t.Errorf("name %v without the last line", v)
	}
	if l := d.Lines(); len(l) != 2 || l[1].Text != "vlan 3 name b" {
		t.Errorf("lines %v", l)
	}
}

func TestConflict(t *testing.T) {
	s := store(t)
	r := draft.New(s)
	one, two := open(t, r, "one"), open(t, r, "two")
	add(t, one, line(2, "mine"))
	add(t, two, line(2, "theirs"), line(3, ""))
	if _, err := two.Commit(plain(t, s)); err != nil {
		t.Fatal(err)
	}
	var conflict *config.ConflictError
	if _, err := one.Verify(); !errors.As(err, &conflict) || conflict.Path.String() != "vlans/vlan[2]/name" {
		t.Errorf("verify: %v", err)
	}
	if _, err := one.Commit(plain(t, s)); !errors.Is(err, config.ErrConflict) {
		t.Errorf("commit: %v", err)
	}
	// It is as it was, and can be put on top.
	if err := one.Renew(); err != nil {
		t.Fatal(err)
	}
	if _, err := one.Commit(plain(t, s)); err != nil {
		t.Fatal(err)
	}
	if v, _ := s.Running().Tree.Get(vlan(2).Child("name")); v != "mine" || !s.Running().Tree.Exists(vlan(3)) {
		t.Errorf("name %v", v)
	}
}

func TestBounds(t *testing.T) {
	r := draft.New(store(t))
	for _, name := range []string{"", "a b", "é", "\x00", strings.Repeat("n", draft.MaxName+1)} {
		if _, _, err := r.Open(name, "", ""); !errors.Is(err, draft.ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for i := range draft.MaxDrafts {
		open(t, r, fmt.Sprint("d", i))
	}
	if _, _, err := r.Open("more", "", ""); !errors.Is(err, draft.ErrTooMany) {
		t.Errorf("one more: %v", err)
	}
	d := open(t, r, "d0") // one that is there can be opened all the same
	if err := d.Add(draft.Line{Edits: make([]config.Edit, draft.MaxEdits+1)}); !errors.Is(err, draft.ErrEdits) {
		t.Errorf("too many edits: %v", err)
	}
	for range draft.MaxLines {
		add(t, d, draft.Line{Text: "vlan 2"})
	}
	if err := d.Add(draft.Line{Text: "vlan 2"}); !errors.Is(err, draft.ErrLines) {
		t.Errorf("too many lines: %v", err)
	}
	if err := d.Abort(); err != nil {
		t.Fatal(err)
	}
	open(t, r, "more")
	// A line that is not of the schema is not queued.
	d = open(t, r, "d1")
	var problems config.Problems
	if err := d.Add(draft.Line{Edits: []config.Edit{{Op: config.Set, Path: tree.Path{{Name: "nonsense"}}, Value: "x"}}}); !errors.As(err, &problems) || len(d.Lines()) != 0 {
		t.Errorf("nonsense: %v", err)
	}
}

// TestOneCommitWins: of those who commit one draft at a time, one does.
func TestOneCommitWins(t *testing.T) {
	s := store(t)
	r := draft.New(s)
	d := open(t, r, "x")
	add(t, d, line(2, ""))
	var wg sync.WaitGroup
	errs := make(chan error, 8)
	for range cap(errs) {
		wg.Go(func() {
			_, err := d.Commit(plain(t, s))
			r.List()
			errs <- err
		})
	}
	wg.Wait()
	won := 0
	for range cap(errs) {
		switch err := <-errs; {
		case err == nil:
			won++
		case !errors.Is(err, draft.ErrClosed):
			t.Error(err)
		}
	}
	if won != 1 || s.Running().Generation != 1 {
		t.Errorf("%d won, generation %d", won, s.Running().Generation)
	}
}

// TestForgotten: drafts that terminals left behind make room for others, but no
// sooner than that they are forgotten, and not those that somebody works on.
func TestForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := draft.New(store(t))
		var all []*draft.Draft
		for i := range draft.MaxDrafts {
			all = append(all, open(t, r, fmt.Sprint("left-", i)))
		}
		time.Sleep(draft.Forgotten - time.Second)
		add(t, all[0], line(2, "two"))
		open(t, r, "left-2")
		if _, _, err := r.Open("more", "", ""); !errors.Is(err, draft.ErrTooMany) {
			t.Fatalf("a draft goes too soon: %v", err)
		}
		time.Sleep(time.Second)
		for i := range draft.MaxDrafts - 2 {
			open(t, r, fmt.Sprint("more-", i))
		}
		if _, _, err := r.Open("too-many", "", ""); !errors.Is(err, draft.ErrTooMany) {
			t.Error("one too many")
		}
		for _, name := range []string{"left-0", "left-2"} {
			if _, err := r.Find(name); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := all[1].Add(line(3, "three")); !errors.Is(err, draft.ErrClosed) {
			t.Errorf("a line in a forgotten draft: %v", err)
		}
		if n := len(r.List()); n != draft.MaxDrafts {
			t.Errorf("%d drafts", n)
		}
	})
}
