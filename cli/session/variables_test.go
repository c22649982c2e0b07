package session_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"

	"trunkline/cli/grammar"
	"trunkline/cli/session/sessiontest"
)

// TestVariableLimits: neither their number nor what they make of a line grows
// without bound, and a value is not looked into.
func TestVariableLimits(t *testing.T) {
	cli, _ := sessiontest.CLI(t)
	s := cli.Session(admin(false))
	run := func(line string) (string, bool) {
		var c recorder
		failed := s.Run(t.Context(), line, &c).Failed
		return c.String(), failed
	}
	if out, failed := run("cli var name loop $(loop)$(loop)"); failed {
		t.Fatal(out)
	}
	if out, _ := run("show cli variables"); !strings.Contains(out, `loop="$(loop)$(loop)"`) {
		t.Error(out)
	}
	if out, failed := run("show $(loop)"); !failed || !strings.Contains(out, "% Invalid command") {
		t.Error(out)
	}
	run("cli var name long " + strings.Repeat("x", 255))
	if out, failed := run("show " + strings.Repeat("$(long)", 200)); !failed || !strings.Contains(out, fmt.Sprintf("max length of (%d)", grammar.MaxLine)) {
		t.Error(out)
	}
	for i := range 100 {
		out, failed := run(fmt.Sprintf("cli var name v%d x", i))
		if failed != (i >= 62) || failed && out != "ERROR: Maximum number of variables (64) reached.\n" {
			t.Fatalf("variable %d: %q", i, out)
		}
	}
	if out, failed := run("cli var name v1 y"); failed {
		t.Error("one that is there cannot be changed:", out)
	}
}

// TestZipped redirects twice into one file, which gunzip reads as one text.
func TestZipped(t *testing.T) {
	cli, _ := sessiontest.CLI(t)
	s := cli.Session(admin(false))
	for _, line := range []string{"terminal redirection-mode zipped", "show numbers 2 > n.gz", "show numbers 1 >> n.gz"} {
		var c recorder
		if s.Run(t.Context(), line, &c).Failed {
			t.Fatalf("%s: %s", line, c.String())
		}
	}
	var c recorder
	if s.Run(t.Context(), "show file n.gz", &c).Failed {
		t.Fatal(c.String())
	}
	z, err := gzip.NewReader(strings.NewReader(c.String()))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(z); err != nil || string(b) != "line 1\nline 2\nline 1\n" {
		t.Errorf("%q, %v", b, err)
	}
}

// FuzzVariables types lines with variables in them: nothing hangs, nothing
// grows.
func FuzzVariables(f *testing.F) {
	f.Add("$(a)$(b)$($($()", "x")
	f.Add("$(SWITCHNAME) | include $(a)", "$(b)")
	cli, _ := sessiontest.CLI(f)
	f.Fuzz(func(t *testing.T, line, value string) {
		s := cli.Session(admin(false))
		var c recorder
		s.Run(t.Context(), "cli var name a "+value, &c)
		s.Run(t.Context(), "show "+line, &c)
		if c.Len() > 1<<20 {
			t.Errorf("%d octets of output", c.Len())
		}
	})
}
