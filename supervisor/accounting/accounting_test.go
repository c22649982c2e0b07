package accounting

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/logging"
)

// buffer is a console.
type buffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func message(severity feature.Severity, text string) feature.Event {
	return feature.Event{Facility: "ETHPORT", Severity: severity, Mnemonic: "TEST", Text: text}
}

// open opens a log with the settings, "" for the default directory of memory.
func open(t *testing.T, dir string, settings tree.Tree) (*Log, *buffer) {
	t.Helper()
	console := &buffer{}
	l, err := Open(Config{
		Dir: dir, Settings: func() logging.Settings { return logging.Read(settings) }, Console: console, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return l, console
}

// running runs the log and returns what stops it and waits.
func running(t *testing.T, l *Log) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { l.Run(ctx); close(done) }()
	return func() { cancel(); <-done }
}

var (
	console = tree.Path{{Name: "logging"}, {Name: "console"}}
	logfile = tree.Path{{Name: "logging"}, {Name: "logfile"}}
)

// TestSeverities sends a message of each severity everywhere.
func TestSeverities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, c := open(t, "", tree.Tree{}.Set(console, uint32(1)).Set(logfile, logging.File{Name: "m", Severity: 3, Size: 4096}))
		defer running(t, l)()
		m := l.Monitor()
		for s := feature.Emergency; s <= feature.Debugging; s++ {
			l.Log(message(s, "text"))
		}
		synctest.Wait()
		if got := strings.Count(c.String(), "\n"); got != 2 {
			t.Errorf("%d lines on the console: %q", got, c)
		}
		if got := len(l.Lines()); got != 4 {
			t.Errorf("%d lines in the log file, want 4", got)
		}
		if got := len(m.Lines()); got != 6 { // the facility's level is 5
			t.Errorf("%d lines on the terminal, want 6", got)
		}
		if want := time.Now().UTC().Format("2006 Jan _2 15:04:05") + " switch %ETHPORT-0-TEST: text"; l.Lines()[0] != want {
			t.Errorf("got %q, want %q", l.Lines()[0], want)
		}
	})
}

// TestMonitor has a terminal that is slow, one that is gone, and the logger wait
// for neither.
func TestMonitor(t *testing.T) {
	l, _ := open(t, "", tree.Tree{})
	m, gone := l.Monitor(), l.Monitor()
	gone.Close()
	for i := range maxMonitor + 3 {
		l.Log(message(feature.Err, fmt.Sprint(i)))
	}
	if n := len(gone.Lines()); n != 0 {
		t.Errorf("%d lines for a terminal that is gone", n)
	}
	for i := range maxMonitor {
		if line := <-m.Lines(); !strings.HasSuffix(line, fmt.Sprintf(": %d", i)) {
			t.Fatalf("line %d is %q", i, line)
		}
	}
	l.Log(message(feature.Err, "after"))
	if line := <-m.Lines(); !strings.HasPrefix(line, "(3 messages were not shown)\n") || !strings.HasSuffix(line, "after") {
		t.Errorf("got %q", line)
	}
}

// TestFile keeps the file like the lines, within its size, over restarts, a
// change of its name, and a clearing.
func TestFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	small := tree.Tree{}.Set(logfile, logging.File{Name: "small", Severity: 5, Size: 4096})
	l, _ := open(t, dir, small)
	stop := running(t, l)
	for i := range 200 {
		l.Log(message(feature.Notice, fmt.Sprintf("message %d", i)))
	}
	stop()
	same := func(l *Log, name string) {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(parse(data), l.Lines()) {
			t.Errorf("%s has %d bytes, %d lines are kept", name, len(data), len(l.Lines()))
		}
		if len(data) > 4096 {
			t.Errorf("%s has %d bytes", name, len(data))
		}
	}
	same(l, "small")
	if last := l.Lines()[len(l.Lines())-1]; !strings.HasSuffix(last, "message 199") || len(l.Lines()) < 30 {
		t.Errorf("%d lines, the last is %q", len(l.Lines()), last)
	}

	l, _ = open(t, dir, small)
	same(l, "small")
	stop = running(t, l)
	l.Log(message(feature.Notice, "after a restart"))
	stop()
	same(l, "small")

	l.Clear()
	running(t, l)()
	same(l, "small")
	if len(l.Lines()) != 0 {
		t.Errorf("after clear: %q", l.Lines())
	}
	l, _ = open(t, dir, small)
	if len(l.Lines()) != 0 {
		t.Errorf("after clear and a restart: %q", l.Lines())
	}

	settings := small
	l.cfg.Settings = func() logging.Settings { return logging.Read(settings) }
	l.Log(message(feature.Notice, "in the old file"))
	if name, err := l.write("small"); err != nil || name != "small" {
		t.Fatal(name, err)
	}
	settings = settings.Set(logfile, logging.File{Name: "other", Severity: 5, Size: 4096})
	l.Log(message(feature.Notice, "in the new file"))
	if name, err := l.write("small"); err != nil || name != "other" {
		t.Fatal(name, err)
	}
	same(l, "other")
}

// TestTrouble goes on without a file, and has it hold everything once it can.
func TestTrouble(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	l, _ := open(t, dir, tree.Tree{})
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	l.Log(message(feature.Notice, "first"))
	if _, err := l.write(""); err == nil {
		t.Fatal("written to nowhere")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l.Log(message(feature.Notice, "second"))
	if _, err := l.write("messages"); err != nil {
		t.Fatal(err)
	}
	if l, _ = open(t, dir, tree.Tree{}); len(l.Lines()) != 2 {
		t.Errorf("lines %q", l.Lines())
	}
}

// FuzzParse reads any file.
func FuzzParse(f *testing.F) {
	f.Add([]byte("2026 Nov 22 09:02:11 switch %A-1-B: c\ncut"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, line := range parse(data) {
			if line == "" || strings.ContainsAny(line, "\n\x1b") || line != logging.Clean(line) {
				t.Errorf("line %q", line)
			}
		}
	})
}
