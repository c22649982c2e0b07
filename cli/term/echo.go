package term

import (
	"io"
	"strings"
	"sync"
)

// echo writes to the terminal. The line editor draws its whole line again for
// every key; where the key only added to the end of it, echo writes just that,
// on as many rows as the line takes. Programs at the other end then read what
// they typed, and a prompt with nothing after it (cli.md §2.2).
type echo struct {
	out   io.Writer
	width func() int

	mu    sync.Mutex
	muted bool
	held  string // how the editor has erased its line: not written yet
	shown string // the editor's line, with the cursor behind it; "" if not known
}

// How the editor erases a line: what is below the cursor, rows from there up to
// the first but one, and that. Edge is what it writes where it cannot exclude
// that the cursor is behind the last column.
const (
	eraseBelow = "\x1b[J"
	eraseRow   = "\x1b[2K\r\x1b[A"
	eraseFirst = "\x1b[2K\r"
	edge       = " \b"
)

// erases reports whether a text erases a line and does nothing else.
func erases(text string) bool {
	rows, ok := strings.CutPrefix(text, eraseBelow)
	rows, last := strings.CutSuffix(rows, eraseFirst)
	return ok && last && rows == strings.Repeat(eraseRow, len(rows)/len(eraseRow))
}

// Write implements io.Writer.
func (e *echo) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.muted {
		return len(p), nil
	}
	text := string(p)
	if e.held == "" && erases(text) {
		e.held = text
		return len(p), nil
	}
	shown := ""
	if e.held != "" {
		text, shown = e.drawn(text)
		e.held = ""
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
	short := strings.TrimSuffix(line, edge)
	short, entered := strings.CutSuffix(short, "\n")
	if !plain(short) {
		return e.held + line, ""
	}
	full := len(short)%max(e.width(), 1) == 0 // the cursor belongs on the next row
	end := ""
	switch {
	case entered && full: // which it has left for this one
		return e.held + line, ""
	case entered:
		end = "\n"
	case full:
		shown, end = short, edge
	default:
		shown = short
	}
	if added, ok := strings.CutPrefix(short, e.shown); ok && e.shown != "" {
		if added == "" && !entered {
			end = "" // it is there
		}
		return added + end, shown
	}
	return e.held + short + end, shown
}

// plain reports whether a line is of characters that take one column each.
func plain(line string) bool {
	for i := range len(line) {
		if line[i] < ' ' || line[i] > '~' {
			return false
		}
	}
	return true
}
