package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"trunkline/cli/session"
	"trunkline/feature"
)

// Server serves sessions of one CLI.
type Server struct {
	CLI *session.CLI
	Log *slog.Logger // nil for none

	mu      sync.Mutex
	stopped bool
	cancels map[*context.CancelFunc]bool // of the sessions being served
	serving sync.WaitGroup
}

// Stop ends all sessions, however they came, and waits for them; from then on
// there are no new ones.
func (s *Server) Stop() {
	s.mu.Lock()
	s.stopped = true
	for cancel := range s.cancels {
		(*cancel)()
	}
	s.mu.Unlock()
	s.serving.Wait()
}

// ErrStopped is the answer to a session begun after Stop.
var ErrStopped = errors.New("the supervisor stops")

// enter counts a session in; leave counts it out.
func (s *Server) enter(cancel *context.CancelFunc) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return ErrStopped
	}
	if s.cancels == nil {
		s.cancels = map[*context.CancelFunc]bool{}
	}
	s.cancels[cancel] = true
	s.serving.Add(1)
	return nil
}

func (s *Server) leave(cancel *context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.cancels, cancel)
	s.serving.Done()
}

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

// Serve runs one session on a stream until the client leaves, logs out, or ctx
// is done. It closes the stream. Who.TTY is what the client says.
func (s *Server) Serve(ctx context.Context, conn io.ReadWriteCloser, who feature.Session) error {
	ctx, cancel := context.WithCancel(ctx)
	if err := s.enter(&cancel); err != nil {
		cancel()
		return errors.Join(err, conn.Close())
	}
	defer s.leave(&cancel)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer conn.Close()
	defer cancel()
	closing := context.AfterFunc(ctx, func() { conn.Close() })
	defer closing()

	k, body, err := readFrame(conn)
	if err != nil {
		return left(err)
	}
	var h Hello
	if k != hello || json.Unmarshal(body, &h) != nil {
		return fmt.Errorf("begin session: %w", errUnexpected)
	}
	who.TTY = h.TTY
	c := &connection{
		Server: s, conn: conn, requests: make(chan request), answers: make(chan string, 1),
		gone: ctx.Done(),
		session: s.CLI.Session(session.Options{
			Who: who, Interactive: h.Interactive, Width: h.Width, Height: h.Height, Terminal: h.Terminal,
		}),
	}
	reading.Go(func() {
		defer cancel()
		c.read()
	})
	return left(c.serve(ctx))
}

// left turns the ordinary ends of a stream into nil.
func left(err error) error {
	if err = ended(err); errors.Is(err, ErrClosed) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

type request struct {
	kind kind
	body string
}

// connection is one session being served: one goroutine reads frames, one runs
// requests and writes.
type connection struct {
	*Server
	conn     io.ReadWriteCloser
	session  *session.Session
	requests chan request
	answers  chan string
	gone     <-chan struct{}

	mu     sync.Mutex
	cancel context.CancelFunc // of the line that runs, or nil
}

// read takes frames from the client until the stream ends.
func (c *connection) read() {
	for {
		k, body, err := readFrame(c.conn)
		if err != nil {
			return
		}
		switch k {
		case interrupt:
			c.mu.Lock()
			if c.cancel != nil {
				c.cancel()
			}
			c.mu.Unlock()
		case window:
			var s size
			if json.Unmarshal(body, &s) != nil {
				return
			}
			c.session.Resize(s.Width, s.Height)
		case answer:
			select {
			case c.answers <- string(body):
			default: // nobody asked
			}
		case runLine, complete, help, endConfig:
			select {
			case c.requests <- request{k, string(body)}:
			case <-c.gone:
				return
			}
		default:
			return
		}
	}
}

func (c *connection) serve(ctx context.Context) error {
	if err := c.done(session.Result{}); err != nil {
		return err
	}
	for {
		var idle <-chan time.Time // since Go 1.23 dropped timers are collected
		if d := c.session.IdleTimeout(); d > 0 {
			idle = time.After(d)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-idle:
			return nil
		case r := <-c.requests:
			closing, err := c.request(ctx, r)
			if closing || err != nil {
				return err
			}
		}
	}
}

func (c *connection) request(ctx context.Context, r request) (closing bool, err error) {
	switch r.kind {
	case help:
		return false, writeFrame(c.conn, helpText, []byte(clip(c.session.Help(r.body))))
	case complete:
		from, all := c.session.Complete(r.body)
		v := Completion{From: from}
		for _, a := range all {
			if len(v.Candidates) == maxCandidates {
				break
			}
			v.Candidates = append(v.Candidates, Candidate{a.Text, a.Glue})
		}
		return false, c.json(completion, v)
	case endConfig:
		c.session.EndConfig()
		return false, c.done(session.Result{})
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.mu.Lock()
	c.cancel = cancel
	c.mu.Unlock()
	result := c.run(ctx, r.body)
	c.mu.Lock()
	c.cancel = nil
	c.mu.Unlock()
	return result.Close, c.done(result)
}

const maxCandidates = 500

// clip cuts a text that is longer than a frame at a line.
func clip(text string) string {
	if len(text) <= maxBody {
		return text
	}
	text = text[:maxBody]
	return text[:strings.LastIndexByte(text, '\n')+1]
}

// run runs a line; a panic in a command ends the command only.
func (c *connection) run(ctx context.Context, line string) (result session.Result) {
	console := &console{c: c}
	defer func() {
		if p := recover(); p != nil {
			c.log().Error("command panicked", "line", line, "panic", p, "stack", string(debug.Stack()))
			io.WriteString(console, "ERROR: Internal error; see the log.\n")
			result = session.Result{Failed: true}
		}
	}()
	return c.session.Run(ctx, line, console)
}

func (c *connection) done(r session.Result) error {
	return c.json(done, Done{Failed: r.Failed, Close: r.Close, Prompt: c.session.Prompt(), Config: c.session.Configuring()})
}

func (c *connection) json(k kind, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode frame %q: %w", k, err)
	}
	return writeFrame(c.conn, k, body)
}

// console is the session's view of the client while a line runs.
type console struct {
	c     *connection
	paged int
}

func (o *console) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		m := min(len(p), maxBody)
		if err := writeFrame(o.c.conn, output, p[:m]); err != nil {
			return 0, err
		}
		p = p[m:]
	}
	return n, nil
}

func (o *console) Page(lines int) {
	if lines == o.paged {
		return
	}
	o.paged = lines
	// A client that is gone is noticed at the next output.
	_ = o.c.json(page, size{Height: lines})
}

func (o *console) Ask(ctx context.Context, text string) (string, error) {
	select { // an answer that nobody waited for
	case <-o.c.answers:
	default:
	}
	if err := writeFrame(o.c.conn, question, []byte(clip(text))); err != nil {
		return "", err
	}
	select {
	case a := <-o.c.answers:
		return a, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// Local begins a session within the process. Closing the client ends it; wait
// returns when it has.
func (s *Server) Local(ctx context.Context, who feature.Session, h Hello) (c *Client, first Done, wait func() error, err error) {
	near, far := net.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, far, who) }()
	c, first, err = NewClient(near, h)
	if err != nil {
		near.Close()
		return nil, Done{}, nil, errors.Join(err, <-ended)
	}
	return c, first, func() error { return <-ended }, nil
}
