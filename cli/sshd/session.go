package sshd

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"trunkline/cli/remote"
	"trunkline/cli/term"
	"trunkline/feature"
)

// session is one session channel (RFC 4254 §6).
type session struct {
	*connection
	channel ssh.Channel
	resized chan struct{} // of one: the window has another size

	running sync.WaitGroup
	started bool // a shell or a command line, of which there is one

	mu            sync.Mutex
	pty           bool
	terminal      string // its type
	width, height int
	client        *remote.Client // while it runs
}

// program is what a session runs: lines of standard input, or a command line, or
// a protocol for files.
type program struct {
	line  string
	exec  bool
	files *fileServer // nil for none
}

// serve answers requests until the channel ends, and runs what is asked for.
func (s *session) serve(ctx context.Context, requests <-chan *ssh.Request) {
	ctx, cancel := context.WithCancel(ctx)
	defer s.running.Wait()
	defer cancel()
	for r := range requests {
		ok, start := s.request(r.Type, r.Payload)
		if r.WantReply {
			if err := r.Reply(ok, nil); err != nil {
				return
			}
		}
		if start != nil {
			s.running.Go(func() { s.run(ctx, *start) })
		}
	}
}

// maxWindow bounds what a client says of its window.
const maxWindow = 4096

// maxTerminal bounds the name of a terminal's type, in bytes.
const maxTerminal = 64

// request decides a request; start is what is to run. What is not known or
// cannot be read is refused.
func (s *session) request(kind string, payload []byte) (ok bool, start *program) {
	switch kind {
	case "pty-req":
		var r struct {
			Terminal                    string
			Width, Height, XPels, YPels uint32
			Modes                       string
		}
		if s.started || ssh.Unmarshal(payload, &r) != nil {
			return false, nil
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.pty, s.terminal = true, word(r.Terminal)
		s.width, s.height = int(min(r.Width, maxWindow)), int(min(r.Height, maxWindow))
		return true, nil
	case "window-change":
		var r struct{ Width, Height, XPels, YPels uint32 }
		if ssh.Unmarshal(payload, &r) != nil {
			return false, nil
		}
		s.mu.Lock()
		s.width, s.height = int(min(r.Width, maxWindow)), int(min(r.Height, maxWindow))
		s.mu.Unlock()
		select {
		case s.resized <- struct{}{}:
		default: // told already
		}
		return true, nil
	case "signal":
		var r struct{ Name string }
		if ssh.Unmarshal(payload, &r) != nil || r.Name != "INT" {
			return false, nil
		}
		s.mu.Lock()
		client := s.client
		s.mu.Unlock()
		if client == nil {
			return false, nil
		}
		return client.Interrupt() == nil, nil
	case "shell":
		if s.started || len(payload) > 0 {
			return false, nil
		}
		s.started = true
		return true, &program{}
	case "exec":
		var r struct{ Line string }
		if s.started || ssh.Unmarshal(payload, &r) != nil {
			return false, nil
		}
		s.started = true
		return true, &program{line: r.Line, exec: true, files: scpServer(r.Line)}
	case "subsystem":
		var r struct{ Name string }
		if s.started || ssh.Unmarshal(payload, &r) != nil || r.Name != "sftp" {
			return false, nil
		}
		s.started = true
		return true, &program{exec: true, files: sftpServer}
	}
	return false, nil
}

// word is text that may be printed, cut to a bearable length.
func word(text string) string {
	text = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || r == '"' {
			return -1
		}
		return r
	}, text)
	return text[:min(len(text), maxTerminal)]
}

func (s *session) size() (width, height int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.width, s.height
}

// run runs a program and ends the channel with its status.
func (s *session) run(ctx context.Context, p program) {
	status := uint32(1)
	if p.files == nil { // else farewells would be part of what is copied
		s.connection.note(s, true)
		defer s.connection.note(s, false)
	}
	defer func() {
		if r := recover(); r != nil {
			s.cfg.Log.Error("SSH session panicked", "panic", r, "stack", string(debug.Stack()))
		}
		// A client that is gone gets neither.
		_, _ = s.channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
		_ = s.channel.Close()
	}()
	s.mu.Lock()
	pty := s.pty
	h := remote.Hello{Interactive: pty && !p.exec, Width: s.width, Height: s.height, Terminal: s.terminal}
	s.mu.Unlock()
	out := &output{channel: s.channel, limit: s.limits.Write, hung: func() { s.ssh.Close() }, terminal: pty}
	settings := s.cfg.Settings()
	if h.Interactive {
		if !s.terms.Take(terminals(settings.Sessions), s.who.User, administrator(s.who)) {
			_, _ = io.WriteString(out, "Maximum number of sessions reached.\n") // as above
			return
		}
		defer s.terms.Give(s.who.User, administrator(s.who))
	}
	program := s.program
	if p.files != nil {
		out.terminal = false
		program = s.serveFiles
	}
	ok, err := program(ctx, p, h, settings, out)
	if ok && err == nil {
		status = 0
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, remote.ErrClosed) {
		s.cfg.Log.Debug("SSH session ended", "user", s.who.User, "from", s.from, "err", err)
	}
}

// errGone ends a session of a user who is not who logged in.
var errGone = errors.New("the user has been removed or has another role")

// program runs a session of the CLI and reports whether its commands succeeded.
func (s *session) program(ctx context.Context, p program, h remote.Hello, settings Settings, out *output) (ok bool, err error) {
	who, err := s.whoNow()
	if err != nil {
		return false, err
	}
	client, first, wait, err := s.cfg.Sessions.Local(ctx, who, h)
	if err != nil {
		return false, err
	}
	keys, typed := io.Pipe()
	var running sync.WaitGroup
	defer func() {
		s.mu.Lock()
		s.client = nil
		s.mu.Unlock()
		_ = client.Close() // ends the session
		running.Wait()
	}()
	s.mu.Lock()
	s.client = client
	s.mu.Unlock()
	running.Go(func() {
		// A session that is ended from elsewhere has no use for keys.
		if err := wait(); err != nil {
			s.cfg.Log.Warn("session ended", "user", s.who.User, "from", s.from, "err", err)
		}
		keys.Close()
	})
	if p.exec {
		return client.Script(strings.NewReader(p.line), out)
	}
	s.running.Go(func() { s.copyKeys(typed) })
	if !h.Interactive {
		return client.Script(keys, out)
	}
	if err := s.greet(ctx, out, settings); err != nil {
		return false, err
	}
	err = term.Interact(ctx, term.Terminal{In: keys, Out: out, Size: s.size, Resized: s.resized}, client, first)
	return err == nil, err
}

// whoNow is the user now: he may have become somebody else, or nobody, since the
// connection began.
func (s *session) whoNow() (feature.Session, error) {
	now, ok := s.cfg.Auth.Lookup(s.who.User)
	if !ok || now != s.who {
		return feature.Session{}, errGone
	}
	return feature.Session{User: now.User, Role: now.Role, Address: s.from, PID: os.Getpid()}, nil
}

// copyKeys copies standard input until the channel ends.
func (s *session) copyKeys(typed *io.PipeWriter) {
	_, err := io.Copy(typed, s.channel)
	typed.CloseWithError(err)
}

// greet prints what follows a login (cli.md §2.1).
func (s *session) greet(ctx context.Context, out io.Writer, settings Settings) error {
	var b strings.Builder
	warning := ""
	if s.cfg.Warning != nil {
		warning = s.cfg.Warning(ctx, s.who.User)
	}
	for _, text := range []string{settings.Banner, s.cfg.Notice, settings.Exec, warning} {
		if text != "" {
			b.WriteString(strings.TrimRight(text, "\n") + "\n")
		}
	}
	b.WriteString("\n")
	_, err := io.WriteString(out, b.String())
	return err
}
