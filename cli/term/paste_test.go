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
		lines = append(lines, fmt.Sprintf("vlan %d", i%40+2), fmt.Sprintf("  name n%d", i),
			fmt.Sprintf("interface vethernet %d", i%12+1), fmt.Sprintf("  description line %d of a paste", i))
		if i%60 == 1 { // of vethernet 2
			lines = append(lines, "  switchport access vlan 666") // refused by a check
		}
		switch i % 50 {
		case 13:
			lines = append(lines, "  switchport acess vlan 7", "") // refused by the grammar
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

// TestPaste pastes 1,000 lines at a terminal: they leave what they leave typed one
// by one, the screen shows the same, and there are few commits.
func TestPaste(t *testing.T) {
	lines := manyLines(1000)
	one, all := sit(t, 0), sit(t, 0)
	var typed strings.Builder
	for _, l := range lines {
		typed.WriteString(one.answered(l))
	}
	began := time.Now()
	go io.WriteString(all.pt, strings.Join(lines, "\r")+"\r") // what fails is seen below
	pasted := all.within(2*time.Minute, "line 3\r\n") + "line 3\r\n" + all.expect("switch# ") + "switch# "
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

// TestPasteQuestion pastes lines of which one asks, one pages and one is help:
// what follows them is what they read, and nothing is lost.
func TestPasteQuestion(t *testing.T) {
	o := sit(t, 10)
	o.press("conf t\rvlan 7\rname seven\rclear counters\ry\rvlan 8\rclear counters\r\rname eight\rend\r" +
		"show numbers 20\r  conf t\rvlan 9\rn?ame nine\rvlan 10\rnam\tten\rend\rshow version\r")
	screen := visible(o.expect("version 1.0(1)\r\n"))
	for _, text := range []string{
		"switch(config-vlan)# clear counters\nClear all? (y/n)?  [n] y\ncleared\nswitch(config-vlan)# vlan 8\n",
		"switch(config-vlan)# clear counters\nClear all? (y/n)?  [n] \nswitch(config-vlan)# name eight\nswitch(config-vlan)# end\n",
		"line 9\n--More--", "line 18\n--More--", "switch# conf t\n", "switch(config-vlan)# name nine\n", "switch(config-vlan)# name ten\n",
	} {
		if !strings.Contains(screen, text) {
			t.Errorf("no %q in\n%s", text, screen)
		}
	}
	running := o.store.Running().Tree
	for id, want := range map[string]string{"7": "seven", "8": "eight", "9": "nine", "10": "ten"} {
		p := tree.Path{{Name: "vlans"}, {Name: "vlan", Key: id}, {Name: "name"}}
		if got, _ := running.Get(p); got != want {
			t.Errorf("vlan %s is %v, want %s", id, got, want)
		}
	}
	o.press("exit\r")
	o.leave()
}

// TestPasteInterrupt presses Ctrl-C while a pasted command runs: what was pasted
// behind it is dropped, and nothing of it is run later.
func TestPasteInterrupt(t *testing.T) {
	o := sit(t, 24)
	o.press("wait 4711\rhostname dropped\rshow numbers 3\r")
	o.expect("waiting")
	o.press("\x03")
	o.expect("^C")
	o.expect("switch# ")
	o.press("show version\r")
	if before := o.expect("version 1.0(1)\r\n"); strings.Contains(before, "line") || strings.Contains(before, "hostname") {
		t.Errorf("after Ctrl-C: %q", before)
	}
	o.press("exit\r")
	o.leave()
}

// TestLongLine types a line of several rows where no width is set: what is written
// grows by what is typed, and the screen shows the line.
func TestLongLine(t *testing.T) {
	o := sit(t, 24) // of 80 columns
	o.press("conf t\rinterface vethernet 1\r")
	o.expect("switch(config-if)# ")
	long := "description " + strings.Repeat("0123456789", 19)
	o.press(long + "\x08\x08ab" + "\r")
	screen := o.expect("switch(config-if)# ")
	if got := strings.ReplaceAll(screen, edge, ""); !strings.HasPrefix(got, long) {
		t.Errorf("echo %q", screen)
	}
	if n := len(screen); n > 4*len(long) {
		t.Errorf("%d bytes for a line of %d: %q", n, len(long), screen)
	}
	o.press("\x10\x15exit\r") // from the history, and deleted
	o.expect("switch(config)# ")
	o.press("end\rexit\r")
	o.leave()
}
