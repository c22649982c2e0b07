// Package sshd is the SSH server (cli.md §2.1): password, keyboard-interactive
// and public key through a feature.Authenticator, and on each connection
// sessions of cli/remote: with a terminal (cli/term), as lines from standard
// input, or one command line. Forwarding and agents are refused.
// The subsystem sftp (cli/sftpd), and "scp -t" and "scp -f" as a command line
// (cli/scp), copy files; there are no other subsystems.
//
//	conn ── handshake, login ──▶ connection ──▶ session ──▶ remote.Server ──▶ cli/session
//	        (limit, 30 s)        keepalive      pty, shell,
//	                                            exec, window
//
// A client costs what it uses and holds nothing else: connections that have not
// logged in are limited in number and time, those that have in number; a client
// that stops reading is closed when a write lasts longer than a limit, one that
// is gone when it does not answer a keepalive. Wait returns when all goroutines
// have ended.
package sshd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"trunkline/cli/remote"
	"trunkline/feature"
	"trunkline/internal/quota"
	"trunkline/internal/tcpsock"
)

// Settings are what configuration says; they are read for every connection.
type Settings struct {
	// Attempts is how often a client may fail to log in.
	Attempts int
	// Sessions is how many sessions with a terminal there may be at a time.
	Sessions int
	// Banner is the message of the day, "" for none.
	Banner string
	// Exec is what follows it and the product's notice, "" for nothing.
	Exec string
}

// Config is what a server needs.
type Config struct {
	// Keys is the directory of the host keys; they are made if missing.
	Keys     string
	Auth     feature.Authenticator
	Sessions *remote.Server
	Settings func() Settings
	// Notice is what is printed after the banner, at most 8 lines.
	Notice string
	// Warning returns a line for a user who has logged in, "" for none; nil for
	// never.
	Warning func(ctx context.Context, user string) string
	// Version of the software, for the protocol's version string: "1.0(1)".
	Version string
	Log     *slog.Logger
	Limits  Limits
}

// Limits bound what clients can use. Zero values are replaced by the defaults.
type Limits struct {
	Login     time.Duration // until a client has logged in
	Write     time.Duration // for one write
	Keepalive time.Duration // between questions whether the client is there
	Answer    time.Duration // for an answer to one
	Strangers int           // connections that have not logged in
	PerSource int           // of them from one address, or /64 of IPv6
	Clients   int           // connections that have logged in
	Reserved  int           // of them, for network-admin
	PerUser   int           // of them, of one user
	Channels  int           // sessions of one connection
	Copies    int           // sessions that copy files; an eighth is kept for network-admin, and half is the most of one other user
}

// DefaultLimits are those of a server in service.
var DefaultLimits = Limits{
	Login: 30 * time.Second, Write: time.Minute, Keepalive: time.Minute, Answer: 30 * time.Second,
	Strangers: 256, PerSource: 200, Clients: 512, Reserved: 32, PerUser: 240, Channels: 10, Copies: 64,
}

func (l Limits) complete() Limits {
	d := DefaultLimits
	for _, f := range []struct{ v, def *time.Duration }{
		{&l.Login, &d.Login}, {&l.Write, &d.Write}, {&l.Keepalive, &d.Keepalive}, {&l.Answer, &d.Answer},
	} {
		if *f.v == 0 {
			*f.v = *f.def
		}
	}
	for _, f := range []struct{ v, def *int }{
		{&l.Strangers, &d.Strangers}, {&l.PerSource, &d.PerSource}, {&l.Clients, &d.Clients},
		{&l.Reserved, &d.Reserved}, {&l.PerUser, &d.PerUser}, {&l.Channels, &d.Channels},
		{&l.Copies, &d.Copies},
	} {
		if *f.v == 0 {
			*f.v = *f.def
		}
	}
	return l
}

// Server is an SSH server.
type Server struct {
	cfg    Config
	limits Limits
	key    ssh.Signer

	door    door
	terms   quota.Counter // sessions with a terminal
	copies  quota.Counter // sessions that copy files
	serving sync.WaitGroup

	mu      sync.Mutex
	clients map[*connection]bool // that have logged in
}

// New makes a server; host keys are read or made.
func New(cfg Config) (*Server, error) {
	key, err := hostKey(cfg.Keys)
	if err != nil {
		return nil, err
	}
	l := cfg.Limits.complete()
	return &Server{cfg: cfg, limits: l, key: key, door: newDoor(l)}, nil
}

// Go serves clients of a listener until ctx is done or the listener is closed.
// It does not wait; Wait does.
func (s *Server) Go(ctx context.Context, l net.Listener) {
	s.serving.Go(func() {
		if err := s.accept(ctx, l); err != nil && ctx.Err() == nil && !errors.Is(err, net.ErrClosed) {
			s.cfg.Log.Warn("SSH server stopped listening", "err", err)
		}
	})
}

// Wait waits until all clients have gone: of listeners that were closed, those
// who had logged in stay until their context is done.
func (s *Server) Wait() { s.serving.Wait() }

// accept takes clients in.
func (s *Server) accept(ctx context.Context, l net.Listener) error {
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		conn, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				conn.Close()
			}
			return ctx.Err()
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept SSH clients: %w", err)
		case err != nil: // no descriptors left, or a peer that is gone already
			s.cfg.Log.Warn("SSH client refused", "err", err)
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		ticket, ok := s.door.knock(tcpsock.Site(source(conn)), func() { conn.Close() })
		if !ok {
			conn.Close()
			continue
		}
		s.serving.Go(func() { s.serve(ctx, conn, ticket) })
	}
}

// source is the address that a client comes from.
func source(conn net.Conn) string {
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap().WithZone("").String()
	}
	return conn.RemoteAddr().String()
}

// serve serves one client.
func (s *Server) serve(ctx context.Context, raw net.Conn, t *ticket) {
	defer s.door.leave(t)
	conn := &limited{Conn: raw, limit: s.limits.Write}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	from := source(raw)

	late := time.AfterFunc(s.limits.Login, func() { conn.Close() })
	sc, channels, requests, err := ssh.NewServerConn(conn, s.config(ctx, from))
	if err != nil {
		late.Stop()
		s.cfg.Log.Debug("SSH client did not log in", "from", from, "err", err)
		return
	}
	defer sc.Close()
	who, ok := identity(sc.Permissions)
	if !late.Stop() || !ok {
		return
	}
	if !s.door.admit(t, who) {
		s.cfg.Log.Warn("SSH client refused", "user", who.User, "from", from, "err", "too many clients")
		return
	}
	c := &connection{Server: s, ssh: sc, who: who, from: from, sessions: map[*session]bool{}}
	s.enter(c)
	defer s.leave(c)
	if c.changed() { // since he proved who he is
		return
	}
	c.serve(ctx, channels, requests)
}

// limited is a connection whose writes may not last for ever.
type limited struct {
	net.Conn
	limit time.Duration
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	if err := l.SetWriteDeadline(time.Now().Add(l.limit)); err != nil {
		return 0, fmt.Errorf("limit write: %w", err)
	}
	n, err := l.Conn.Write(p)
	if err != nil {
		l.Conn.Close() // what follows part of a packet makes no sense
	}
	return n, err
}
