package feature_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"trunkline/cli/session"
	"trunkline/config"
	"trunkline/config/configtest"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// TestRollback types hundreds of random commands after a checkpoint and goes back
// to it: the configuration is as it was (cli.md §16, 7), but for bindings of
// workloads.
func TestRollback(t *testing.T) {
	alone(t)
	const accepted = 500
	for seed, how := range []string{"atomic", "best-effort"} {
		w := newWorld(t)
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		var commands []command
		for _, c := range everyCommand(t, w.p.Schema, w.cli) {
			if c.config != nil {
				commands = append(commands, c)
			}
		}
		draw := func() []string {
			c := commands[r.IntN(len(commands))]
			all := c.lines()
			words := all[r.IntN(len(all))]
			if r.IntN(2) == 0 {
				words = other(words)
			}
			l := line(words)
			if r.IntN(3) == 0 {
				l = "no " + l
			}
			return append(slices.Clone(c.enter), l)
		}
		typeSome := func(n int) {
			for tries := 0; n > 0; tries++ {
				if tries > 20*accepted {
					t.Fatalf("%d lines are still to be accepted", n)
				}
				before := w.p.Store.Running().Generation
				s := w.cli.Session(session.Options{Who: feature.Session{User: "admin", Role: feature.NetworkAdmin}})
				for _, l := range draw() {
					if s.Run(t.Context(), l, console{&strings.Builder{}}).Failed {
						break
					}
				}
				if w.p.Store.Running().Generation > before {
					n--
				}
			}
		}
		typeSome(accepted / 10)
		before := w.p.Store.Running().Tree
		w.run("checkpoint here")
		typeSome(accepted)
		after := w.p.Store.Running().Tree
		if after.Equal(before) {
			t.Fatal("random commands changed nothing")
		}
		out, failed := w.type1("rollback running-config checkpoint here " + how)
		if failed || !strings.HasSuffix(out, "\nRollback completed successfully.\n") {
			t.Errorf("%s: %s", how, out)
		}
		want := configtest.Canonical(w.p.Schema, w.p.Schema.KeepInventory(after, before))
		got := w.p.Store.Running().Tree
		if a, b := printed(w.p.Schema, want), printed(w.p.Schema, got); a != b {
			for c := range tree.Diff(want, got) {
				t.Errorf("%s: %s: want %v, got %v", how, c.Path, c.Old, c.New)
			}
		}
	}
}

// TestSaveAndReload saves random configurations, changes them and reloads: what
// runs is what was saved (cli.md §16, 6).
func TestSaveAndReload(t *testing.T) {
	var groups []schema.Group
	for _, f := range features {
		groups = append(groups, f.Schema)
	}
	s, err := schema.Compile(groups...)
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(30) {
		backend := &configtest.Backend{}
		open := func(factory tree.Tree) *config.Store {
			store, err := config.Open(t.Context(), s, backend, config.Hooks{}, factory)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			return store
		}
		saved := configtest.Random(s, rand.New(rand.NewPCG(seed, 8)))
		store := open(saved)
		if err := store.SaveStartup(t.Context(), config.Meta{}); err != nil {
			t.Fatal(err)
		}
		c := store.Begin()
		if err := c.Apply(config.Edit{Op: config.Replace, Value: configtest.Random(s, rand.New(rand.NewPCG(seed, 9)))}); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Commit(t.Context(), c, config.Meta{}); err != nil {
			t.Fatal(err)
		}
		if store.Running().Tree.Equal(saved) {
			continue // two of a kind
		}
		if err := store.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		again := open(tree.Tree{})
		startup, _ := again.Startup()
		if a, b := printed(s, startup.Tree), printed(s, again.Running().Tree); a != b || b != printed(s, saved) {
			t.Errorf("seed %d: saved\n%s\nstartup\n%s\nrunning\n%s", seed, printed(s, saved), a, b)
		}
	}
}
