package remote

import (
	"bufio"
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
	"sync/atomic"
	"time"

	"trunkline/cli/session"
	"trunkline/feature"
)

// Server serves sessions of one CLI.
type Server struct {
	CLI *session.CLI
	Log *slog.Logger // nil for none
	// Idle is how long a session without a limit of its own may wait for the
	// operator, 0 for ever; nil for always 0.
	Idle func(feature.Session) time.Duration
	// Messages begins to yield the switch's messages, a bounded number of which
	// wait, until stop; nil for none.
	Messages func() (lines <-chan string, stop func())

	// Entered and Left are told of logins as they begin and end; nil for nobody.
	// They do not block.
	Entered, Left func(feature.Login)

	mu      sync.Mutex
	stopped bool
	last    uint64            // the newest login's number
	logins  map[uint64]*login // the sessions being served
	serving sync.WaitGroup
}

// Stop ends all sessions, however they came, and waits for them; from then on
// there are no new ones.
func (s *Server) Stop() {
	s.mu.Lock()
	s.stopped = true
	for _, l := range s.logins {
		l.cancel()
	}
	s.mu.Unlock()
	s.serving.Wait()
}

// ErrStopped is the answer to a session begun after Stop.
var ErrStopped = errors.New("the supervisor stops")

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

// Serve runs one session on a stream until the client leaves, logs out, or ctx
// is done. It closes the stream. A session from another host gets a line, who's
// TTY and From; else the TTY is what the client says.
func (s *Server) Serve(ctx context.Context, conn io.ReadWriteCloser, who feature.Session) error {
	ctx, cancel := context.WithCancel(ctx)
	l, err := s.enter(&who, cancel)
	if err != nil {
		cancel()
		return errors.Join(err, conn.Close())
	}
	defer s.leave(l)
	if s.Entered != nil {
		s.Entered(l.Login)
	}
	if s.Left != nil {
		defer s.Left(l.Login)
	}
	conn = &ordered{ReadWriteCloser: conn}
	var reading sync.WaitGroup
	defer reading.Wait()
	defer conn.Close()
	defer cancel()
	closing := context.AfterFunc(ctx, func() { conn.Close() })
	defer closing()

	in := bufio.NewReaderSize(conn, maxBody)
	k, body, err := readFrame(in)
	if err != nil {
		return left(err)
	}
	var h Hello
	if k != hello || json.Unmarshal(body, &h) != nil {
		return fmt.Errorf("begin session: %w", errUnexpected)
	}
	if who.Address == "" {
		who.TTY = h.TTY
	}
	c := &connection{
		Server: s, who: who, login: l, conn: conn, in: in, requests: make(chan request, session.MaxHeld), answers: make(chan string, 1),
		gone: ctx.Done(),
		session: s.CLI.Session(session.Options{
			Who: who, Interactive: h.Interactive, Width: h.Width, Height: h.Height, Terminal: h.Terminal,
		}),
	}
	s.mu.Lock()
	l.conn = conn
	s.mu.Unlock()
	reading.Go(func() {
		defer cancel()
		c.read()
	})
	c.idle = time.AfterFunc(longest, func() { c.expire(cancel) })
	defer c.idle.Stop()
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
	more bool // something followed it at once
}

// connection is one session being served: one goroutine reads frames, one runs
// requests and writes.
type connection struct {
	*Server
	who      feature.Session
	login    *login
	idle     *time.Timer // ends a session that waits too long
	conn     io.ReadWriteCloser
	in       *bufio.Reader // of conn
	held     []*heldLine   // answers that wait for a commit
	session  *session.Session
	requests chan request
	answers  chan string
	gone     <-chan struct{}
	limits   atomic.Int64 // what limit returned last
	apart    atomic.Bool  // lines sent ahead are refused, until one that is not

	mu     sync.Mutex
	cancel context.CancelFunc // of the line that runs, or nil
}

// read takes frames from the client until the stream ends.
func (c *connection) read() {
	for {
		k, body, err := readFrame(c.in)
		if err != nil {
			return
		}
		c.login.touch()
		switch k {
		case touch:
		case interrupt:
			c.apart.Store(true)
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
		case runLine, runHeld, complete, help, endConfig, abandon:
			select {
			case c.requests <- request{k, string(body), c.in.Buffered() > 0}:
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
		if d := c.limit(); d > 0 {
			c.idle.Reset(d)
		}
		var late <-chan time.Time // since Go 1.23 dropped timers are collected
		if len(c.held) > 0 {
			late = time.After(pause)
		}
		var closing bool
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-late:
			closing, err = c.flush(ctx)
		case r := <-c.requests:
			if r.kind == runLine || r.kind == runHeld {
				closing, err = c.line(ctx, r)
			} else if closing, err = c.flush(ctx); !closing && err == nil {
				err = c.request(r)
			}
		}
		if closing || err != nil {
			return err
		}
	}
}

// longest is how far off the end of a session without a limit is looked at.
const longest = 24 * time.Hour

// limit is how long the session may wait for the operator, 0 for ever. It is
// for the goroutine that runs requests.
func (c *connection) limit() time.Duration {
	d := c.session.IdleTimeout()
	if d == 0 && c.Idle != nil {
		d = c.Idle(c.who)
	}
	c.limits.Store(int64(d))
	return d
}

// expire ends the session if nobody has been there for too long, else it looks
// again when that could be. Settings are seen with the next line.
func (c *connection) expire(cancel func()) {
	limit := time.Duration(c.limits.Load())
	if limit == 0 {
		c.idle.Reset(longest)
		return
	}
	if left := limit - c.login.idle(time.Now()); left > 0 {
		c.idle.Reset(left)
		return
	}
	cancel()
}

// request answers what is no line. A panic ends the session only: half an answer
// may have gone out.
func (c *connection) request(r request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.log().Error("session panicked", "request", string(r.kind), "panic", p, "stack", string(debug.Stack()))
			err = errInternal
		}
	}()
	switch r.kind {
	case help:
		return writeFrame(c.conn, helpText, cleaned(clip(c.session.Help(r.body))))
	case complete:
		from, all := c.session.Complete(r.body)
		v := Completion{From: from}
		for _, a := range all {
			if len(v.Candidates) == maxCandidates {
				break
			}
			v.Candidates = append(v.Candidates, Candidate{a.Text, a.Glue})
		}
		return c.json(completion, v)
	case abandon:
		c.session.Abandon()
	default:
		c.session.EndConfig()
	}
	return c.done(session.Result{})
}

// alone runs a line by itself and answers it.
func (c *connection) alone(ctx context.Context, line string) (closing bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.mu.Lock()
	c.cancel = cancel
	c.mu.Unlock()
	result := c.run(ctx, line)
	c.mu.Lock()
	c.cancel = nil
	c.mu.Unlock()
	return result.Close, c.done(result)
}

// errInternal is a panic, which the log describes.
var errInternal = errors.New("internal error")

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
			c.log().Error("command panicked", "line", c.session.Under(), "panic", p, "stack", string(debug.Stack()))
			io.WriteString(console, "ERROR: Internal error; see the log.\n")
			result = session.Result{Failed: true}
		}
	}()
	return c.session.Run(ctx, line, console)
}

// state is the answer to a line.
func (c *connection) state(r session.Result) Done {
	return Done{
		Failed: r.Failed, Close: r.Close, Prompt: c.session.Prompt(), Config: c.session.Configuring(), More: r.More,
		Width: c.session.SetWidth(),
	}
}

func (c *connection) done(r session.Result) error { return c.json(done, c.state(r)) }

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
	text  cleaner
}

func (o *console) Write(p []byte) (int, error) {
	n := len(p)
	p = o.text.clean(p)
	for len(p) > 0 {
		m := min(len(p), maxBody)
		if err := writeFrame(o.c.conn, output, p[:m]); err != nil {
			return 0, err
		}
		o.c.login.touch() // somebody reads
		p = p[m:]
	}
	return n, nil
}

func (o *console) Page(lines int) {
	if lines == o.paged {
		return
	}
	o.paged = lines
	if lines > 0 {
		o.c.apart.Store(true)
	}
	// A client that is gone is noticed at the next output.
	_ = o.c.json(page, size{Height: lines})
}

func (o *console) Ask(ctx context.Context, text string) (string, error) {
	return o.ask(ctx, question, text)
}

// AskSecret implements session.Discreet.
func (o *console) AskSecret(ctx context.Context, text string) (string, error) {
	return o.ask(ctx, secret, text)
}

func (o *console) ask(ctx context.Context, k kind, text string) (string, error) {
	select { // an answer that nobody waited for
	case <-o.c.answers:
	default:
	}
	o.c.apart.Store(true)
	if err := writeFrame(o.c.conn, k, cleaned(clip(text))); err != nil {
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
