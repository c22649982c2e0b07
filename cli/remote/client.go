package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"trunkline/cli/session"
)

// Handler is what a line's output goes to.
type Handler interface {
	// Output prints; an error interrupts the line.
	Output(p []byte) error
	// Page says that output from here on is paged by lines, 0 for not.
	Page(lines int)
	// Ask asks the operator; an error interrupts the line.
	Ask(question string) (string, error)
}

// Discreet is a Handler that can take an answer without showing it. A question of
// that kind interrupts a line whose Handler cannot.
type Discreet interface {
	AskSecret(question string) (string, error)
}

// Client is the terminal's end of a session. Requests are made one after the
// other; Interrupt, Touch and Resize may be called at any time.
type Client struct {
	conn   io.ReadWriteCloser
	frames chan frame // answers, closed at the end of the stream
	err    error      // why it ended; read once frames is closed
	peeked *frame     // taken from frames and not used yet
	closed chan struct{}
	once   sync.Once // closes closed

	sending sync.Mutex // orders frames

	mu   sync.Mutex
	show func([]byte)

	showing sync.Mutex // orders calls of show
}

// Dial connects to a supervisor's socket and begins a session.
func Dial(ctx context.Context, path string, h Hello) (*Client, Done, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, Done{}, fmt.Errorf("connect to the supervisor: %w", err)
	}
	c, first, err := NewClient(conn, h)
	if err != nil {
		conn.Close()
	}
	return c, first, err
}

// NewClient begins a session on a stream; Done has its first prompt.
func NewClient(conn io.ReadWriteCloser, h Hello) (*Client, Done, error) {
	c := &Client{conn: conn, frames: make(chan frame), closed: make(chan struct{})}
	go c.read() // it ends with the stream
	if err := c.sendJSON(hello, h); err != nil {
		return nil, Done{}, err
	}
	first, err := c.await(quiet{})
	return c, first, err
}

// Close ends the session.
func (c *Client) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.conn.Close()
}

func (c *Client) send(k kind, body []byte) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	return writeFrame(c.conn, k, body)
}

func (c *Client) sendJSON(k kind, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode frame %q: %w", k, err)
	}
	return c.send(k, body)
}

// Run runs a line. What it prints and asks goes to h.
func (c *Client) Run(line string, h Handler) (Done, error) {
	if err := c.send(runLine, []byte(line)); err != nil {
		return Done{}, err
	}
	return c.await(h)
}

// RunAll runs lines, sent at once, as Run does each: at most session.MaxHeld. Begin
// is called before the output of each line, and done after it; an error of either
// ends the session. It returns when all are done, or one closed the session.
func (c *Client) RunAll(lines []string, h Handler, begin func(i int) error, done func(i int, d Done) error) error {
	var all bytes.Buffer
	for _, l := range lines {
		if err := writeFrame(&all, runLine, []byte(l)); err != nil {
			return err
		}
	}
	if err := c.sendAll(&all); err != nil {
		return err
	}
	for i := range lines {
		if err := begin(i); err != nil {
			return err
		}
		d, err := c.await(h)
		if err != nil {
			return err
		}
		if err := done(i, d); err != nil || d.Close {
			return err
		}
	}
	return nil
}

// MaxAhead is how many lines may follow one with RunAhead: the session holds them
// with it.
const MaxAhead = session.MaxHeld - 1

// RunAhead runs a line as Run does and sends more with it that follow, at most
// MaxAhead, which the session holds and commits with it where it can.
// Next is called before the output of each of those that were taken, with what
// the line before it left. The session takes none after a line that asks, pages
// or cannot be held, nor after an interrupt: those have not been run, and the
// caller may run them again. It returns how many were taken.
func (c *Client) RunAhead(line string, more []string, h Handler, next func(i int, d Done) error) (d Done, taken int, err error) {
	var all bytes.Buffer
	if err := writeFrame(&all, runLine, []byte(line)); err != nil {
		return Done{}, 0, err
	}
	for _, l := range more {
		if err := writeFrame(&all, runHeld, []byte(l)); err != nil {
			return Done{}, 0, err
		}
	}
	if err := c.sendAll(&all); err != nil {
		return Done{}, 0, err
	}
	if d, err = c.await(h); err != nil {
		return Done{}, 0, err
	}
	for i := range more {
		if d.Close {
			return d, taken, nil
		}
		switch refused, err := c.refused(); {
		case err != nil:
			return Done{}, 0, err
		case refused:
			continue // and so are those after it
		case taken < i:
			return Done{}, 0, fmt.Errorf("line after one that was refused: %w", errUnexpected)
		}
		if err := next(i, d); err != nil {
			return Done{}, 0, err
		}
		if d, err = c.await(h); err != nil {
			return Done{}, 0, err
		}
		taken++
	}
	return d, taken, nil
}

// sendAll sends frames at once.
func (c *Client) sendAll(all *bytes.Buffer) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	if _, err := all.WriteTo(c.conn); err != nil {
		return fmt.Errorf("send lines: %w", ended(err))
	}
	return nil
}

// refused waits for the begin of the answer to a line and takes it if it is that
// the line was refused.
func (c *Client) refused() (bool, error) {
	k, body, err := c.next()
	if err != nil {
		return false, ended(err)
	}
	var d Done
	if k == done {
		if err := json.Unmarshal(body, &d); err != nil {
			return false, fmt.Errorf("frame %q: %w", k, err)
		}
	}
	if !d.Refused {
		c.peeked = &frame{k, body}
	}
	return d.Refused, nil
}

// EndConfig goes to exec mode.
func (c *Client) EndConfig() (Done, error) {
	if err := c.send(endConfig, nil); err != nil {
		return Done{}, err
	}
	return c.await(quiet{})
}

// Abandon forgets a command that goes on on the next line.
func (c *Client) Abandon() (Done, error) {
	if err := c.send(abandon, nil); err != nil {
		return Done{}, err
	}
	return c.await(quiet{})
}

// Touch says that the operator is there. It may be called at any time.
func (c *Client) Touch() error { return c.send(touch, nil) }

// Interrupt aborts the line that runs, if one does.
func (c *Client) Interrupt() error { return c.send(interrupt, nil) }

// Resize reports the size of the window.
func (c *Client) Resize(width, height int) error { return c.sendJSON(window, size{width, height}) }

// errUnexpected is a frame that does not belong where it came.
var errUnexpected = errors.New("unexpected frame")

// await reads until the line is done.
func (c *Client) await(h Handler) (Done, error) {
	stopped := false
	stop := func(err error) error {
		if err == nil || stopped {
			return nil
		}
		stopped = true
		return c.Interrupt()
	}
	for {
		k, body, err := c.next()
		if err != nil {
			return Done{}, ended(err)
		}
		switch k {
		case output:
			if !stopped {
				err = stop(h.Output(body))
			}
		case page:
			var s size
			if err = json.Unmarshal(body, &s); err == nil {
				h.Page(s.Height)
			}
		case question:
			text, failed := h.Ask(string(body))
			if err = stop(failed); err == nil {
				err = c.send(answer, []byte(text))
			}
		case secret:
			text, failed := "", errUnexpected
			if d, ok := h.(Discreet); ok {
				text, failed = d.AskSecret(string(body))
			}
			if err = stop(failed); err == nil {
				err = c.send(answer, []byte(text))
			}
		case done:
			var d Done
			err = json.Unmarshal(body, &d)
			return d, err
		default:
			err = errUnexpected
		}
		if err != nil {
			return Done{}, fmt.Errorf("frame %q: %w", k, err)
		}
	}
}

// ended says what the end of the stream means.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) {
		return ErrClosed
	}
	return err
}

// ErrClosed says that the supervisor ended the session.
var ErrClosed = errors.New("the supervisor closed the session")

// Help returns the text of ? for the line up to the cursor.
func (c *Client) Help(line string) (string, error) {
	if err := c.send(help, []byte(line)); err != nil {
		return "", err
	}
	body, err := c.expect(helpText)
	return string(body), err
}

// Complete returns the completions of the line up to the cursor.
func (c *Client) Complete(line string) (Completion, error) {
	if err := c.send(complete, []byte(line)); err != nil {
		return Completion{}, err
	}
	body, err := c.expect(completion)
	if err != nil {
		return Completion{}, err
	}
	var v Completion
	if err := json.Unmarshal(body, &v); err != nil || v.From < 0 || v.From > len(line) {
		return Completion{}, fmt.Errorf("completion: %w", errUnexpected)
	}
	return v, nil
}

func (c *Client) expect(want kind) ([]byte, error) {
	k, body, err := c.next()
	if err != nil {
		return nil, ended(err)
	}
	if k != want {
		return nil, fmt.Errorf("frame %q: %w", k, errUnexpected)
	}
	return body, nil
}

// quiet ignores output.
type quiet struct{}

func (quiet) Output([]byte) error        { return nil }
func (quiet) Page(int)                   {}
func (quiet) Ask(string) (string, error) { return "", errUnexpected }
