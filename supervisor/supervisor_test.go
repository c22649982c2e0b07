package supervisor

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/cli/remote"
	"trunkline/feature"
)

// begin runs a supervisor beside the test; the function it returns waits for the
// end.
func begin(t *testing.T, s *Supervisor) (wait func() error, stop context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(cancel)
	return func() error { return <-done }, cancel
}

// lines runs lines in a session of their own and returns what they print.
func lines(t *testing.T, s *Supervisor, text string) (string, bool) {
	t.Helper()
	return linesOf(t, s, feature.Session{User: "admin", From: "console0", Role: feature.NetworkAdmin}, text)
}

// linesOf runs lines of somebody.
func linesOf(t *testing.T, s *Supervisor, who feature.Session, text string) (string, bool) {
	t.Helper()
	c, _, wait, err := s.Sessions().Local(t.Context(), who, remote.Hello{})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	ok, err := c.Script(strings.NewReader(text), &out)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if err := wait(); err != nil {
		t.Error(err)
	}
	return out.String(), ok
}

// TestStartupFileIsForANewChassis boots from a file, then without it.
func TestStartupFileIsForANewChassis(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "startup.cfg")
	if err := os.WriteFile(file, []byte("hostname leaf7\nvlan 20\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := Config{StateDir: filepath.Join(dir, "state"), StartupConfig: file, Log: slog.New(slog.DiscardHandler)}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	wait, stop := begin(t, s)
	if out, ok := lines(t, s, "configure terminal ; vlan 30"); !ok {
		t.Fatal(out)
	}
	stop()
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(t.Context(), cfg); err != nil {
		t.Fatalf("a chassis with a stored configuration needs its first file: %v", err)
	}
	wait, stop = begin(t, s)
	out, _ := lines(t, s, "show running-config")
	for _, want := range []string{"hostname leaf7", "vlan 1,20,30"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	stop()
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	cfg.StateDir = filepath.Join(dir, "new")
	if _, err := Open(t.Context(), cfg); err == nil {
		t.Error("a new chassis started without the file it was told to boot from")
	}
}

// TestReloadEndsSessions asks for a reload in one session while another waits.
func TestReloadEndsSessions(t *testing.T) {
	s := open(t, t.TempDir())
	wait, _ := begin(t, s)
	other, _, ended, err := s.Sessions().Local(t.Context(), feature.Session{User: "admin", Role: feature.NetworkAdmin}, remote.Hello{})
	if err != nil {
		t.Fatal(err)
	}
	if out, ok := lines(t, s, "reload ; show clock"); !ok || out != "" {
		t.Errorf("reload printed %q, ok %v; want nothing after it", out, ok)
	}
	if err := wait(); !errors.Is(err, ErrReload) || !s.Reloading() {
		t.Errorf("Run = %v, want ErrReload", err)
	}
	if err := ended(); err != nil {
		t.Errorf("the other session: %v", err)
	}
	if _, err := other.Run("show clock", remote.Plain{W: io.Discard}); err == nil {
		t.Error("the other session goes on with a supervisor that has ended")
	}
}
