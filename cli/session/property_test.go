package session_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"trunkline/cli/grammar/grammartest"
	"trunkline/cli/session"
	"trunkline/cli/session/sessiontest"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/internal/ether"
	"trunkline/internal/mutate"
)

func TestEveryPlaceOfTheGrammar(t *testing.T) {
	cli, _ := sessiontest.CLI(t)
	places := 0
	for name, table := range cli.Tables() {
		if !strings.HasPrefix(name, "exec") { // whose commands are without help
			places += grammartest.Walk(t, table)
		}
	}
	if places < 50 {
		t.Errorf("only %d places", places)
	}
}

func printed(s *schema.Schema, t tree.Tree) string {
	var b strings.Builder
	for depth, text := range s.Print(t, schema.PrintOptions{}) {
		b.WriteString(strings.Repeat("  ", depth) + text + "\n")
	}
	return b.String()
}

// Every configuration is what its text says: parse(print(t)) = t.
func TestRoundTrip(t *testing.T) {
	s := sessiontest.Schema(t)
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		want := randomTree(r)
		text := printed(s, want)
		got, bad, err := session.ParseConfig(s, text)
		if err != nil || len(bad) > 0 {
			t.Fatalf("seed %d: %v %v\n%s", seed, err, bad, text)
		}
		if again := printed(s, got); again != text {
			t.Fatalf("seed %d:\n%s\nbecame\n%s", seed, text, again)
		}
		if d := difference(want, got); d != "" {
			t.Fatalf("seed %d: %s\n%s", seed, d, text)
		}
	}
}

func difference(a, b tree.Tree) string {
	var all []string
	for c := range tree.Diff(a, b) {
		all = append(all, fmt.Sprintf("%v: %v → %v", c.Path, c.Old, c.New))
	}
	return strings.Join(all, "\n")
}

func randomTree(r *rand.Rand) tree.Tree {
	var t tree.Tree
	path := func(list, key string, below ...string) tree.Path {
		p := tree.Path{{Name: strings.Split(list, "/")[0]}, {Name: strings.Split(list, "/")[1], Key: key}}
		for _, b := range below {
			p = append(p, tree.Elem{Name: b})
		}
		return p
	}
	maybe := func(p tree.Path, v any) {
		if r.IntN(2) == 0 {
			t = t.Set(p, v)
		}
	}
	maybe(tree.Path{{Name: "system"}, {Name: "hostname"}}, "h1")
	maybe(tree.Path{{Name: "mac-table"}, {Name: "aging-time"}}, uint32(r.IntN(1000)))
	for range r.IntN(5) {
		id := fmt.Sprint(1 + r.IntN(4094))
		t = t.Set(path("vlans/vlan", id), nil)
		maybe(path("vlans/vlan", id, "name"), "n"+id)
	}
	names := []string{"WEB", "t", "type", "vethernet", "a|b", "no"}
	for _, name := range names[:r.IntN(len(names)+1)] {
		t = t.Set(path("port-profiles/port-profile", name), nil)
		maybe(path("port-profiles/port-profile", name, "shutdown"), false)
		maybe(path("port-profiles/port-profile", name, "state"), "enabled")
		maybe(path("port-profiles/port-profile", name, "type"), "ethernet")
		maybe(path("port-profiles/port-profile", name, "switchport", "mode"), "trunk")
	}
	set, _ := ether.ParseVLANSet("5,10-20")
	for range r.IntN(5) {
		name := fmt.Sprintf("Vethernet%d", 1+r.IntN(20))
		t = t.Set(path("interfaces/interface", name), nil)
		maybe(path("interfaces/interface", name, "shutdown"), true)
		maybe(path("interfaces/interface", name, "description"), `shutdown | "x" ; y`)
		maybe(path("interfaces/interface", name, "switchport", "mode"), "trunk")
		maybe(path("interfaces/interface", name, "switchport", "access-vlan"), ether.VLANID(2+r.IntN(100)))
		maybe(path("interfaces/interface", name, "switchport", "trunk", "allowed-vlans"), set)
	}
	return t
}

var configSeeds = []string{
	"vlan 1,5\nvlan 5\n  name x\ninterface Vethernet1\n  description a\n", "interface vethernet 1-3\nshutdown\nno shutdown\nend\nexit\n\"\n",
	"port-profile WEB\n  switchport trunk allowed vlan 5,10-20\n  no shutdown\ndefault interface vethernet 1\nversion 1.0(1)\n",
}

// parses reads a configuration, prints it and reads it again.
func parses(tb testing.TB) func(t *testing.T, text string) {
	s := sessiontest.Schema(tb)
	cli, _ := sessiontest.CLI(tb)
	return func(t *testing.T, text string) {
		if len(text) > 4096 {
			return
		}
		first, _ := cli.ParseConfig(text)
		want := printed(s, first)
		second, bad := cli.ParseConfig(want)
		if len(bad) > 0 {
			t.Fatalf("%v\n%s", bad, want)
		}
		if got := printed(s, second); got != want {
			t.Fatalf("%q printed %q, then %q", text, want, got)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	for _, s := range configSeeds {
		f.Add(s)
	}
	f.Fuzz(parses(f))
}

var sessionSeeds = []string{
	"conf t ; vlan 5 ; name x ; show vlan | include 5 | count", "show vlan | ", "do show", "show vlan | include \"", "no", "push a ; pop a", "show running-config | section ^vlan | grep -i a | wc",
	"interface vethernet 1-3,5 ; switchport trunk allowed vlan add 7-9 ; no shutdown", "cli var name x 1 ; show vlan id $(x)", "show vlan > bootflash:a ; dir ; delete bootflash:a", "default interface vethernet 1", "terminal length 0",
}

// types helps with a line, completes it and runs it.
func types(tb testing.TB) func(t *testing.T, line string) {
	cli, _ := sessiontest.CLI(tb)
	return func(t *testing.T, line string) {
		s := cli.Session(admin(true))
		c := &recorder{}
		s.Run(t.Context(), "configure terminal ; interface vethernet 1", c)
		s.Help(line)
		if from, _ := s.Complete(line); from < 0 || from > len(line) {
			t.Fatalf("completion from %d of %d", from, len(line))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		s.Run(ctx, line, c)
	}
}

func FuzzSession(f *testing.F) {
	for _, s := range sessionSeeds {
		f.Add(s)
	}
	f.Fuzz(types(f))
}

// TestShare is the share of fuzzing of every run.
func TestShare(t *testing.T) {
	t.Run("lines", func(t *testing.T) { mutate.Try(t, types(t), sessionSeeds...) })
	t.Run("configurations", func(t *testing.T) { mutate.Try(t, parses(t), configSeeds...) })
}
