package sshd

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"trunkline/cli/remote"
	"trunkline/cli/session/sessiontest"
	"trunkline/feature"
)

// channel is a session channel of a client that sends nothing and keeps the
// begin of what it gets.
type channel struct {
	mu     sync.Mutex
	out    bytes.Buffer
	status []uint32
	closed int
}

const maxKept = 1 << 16

func (c *channel) Read([]byte) (int, error) { return 0, io.EOF }

func (c *channel) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.Write(p[:min(len(p), maxKept-c.out.Len())])
	return len(p), nil
}

func (c *channel) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed++
	return nil
}

func (c *channel) CloseWrite() error { return nil }

func (c *channel) SendRequest(kind string, _ bool, payload []byte) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var r struct{ Status uint32 }
	if kind == "exit-status" && ssh.Unmarshal(payload, &r) == nil {
		c.status = append(c.status, r.Status)
	}
	return false, nil
}

func (c *channel) Stderr() io.ReadWriter { return c }

// local makes sessions of a server without a network. Log gets what goes wrong
// with them.
func local(t testing.TB) (open func() (*session, *channel), log *trouble) {
	t.Helper()
	cli, _ := sessiontest.CLI(t)
	log = &trouble{}
	s := &Server{
		limits: DefaultLimits,
		cfg: Config{
			Auth:     &users{passwords: map[string]string{"admin": ""}},
			Sessions: &remote.Server{CLI: cli, Log: slog.New(slog.NewTextHandler(log, nil))}, Log: slog.New(slog.NewTextHandler(log, nil)),
			Settings: func() Settings { return Settings{Attempts: 3, Sessions: 32} },
		},
	}
	return func() (*session, *channel) {
		c := &channel{}
		who := feature.Identity{User: "admin", Role: feature.NetworkAdmin}
		return &session{
			connection: &connection{sessions: map[*session]bool{}, Server: s, who: who, from: "192.0.2.1"}, channel: c, resized: make(chan struct{}, 1),
		}, c
	}, log
}

// trouble keeps a log.
type trouble struct {
	mu  sync.Mutex
	all strings.Builder
}

func (l *trouble) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *trouble) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// FuzzExec runs a command line as "ssh HOST LINE" does: there is one answer, an
// exit status of 0 or 1, and nothing fails in a way that only the log knows.
func FuzzExec(f *testing.F) {
	for _, line := range []string{
		"show version", "show version ; show vlan\nshow cox", "conf t ; vlan 5 ; name x ; end ; show vlan | count", "exit ; show version",
		"show numbers 100 | include 9 | last 3", "clear counters", "show ?", "\x00\xff", "copy running-config startup-config", ";;;;",
		"banner motd #a\nb#", "show version > bootflash:x ; dir bootflash:", "scp -t bootflash:x", "scp -rf '/'", strings.Repeat("a", 3000),
	} {
		f.Add(line)
	}
	open, log := local(f)
	f.Fuzz(func(t *testing.T, line string) {
		s, c := open()
		ok, start := s.request("exec", ssh.Marshal(struct{ Line string }{line}))
		if !ok || start == nil || start.line != line || !start.exec {
			t.Fatalf("%.200q: refused, or %+v", line, start)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s.run(ctx, *start)
		if len(c.status) != 1 || c.status[0] > 1 || c.closed != 1 {
			t.Fatalf("%.200q: status %v, closed %d times", line, c.status, c.closed)
		}
		if what := log.String(); what != "" {
			t.Fatalf("%.200q: logged %s", line, what)
		}
	})
}

// FuzzRequests sends requests of any kind and payload on one channel. What they
// set stays within its bounds, and at most one of them starts something.
func FuzzRequests(f *testing.F) {
	pty := ssh.Marshal(struct {
		Terminal                    string
		Width, Height, XPels, YPels uint32
		Modes                       string
	}{"xterm", 80, 24, 0, 0, "\x00"})
	f.Add("pty-req", pty, "shell", []byte{})
	f.Add("window-change", ssh.Marshal(struct{ A, B, C, D uint32 }{1 << 31, 1 << 31, 0, 0}), "exec", ssh.Marshal(struct{ Line string }{"show version"}))
	f.Add("signal", ssh.Marshal(struct{ Name string }{"INT"}), "exec", []byte{0xff, 0xff, 0xff, 0xff})
	f.Add("shell", []byte{1}, "subsystem", ssh.Marshal(struct{ Name string }{"sftp"}))
	open, _ := local(f)
	f.Fuzz(func(t *testing.T, first string, payload []byte, second string, more []byte) {
		s, _ := open()
		started := 0
		for _, r := range []struct {
			kind    string
			payload []byte
		}{{first, payload}, {second, more}, {first, payload}} {
			ok, start := s.request(r.kind, r.payload)
			if start != nil {
				started++
			}
			if start != nil && !ok {
				t.Fatalf("%q starts, and is refused", r.kind)
			}
		}
		if started > 1 {
			t.Fatalf("%q, %q: %d programs", first, second, started)
		}
		w, h := s.size()
		if w < 0 || w > maxWindow || h < 0 || h > maxWindow || len(s.terminal) > maxTerminal {
			t.Fatalf("a window of %d × %d, terminal %q", w, h, s.terminal)
		}
		for _, r := range s.terminal {
			if r <= ' ' || r > '~' {
				t.Fatalf("terminal %q", s.terminal)
			}
		}
	})
}
