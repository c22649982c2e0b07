package remote

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	"trunkline/cli/session"
	"trunkline/cli/session/sessiontest"
	"trunkline/config"
	"trunkline/config/tree"
	"trunkline/feature"
)

// pasted sends a script to a new session, in one piece or line by line.
func pasted(t testing.TB, s *Server, text string, together bool) (output string, ok bool) {
	t.Helper()
	c, _, wait, err := s.Local(t.Context(), feature.Session{User: "admin", From: "console0", Role: feature.NetworkAdmin}, Hello{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		c.Close()
		if err := wait(); err != nil {
			t.Errorf("server: %v", err)
		}
	}()
	var out strings.Builder
	if together {
		if ok, err = c.Script(strings.NewReader(text), &out); err != nil {
			t.Fatal(err)
		}
		return out.String(), ok
	}
	ok = true
	for line := range strings.Lines(text) {
		d, err := c.Run(strings.TrimSuffix(line, "\n"), Plain{&out})
		if err != nil {
			t.Fatal(err)
		}
		if ok = ok && !d.Failed; d.Close {
			break
		}
	}
	return out.String(), ok
}

func chassis(t testing.TB) (*Server, *config.Store) {
	t.Helper()
	cli, store := sessiontest.CLI(t)
	return &Server{CLI: cli, Log: slog.New(slog.DiscardHandler)}, store
}

const paste = `configure terminal
vlan 10-12
  name x
hostname pasted
interface vethernet 1
  description first
  switchport acess vlan 20
  switchport access vlan 300
interface vethernet 2
  switchport access vlan 666
  description second
  exit
vlan 10
  name ten
interface vethernet 3-4
  switchport access vlan 301
  wait
end
show version
show running-config vlan | include name
configure terminal
no vlan 12
no vlan 99
exit
exit
`

// TestPaste sends lines together: what they print and what they leave is as if
// each had been sent by itself, in fewer commits.
func TestPaste(t *testing.T) {
	one, want := chassis(t)
	all, got := chassis(t)
	slow, slowOK := pasted(t, one, paste, false)
	fast, fastOK := pasted(t, all, paste, true)
	if slow != fast || slowOK != fastOK {
		t.Errorf("line by line\n%s\ntogether\n%s", slow, fast)
	}
	for _, text := range []string{"% Invalid command at '^' marker.", "ERROR: Not for this port.", "configure vlan 300"} {
		if strings.Count(fast, text) == 0 {
			t.Errorf("no %q in %s", text, fast)
		}
	}
	for c := range tree.Diff(want.Running().Tree, got.Running().Tree) {
		t.Errorf("%s: want %v, got %v", c.Path, c.Old, c.New)
	}
	if n, m := want.Running().Generation, got.Running().Generation; m >= n {
		t.Errorf("%d commits line by line, %d together", n, m)
	}
}

// randomLines are lines of configuration, right and wrong.
func randomLines(r *rand.Rand) string {
	words := []string{
		"vlan %d", "no vlan %d", "vlan %d-20", "name n%d", "no name", "interface vethernet %d", "no interface vethernet %d", "interface vethernet 1-%d",
		"switchport access vlan %d", "switchport access vlan 666", "no switchport access vlan", "description d%d", "shutdown", "no shutdown",
		"switchport trunk allowed vlan add %d", "switchport trunk allowed vlan %d", "switchport mode trunk", "inherit port-profile p%d",
		"no inherit port-profile", "port-profile p%d", "no port-profile p%d", "state enabled", "default interface vethernet %d", "hostname h%d",
		"exit", "end", "configure terminal", "bad line %d", "show version", "push", "pop", "! comment", "mac address-table aging-time %d", "hostname a ; vlan 3",
		"interface ethernet 3/%d", "do show vlan",
	}
	text := "configure terminal\n"
	for range 100 {
		w := words[r.IntN(len(words))]
		if strings.Contains(w, "%d") {
			w = fmt.Sprintf(w, 1+r.IntN(20))
		}
		if w == "exit" || w == "end" {
			w += "\nconfigure terminal"
		}
		text += w + "\n"
	}
	return text
}

// TestRandomPastes sends random lines, right and wrong, together and one by one.
func TestRandomPastes(t *testing.T) {
	for seed := range uint64(40) {
		text := randomLines(rand.New(rand.NewPCG(seed, 5)))
		one, want := chassis(t)
		all, got := chassis(t)
		slow, _ := pasted(t, one, text, false)
		fast, _ := pasted(t, all, text, true)
		if slow != fast {
			t.Fatalf("seed %d:\n%s\nline by line\n%s\ntogether\n%s", seed, text, slow, fast)
		}
		for c := range tree.Diff(want.Running().Tree, got.Running().Tree) {
			t.Fatalf("seed %d: %s: want %v, got %v\n%s", seed, c.Path, c.Old, c.New, text)
		}
	}
}

// TestPasteAgainstAnother has another session change the same places meanwhile:
// nothing of it is lost, and every line is answered.
func TestPasteAgainstAnother(t *testing.T) {
	s, store := chassis(t)
	c, _, wait, err := s.Local(t.Context(), feature.Session{User: "admin", Role: feature.NetworkAdmin}, Hello{})
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{"configure terminal"}
	for i := range 300 {
		lines = append(lines, fmt.Sprintf("hostname p%d", i), fmt.Sprintf("vlan %d", i%50+2))
	}
	vlan := func(n int) tree.Path { return tree.Path{{Name: "vlans"}, {Name: "vlan", Key: fmt.Sprint(n)}} }
	others := 0
	for len(lines) > 0 {
		n := min(len(lines), session.MaxHeld)
		err := c.RunAll(lines[:n], Plain{io.Discard}, func(i int) error {
			if i%20 != 3 {
				return nil
			}
			for {
				another := store.Begin()
				name := config.Edit{Op: config.Set, Path: tree.Path{{Name: "system"}, {Name: "hostname"}}, Value: fmt.Sprintf("o%d", others)}
				if err := another.Apply(name, config.Edit{Op: config.Set, Path: vlan(1000 + others)}); err != nil {
					return err
				}
				if _, err := store.Commit(t.Context(), another, config.Meta{}); err == nil {
					others++
					return nil
				} else if !errors.Is(err, config.ErrConflict) {
					return err
				}
			}
		}, func(i int, d Done) error {
			if d.Failed {
				return fmt.Errorf("%q failed", lines[i])
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		lines = lines[n:]
	}
	c.Close()
	if err := wait(); err != nil {
		t.Error(err)
	}
	running := store.Running().Tree
	for i := range 50 {
		if !running.Exists(vlan(i + 2)) {
			t.Errorf("vlan %d was answered and is not there", i+2)
		}
	}
	for i := range others {
		if !running.Exists(vlan(1000 + i)) {
			t.Errorf("vlan %d was committed by another and is not there", 1000+i)
		}
	}
}

// TestVanish leaves in the middle of a paste: what was answered is committed.
func TestVanish(t *testing.T) {
	for n := 1; n < 40; n += 7 {
		s, store := chassis(t)
		c, _, wait, err := s.Local(t.Context(), feature.Session{User: "admin", Role: feature.NetworkAdmin}, Hello{})
		if err != nil {
			t.Fatal(err)
		}
		lines := []string{"configure terminal"}
		for i := range 60 {
			lines = append(lines, fmt.Sprintf("vlan %d", i+2))
		}
		answered := 0
		err = c.RunAll(lines, Plain{&strings.Builder{}}, func(int) error { return nil }, func(i int, d Done) error {
			if answered = i; i == n {
				c.Close()
			}
			return nil
		})
		if err == nil && answered < len(lines)-1 {
			t.Error("a closed session answers")
		}
		_ = wait() // the stream broke
		for i := range answered {
			if p := (tree.Path{{Name: "vlans"}, {Name: "vlan", Key: fmt.Sprint(i + 2)}}); !store.Running().Tree.Exists(p) {
				t.Errorf("%s was answered and is not there", p)
			}
		}
	}
}
