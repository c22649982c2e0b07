package manual

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trunkline/cli/grammar"
)

const root = "../.."

// TestFiles fails when what is committed is not what the product says of itself.
func TestFiles(t *testing.T) {
	all, err := Files(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := Differences(root, all)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wrong {
		t.Error(w)
	}
	if len(wrong) > 0 {
		t.Error("run: go generate ./internal/manual")
	}
}

// TestEveryCommand finds each command of the grammar on some page, and pages that a
// person would read.
func TestEveryCommand(t *testing.T) {
	p, err := newProduct(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pages, err := reference(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for name, page := range pages {
		text.WriteString(page)
		if n := strings.Count(page, "\n"); n > 1500 {
			t.Errorf("%s has %d lines", name, n)
		}
	}
	for name, table := range p.cli.Tables() {
		for _, c := range table.Commands() {
			want := "`" + c.Template + "`"
			if !strings.Contains(text.String(), want) && !strings.HasPrefix(c.Template, "default ") {
				t.Errorf("%s: %s is on no page", name, want)
			}
		}
	}
	for _, e := range p.entries() {
		for _, a := range e.args {
			if a.notation == "" {
				t.Errorf("%s: <%s> has no notation", e.syntax, a.name)
			}
		}
	}
}

func TestParseFlags(t *testing.T) {
	got := parseFlags("Usage of x:\n  -c LINE\n    \trun LINE and exit\n  -v\tbe loud\n  -state-dir string\n    \tdirectory\n    \tof state (default \"/x\")\nvsm token: flag: help requested\n")
	want := []flagText{{"c", "LINE", "run LINE and exit"}, {"v", "", "be loud"}, {"state-dir", "string", `directory of state (default "/x")`}}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestPages has the manual pages formatted by groff with all its warnings.
func TestPages(t *testing.T) {
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("no groff")
	}
	files, err := filepath.Glob(filepath.Join(root, "docs/man/*.[18]"))
	if err != nil || len(files) != 5 {
		t.Fatalf("pages: %q, %v", files, err)
	}
	for _, f := range files {
		cmd := exec.CommandContext(t.Context(), groff, "-man", "-Tutf8", "-ww", "-z", f)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", f, err, out)
		}
	}
}

// TestCompletion has bash complete lines with the committed scripts.
func TestCompletion(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "vem.conf"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		words []string // the last one is being completed
		want  string
	}{
		{words: []string{"trunkline", ""}, want: "lab run version"},
		{words: []string{"trunkline", "r"}, want: "run"},
		{words: []string{"trunkline", "lab", "--"}, want: "--exec --log-level"},
		{words: []string{"trunkline", "run", "--log-level", "D"}, want: "DEBUG"},
		{words: []string{"trunkline", "run", "--state-dir", "/x", "--start"}, want: "--startup-config"},
		{words: []string{"vsm", "t"}, want: "token"},
		{words: []string{"vsm", "schema", ""}, want: "yang"},
		{words: []string{"vsm", "token", "--l"}, want: "--lifetime"},
		{words: []string{"vem", "--token-f"}, want: "--token-file"},
		{words: []string{"vem", "--config", dir + "/v"}, want: dir + "/vem.conf"},
		{words: []string{"vem", "--slot", ""}, want: ""},
		{words: []string{"vsh", "-"}, want: "--socket -c"},
		{words: []string{"vemcmd", "s"}, want: "show"},
		{words: []string{"vemcmd", "show", "port", ""}, want: "vlans"},
		{words: []string{"vemcmd", "--vem-socket", "/x", "clear", ""}, want: "stats"},
		{words: []string{"vemcmd", "capture", "p"}, want: ""},
	} {
		script := `. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); "_$1"; printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort | tr '\n' ' '`
		args := append([]string{"--norc", "-euc", script, "bash", filepath.Join(root, "docs/completion", c.words[0])}, c.words...)
		out, err := exec.CommandContext(t.Context(), bash, args...).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != c.want {
			t.Errorf("%q: got %q, %v; want %q", c.words, got, err, c.want)
		}
	}
}

// TestComingFromNexus tries what the page says is new, and what it says is absent,
// on the grammar.
func TestComingFromNexus(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, "docs/coming-from-nexus.md"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := newProduct(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var templates []string
	for _, e := range p.entries() {
		templates = append(templates, e.syntax)
	}
	_, text, ok1 := strings.Cut(string(b), "## New\n")
	added, text, ok2 := strings.Cut(text, "## Different\n")
	_, absent, ok3 := strings.Cut(text, "## Absent\n")
	if !ok1 || !ok2 || !ok3 {
		t.Fatal("a section is missing")
	}
	tried := 0
	for _, c := range codes(added, 1) {
		tried++
		if !slices.Contains(templates, c) {
			t.Errorf("new, but not in the grammar: %s", c)
		}
	}
	for _, c := range codes(absent, 2) {
		tried++
		for name, table := range p.cli.Tables() {
			if name == "filters" || name == "configuration session" { // there "no LINE" is any line
				continue
			}
			if m, bad := table.Match(c, grammar.Typed); bad == nil && strings.HasPrefix(m.Command.Template, "<") {
				continue // a mode of text, where any line is one
			} else if bad == nil {
				t.Errorf("absent, but in mode %q it is %s", name, m.Text)
			} else if bad.Text == grammar.Incomplete || bad.Text == grammar.Ambiguous {
				t.Errorf("absent, but in mode %q it is the beginning of a command: %s", name, c)
			}
		}
	}
	if tried < 50 {
		t.Errorf("only %d commands were tried", tried)
	}
}

// codes are what stands in backquotes in a column of the tables of a text.
func codes(text string, column int) (all []string) {
	for line := range strings.SplitSeq(text, "\n") {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) < 2 {
			continue
		}
		for i, part := range strings.Split(cells[column-1], "`") {
			if i%2 == 1 {
				all = append(all, part)
			}
		}
	}
	return all
}
