package term

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"trunkline/config"
	"trunkline/config/tree"
)

// manyLines is a configuration of some lines, right and wrong ones.
func manyLines(n int) []string {
	lines := []string{"configure terminal"}
	for i := 0; len(lines) < n; i++ {
		lines = append(lines, fmt.Sprintf("vlan %d", i%900+2), fmt.Sprintf("  name n%d", i),
			fmt.Sprintf("interface vethernet %d", i%60+1), fmt.Sprintf("  description line %d of a paste", i))
		switch i % 50 {
		case 7:
			lines = append(lines, "  switchport access vlan 666") // refused by a check
		case 13:
			lines = append(lines, "  switchport acess vlan 7", "") // and by the grammar
		case 19:
			lines = append(lines, "show running-config vlan | include nothing")
		case 23:
			lines = append(lines, "end", "show version", "conf t")
		case 29:
			lines = append(lines, "! a comment", "  no description")
		}
	}
	return append(lines[:n-2], "end", "show numbers 3")
}

// left fails the test where two configurations differ.
func left(t *testing.T, want, got *config.Store) {
	t.Helper()
	for c := range tree.Diff(want.Running().Tree, got.Running().Tree) {
		t.Errorf("%s: want %v, got %v", c.Path, c.Old, c.New)
	}
}

// visible is what a program reads of a screen: without the editor's drawing.
func visible(screen string) string {
	return strings.NewReplacer("\x1b[J", "", eraseFirst, "", edge, "", "\r", "").Replace(screen)
}

// answered waits for the prompt after a line and returns what came up to it.
func (o *operator) answered(line string) string {
	o.t.Helper()
	o.press(line + "\r")
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		o.mu.Lock()
		s := o.seen.String()
		if strings.Contains(s, "\n") && strings.HasSuffix(s, "# ") {
			o.seen.Reset()
			o.mu.Unlock()
			return s
		}
		o.mu.Unlock()
		time.Sleep(200 * time.Microsecond) // a poll of the condition
	}
	o.t.Fatalf("no prompt after %q: %q", line, o.screen())
	return ""
}

// TestPaste pastes 2,000 lines at a terminal: they leave what they leave typed one
// by one, the screen shows the same, and there are few commits.
func TestPaste(t *testing.T) {
	lines := manyLines(2000)
	one, all := sit(t, 0), sit(t, 0)
	var typed strings.Builder
	for _, l := range lines {
		typed.WriteString(one.answered(l))
	}
	began := time.Now()
	go io.WriteString(all.pt, strings.Join(lines, "\r")+"\r") // what fails is seen below
	pasted := all.expect("line 3\r\n") + "line 3\r\n" + all.expect("switch# ") + "switch# "
	took := time.Since(began)
	if got, want := visible(pasted), visible(typed.String()); got != want {
		at := 0
		for at < min(len(got), len(want)) && got[at] == want[at] {
			at++
		}
		from := max(0, at-200)
		t.Errorf("screen: got\n%.400s\nwant\n%.400s", got[from:], want[from:])
	}
	left(t, one.store, all.store)
	slow, fast := one.store.Running().Generation, all.store.Running().Generation
	t.Logf("%d lines: %d commits one by one, %d pasted, in %v", len(lines), slow, fast, took)
	if fast > slow/5 {
		t.Errorf("%d commits one by one, %d pasted", slow, fast)
	}
}
