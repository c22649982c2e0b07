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

// TestRandomConfigurations types what random trees of every feature print into
// an empty chassis, through the real grammar, and compares: parse(render(t)) = t.
// What features check beyond structure is left aside, as the trees know nothing
// of it.
func TestRandomConfigurations(t *testing.T) {
	alone(t)
	var groups []schema.Group
	for _, f := range features {
		groups = append(groups, f.Schema)
	}
	s, err := schema.Compile(groups...)
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[string]bool{}
	for seed := range uint64(60) {
		want := configtest.Random(s, rand.New(rand.NewPCG(seed, 1)))
		for p := range want.Leaves(nil) {
			drawn[p.Names()] = true
		}
		store, err := config.Open(t.Context(), s, &configtest.Backend{}, config.Hooks{}, tree.Tree{})
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
		for depth, line := range s.Print(want, schema.PrintOptions{}) {
			lines = append(lines, strings.Repeat("  ", depth)+line)
		}
		for _, l := range lines {
			if operator.Run(context.Background(), l, console{&out}).Failed {
				t.Fatalf("seed %d: %q: %s\n%s", seed, l, &out, strings.Join(lines, "\n"))
			}
		}
		for c := range tree.Diff(want, store.Running().Tree) {
			t.Errorf("seed %d: %s: printed %v, read %v", seed, c.Path, c.Old, c.New)
		}
		if t.Failed() {
			t.Fatal(strings.Join(lines, "\n"))
		}
	}
	for _, l := range s.Lines() {
		if l.Leaf != nil && !drawn[l.Path()] {
			t.Errorf("no random configuration has %s", l.Path())
		}
	}
}
