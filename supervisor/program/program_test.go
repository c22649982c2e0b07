package program

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"trunkline/config"
	"trunkline/config/tree"
	"trunkline/feature"
)

func path(t *testing.T, elems ...tree.Elem) tree.Path {
	t.Helper()
	return tree.Path(elems)
}

type section struct {
	Ports []string `json:"ports"`
	Text  string   `json:"text"`
}

// compiler returns one with a feature that compiles the host name and the
// ports, and counts how often it does.
func compiler(t *testing.T, count *atomic.Int32) *Compiler {
	t.Helper()
	whole := feature.Feature{Name: "whole", Compile: func(in feature.Input) (any, error) {
		count.Add(1)
		name := feature.Read(in.Config, tree.Path{{Name: "name"}}, "")
		switch name {
		case "bad":
			return nil, errors.New("not supported")
		case "panic":
			panic("bug")
		}
		return section{Ports: in.Ports, Text: name}, nil
	}}
	none := feature.Feature{Name: "none", Compile: func(feature.Input) (any, error) { return (*section)(nil), nil }}
	shown := feature.Feature{Name: "shown"}
	resolve := func(t tree.Tree) func(string) tree.Tree {
		return func(port string) tree.Tree { return t.Sub(feature.InterfacePath(port)) }
	}
	return New([]feature.Feature{whole, none, shown}, resolve, slog.New(slog.DiscardHandler))
}

func chassis(name string, ports ...string) tree.Tree {
	t := tree.Tree{}.Set(tree.Path{{Name: "name"}}, name)
	for _, p := range ports {
		t = t.Set(feature.InterfacePath(p), nil)
	}
	return t
}

func TestProgram(t *testing.T) {
	var count atomic.Int32
	c := compiler(t, &count)
	if _, err := c.Program(3); err == nil {
		t.Error("there is a program before any configuration")
	}
	c.Publish(config.Snapshot{Tree: chassis("a", "Ethernet3/2", "Ethernet3/10", "Ethernet4/1"), Generation: 7})
	p, err := c.Program(3)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(p.Sections["whole"]), `{"ports":["Ethernet3/2","Ethernet3/10"],"text":"a"}`; got != want {
		t.Errorf("section %s, want %s", got, want)
	}
	if len(p.Sections) != 1 || p.Generation != 7 || p.Config != 7 {
		t.Errorf("program %+v", p)
	}

	// A commit that concerns module 4 only.
	c.Publish(config.Snapshot{Tree: chassis("a", "Ethernet3/2", "Ethernet3/10", "Ethernet4/1", "Ethernet4/2"), Generation: 8})
	for _, tc := range []struct {
		slot       int
		generation uint64
	}{{3, 7}, {4, 8}, {5, 8}} {
		p, err := c.Program(tc.slot)
		if err != nil || p.Generation != tc.generation || p.Config != 8 {
			t.Errorf("module %d: generation %d of configuration %d, %v; want %d of 8", tc.slot, p.Generation, p.Config, err, tc.generation)
		}
	}
}

func TestChanged(t *testing.T) {
	var count atomic.Int32
	c := compiler(t, &count)
	names := []string{"none", "whole"}
	now, next := chassis("a", "Ethernet3/1", "Ethernet4/1"), chassis("a", "Ethernet3/1", "Ethernet4/1", "Ethernet4/2")
	c.Publish(config.Snapshot{Tree: now, Generation: 1})
	c.Problems(next)
	for slot, want := range map[int][]string{3: nil, 4: {"whole"}} {
		if got := c.Changed(next, slot, names); !slices.Equal(got, want) {
			t.Errorf("module %d: %q, want %q", slot, got, want)
		}
	}
	if got := c.Changed(next, 4, []string{"none"}); got != nil {
		t.Errorf("a section that is in neither: %q", got)
	}
	c.Problems(now)
	if got := c.Changed(now, 4, names); got != nil {
		t.Errorf("what is in force changes %q", got)
	}
}

func TestPublishOutOfOrder(t *testing.T) {
	var count atomic.Int32
	c := compiler(t, &count)
	c.Publish(config.Snapshot{Tree: chassis("new"), Generation: 6})
	c.Publish(config.Snapshot{Tree: chassis("old"), Generation: 5})
	p, err := c.Program(3)
	if err != nil || p.Config != 6 || !strings.Contains(string(p.Sections["whole"]), "new") {
		t.Errorf("program %+v, %v", p, err)
	}
}

func TestCheckedIsNotCompiledAgain(t *testing.T) {
	var count atomic.Int32
	c := compiler(t, &count)
	candidate := chassis("a", "Ethernet3/1", "Ethernet4/1").Set(path(t, tree.Elem{Name: "vems"}, tree.Elem{Name: "vem", Key: "9"}), nil)
	if got := c.Problems(candidate); got != nil {
		t.Fatal(got)
	}
	if count.Load() != 3 {
		t.Errorf("compiled %d times for modules 3, 4 and 9", count.Load())
	}
	c.Publish(config.Snapshot{Tree: candidate, Generation: 1})
	for _, slot := range []int{3, 4, 9} {
		if _, err := c.Program(slot); err != nil {
			t.Error(err)
		}
	}
	c.Problems(candidate)
	if count.Load() != 3 {
		t.Errorf("compiled %d times, want 3", count.Load())
	}
}

func TestProblems(t *testing.T) {
	for _, tc := range []struct{ name, want string }{
		{"bad", "ERROR: Module 3: whole: not supported"},
		{"panic", "ERROR: Module 3: whole: panic: bug"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var count atomic.Int32
			c := compiler(t, &count)
			good := chassis("good", "Ethernet3/1")
			c.Publish(config.Snapshot{Tree: good, Generation: 1})
			if _, err := c.Program(3); err != nil {
				t.Fatal(err)
			}
			got := c.Problems(chassis(tc.name, "Ethernet3/1"))
			if len(got) != 1 || got[0].Text != tc.want {
				t.Errorf("problems %v, want %q", got, tc.want)
			}
			c.Publish(config.Snapshot{Tree: chassis(tc.name, "Ethernet3/1"), Generation: 2})
			p, err := c.Program(3)
			if err == nil || !strings.Contains(err.Error(), tc.want) || p.Config != 2 {
				t.Errorf("Program: %+v, %v", p, err)
			}
		})
	}
}

func TestConcurrent(t *testing.T) {
	var count atomic.Int32
	c := compiler(t, &count)
	trees := []tree.Tree{chassis("a", "Ethernet3/1"), chassis("b", "Ethernet3/1")}
	c.Publish(config.Snapshot{Tree: trees[0], Generation: 1})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			last := uint64(0)
			for range 200 {
				p, err := c.Program(3)
				if err != nil || p.Config < last || p.Generation > p.Config {
					t.Errorf("after %d: %+v, %v", last, p, err)
					return
				}
				last = p.Config
			}
		})
	}
	for g := uint64(2); g < 50; g++ {
		c.Problems(trees[g%2])
		c.Publish(config.Snapshot{Tree: trees[g%2], Generation: g})
	}
	wg.Wait()
	p, err := c.Program(3)
	if err != nil || p.Config != 49 || !slices.Equal(c.current.slots(), []int{3}) {
		t.Errorf("at the end %+v, %v", p, err)
	}
}

// TestInband: the switch's own interfaces in VLANs are in the program of the card
// that is said to have them, and of no other.
func TestInband(t *testing.T) {
	var count atomic.Int32
	c := compiler(t, &count)
	c.Publish(config.Snapshot{Tree: chassis("a", "Ethernet3/1", "Vlan10"), Generation: 1})
	for _, inband := range []int{0, 3, 4} {
		c.SetInband(inband)
		for _, slot := range []int{3, 4} {
			p, err := c.Program(slot)
			if has := strings.Contains(string(p.Sections["whole"]), "Vlan10"); err != nil || has != (slot == inband) {
				t.Errorf("inband on %d: program of %d %s, %v", inband, slot, p.Sections["whole"], err)
			}
		}
	}
}
