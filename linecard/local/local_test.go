package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/internal/unixsock"
)

func serveTest(t *testing.T, run Command) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vem.sock")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, path, run, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	answers(t, path)
	return path
}

// TestOthersSocket starts where another card listens, where one has died, and
// where something else is.
func TestOthersSocket(t *testing.T) {
	nobody := func(context.Context, []string, io.Writer) error { return nil }
	log := slog.New(slog.DiscardHandler)
	path := serveTest(t, nobody)
	if err := Serve(t.Context(), path, nobody, log); !errors.Is(err, unixsock.ErrInUse) {
		t.Errorf("beside another card: %v", err)
	}
	if err := Run(t.Context(), path, nil, io.Discard); err != nil {
		t.Errorf("the first card after that: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Serve(t.Context(), file, nobody, log); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("in place of a file: %v", err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}

	stale := filepath.Join(t.TempDir(), "stale.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, stale, nobody, log) }()
	answers(t, stale)
	// Somebody replaces the socket: it is not this card's to remove.
	if err := os.Remove(stale); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stale, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(stale); err != nil {
		t.Errorf("what replaced the socket is gone: %v", err)
	}
}

func answers(t *testing.T, path string) {
	t.Helper()
	for range 500 {
		if c, err := net.Dial("unix", path); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the socket does not appear")
}

func TestRun(t *testing.T) {
	path := serveTest(t, func(_ context.Context, args []string, out io.Writer) error {
		if args[0] == "panic" {
			panic("bug")
		}
		if args[0] == "fail" {
			return errors.New("no such command")
		}
		_, err := fmt.Fprint(out, strings.Repeat(args[1], maxFrame+1))
		return err
	})
	var out bytes.Buffer
	if err := Run(t.Context(), path, []string{"show", "x"}, &out); err != nil || out.Len() != maxFrame+1 {
		t.Errorf("%v, %d bytes", err, out.Len())
	}
	if err := Run(t.Context(), path, []string{"panic"}, io.Discard); err == nil || err.Error() != "panic: bug" {
		t.Errorf("error %v, want the panic", err)
	}
	if err := Run(t.Context(), path, []string{"fail"}, io.Discard); err == nil || err.Error() != "no such command" {
		t.Errorf("error %v, want the command's", err)
	}
}

func TestHangUpEndsTheCommand(t *testing.T) {
	over := make(chan struct{})
	var once sync.Once
	path := serveTest(t, func(ctx context.Context, _ []string, _ io.Writer) error {
		<-ctx.Done()
		once.Do(func() { close(over) })
		return ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, path, []string{"wait"}, io.Discard) }()
	cancel()
	if err := <-done; err == nil {
		t.Error("no error from a command that was given up")
	}
	// The dial itself may have been cancelled: then the command never began.
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, `{"args":["wait"]}`+"\n"); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	select {
	case <-over:
	case <-time.After(10 * time.Second):
		t.Fatal("the command goes on without its client")
	}
}

func TestBadRequest(t *testing.T) {
	path := serveTest(t, func(context.Context, []string, io.Writer) error { return nil })
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "not json\n"); err != nil {
		t.Fatal(err)
	}
	if err := receive(c, io.Discard); err == nil || err.Error() != "request is no JSON line" {
		t.Errorf("error %v", err)
	}
}

func FuzzReceive(f *testing.F) {
	f.Add([]byte("o\x00\x00\x00\x02hix\x00\x00\x00\x00"))
	f.Add([]byte("o\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = receive(bytes.NewReader(data), io.Discard)
	})
}
