package session_test

import (
	"fmt"
	"strings"
	"testing"

	"trunkline/cli/session"
	"trunkline/cli/session/sessiontest"
	"trunkline/feature"
)

// TestBomb has a text of little bytes name thousands of entries in each line. The
// lines are read no further than the bound, by the count of entries made.
func TestBomb(t *testing.T) {
	const each, lines = 1000, 3 * session.MaxWork / 1000
	_, bad, err := session.ParseConfig(sessiontest.Schema(t), strings.Repeat(fmt.Sprintf("no vlan 2-%d\n", each+1), lines))
	if err != nil {
		t.Fatal(err)
	}
	if want := lines - session.MaxWork/each; len(bad) != want || !strings.Contains(bad[0].Reason, "names more than") {
		t.Errorf("%d of %d lines are not made, want %d", len(bad), lines, want)
	}
}

// TestBombFile copies such a text from a file to what runs.
func TestBombFile(t *testing.T) {
	const each, lines = 3000, session.MaxWork/3000 + 20
	cli, store := sessiontest.CLI(t)
	s, c := cli.Session(admin(false)), &recorder{}
	run := func(line string) { s.Run(t.Context(), line, c) }
	run("configure session bomb")
	for range lines {
		run(fmt.Sprintf("no vlan 2-%d", each+1))
	}
	run("save bootflash:bomb.cfg")
	run("abort")
	before := store.Running()
	run("copy bootflash:bomb.cfg running-config")
	if n, want := strings.Count(c.String(), "names more than"), lines-session.MaxWork/each; n != want {
		t.Errorf("%d of %d lines are not made, want %d", n, lines, want)
	}
	if !store.Running().Tree.Equal(before.Tree) {
		t.Error("the configuration has changed")
	}
}

// TestBombPasted pastes such a text: lines that are held together are no more than
// the bound, what is beyond it is for the next ones.
func TestBombPasted(t *testing.T) {
	const each = 3000
	cli, _ := sessiontest.CLI(t)
	s, c := cli.Session(admin(true)), &recorder{}
	s.Run(t.Context(), "configure terminal", c)
	n := 0
	for ; n <= session.MaxWork/each; n++ {
		if _, held := s.Hold(t.Context(), fmt.Sprintf("no vlan 2-%d", each+1), c); !held {
			break
		}
	}
	if n != session.MaxWork/each {
		t.Errorf("%d lines are held, want %d", n, session.MaxWork/each)
	}
	if !s.Commit(t.Context()) {
		t.Error("what is held is not committed")
	}
	if _, held := s.Hold(t.Context(), fmt.Sprintf("no vlan 2-%d", each+1), c); !held {
		t.Error("the next lines are not held")
	}
	s.Commit(t.Context())
}

// TestLongShow has a program ask for more than it is shown.
func TestLongShow(t *testing.T) {
	cli, _ := sessiontest.CLI(t)
	who := feature.Session{User: "eve", Role: feature.NetworkOperator}
	for _, structure := range []bool{false, true} {
		text, json, err := session.Program{CLI: cli}.Show(t.Context(), who, "show numbers 100000000", structure)
		if err == nil || !strings.Contains(err.Error(), "too long") || text != nil || json != nil {
			t.Errorf("%d bytes of text, %d of JSON, %v", len(text), len(json), err)
		}
	}
}
