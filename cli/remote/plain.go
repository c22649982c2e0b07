package remote

import (
	"bufio"
	"fmt"
	"io"

	"trunkline/cli/grammar"
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

// Script runs the lines of r, printing to w, until they end or the session
// does. It reports whether all commands succeeded.
func (c *Client) Script(r io.Reader, w io.Writer) (ok bool, err error) {
	ok = true
	more := false
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		d, err := c.Run(lines.Text(), Plain{w})
		if err != nil {
			return false, err
		}
		ok, more = ok && !d.Failed, d.More
		if d.Close {
			return ok, nil
		}
	}
	if err := lines.Err(); err != nil {
		return false, fmt.Errorf("read commands: %w", err)
	}
	if more {
		if _, err := c.Abandon(); err != nil {
			return false, err
		}
		_, err := fmt.Fprintf(w, "%% %s\n", grammar.Incomplete)
		return false, err
	}
	return ok, nil
}
