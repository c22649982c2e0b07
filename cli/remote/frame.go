// Package remote carries sessions over a stream (ADR 0009): a terminal sends
// what was typed, the supervisor runs it and sends what is to be printed. The
// stream is a unix socket, or a pipe within one process.
//
// Messages are frames of a type, a length and a body of at most maxBody bytes.
// The client sends one request at a time, or lines with those that follow them
// (RunAll, RunAhead), and reads until the final answer of each (done, help or
// completion); interrupt, window, touch and answer may be sent
// while a request runs. Anything else ends the connection.
package remote

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// kind is the type of a frame.
type kind byte

// Frames from the client.
const (
	hello     kind = 'H' // the first frame; body: Hello
	runLine   kind = 'R' // body: the line
	runHeld   kind = 'L' // body: a line that follows others, to be held or refused
	complete  kind = 'C' // body: the line up to the cursor
	help      kind = '?' // likewise
	endConfig kind = 'Z'
	interrupt kind = 'I'
	window    kind = 'W' // body: size
	answer    kind = 'A' // body: the text
	abandon   kind = 'X' // a command of several lines that has begun
	touch     kind = 'T' // a key was pressed
)

// Frames from the server.
const (
	output     kind = 'o' // body: bytes to print
	page       kind = 'g' // body: size; its height is the page's
	question   kind = 'q' // body: the text
	secret     kind = 's' // likewise; the answer is not to be shown
	done       kind = 'd' // body: Done
	completion kind = 'c' // body: Completion
	helpText   kind = 'h' // body: bytes to print
	notice     kind = 'n' // body: lines to print; comes at any time, unasked
)

const (
	headerLen = 5
	maxBody   = 64 << 10
)

var errTooLong = errors.New("frame too long")

func writeFrame(w io.Writer, k kind, body []byte) error {
	if len(body) > maxBody {
		return errTooLong
	}
	b := make([]byte, headerLen, headerLen+len(body))
	b[0] = byte(k)
	binary.BigEndian.PutUint32(b[1:], uint32(len(body)))
	if _, err := w.Write(append(b, body...)); err != nil {
		return fmt.Errorf("write frame %q: %w", k, err)
	}
	return nil
}

// readFrame reads one frame. The end of the stream before a frame is io.EOF.
func readFrame(r io.Reader) (kind, []byte, error) {
	var h [headerLen]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(h[1:])
	if n > maxBody {
		return 0, nil, errTooLong
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, fmt.Errorf("read frame %q: %w", h[0], err)
	}
	return kind(h[0]), body, nil
}

// Hello says what the terminal is.
type Hello struct {
	Interactive   bool
	Width, Height int
	Terminal      string // its type: "xterm"
	TTY           string // its device, "" for none
}

type size struct{ Width, Height int }

// Done is the end of a line.
type Done struct {
	Failed, Close bool
	// Refused says that a runHeld was not run: it must be run by itself, after
	// what became of the lines before it is known.
	Refused bool `json:",omitempty"`
	Prompt  string
	// Config says that the session is in a configuration mode.
	Config bool
	// More says that the command goes on on the next line, whatever that holds.
	More bool `json:",omitempty"`
	// Width is that of terminal width, in columns; 0 for the window's.
	Width int `json:",omitempty"`
}

// Completion is the answer to Tab.
type Completion struct {
	// From is the byte offset on the line of what a candidate replaces.
	From       int
	Candidates []Candidate
}

// Candidate is one completion; no blank belongs after one with Glue.
type Candidate struct {
	Text string
	Glue bool `json:",omitempty"`
}
