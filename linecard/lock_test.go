package linecard

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOneCardPerDirectory has a second card start on the directory of the first.
func TestOneCardPerDirectory(t *testing.T) {
	cfg := Config{
		StateDir: filepath.Join(t.TempDir(), "vem"), UUID: "0f1d9a66-91fc-4d0b-8a0e-5c7d1e2f3a4b", Host: "a",
		Log: slog.New(slog.DiscardHandler),
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("start line card: state directory %s is in use by another process, number %d", cfg.StateDir, os.Getpid())
	if _, err := New(cfg); err == nil || err.Error() != want {
		t.Errorf("second card: %v, want %q", err, want)
	}
	if err := c.lock.Release(); err != nil {
		t.Fatal(err)
	}
	bad := cfg
	bad.UUID = "none"
	if _, err := New(bad); err == nil || strings.Contains(err.Error(), "in use") {
		t.Errorf("card without a UUID: %v", err)
	}
	if c, err = New(cfg); err != nil {
		t.Fatalf("after one that failed: %v", err)
	}
	if err := c.lock.Release(); err != nil {
		t.Error(err)
	}
}
