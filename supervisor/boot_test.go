package supervisor

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/config/schema"
	"trunkline/config/tree"
)

// boots reads a startup configuration as a new chassis of a state directory
// does, and returns what it logged.
func boots(t *testing.T, sch *schema.Schema, dir, text string) (tree.Tree, string) {
	t.Helper()
	file := filepath.Join(dir, "startup.cfg")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s := &Supervisor{
		cfg:      Config{StateDir: dir, StartupConfig: file, Base: "vlan 5\n"},
		log:      slog.New(slog.NewTextHandler(&log, nil)),
		features: Features(),
	}
	got, err := s.boot(sch)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return got, log.String()
}

func compiled(t *testing.T) *schema.Schema {
	t.Helper()
	var groups []schema.Group
	for _, f := range Features() {
		groups = append(groups, f.Schema)
	}
	sch, err := schema.Compile(groups...)
	if err != nil {
		t.Fatal(err)
	}
	return sch
}

// TestTruncatedStartup boots from every beginning of a file: with all lines
// that are whole, and a log of at most the one that is not.
func TestTruncatedStartup(t *testing.T) {
	b, err := os.ReadFile("testdata/startup.cfg")
	if err != nil {
		t.Fatal(err)
	}
	text, sch, dir := string(b), compiled(t), t.TempDir()
	if _, log := boots(t, sch, dir, text); log != "" {
		t.Fatal(log)
	}
	for n := 0; n < len(text); n += 7 {
		whole := text[:strings.LastIndexByte(text[:n], '\n')+1]
		want, log := boots(t, sch, dir, whole)
		if log != "" {
			t.Fatalf("%q: %s", whole, log)
		}
		if n == len(whole) {
			continue
		}
		got, log := boots(t, sch, dir, text[:n])
		if strings.Count(log, "\n") > 1 {
			t.Errorf("cut at %d: %s", n, log)
		}
		changes := 0
		for c := range tree.Diff(want, got) {
			// The rest of a line may be a line: "max-ports 1" of 100, "s" of
			// "state", which is short for shutdown.
			if changes++; log != "" || changes > 5 {
				t.Errorf("cut at %d, %q: %s: %v, want %v; %s", n, text[len(whole):n], c.Path, c.New, c.Old, log)
			}
		}
	}
}

// TestGarbledStartup boots from files with garbage in them.
func TestGarbledStartup(t *testing.T) {
	b, err := os.ReadFile("testdata/startup.cfg")
	if err != nil {
		t.Fatal(err)
	}
	sch, dir := compiled(t), t.TempDir()
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		text := bytes.Clone(b)
		for range 1 + r.IntN(20) {
			text[r.IntN(len(text))] = byte(r.Uint32())
		}
		got, log := boots(t, sch, dir, string(text)+"\nvlan 77\n")
		if !got.Exists(tree.Path{{Name: "vlans"}, {Name: "vlan", Key: "77"}}) {
			t.Errorf("seed %d: the good line at the end is lost: %s", seed, log)
		}
		if problems := sch.Validate(tree.Tree{}, got); len(problems) > 0 {
			t.Errorf("seed %d: %v", seed, problems)
		}
	}
	noise := make([]byte, 1<<20)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(noise)
	if _, log := boots(t, sch, dir, string(noise)); strings.Count(log, "\n") != maxWrong+1 || len(log) > 20_000 {
		t.Errorf("%d lines, %d bytes of log for noise", strings.Count(log, "\n"), len(log))
	}
}

// TestRefusedStartup leaves out what the checks refuse, and says so.
func TestRefusedStartup(t *testing.T) {
	sch, dir := compiled(t), t.TempDir()
	for _, c := range []struct{ text, log, kept string }{
		{"interface vethernet 1\ninherit port-profile NONE\nhostname a\n", "Port-profile NONE does not exist.", "system/hostname"},
		{"port-profile WEB\nstate enabled\ninterface ethernet 3/1\ninherit port-profile WEB\n", "Port-profile type mismatch", "interfaces/interface[Ethernet3/1]"},
		{"interface vethernet 1\nowner tap t0 module 3\ninterface vethernet 2\nowner tap t0 module 3\n", "bound to tap t0", "interfaces/interface[Vethernet1]/owner"},
		{"port-profile A\nport-profile B\ninherit port-profile A\nport-profile A\ninherit port-profile B\n", "loop", "port-profiles/port-profile[A]"},
		{"switchport access vlan 5\nhostname b\n", "line 1: Syntax error while parsing 'switchport access vlan 5'", "system/hostname"},
	} {
		got, log := boots(t, sch, dir, c.text)
		if !strings.Contains(log, c.log) {
			t.Errorf("%q: log %q, want %q", c.text, log, c.log)
		}
		kept := false
		for ch := range tree.Diff(tree.Tree{}, got) {
			kept = kept || ch.Path.String() == c.kept
		}
		if !kept {
			t.Errorf("%q: %s is lost", c.text, c.kept)
		}
	}
}

// TestOpenWithoutStartup fails with what is wrong when the file cannot be read.
func TestOpenWithoutStartup(t *testing.T) {
	for _, file := range []string{filepath.Join(t.TempDir(), "none"), t.TempDir()} {
		_, err := Open(t.Context(), Config{StateDir: t.TempDir(), StartupConfig: file, Log: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.Contains(err.Error(), "read startup configuration") {
			t.Errorf("%s: %v", file, err)
		}
	}
}
