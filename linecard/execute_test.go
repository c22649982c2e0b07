package linecard

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"trunkline/linecard/api"
	"trunkline/linecard/fdb"
)

// newCard makes a card that does not run.
func newCard(t *testing.T) *Card {
	t.Helper()
	c, err := New(Config{
		StateDir: t.TempDir(), UUID: "0f1d9a66-91fc-4d0b-8a0e-5c7d1e2f3a4b", Host: "a", Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.lock.Release(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func execute(t *testing.T, ctx context.Context, c *Card, line string) (string, error) {
	t.Helper()
	request, err := json.Marshal(api.ExecuteQuery{Args: strings.Fields(line)})
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.Query(ctx, "execute", request)
	return string(out), err
}

// TestExecuteIsCut has more to show than a reply may hold.
func TestExecuteIsCut(t *testing.T) {
	c := newCard(t)
	if out, err := execute(t, t.Context(), c, "show l2 all"); err != nil || !strings.Contains(out, "Total MAC Addresses: 0") {
		t.Fatalf("%v\n%s", err, out)
	}
	v := c.engine.FDB().View(0)
	for i := range uint64(24000) {
		if got := v.Learn(fdb.Key(10, i+1), uint16(1+i%8)); got != fdb.Learned {
			t.Fatalf("address %d: %v", i, got)
		}
	}
	out, err := execute(t, t.Context(), c, "show l2 all")
	if note := strings.Index(out, "\n... cut after 1048576 bytes"); err != nil || note != maxOutput {
		t.Errorf("%v, %d bytes, note at %d", err, len(out), note)
	}
	var all bytes.Buffer
	if err := c.command(t.Context(), []string{"show", "l2", "all"}, &all); err != nil || all.Len() <= maxOutput {
		t.Errorf("on the host: %v, %d bytes", err, all.Len())
	}
}

// TestExecuteCapture bounds a capture in frames and in time.
func TestExecuteCapture(t *testing.T) {
	c := newCard(t)
	for _, line := range []string{"capture", "CAPTURE rx", "capture count 1001", "capture rx count 5 count 100000"} {
		if _, err := execute(t, t.Context(), c, line); err == nil || err.Error() != "capture from here needs count, 1 to 1000" {
			t.Errorf("%s: %v", line, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if out, err := execute(t, ctx, c, "capture rx count 1000"); err != nil || out != "" {
		t.Errorf("capture without frames: %q, %v", out, err)
	}
	if out, err := execute(t, t.Context(), c, "show version"); err != nil || !strings.Contains(out, "line card") {
		t.Errorf("after it: %q, %v", out, err)
	}
	// It is closed: another may be opened.
	k, err := c.engine.Capture(captureOptions{}.conf)
	if err != nil {
		t.Fatal(err)
	}
	k.Close()
}
