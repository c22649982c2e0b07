package remote

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"trunkline/cli/grammar"
	"trunkline/cli/session"
)

// Plain is the handler of scripts: it prints, never pages and has no answers.
type Plain struct{ W io.Writer }

// Output implements Handler.
func (p Plain) Output(b []byte) error {
	_, err := p.W.Write(b)
	return err
}

// Page implements Handler.
func (Plain) Page(int) {}

// Ask implements Handler.
func (Plain) Ask(string) (string, error) { return "", errUnexpected }

// maxScriptLine is the longest line of a script, in bytes. What is longer than
// the session takes is the session's to refuse.
const maxScriptLine = 64 << 10

// Script runs the lines of r, printing to w, until they end or the session
// does. It reports whether all commands succeeded. Lines that are there already
// are sent together.
func (c *Client) Script(r io.Reader, w io.Writer) (ok bool, err error) {
	ok = true
	var last Done
	in := bufio.NewReaderSize(r, maxScriptLine)
	for eof := false; !eof && !last.Close; {
		var lines []string
		for first := true; len(lines) < session.MaxHeld && (first || waiting(in)); first = false {
			line, err := in.ReadSlice('\n')
			if eof = errors.Is(err, io.EOF); err != nil && !eof {
				return false, fmt.Errorf("read commands: %w", err)
			}
			if !eof || len(line) > 0 {
				lines = append(lines, strings.TrimRight(string(line), "\r\n"))
			}
		}
		err := c.RunAll(lines, Plain{w}, func(int) error { return nil }, func(_ int, d Done) error {
			ok, last = ok && !d.Failed, d
			return nil
		})
		if err != nil {
			return false, err
		}
	}
	more := last.More && !last.Close
	if more {
		if _, err := c.Abandon(); err != nil {
			return false, err
		}
		_, err := fmt.Fprintf(w, "%% %s\n", grammar.Incomplete)
		return false, err
	}
	return ok, nil
}

// waiting reports whether a whole line has been read ahead.
func waiting(in *bufio.Reader) bool {
	b, err := in.Peek(in.Buffered())
	return err == nil && bytes.IndexByte(b, '\n') >= 0
}
