package dirlock

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOneHolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	l, err := Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("state directory %s is in use by another process, number %d", dir, os.Getpid())
	if _, err := Acquire(dir); err == nil || err.Error() != want {
		t.Errorf("second holder: %v, want %q", err, want)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	if l, err = Acquire(dir); err != nil {
		t.Fatalf("after its release: %v", err)
	}
	if err := l.Release(); err != nil {
		t.Error(err)
	}
}

// TestNoDirectory has a file where the directory should be.
func TestNoDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Acquire(path); err == nil || !strings.HasPrefix(err.Error(), "make state directory: ") {
		t.Errorf("lock of a file: %v", err)
	}
}
