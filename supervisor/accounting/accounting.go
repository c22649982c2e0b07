// Package accounting makes the switch's messages (cli.md §14) and takes them
// where configuration has them: to the log file, the console and the terminals
// that monitor.
//
//	state tree ─┐                        ┌──▶ lines of the log file ──▶ file (Run)
//	commits ────┼─▶ feature.Event ─▶ Log ┼──▶ console (Run)
//	modules ────┘   (pure)               ├──▶ terminals, each a bounded channel
//	                                     └──▶ servers (supervisor/syslog)
//
// Log never blocks: it appends to the lines in memory, which are bounded by the
// size of the log file, and drops what a terminal or the console does not take,
// counting it. Run, behind it, keeps the file like the lines: it appends, and
// writes the file anew, in one step, when lines were cleared or made room for
// others. A file that cannot be written costs nothing but the lines after a
// restart; it is logged once.
//
// One mutex guards everything below it.
package accounting

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"trunkline/feature"
	"trunkline/feature/logging"
)

// Config says where messages go.
type Config struct {
	// Dir is the directory of the log file, made if it is not there; "" keeps
	// lines in memory only.
	Dir string
	// Settings are those of the running configuration.
	Settings func() logging.Settings
	// Console takes the messages of the console; nil for none.
	Console io.Writer
	// Servers takes all messages, in order, with the settings that they were made
	// under; nil for none.
	Servers Servers
	Log     *slog.Logger
}

// Servers is where messages go that leave the machine. It never blocks.
type Servers interface {
	Log(feature.Event, *logging.Settings)
}

// Log is the log of a switch. It implements feature.EventLog and
// feature.Messages.
type Log struct {
	cfg     Config
	wake    chan struct{} // of one: there is something to write to the file
	console chan string   // what the console has to show

	mu       sync.Mutex
	lines    []string // never changed in place
	size     int      // bytes of the lines, with their ends
	fresh    []string // lines that the file has not
	anew     bool     // the file is to be written anew
	monitors map[*Monitor]bool
}

var (
	_ feature.EventLog = (*Log)(nil)
	_ feature.Messages = (*Log)(nil)
)

// maxConsole is how many lines may wait for the console.
const maxConsole = 256

// Open returns the log with what its file holds.
func Open(cfg Config) (*Log, error) {
	l := &Log{cfg: cfg, wake: make(chan struct{}, 1), console: make(chan string, maxConsole), monitors: map[*Monitor]bool{}}
	if cfg.Dir == "" {
		return l, nil
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of the log file: %w", err)
	}
	s := cfg.Settings()
	f, err := os.Open(filepath.Join(cfg.Dir, s.File.Name))
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the log file: %w", err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	data, err := io.ReadAll(io.LimitReader(f, 2*logging.MaxSize))
	if err != nil {
		return nil, fmt.Errorf("read the log file: %w", err)
	}
	l.lines = parse(data)
	for _, line := range l.lines {
		l.size += len(line) + 1
	}
	l.trim(int(s.File.Size))
	return l, nil
}

// parse reads the lines of a log file. The last one may be cut: whoever wrote it
// was killed.
func parse(data []byte) []string {
	var lines []string
	for line := range bytes.Lines(data) {
		if text := logging.Clean(strings.TrimSuffix(string(line), "\n")); text != "" {
			lines = append(lines, text)
		}
	}
	return lines
}

// Log implements feature.EventLog.
func (l *Log) Log(e feature.Event) {
	s := l.cfg.Settings()
	if e.Severity > s.Level(e.Facility) {
		return
	}
	if e.At.IsZero() {
		e.At = time.Now()
	}
	line := s.Line(e)
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Severity <= s.File.Severity {
		l.lines = append(l.lines, line)
		l.fresh = append(l.fresh, line)
		l.size += len(line) + 1
		l.trim(int(s.File.Size))
		l.poke()
	}
	if l.cfg.Console != nil && e.Severity <= s.Console {
		select {
		case l.console <- line:
		default: // it is slow or stuck
		}
	}
	if l.cfg.Servers != nil {
		l.cfg.Servers.Log(e, &s)
	}
	if e.Severity <= s.Monitor {
		for m := range l.monitors {
			m.offer(line)
		}
	}
}

func (l *Log) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// trim drops the oldest lines once all are longer than the limit, a quarter more
// than need be, so that the file is seldom written anew.
func (l *Log) trim(limit int) {
	if l.size <= limit {
		return
	}
	n := 0
	for n < len(l.lines)-1 && l.size > limit-limit/4 {
		l.size -= len(l.lines[n]) + 1
		n++
	}
	l.lines = slices.Clone(l.lines[n:])
	l.anew, l.fresh = true, nil // however long the file has not been written
}

// Lines implements feature.Messages.
func (l *Log) Lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clip(l.lines)
}

// Clear implements feature.Messages.
func (l *Log) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines, l.fresh, l.size, l.anew = nil, nil, 0, true
	l.poke()
}

// Run writes the file and the console until ctx ends; what was logged before is
// written then.
func (l *Log) Run(ctx context.Context) {
	var shown sync.WaitGroup
	shown.Go(func() { l.show(ctx) })
	defer shown.Wait()
	name, failed := "", false
	for {
		over := ctx.Err() != nil
		var err error
		if name, err = l.write(name); err != nil && !failed {
			l.cfg.Log.Warn("write the log file", "error", err)
		}
		failed = err != nil
		if over {
			return
		}
		select {
		case <-l.wake:
		case <-ctx.Done():
		}
	}
}

// show writes the console: a terminal that is held up holds up nothing else.
func (l *Log) show(ctx context.Context) {
	for ctx.Err() == nil || len(l.console) > 0 {
		select {
		case line := <-l.console:
			io.WriteString(l.cfg.Console, line+"\n") //nolint:errcheck // there is nobody to tell
		case <-ctx.Done():
		}
	}
}

// write brings the file up to date and returns its name. Last is the name of the
// file that was written last.
func (l *Log) write(last string) (string, error) {
	name := l.cfg.Settings().File.Name
	l.mu.Lock()
	lines, anew := l.fresh, l.anew || last != "" && name != last
	if anew {
		lines = l.lines
	}
	l.fresh, l.anew = nil, false
	l.mu.Unlock()
	if l.cfg.Dir == "" || len(lines) == 0 && !anew {
		return name, nil
	}
	err := put(filepath.Join(l.cfg.Dir, name), lines, anew)
	if err != nil {
		l.mu.Lock()
		l.anew = true // the next line comes with those that are missing
		l.mu.Unlock()
	}
	return name, err
}

// put appends lines to a file or, anew, has it hold them alone.
func put(path string, lines []string, anew bool) (err error) {
	flags, to := os.O_APPEND, path
	if anew {
		flags, to = os.O_TRUNC, path+".new"
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|flags, 0o600)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(line)
		b.WriteByte('\n')
	}
	_, err = f.WriteString(b.String())
	if err = errors.Join(err, f.Close()); err != nil || !anew {
		return err
	}
	return os.Rename(to, path)
}

// Monitor is a terminal that is shown messages.
type Monitor struct {
	log     *Log
	lines   chan string
	dropped int // since the last line; guarded by Log.mu
}

// maxMonitor is how many lines may wait for a terminal.
const maxMonitor = 64

// Monitor begins to show messages to a terminal.
func (l *Log) Monitor() *Monitor {
	m := &Monitor{log: l, lines: make(chan string, maxMonitor)}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.monitors[m] = true
	return m
}

// Lines are the messages. A terminal that does not take them is told how many it
// has missed with the next one.
func (m *Monitor) Lines() <-chan string { return m.lines }

// Close ends it.
func (m *Monitor) Close() {
	m.log.mu.Lock()
	defer m.log.mu.Unlock()
	delete(m.log.monitors, m)
}

// offer is called with Log.mu held.
func (m *Monitor) offer(line string) {
	if m.dropped > 0 {
		line = fmt.Sprintf("(%d messages were not shown)\n%s", m.dropped, line)
	}
	select {
	case m.lines <- line:
		m.dropped = 0
	default:
		m.dropped++
	}
}
