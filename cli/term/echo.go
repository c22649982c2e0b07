package term

import (
	"io"
	"strings"
	"sync"
)

// echo writes to the terminal. The line editor draws its whole line again for
// every key; where the key only added to the end of it, echo writes just that.
// Programs at the other end then read what they typed, and a prompt with nothing
// after it (cli.md §2.2).
type echo struct {
	out   io.Writer
	width func() int

	mu    sync.Mutex
	muted bool
	held  bool   // the editor has erased its line: not written yet
	shown string // the editor's line, with the cursor behind it; "" if not known
}

// erase is how the editor erases a line of one row; edge is what it writes where
// it cannot exclude that the cursor is behind the last column.
const (
	erase = "\x1b[J\x1b[2K\r"
	edge  = " \b"
)

// Write implements io.Writer.
func (e *echo) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.muted {
		return len(p), nil
	}
	text := string(p)
	if text == erase && !e.held {
		e.held = true
		return len(p), nil
	}
	shown := ""
	if e.held {
		e.held = false
		text, shown = e.drawn(text)
	}
	e.shown = shown
	if _, err := io.WriteString(e.out, text); err != nil {
		return 0, err
	}
	return len(p), nil
}

// forget has the next line drawn whole.
func (e *echo) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.shown = ""
}

// mute ends writing.
func (e *echo) mute() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.muted = true
}

// drawn returns what is to be written for a line that the editor draws after
// erasing the one before, and what is then known to be shown.
func (e *echo) drawn(line string) (text, shown string) {
	if short := strings.TrimSuffix(line, edge); e.plain(short) {
		line, shown = short, short
	}
	added, ok := strings.CutPrefix(line, e.shown)
	if ok && e.shown != "" && e.plain(strings.TrimSuffix(line, "\n")) {
		return added, shown
	}
	return erase + line, shown
}

// plain reports whether a line is of one row and of characters that take one
// column each.
func (e *echo) plain(line string) bool {
	for i := range len(line) {
		if line[i] < ' ' || line[i] > '~' {
			return false
		}
	}
	return len(line) < e.width()
}
