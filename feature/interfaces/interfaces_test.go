package interfaces

import (
	"context"
	"fmt"
	"testing"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/featuretest"
)

func interfaces(names ...string) tree.Tree {
	var t tree.Tree
	for _, n := range names {
		t = t.Set(feature.InterfacePath(n), nil)
	}
	return t
}

func TestCheck(t *testing.T) {
	full := make([]string, MaxVethernets)
	for i := range full {
		full[i] = fmt.Sprintf("Vethernet%d", i+1)
	}
	both := interfaces("Vethernet2", "Vethernet3").
		Set(feature.InterfacePath("Vethernet2", "owner"), bound{3, "a", "eth0"}).
		Set(feature.InterfacePath("Vethernet3", "owner"), bound{4, "b", "eth0"})
	for _, c := range []struct {
		name     string
		old, new tree.Tree
		attached map[string]int
		want     []string
	}{
		{"nothing", tree.Tree{}, tree.Tree{}, nil, nil},
		{"removed while detached", interfaces("Vethernet3"), tree.Tree{}, nil, nil},
		{"removed with its card away", both, tree.Tree{}, nil, nil},
		{"removed as soon as detached", interfaces("Vethernet3"), tree.Tree{}, map[string]int{"Vethernet3": 4}, nil},
		{"removed while attached", both, both.Delete(feature.InterfacePath("Vethernet3")),
			map[string]int{"Vethernet2": 3, "Vethernet3": 4},
			[]string{"interfaces/interface[Vethernet3] ERROR: Vethernet3 is attached to module 4; detach the workload first."}},
		{"an Ethernet loses its lines only", interfaces("Ethernet3/1"), tree.Tree{}, map[string]int{"Ethernet3/1": 3}, nil},
		{"other names", interfaces("Ethernet3/1", "Ethernet4/1"), interfaces("Ethernet3/1", "Ethernet4/1").Set(frontPanel, true), nil,
			[]string{"system/front-panel ERROR: Ethernet3/1 would lose its name; remove it first."}},
		{"names as before", interfaces("Ethernet1/1").Set(frontPanel, true), interfaces("Ethernet1/1"), nil,
			[]string{"system/front-panel ERROR: Ethernet1/1 would lose its name; remove it first."}},
		{"other names of nothing", interfaces("Ethernet4/1"), interfaces("Ethernet4/1").Set(frontPanel, true), nil, nil},
		{"as many as there may be", tree.Tree{}, interfaces(full...), nil, nil},
		{"one more", tree.Tree{}, interfaces(append(full, "Vethernet20000")...), nil,
			[]string{"interfaces/interface[Vethernet20000] ERROR: Maximum number of Vethernets (12288) reached."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, p := range check(feature.Candidate{Old: c.old, New: c.new, Attached: func(p string) int { return c.attached[p] }}) {
				got = append(got, fmt.Sprintf("%s %s", p.Path, p.Text))
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestNoCreate(t *testing.T) {
	front := tree.Tree{}.Set(tree.Path{{Name: "system"}, {Name: "front-panel"}}, true)
	for _, c := range []struct {
		t    tree.Tree
		name string
		ok   bool
	}{
		{tree.Tree{}, "Ethernet3/1", true}, {tree.Tree{}, "Ethernet258/1", true}, {tree.Tree{}, "Vethernet1", true},
		{tree.Tree{}, "Ethernet1/1", false}, {tree.Tree{}, "Ethernet2/1", false},
		{front, "Ethernet1/1", true}, {front, "Ethernet2/1", false}, {front, "Ethernet3/1", false}, {front, "Ethernet4/1", true},
	} {
		want := ""
		if !c.ok {
			want = "ERROR: Interface does not exist: " + c.name
		}
		if got := noCreate(c.t, c.name); got != want {
			t.Errorf("%s: got %q, want %q", c.name, got, want)
		}
	}
}

// cleared is a Host that notes what is cleared.
type cleared struct {
	feature.Host
	ports []string
}

func (c *cleared) ClearCounters(_ context.Context, port string) error {
	c.ports = append(c.ports, port)
	return nil
}

func TestClearCounters(t *testing.T) {
	var host cleared
	q := chassis()
	for _, name := range []string{"", "Vethernet12", "Vethernet99"} {
		q.Args = feature.Args{Values: map[string]any{}}
		if name != "" {
			q.Args.Values["interface"] = name
		}
		err := execs[0].Run(context.Background(), q, &host, nil)
		if name == "Vethernet99" && (err == nil || err.Error() != "ERROR: Interface does not exist: Vethernet99") {
			t.Errorf("clearing an absent port: %v", err)
		} else if name != "Vethernet99" && err != nil {
			t.Errorf("clearing %q: %v", name, err)
		}
	}
	if fmt.Sprint(host.ports) != "[ Vethernet12]" {
		t.Errorf("cleared %q", host.ports)
	}
}

func TestConfig(t *testing.T) {
	tr := interfaces("Vethernet10", "Vethernet2").
		Set(feature.InterfacePath("Vethernet2", "shutdown"), true).
		Set(feature.InterfacePath("Vethernet2", "description"), "a \"quoted\" text").
		Set(feature.InterfacePath("Ethernet3/10", "shutdown"), false).
		Set(feature.InterfacePath("Ethernet3/9", "shutdown"), true).
		Set(profile("WEB", "shutdown"), false).
		Set(profile("DOWN", "shutdown"), true)
	want := `
port-profile DOWN
port-profile WEB
  no shutdown

interface Ethernet3/9
  shutdown

interface Ethernet3/10

interface Vethernet2
  description a "quoted" text
  shutdown

interface Vethernet10
`
	profiles := schema.Group{Blocks: []schema.Block{{
		Path: "port-profiles/port-profile", Keys: []schema.Key{{Name: "name", Type: schema.Word("name", "Name", 80)}},
		Line: "port-profile <name>", Mode: "config-port-prof", Section: 17, Help: "Port profile",
	}}}
	if got := featuretest.Config(t, tr, Feature.Schema, profiles); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
