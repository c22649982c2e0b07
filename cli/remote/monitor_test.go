package remote

import (
	"strings"
	"testing"
	"time"

	"trunkline/feature"
)

// TestMonitor shows messages while nothing runs, and to nobody who has not asked.
func TestMonitor(t *testing.T) {
	s := server(t)
	lines := make(chan string, 4)
	stopped := make(chan bool, 1)
	s.Messages = func() (<-chan string, func()) { return lines, func() { stopped <- true } }
	c, _, wait, err := s.Local(t.Context(), feature.Session{User: "admin", Role: feature.NetworkAdmin}, Hello{Interactive: true})
	if err != nil {
		t.Fatal(err)
	}
	shown := make(chan string, 4)
	c.Notices(func(text []byte) { shown <- string(text) })
	id := s.Logins()[0].ID
	if s.Monitor(id+1, true) {
		t.Error("a login that is not there has a terminal")
	}
	for range 2 { // once more is the same
		if !s.Monitor(id, true) {
			t.Fatal("no terminal")
		}
	}
	receive := func(what string) string {
		t.Helper()
		select {
		case text := <-shown:
			return text
		case <-time.After(10 * time.Second):
			t.Fatalf("%s is not shown", what)
		}
		return ""
	}
	lines <- "first"
	if got := receive("first"); got != "first\n" {
		t.Errorf("got %q", got)
	}
	lines <- "second"
	var b strings.Builder
	if _, err := c.Run("show version", Plain{&b}); err != nil || b.String() != "version 1.0(1)\n" {
		t.Errorf("a line beside a message: %q, %v", b.String(), err)
	}
	receive("second")
	if !s.Monitor(id, false) || !<-stopped {
		t.Error("not ended")
	}
	if !s.Monitor(id, true) {
		t.Error("not begun again")
	}
	c.Close()
	if err := wait(); err != nil {
		t.Error(err)
	}
	if !<-stopped { // with the session
		t.Error("not ended")
	}
}
