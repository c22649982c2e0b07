package remote

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"testing"

	"trunkline/cli/session/sessiontest"
	"trunkline/feature"
)

// TestPanicKeepsSecrets has a command panic that has a secret on its line, which
// is not to be in the log.
func TestPanicKeepsSecrets(t *testing.T) {
	cli, _ := sessiontest.CLI(t)
	var log bytes.Buffer
	s := &Server{CLI: cli, Log: slog.New(slog.NewTextHandler(&log, nil))}
	c, _, wait, err := s.Local(t.Context(), feature.Session{User: "admin", Role: feature.NetworkAdmin}, Hello{})
	if err != nil {
		t.Fatal(err)
	}
	if d, err := c.Run("panic 4711", Plain{io.Discard}); err != nil || !d.Failed {
		t.Errorf("run: %+v, %v", d, err)
	}
	_ = c.Close()
	if err := wait(); err != nil {
		t.Error(err)
	}
	line, _, _ := strings.Cut(log.String(), "stack=")
	if !strings.Contains(line, "panic ********") || strings.Contains(line, "4711") {
		t.Errorf("log: %s", line)
	}
}
