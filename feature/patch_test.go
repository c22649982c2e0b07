package feature_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"trunkline/cli/session"
	"trunkline/config"
	"trunkline/config/configtest"
	"trunkline/config/effective"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// TestRandomPatches types the patch from one random tree of every feature to
// another into a chassis that has the first: then it has the second, but for
// bindings of workloads.
func TestRandomPatches(t *testing.T) {
	alone(t)
	var groups []schema.Group
	for _, f := range features {
		groups = append(groups, f.Schema)
	}
	s, err := schema.Compile(groups...)
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(60) {
		from := configtest.Random(s, rand.New(rand.NewPCG(seed, 2)))
		to := configtest.Random(s, rand.New(rand.NewPCG(seed, 3)))
		switch seed % 3 {
		case 1: // little differs
			to = mixed(s, from, to, rand.New(rand.NewPCG(seed, 4)))
		case 2:
			from = tree.Tree{}
		}
		store, err := config.Open(t.Context(), s, &configtest.Backend{}, config.Hooks{}, from)
		if err != nil {
			t.Fatal(err)
		}
		cli, err := session.New(session.Product{
			Store: store, Schema: s, Features: features, Version: "1.0(1)", Now: time.Now,
			Query: func(args feature.Args, who feature.Session) feature.Query {
				running := store.Running().Tree
				return feature.Query{
					Args: args, Running: running, Schema: s, Effective: effective.New(s, running).Port,
					State: &feature.State{}, Now: time.Now(), Session: who,
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		operator := cli.Session(session.Options{Who: feature.Session{User: "admin", Role: feature.NetworkAdmin}})
		var out bytes.Buffer
		lines := []string{"configure terminal"}
		for depth, line := range s.Patch(from, to) {
			lines = append(lines, strings.Repeat("  ", depth)+line)
		}
		for _, l := range lines {
			if operator.Run(context.Background(), l, console{&out}).Failed {
				t.Fatalf("seed %d: %q: %s\n%s", seed, l, &out, strings.Join(lines, "\n"))
			}
		}
		for c := range tree.Diff(configtest.Canonical(s, s.KeepInventory(from, to)), store.Running().Tree) {
			t.Errorf("seed %d: %s: want %v, got %v", seed, c.Path, c.Old, c.New)
		}
		if t.Failed() {
			t.Fatal(strings.Join(lines, "\n"))
		}
		for _, line := range s.Patch(to, to) {
			t.Fatalf("seed %d: patch between equals: %s", seed, line)
		}
	}
}

// mixed returns the tree with some of what leads to the other: single leaves
// and whole entries.
func mixed(s *schema.Schema, from, to tree.Tree, r *rand.Rand) tree.Tree {
	mix := from
	for c := range tree.Diff(from, to) {
		if r.IntN(8) > 0 {
			continue
		}
		next := mix
		if c.New != nil {
			next = mix.Set(c.Path, c.New)
		} else if !c.Added {
			next = mix.Delete(c.Path)
		}
		if len(s.Validate(from, next)) == 0 && !refused(s, mix, next, c.Path) {
			mix = next
		}
	}
	return configtest.Canonical(s, mix)
}

// refused reports whether a path is in an entry that an operator may not make.
func refused(s *schema.Schema, before, after tree.Tree, path tree.Path) bool {
	for i, e := range path {
		entry := path[:i+1]
		if b := s.Block(entry.Names()); e.Key != "" && b != nil && b.NoCreate != nil && !before.Exists(entry) && b.NoCreate(after, e.Key) != "" {
			return true
		}
	}
	return false
}
