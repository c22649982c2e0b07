package tacacs

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const secret = "sesame"

// server runs one that does to each connection what a function says.
func server(t *testing.T, do func(net.Conn)) Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close() //nolint:errcheck // of a test
				do(conn)
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	return Server{Address: l.Addr().String(), Secret: secret, Timeout: 30 * time.Second}
}

// asked reads a request of a connection.
func asked(conn net.Conn) (header, []byte, bool) {
	var b [headerSize]byte
	if _, err := io.ReadFull(conn, b[:]); err != nil {
		return header{}, nil, false
	}
	h, err := parseHeader(b[:])
	if err != nil {
		return header{}, nil, false
	}
	body := make([]byte, h.length)
	if _, err := io.ReadFull(conn, body); err != nil {
		return header{}, nil, false
	}
	h.hide(body, secret)
	return h, body, true
}

// answer is a whole answer to a request.
func answer(h header, body []byte) []byte {
	h.seq++
	h.length = len(body)
	body = bytes.Clone(body)
	h.hide(body, secret)
	return append(h.encode(), body...)
}

// What is no answer lets nobody in, and ends at once.
func TestHostileServers(t *testing.T) {
	pass := authenReply{status: authenPass}.encode()
	for name, do := range map[string]func(header) []byte{
		"nothing":            func(header) []byte { return nil },
		"garbage":            func(header) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n") },
		"half a header":      func(h header) []byte { return answer(h, pass)[:7] },
		"half a body":        func(h header) []byte { return answer(h, pass)[:headerSize+2] },
		"a huge length":      func(h header) []byte { h.seq++; h.length = 1 << 31; return h.encode() },
		"more than a body":   func(h header) []byte { return answer(h, append(bytes.Clone(pass), 0)) },
		"texts past the end": func(h header) []byte { return answer(h, []byte{authenPass, 0, 255, 255, 0, 0}) },
		"an empty body":      func(h header) []byte { return answer(h, nil) },
		"of another session": func(h header) []byte { h.session++; return answer(h, pass) },
		"of another kind":    func(h header) []byte { h.kind = Accounting; return answer(h, pass) },
		"of another turn":    func(h header) []byte { h.seq++; return answer(h, pass) },
		"its own question":   func(h header) []byte { h.seq--; return answer(h, pass) },
		"not hidden": func(h header) []byte {
			h.seq, h.flags, h.length = 2, flagUnencrypted, len(pass)
			return append(h.encode(), pass...)
		},
		"changed on the way":     func(h header) []byte { b := answer(h, pass); b[headerSize] ^= 0x40; return b },
		"an error":               func(h header) []byte { return answer(h, authenReply{status: authenError}.encode()) },
		"a question":             func(h header) []byte { return answer(h, authenReply{status: authenGetPass}.encode()) },
		"a question for nothing": func(h header) []byte { return answer(h, authenReply{status: authenGetData}.encode()) },
	} {
		t.Run(name, func(t *testing.T) {
			s := server(t, func(conn net.Conn) {
				if h, _, ok := asked(conn); ok {
					_, _ = conn.Write(do(h))
				}
			})
			for _, kept := range []*Kept{nil, {}} {
				s.Kept = kept
				if ok, err := s.Login(t.Context(), Who{User: "bob"}, "x", false); ok || err == nil {
					t.Errorf("login: %v, %v", ok, err)
				}
				if kept != nil && kept.conn != nil {
					t.Error("its connection is kept")
				}
			}
		})
	}
	for status, err := range map[uint8]error{authenFollow: nil, authenRestart: nil, 0: ErrServer, 99: ErrServer} {
		s := server(t, func(conn net.Conn) {
			h, _, _ := asked(conn)
			_, _ = conn.Write(answer(h, authenReply{status: status}.encode()))
		})
		if ok, got := s.Login(t.Context(), Who{User: "bob"}, "x", false); ok || !errors.Is(got, err) {
			t.Errorf("status %d: %v, %v", status, ok, got)
		}
	}
}

// A server that asks without end gets a few answers.
func TestEndlessQuestions(t *testing.T) {
	turns := make(chan int, 1)
	s := server(t, func(conn net.Conn) {
		n := 0
		for ; ; n++ {
			h, _, ok := asked(conn)
			if !ok {
				break
			}
			_, _ = conn.Write(answer(h, authenReply{status: authenGetPass}.encode()))
		}
		turns <- n
	})
	if ok, err := s.Login(t.Context(), Who{User: "bob"}, "x", true); ok || !errors.Is(err, ErrServer) {
		t.Errorf("%v, %v", ok, err)
	}
	if n := <-turns; n != maxQuestions {
		t.Errorf("%d questions were answered", n)
	}
}

// A server that says nothing, or a byte now and then, costs its timeout, and less
// if whoever asks goes.
func TestSlowServer(t *testing.T) {
	s := server(t, func(conn net.Conn) {
		h, _, ok := asked(conn)
		for _, b := range answer(h, authenReply{status: authenPass}.encode()) {
			if _, err := conn.Write([]byte{b}); err != nil || !ok {
				return
			}
			time.Sleep(30 * time.Millisecond) // of a slow server
		}
	})
	s.Timeout = 50 * time.Millisecond
	var late net.Error
	if ok, err := s.Login(t.Context(), Who{User: "bob"}, "x", false); ok || !errors.As(err, &late) || !late.Timeout() {
		t.Errorf("%v, %v", ok, err)
	}
	silent := server(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	silent.Timeout = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if ok, err := silent.Login(ctx, Who{User: "bob"}, "x", false); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", ok, err)
	}
}

// A kept connection that the server has ended is no reason to ask another server;
// one that it does not want kept is not.
func TestKeptConnection(t *testing.T) {
	var mu sync.Mutex
	connections, flag := 0, uint8(flagSingle)
	s := server(t, func(conn net.Conn) {
		mu.Lock()
		connections++
		f := flag
		mu.Unlock()
		for range 2 { // sessions of a connection
			h, _, ok := asked(conn)
			if !ok {
				return
			}
			h.flags = f
			_, _ = conn.Write(answer(h, acctReply{status: acctSuccess}.encode()))
		}
	})
	s.Kept = &Kept{}
	defer s.Kept.Close()
	for range 5 {
		if err := s.Account(t.Context(), Start, Who{User: "bob"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	if connections != 3 {
		t.Errorf("%d connections for five sessions, two of which each takes", connections)
	}
	flag = 0
	mu.Unlock()
	s.Kept.Close()
	if err := s.Account(t.Context(), Start, Who{User: "bob"}, nil); err != nil || s.Kept.conn != nil {
		t.Errorf("a connection that the server ends is kept: %v", err)
	}
}

// A kept connection on which the server says nothing, or nonsense, is no reason to
// ask it on another.
func TestKeptSilence(t *testing.T) {
	for name, do := range map[string]func(net.Conn, header){
		"silent":  func(conn net.Conn, _ header) { _, _ = io.Copy(io.Discard, conn) },
		"garbage": func(conn net.Conn, h header) { h.session++; _, _ = conn.Write(answer(h, []byte{0})) },
	} {
		t.Run(name, func(t *testing.T) {
			var connections atomic.Int32
			s := server(t, func(conn net.Conn) {
				connections.Add(1)
				h, _, _ := asked(conn)
				h.flags = flagSingle
				_, _ = conn.Write(answer(h, acctReply{status: acctSuccess}.encode()))
				if h, _, ok := asked(conn); ok {
					do(conn, h)
				}
			})
			s.Kept = &Kept{}
			if err := s.Account(t.Context(), Start, Who{User: "bob"}, nil); err != nil {
				t.Fatal(err)
			}
			s.Timeout = 50 * time.Millisecond
			if name == "garbage" {
				s.Timeout = 30 * time.Second
			}
			if err := s.Account(t.Context(), Stop, Who{User: "bob"}, nil); err == nil {
				t.Error("it is taken")
			}
			if n := connections.Load(); n != 1 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

func TestRequests(t *testing.T) {
	long := strings.Repeat("x", 300)
	s := Server{Dial: func(context.Context) (net.Conn, error) { return nil, errors.New("asked") }}
	for _, who := range []Who{{User: long}, {}, {User: "bob", Port: long}} {
		if ok, err := s.Login(t.Context(), who, "x", false); ok || err != nil {
			t.Errorf("%v: %v, %v", who, ok, err)
		}
	}
	if _, _, err := s.Authorize(t.Context(), Who{User: "bob"}, Command("show "+long)); !errors.Is(err, ErrTooLong) {
		t.Errorf("a long word: %v", err)
	}
	if got := strings.Join(Command("show  version"), ","); got != "service=shell,cmd=show,cmd-arg=version,cmd-arg=<cr>" {
		t.Error(got)
	}
	for _, line := range []string{"", "vlan 7", strings.Repeat("é", 400), strings.Repeat("y", 251), strings.Repeat("y", 252)} {
		var back strings.Builder
		for i, a := range Done(line) {
			if len(a) > maxField {
				t.Errorf("%d bytes", len(a))
			}
			if _, v, _ := strings.Cut(a, "="); i > 0 {
				back.WriteString(v)
			}
		}
		if back.String() != line {
			t.Errorf("%q is noted as %q", line, back.String())
		}
	}
	if v, ok := Value([]string{"priv-lvl2=3", "priv-lvl*7"}, "priv-lvl"); !ok || v != "7" {
		t.Errorf("%q, %v", v, ok)
	}
}

// The pad of RFC 8907 §4.5 by another implementation: Python's hashlib.
func TestHide(t *testing.T) {
	h := header{session: 0x01020304, seq: 1}
	body := make([]byte, 20)
	h.hide(body, "key")
	if got := hex.EncodeToString(body); got != "40a4d9e4f015bddba8ac0604a6de99095451964a" {
		t.Error(got)
	}
}

func FuzzReplies(f *testing.F) {
	f.Add(header{kind: Authentication, seq: 2}.encode(), authenReply{status: authenPass, message: "hi", data: "x"}.encode())
	f.Add(header{kind: Authorization, seq: 2}.encode(), authorReply{status: authorPassAdd, args: []string{"priv-lvl=15", `shell:roles="a b"`}}.encode())
	f.Add(header{kind: Accounting, seq: 2}.encode(), acctReply{status: acctSuccess, message: "ok"}.encode())
	f.Fuzz(func(t *testing.T, head, body []byte) {
		if len(head) >= headerSize {
			if h, err := parseHeader(head[:headerSize]); err == nil {
				if h.length > MaxBody || !bytes.Equal(h.encode(), head[:headerSize]) {
					t.Errorf("%x is %x", head, h.encode())
				}
			}
		}
		if r, err := parseAuthenReply(body); err == nil && !bytes.Equal(r.encode(), body) {
			t.Errorf("authen %x is %x", body, r.encode())
		}
		if r, err := parseAuthorReply(body); err == nil && !bytes.Equal(r.encode(), body) {
			t.Errorf("author %x is %x", body, r.encode())
		} else if err == nil {
			Value(r.args, "shell:roles")
		}
		if r, err := parseAcctReply(body); err == nil && !bytes.Equal(r.encode(), body) {
			t.Errorf("acct %x is %x", body, r.encode())
		}
	})
}
