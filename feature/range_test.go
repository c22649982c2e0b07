package feature_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"trunkline/cli/session"
	"trunkline/feature"
)

// TestRefusedRanges: of a range of which some are refused the rest is made, the
// first ones where there is a limit, in a time that an operator waits.
func TestRefusedRanges(t *testing.T) {
	w := emptyWorld(t)
	p, cli := w.p, w.cli
	s := cli.Session(session.Options{Who: feature.Session{User: "admin", Role: feature.NetworkAdmin}})
	run := func(line string) []string {
		var out strings.Builder
		start := time.Now()
		s.Run(t.Context(), line, console{&out})
		if d := time.Since(start); d > time.Minute {
			t.Errorf("%s took %v", line, d)
		}
		return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	}
	refused := func(line string, n int, first, last string) {
		t.Helper()
		before := p.Store.Running().Generation
		lines := run(line)
		if len(lines) != n || lines[0] != first || lines[len(lines)-1] != last {
			t.Errorf("%s: %d lines from %q to %q, want %d", line, len(lines), lines[0], lines[len(lines)-1], n)
		}
		if now := p.Store.Running().Generation; now > before+1 {
			t.Errorf("%s: %d commits", line, now-before)
		}
	}
	run("configure ; port-profile type ethernet UP ; state enabled ; port-profile WEB ; max-ports 1000 ; state enabled")
	run("interface vethernet 2,2500 ; inherit port-profile WEB")
	run("interface vethernet 1-3000")
	const none, limit = "ERROR: Port-profile NONE does not exist.", "ERROR: Port-profile WEB has reached max-ports 1000."
	refused("inherit port-profile NONE", 3000, "Veth1: "+none, "Veth3000: "+none)
	mismatch := "ERROR: Port-profile type mismatch (vethernet vs ethernet)."
	refused("inherit port-profile UP", 3000, "Veth1: "+mismatch, "Veth3000: "+mismatch)
	refused("inherit port-profile WEB", 2000, "Veth1000: "+limit, "Veth3000: "+limit)
	for i := 1; i <= 3000; i++ {
		name := fmt.Sprint("Vethernet", i)
		want := ""
		if i < 1000 || i == 2500 {
			want = "WEB"
		}
		if got := feature.ProfileOf(p.Store.Running().Tree, name); got != want {
			t.Fatalf("%s inherits %q, want %q", name, got, want)
		}
	}
	full := "ERROR: Maximum number of VLANs (4000) reached."
	refused("vlan 1-4094", 94, "4001: "+full, "4094: "+full)
	run("vlan 10-3900")
	taken := "ERROR: VLAN name X is in use by VLAN 10."
	refused("name X", 3890, "11: "+taken, "3900: "+taken)
}
