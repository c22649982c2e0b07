package remote

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"trunkline/config/tree"
	"trunkline/feature"
)

// sentAhead runs a script as a terminal does whose lines are there already.
func sentAhead(t testing.TB, s *Server, text string) (output string, ok bool) {
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
	ok = true
	for lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n"); len(lines) > 0; {
		d, taken, err := c.RunAhead(lines[0], lines[1:min(len(lines), MaxAhead+1)], Plain{&out}, func(_ int, d Done) error {
			ok = ok && !d.Failed
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if ok = ok && !d.Failed; d.Close {
			break
		}
		lines = lines[taken+1:]
	}
	return out.String(), ok
}

// TestAhead sends lines ahead: what they print and what they leave is as if each
// had been sent by itself, in fewer commits.
func TestAhead(t *testing.T) {
	for seed := range uint64(6) {
		text := paste
		if seed > 0 {
			text = randomLines(rand.New(rand.NewPCG(seed, 7)))
		}
		one, want := chassis(t)
		all, got := chassis(t)
		slow, slowOK := pasted(t, one, text, false)
		fast, fastOK := sentAhead(t, all, text)
		if slow != fast || slowOK != fastOK {
			t.Fatalf("seed %d:\n%s\nline by line\n%s\nahead\n%s", seed, text, slow, fast)
		}
		for c := range tree.Diff(want.Running().Tree, got.Running().Tree) {
			t.Fatalf("seed %d: %s: want %v, got %v\n%s", seed, c.Path, c.Old, c.New, text)
		}
		if n, m := want.Running().Generation, got.Running().Generation; m >= n {
			t.Errorf("seed %d: %d commits line by line, %d ahead", seed, n, m)
		}
	}
}

// asked answers questions and counts them.
type asked struct {
	Plain
	n *int
}

// Ask implements Handler.
func (a asked) Ask(string) (string, error) {
	*a.n++
	return "y", nil
}

// TestAheadRefused sends lines ahead of a question, of a page and of exec commands:
// those are not taken, nor what follows them, and nothing of it has happened.
func TestAheadRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines []string
		taken int
		asked int
	}{
		{"a question comes first", []string{"clear counters", "hostname a", "hostname b"}, 0, 1},
		{"a question is ahead", []string{"vlan 7", "name x", "clear counters", "hostname a"}, 1, 0},
		{"an exec command is ahead", []string{"vlan 7", "show version", "hostname a"}, 0, 0},
		{"a page comes first", []string{"show numbers 100", "hostname a"}, 0, 0},
		{"a check is ahead", []string{"interface vethernet 2", "description x", "switchport access vlan 666", "hostname a"}, 1, 0},
		{"all are taken", []string{"vlan 7", "name x", "no such line", "exit", "vlan 8"}, 4, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, store := chassis(t)
			client, _, wait, err := s.Local(t.Context(), feature.Session{User: "admin", Role: feature.NetworkAdmin}, Hello{Interactive: true, Width: 80, Height: 24})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.Run("configure terminal", Plain{io.Discard}); err != nil {
				t.Fatal(err)
			}
			questions := 0
			var order []int
			_, taken, err := client.RunAhead(c.lines[0], c.lines[1:], asked{Plain{io.Discard}, &questions}, func(i int, _ Done) error {
				order = append(order, i)
				return nil
			})
			if err != nil || taken != c.taken || questions != c.asked || fmt.Sprint(order) != fmt.Sprint(upTo(c.taken)) {
				t.Errorf("%d taken, want %d; %d questions, want %d; order %v; %v", taken, c.taken, questions, c.asked, order, err)
			}
			if p := (tree.Path{{Name: "system"}, {Name: "hostname"}}); store.Running().Tree.Exists(p) {
				t.Error("a line that was refused has been run")
			}
			// The next line is one as any other.
			if d, err := client.Run("hostname c", Plain{io.Discard}); err != nil || d.Failed || d.Prompt != "c(config)# " && !strings.HasPrefix(d.Prompt, "c(config-") {
				t.Errorf("then: %+v, %v", d, err)
			}
			client.Close()
			if err := wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

func upTo(n int) []int {
	var all []int
	for i := range n {
		all = append(all, i)
	}
	return all
}
