package term

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"trunkline/cli/grammar"
	"trunkline/cli/remote"
)

// Lines that are pasted are there when the first of them has been read. Those
// that the editor will read as they stand are sent along, for the session to hold
// (architecture §4), and read with their prompts as their answers come: the
// screen shows what it would, commits are few. The session takes none after a
// line that asks or pages, so keys that may be an answer are never a line.

// look returns the next lines of what was typed that are sent along, at most n:
// whole ones without a key that the editor acts on. From then on Ctrl-C leaves
// them, until release.
func (k *keyboard) look(n int) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var lines []string
	for at := 0; len(lines) < n; {
		end := bytes.IndexAny(k.buf[at:], "\r\n")
		if end < 0 {
			break
		}
		line := string(k.buf[at : at+end])
		if !typedAsIs(line) {
			break
		}
		at += end + 1
		if strings.TrimSpace(line) != "" { // else the editor reads it on its way
			lines = append(lines, line)
			k.ahead = at
		}
	}
	return lines
}

// typedAsIs reports whether the editor makes the same line of it.
func typedAsIs(line string) bool {
	return len(line) <= grammar.MaxLine && utf8.ValidString(line) &&
		strings.IndexFunc(line, func(r rune) bool { return r < ' ' || r == del || r == '?' }) < 0
}

// release ends what look began: what is left has not been sent. After Ctrl-C it
// is dropped like other keys.
func (k *keyboard) release() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dropped {
		k.take(k.ahead)
	}
	k.ahead, k.dropped = 0, false
}

// errAhead is a line that was sent and is not the one that was read.
var errAhead = errors.New("a pasted line was read otherwise than it was sent")

// follow reads a line that was sent along, and those before it that are empty.
func (c *console) follow(d remote.Done, sent string) error {
	for {
		if c.keys.pasted(sent) {
			return c.draw(d, sent)
		}
		line, err := c.line(d)
		switch {
		case err != nil:
			return err
		case line == sent:
			c.pager.reset(0)
			return nil
		case strings.TrimSpace(line) != "":
			return errAhead
		}
	}
}

// pasted takes the keys of a line that was sent, if they come next and the editor
// would draw them as they are.
func (k *keyboard) pasted(line string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := len(line) + 1
	if !plain(line) || k.ahead < n || string(k.buf[:n-1]) != line || k.buf[n-1] != '\r' && k.buf[n-1] != '\n' {
		return false
	}
	k.take(n)
	return true
}

// draw shows a prompt with a line behind it at once, as the editor would have
// left them key by key.
func (c *console) draw(d remote.Done, line string) error {
	c.set.Store(int64(d.Width))
	_, err := io.WriteString(c.Out, eraseBelow+eraseFirst+fitting(d.Prompt, c.width())+line+"\n")
	if err == nil {
		err = c.remember(d, line)
	}
	c.pager.reset(0)
	return err
}

// window is how many lines are sent along: fewer where many are refused.
type window int

// adjust takes in how many of the lines that were sent were taken.
func (w *window) adjust(sent, taken int) {
	switch {
	case taken < sent:
		*w = window(max(1, taken))
	case sent > 0:
		*w = min(remote.MaxAhead, 2**w)
	}
}
