// Package nxapi is NX-API: the command language for programs over HTTPS, in the
// two forms that NX-OS has on the path /ins: the envelope ins_api, in JSON or
// XML, and JSON-RPC 2.0. On / is a page to try requests by hand.
//
//	request ── size, user ──▶ form ──▶ orders ──▶ session.Orders ──▶ form ──▶ reply
//	           (limit.go,     (ins.go,  one session of the user     (result.go)
//	            auth.go)       rpc.go)  for all commands
//
// A request that is understood is answered with HTTP status 200, whatever became
// of its commands: clients look for that in the reply. Its commands run in one
// session, in which a mode is kept from line to line.
//
// Clients are bounded: in connections, in requests at a time and per second, in
// the size of what they send and get, and in time. What runs at a time is
// bounded too, for all and for each user; what waits for it costs a goroutine
// and its request.
package nxapi

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"trunkline/cli/session"
	"trunkline/feature"
	"trunkline/internal/tcpsock"
)

// Config is what a server needs.
type Config struct {
	CLI  *session.CLI
	Auth feature.Authenticator
	// Proof is a text that changes with the password of a user: a cookie is good as
	// long as it stays.
	Proof func(user string) string
	// Busy is the error of Auth that says nothing of a user; nil for none.
	Busy   error
	Log    *slog.Logger
	Limits Limits
}

// Patience is how long a client may take nothing of what waits for it, for
// tcpsock.Listen.
const Patience = 2 * time.Minute

// Server answers requests. It may serve several listeners.
type Server struct {
	cfg    Config
	limits Limits
	secret []byte // of cookies
	gate   *gate
	mux    http.Handler

	mu    sync.Mutex
	works map[*work]bool // requests whose commands run
}

// New makes a server.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg, limits: cfg.Limits.complete(), secret: make([]byte, 32), works: map[*work]bool{}}
	rand.Read(s.secret) // never fails
	s.gate = newGate(s.limits)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /ins", s.ins)
	mux.HandleFunc("GET /{$}", s.sandbox)
	s.mux = http.NewCrossOriginProtection().Handler(mux)
	return s
}

// Serve serves a listener until it is closed or ctx is done, with TLS if config is
// not nil. Those who wait for an answer get it when it is closed, as is done with a
// port that moves, and have some seconds for it when ctx is done. It closes the
// listener and returns when all its connections have ended; the error is that of a
// listener which fails.
func (s *Server) Serve(ctx context.Context, l net.Listener, config *tls.Config) error {
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	handler := counted{serve: s.serve}
	defer handler.wait()
	h := &http.Server{
		Handler:           &handler,
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: s.limits.Header, ReadTimeout: s.limits.Read, IdleTimeout: s.limits.Idle,
		WriteTimeout:   s.limits.request(),
		MaxHeaderBytes: s.limits.HeaderBytes,
		ErrorLog:       slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
		Protocols:      &http.Protocols{},
	}
	h.Protocols.SetHTTP1(true)
	l = tcpsock.Limit(l, s.limits.Connections, s.limits.PerSource)
	if config != nil {
		l = tls.NewListener(l, config)
	}
	var ending sync.WaitGroup
	defer ending.Wait()
	ended := make(chan struct{})
	defer close(ended)
	ending.Go(func() {
		select {
		case <-ctx.Done():
		case <-ended:
		}
		patience, done := context.WithTimeout(context.WithoutCancel(ctx), s.limits.request())
		defer done()
		defer context.AfterFunc(ctx, func() { time.AfterFunc(s.limits.Farewell, done) })()
		if h.Shutdown(patience) != nil { // those who are late are cut off
			cut()
			_ = h.Close()
		}
	})
	if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// counted is a handler that can be waited for: http.Server does not wait for
// those whose connections it closes.
type counted struct {
	serve http.HandlerFunc

	mu    sync.RWMutex // held for reading while a request is answered
	ended bool
}

// ServeHTTP implements http.Handler.
func (c *counted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if !c.ended {
		c.serve(w, r)
	}
}

// wait waits for all, and lets nobody in any more.
func (c *counted) wait() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
}

// serve answers one request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Connection", "close") // a connection is kept for those who prove who they are
	if r.TLS != nil {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	s.mux.ServeHTTP(w, r)
}

// ins answers a request to /ins.
func (s *Server) ins(w http.ResponseWriter, r *http.Request) {
	who, ok := s.login(w, r)
	if !ok {
		return
	}
	leave, no := s.gate.enter(who)
	if no != nil {
		no.answer(w)
		return
	}
	defer leave()
	q, out, letGo, no := s.receive(w, r, who)
	if no != nil {
		no.answer(w)
		return
	}
	defer letGo()
	taken := func() {}
	if out == nil {
		if out, taken, no = s.run(r.Context(), who, r.RemoteAddr, q); no != nil {
			no.answer(w)
			return
		}
	}
	defer taken()
	// The reply has a time of its own, however long the commands took.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.limits.Write)) // the server has one
	if out.status == http.StatusNoContent {
		w.WriteHeader(out.status)
		return
	}
	w.Header().Set("Content-Type", out.kind)
	w.WriteHeader(out.status)
	_, _ = w.Write(out.body) // to who is still there
}

// reply is what is sent.
type reply struct {
	status int
	kind   string // its Content-Type
	body   []byte
}
