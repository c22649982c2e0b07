package syslog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"trunkline/feature"
	"trunkline/feature/logging"
)

// Limits of a sender.
const (
	maxQueue     = 1024             // messages that wait for a server
	writeTimeout = 10 * time.Second // for one message
	dialTimeout  = 10 * time.Second
	lastWords    = time.Second // for what is queued when the sender ends
	firstPause   = time.Second // before a connection is made again
	maxPause     = time.Minute
	// steady is how long a connection lasts after which the next pause is the
	// first again. Shorter ones are those of a server that refuses.
	steady = 10 * time.Second
)

// sender sends to one server.
type sender struct {
	cfg     Config
	to      atomic.Pointer[logging.Server]
	queue   chan []byte
	sent    atomic.Uint64
	dropped atomic.Uint64

	mu    sync.Mutex
	state feature.LogServer // its State, Error, Address and Since
}

func newSender(cfg Config, to logging.Server) *sender {
	s := &sender{cfg: cfg, queue: make(chan []byte, maxQueue)}
	s.to.Store(&to)
	return s
}

// reaches reports whether a server is reached as that of the sender is.
func (s *sender) reaches(other logging.Server) bool {
	mine := s.to.Load()
	return mine.Host == other.Host && mine.Port == other.Port && mine.Transport == other.Transport
}

// offer queues a message, or counts it as dropped.
func (s *sender) offer(message []byte) {
	select {
	case s.queue <- message:
	default:
		s.dropped.Add(1)
	}
}

func (s *sender) snapshot() feature.LogServer {
	s.mu.Lock()
	state := s.state
	s.mu.Unlock()
	state.Host = s.to.Load().Host
	state.Queued, state.Sent, state.Dropped = len(s.queue), s.sent.Load(), s.dropped.Load()
	return state
}

func (s *sender) note(change func(*feature.LogServer)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.state)
}

// run keeps a connection and sends over it until ctx ends.
func (s *sender) run(ctx context.Context) {
	var next []byte // taken from the queue and not yet sent
	pause := firstPause
	for {
		conn, err := s.dial(ctx)
		began := time.Now()
		if err == nil {
			s.cfg.Log.Info("syslog server up", "server", s.to.Load().Host, "address", conn.RemoteAddr().String())
			s.note(func(l *feature.LogServer) {
				l.Up, l.Error, l.Address, l.Since = true, "", conn.RemoteAddr().String(), began
			})
			next, err = s.pump(ctx, conn, next)
		}
		if ctx.Err() != nil {
			return
		}
		s.down(err)
		if time.Since(began) > steady {
			pause = firstPause
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
		pause = min(2*pause, maxPause)
	}
}

// down notes that there is no connection, and logs it the first time.
func (s *sender) down(err error) {
	news := false
	s.note(func(l *feature.LogServer) {
		if news = l.Up || l.Since.IsZero(); news {
			l.Since = time.Now()
		}
		l.Up, l.Error = false, reason(err)
	})
	if news {
		s.cfg.Log.Warn("syslog server down", "server", s.to.Load().Host, "error", err)
	}
}

// errClosed is why a connection ends that the server has closed.
var errClosed = errors.New("closed by the server")

// pump sends next, if there is one, and what is queued, until the connection or
// ctx ends. It returns what it has not sent of what it took. The connection is
// closed and nothing reads it any more when it returns.
func (s *sender) pump(ctx context.Context, conn net.Conn, next []byte) ([]byte, error) {
	broken := make(chan error, 1)
	var reader sync.WaitGroup
	reader.Go(func() { broken <- drain(conn) })
	defer reader.Wait()
	defer conn.Close() //nolint:errcheck // what it took is gone or lost, and nobody knows which
	kind := s.to.Load().Transport.Kind
	for {
		if next == nil {
			select {
			case next = <-s.queue:
			case err := <-broken:
				return nil, err
			case <-ctx.Done():
				s.flush(conn, kind)
				return nil, ctx.Err()
			}
		}
		select { // rather not into a connection that is known to be gone
		case err := <-broken:
			return next, err
		default:
		}
		if err := s.write(conn, kind, next, writeTimeout); err != nil {
			return next, err
		}
		next = nil
	}
}

func (s *sender) write(conn net.Conn, kind logging.TransportKind, message []byte, limit time.Duration) error {
	if err := conn.SetWriteDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	if _, err := conn.Write(frame(kind, message)); err != nil {
		return err
	}
	s.sent.Add(1)
	return nil
}

// flush sends what is queued, for a moment at most.
func (s *sender) flush(conn net.Conn, kind logging.TransportKind) {
	for end := time.Now().Add(lastWords); ; {
		select {
		case m := <-s.queue:
			if s.write(conn, kind, m, time.Until(end)) != nil {
				return
			}
		default:
			return
		}
	}
}

// drain reads what a server says, which is nothing, and returns why it ends. The
// refusals that come back for datagrams end it, too.
func drain(conn net.Conn) error {
	var b [512]byte
	for {
		if _, err := conn.Read(b[:]); err != nil {
			if errors.Is(err, io.EOF) {
				err = errClosed
			}
			return err
		}
	}
}

// dial makes a connection.
func (s *sender) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	to := *s.to.Load()
	if to.Transport.Kind == logging.UDP {
		return s.cfg.Dial(ctx, "udp", to.Host, to.Port)
	}
	conn, err := s.cfg.Dial(ctx, "tcp", to.Host, to.Port)
	if err != nil || to.Transport.Kind == logging.TCP {
		return conn, err
	}
	secure, err := s.secure(ctx, conn, to)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("TLS: %w", err), conn.Close())
	}
	return secure, nil
}

// maxReason is the length of a reason in bytes.
const maxReason = 160

// reason is an error on one line.
func reason(err error) string {
	text := logging.Clean(err.Error())
	return text[:min(len(text), maxReason)]
}
