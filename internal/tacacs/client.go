package tacacs

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
)

// Server is a TACACS+ server as a client sees it.
type Server struct {
	Address string // host and TCP port
	Secret  string
	// Timeout is how long the server may take to be reached, and for each answer.
	Timeout time.Duration
	// Dial connects to the server by TCP; nil for the address and the machine's
	// resolver.
	Dial func(ctx context.Context) (net.Conn, error)
	// Kept holds a connection between sessions, if the server is for it
	// (RFC 8907 §4.3); nil for a connection each.
	Kept *Kept
}

// ErrServer is the answer of a server that cannot tell: another may be asked.
var ErrServer = errors.New("the TACACS+ server reports an error")

// maxQuestions is how many questions of a server a login answers.
const maxQuestions = 4

// Login reports whether a user is who he says he is: by PAP (RFC 8907 §5.4.2.2),
// where the password goes with the name, or with ascii by answering the server's
// questions (§5.4.2.1). The error is that of a server which gave no answer.
func (s Server) Login(ctx context.Context, who Who, password string, ascii bool) (bool, error) {
	kind, minor, data := uint8(typePAP), uint8(minorOne), password
	if ascii {
		kind, minor, data = typeASCII, minorDefault, ""
	}
	body, err := authenStart(who, kind, data)
	if err != nil {
		return false, nil // nobody has such a name or password
	}
	passed := false
	err = s.session(ctx, Authentication, minor, func(x *exchange) error {
		for range maxQuestions {
			answer, err := x.ask(body)
			if err != nil {
				return err
			}
			r, err := parseAuthenReply(answer)
			if err != nil {
				return err
			}
			text := ""
			switch r.status {
			case authenPass:
				passed = true
				return nil
			case authenFail, authenFollow, authenRestart:
				return nil
			case authenGetPass:
				text = password
			case authenGetUser:
				text = who.User
			default: // authenGetData too: there is nothing else to say
				return ErrServer
			}
			if !ascii {
				return ErrServer
			}
			if body, err = authenContinue(text); err != nil {
				return err
			}
		}
		return ErrServer
	})
	return passed && err == nil, err
}

// Authorize asks whether a user may have or do what arguments say. Granted are the
// arguments that hold then: those of the answer, with those of the request unless it
// replaces them. The error is that of a server which gave no answer, or ErrTooLong.
func (s Server) Authorize(ctx context.Context, who Who, args []string) (ok bool, granted []string, err error) {
	body, err := request(nil, who, args)
	if err != nil {
		return false, nil, err
	}
	err = s.session(ctx, Authorization, minorDefault, func(x *exchange) error {
		answer, err := x.ask(body)
		if err != nil {
			return err
		}
		r, err := parseAuthorReply(answer)
		switch {
		case err != nil:
			return err
		case r.status == authorPassAdd:
			ok, granted = true, append(r.args, args...)
		case r.status == authorPassRepl:
			ok, granted = true, r.args
		case r.status != authorFail && r.status != authorFollow:
			return ErrServer
		}
		return nil
	})
	return ok && err == nil, granted, err
}

// Record is what accounting notes (RFC 8907 §7.1).
type Record uint8

// Records. A command that has ended is a Stop of its own.
const (
	Start Record = 0x02
	Stop  Record = 0x04
)

// Account tells a server of a beginning or an end.
func (s Server) Account(ctx context.Context, r Record, who Who, args []string) error {
	body, err := request([]byte{byte(r)}, who, args)
	if err != nil {
		return err
	}
	return s.session(ctx, Accounting, minorDefault, func(x *exchange) error {
		answer, err := x.ask(body)
		if err != nil {
			return err
		}
		got, err := parseAcctReply(answer)
		if err == nil && got.status != acctSuccess {
			err = ErrServer
		}
		return err
	})
}

// exchange is a session on a connection.
type exchange struct {
	s    *Server
	conn net.Conn
	old  bool // it has had a session before
	head header
	keep bool // the server is for another session on the connection
	sent bool // a request is on its way
}

// gone reports whether an error is that of a connection that the server has ended
// before it was asked anything: silence is not.
func (x *exchange) gone(err error) bool {
	var late net.Error
	if err == nil || errors.As(err, &late) && late.Timeout() {
		return false
	}
	return !x.sent || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// session runs one. One on a connection that was kept, and that the server has
// ended since, begins anew on another.
func (s Server) session(ctx context.Context, kind Kind, minor uint8, do func(*exchange) error) error {
	for {
		conn := s.Kept.take()
		old := conn != nil
		if !old {
			var err error
			if conn, err = s.dial(ctx); err != nil {
				return fmt.Errorf("reach the TACACS+ server: %w", err)
			}
		}
		x := &exchange{s: &s, conn: conn, old: old, head: header{minor: minor, kind: kind, session: newSession()}}
		stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
		err := do(x)
		if stop() && err == nil && x.keep {
			s.Kept.put(conn)
			return nil
		}
		_ = conn.Close() // what was answered is read
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if old && x.head.seq == 1 && x.gone(err) {
			continue // nothing was answered on it
		}
		return err
	}
}

// newSession is the number of a session, which nobody can foretell (RFC 8907
// §4.1).
func newSession() uint32 {
	var b [4]byte
	rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint32(b[:])
}

// ask sends a body and returns that of the answer.
func (x *exchange) ask(body []byte) ([]byte, error) {
	if err := x.conn.SetDeadline(time.Now().Add(x.s.Timeout)); err != nil {
		return nil, err
	}
	h := x.head
	h.seq++
	h.length = len(body)
	if x.s.Kept != nil && !x.old {
		h.flags = flagSingle
	}
	x.head.seq = h.seq
	hidden := append([]byte(nil), body...)
	h.hide(hidden, x.s.Secret)
	if _, err := x.conn.Write(append(h.encode(), hidden...)); err != nil {
		return nil, err
	}
	x.sent = true
	var b [headerSize]byte
	if _, err := io.ReadFull(x.conn, b[:]); err != nil {
		return nil, err
	}
	got, err := parseHeader(b[:])
	if err != nil {
		return nil, err
	}
	if got.kind != h.kind || got.session != h.session || got.seq != h.seq+1 || got.minor != h.minor || got.flags&flagUnencrypted != 0 {
		return nil, ErrPacket
	}
	answer := make([]byte, got.length)
	if _, err := io.ReadFull(x.conn, answer); err != nil {
		return nil, err
	}
	got.hide(answer, x.s.Secret)
	x.head.seq = got.seq
	if got.seq == 2 { // only the first answer on a connection says it
		x.keep = x.old || x.s.Kept != nil && got.flags&flagSingle != 0
	}
	return answer, nil
}

// dial connects to the server.
func (s Server) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	if s.Dial != nil {
		return s.Dial(ctx)
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", s.Address)
}
