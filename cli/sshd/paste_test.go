package sshd

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"trunkline/cli/remote"
	"trunkline/cli/session/sessiontest"
	"trunkline/config/tree"
	"trunkline/feature"
)

// TestOpenSSHPaste pastes 2,000 lines into a terminal of a real ssh, questions with
// their answers among them: they leave what the lines leave run one by one.
func TestOpenSSHPaste(t *testing.T) {
	v := serve(t, nil)
	p, _ := sit(t, v)
	p.expect("switch# ")
	var keys strings.Builder
	lines := []string{"configure terminal"}
	for i := 0; len(lines) < 2000; i++ {
		lines = append(lines, fmt.Sprintf("vlan %d", i%40+2), fmt.Sprintf("  name n%d", i),
			fmt.Sprintf("interface vethernet %d", i%12+1), fmt.Sprintf("  description line %d of a paste", i))
	}
	asked := 0
	for i, l := range lines {
		keys.WriteString(l + "\r")
		if i%400 == 399 {
			keys.WriteString("clear counters\ry\r")
			asked++
		}
	}
	keys.WriteString("end\rshow version\r")
	go io.WriteString(p.pt, keys.String()) // what fails is seen below
	screen := p.within(2*time.Minute, "version 1.0(1)\r\n")
	if n := strings.Count(screen, "Clear all? (y/n)?  [n] "); n < asked {
		t.Errorf("%d questions, want %d", n, asked)
	}
	if n := strings.Count(screen, "cleared\r\n"); n != asked {
		t.Errorf("%d answers, want %d", n, asked)
	}
	if strings.Contains(screen, "Invalid") {
		t.Errorf("an answer was taken for a line, or a line for an answer")
	}

	cli, want := sessiontest.CLI(t)
	s := &remote.Server{CLI: cli, Log: slog.New(slog.DiscardHandler)}
	c, _, wait, err := s.Local(t.Context(), feature.Session{User: "admin", Role: feature.NetworkAdmin}, remote.Hello{})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		if d, err := c.Run(l, remote.Plain{W: io.Discard}); err != nil || d.Failed {
			t.Fatalf("%q: %v", l, err)
		}
	}
	_ = c.Close()
	_ = wait()
	for d := range tree.Diff(want.Running().Tree, v.store.Running().Tree) {
		t.Errorf("%s: want %v, got %v", d.Path, d.Old, d.New)
	}
	slow, fast := want.Running().Generation, v.store.Running().Generation
	t.Logf("%d lines: %d commits one by one, %d pasted", len(lines), slow, fast)
	if fast > slow/8 {
		t.Errorf("%d commits one by one, %d pasted", slow, fast)
	}
}
