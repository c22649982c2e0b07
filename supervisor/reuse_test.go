package supervisor

import (
	"bytes"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"trunkline/config"
	"trunkline/config/configtest"
	"trunkline/config/effective"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/supervisor/program"
)

// A compiler that has seen all configurations on the way makes of each what one
// makes that has seen no other: what features say they read is all they read.
func TestReuse(t *testing.T) {
	features := Features()
	var groups []schema.Group
	for _, f := range features {
		groups = append(groups, f.Schema)
	}
	s, err := schema.Compile(groups...)
	if err != nil {
		t.Fatal(err)
	}
	compiler := func() *program.Compiler {
		resolve := func(t tree.Tree) func(string) tree.Tree { return effective.New(s, t).Port }
		return program.New(features, resolve, slog.New(slog.DiscardHandler))
	}
	seen := compiler()
	r := rand.New(rand.NewPCG(3, 4))
	var now tree.Tree
	generation, compared := uint64(0), 0
	for seed := range uint64(12) {
		goal := crowd(configtest.Random(s, rand.New(rand.NewPCG(seed, 5))), r)
		for range 60 {
			changes := slices.Collect(tree.Diff(now, goal))
			if len(changes) == 0 {
				break
			}
			for range 1 + r.IntN(3) {
				if c := changes[r.IntN(len(changes))]; c.New != nil || c.Added {
					now = now.Set(c.Path, c.New)
				} else {
					now = now.Delete(c.Path)
				}
			}
			seen.Problems(now)
			if r.IntN(8) == 0 {
				continue // refused
			}
			generation++
			snapshot := config.Snapshot{Tree: now, Generation: generation}
			seen.Publish(snapshot)
			fresh := compiler()
			fresh.Publish(snapshot)
			slots := feature.SlotsWithPorts(now)
			for key := range now.Keys(feature.ModulesRoot.Child("vem")) {
				n, _ := strconv.Atoi(key)
				slots = append(slots, n)
			}
			for _, slot := range slots {
				want, err := fresh.Program(slot)
				if err != nil {
					continue // as it would be refused
				}
				got, err := seen.Program(slot)
				if err != nil {
					t.Fatal(err)
				}
				compared++
				if !maps.EqualFunc(got.Sections, want.Sections, bytes.Equal) {
					for name := range want.Sections {
						if !bytes.Equal(got.Sections[name], want.Sections[name]) {
							t.Errorf("module %d, %s:\n%s\nwant\n%s", slot, name, got.Sections[name], want.Sections[name])
						}
					}
					t.Fatalf("module %d differs, seed %d, configuration %d", slot, seed, generation)
				}
			}
		}
		now = goal
	}
	if compared < 500 {
		t.Errorf("%d programs were compared", compared)
	}
}

// crowd moves what a random configuration has to a few modules and port-profiles,
// so that one change meets another.
func crowd(t tree.Tree, r *rand.Rand) tree.Tree {
	var profiles []string
	for p := range t.Keys(feature.ProfilesRoot.Child("port-profile")) {
		profiles = append(profiles, p)
	}
	for port := range feature.Configured(t) {
		if len(profiles) > 0 && r.IntN(2) == 0 {
			t = t.Set(feature.InterfacePath(port, "inherit"), profiles[r.IntN(len(profiles))])
		}
	}
	for i, p := range profiles {
		at := feature.ProfilesRoot.Entry("port-profile", p)
		t = t.Set(at.Child("inherit"), profiles[(i+1)%len(profiles)])
	}
	for module := 3; module < 6; module++ {
		for port := 1; port < 4; port++ {
			name := "Ethernet" + strconv.Itoa(module) + "/" + strconv.Itoa(port)
			if r.IntN(2) == 0 && len(profiles) > 0 {
				t = t.Set(feature.InterfacePath(name, "inherit"), profiles[r.IntN(len(profiles))])
			}
		}
	}
	return t
}
