// Package syslog sends the switch's messages to the servers that configuration
// names: in the form of RFC 3164 or RFC 5424, over UDP (RFC 5426), TCP with
// counted octets (RFC 6587) or TLS (RFC 5425).
//
//	accounting.Log ──▶ Service.Log ─┬─▶ queue ─▶ sender ══▶ server
//	                                └─▶ queue ─▶ sender ══▶ server
//
// Log never blocks: each server has a queue of its own, which holds what is sent
// until the server has taken it. What finds the queue full is dropped and counted.
// A sender sends in order, one message after the other; one that could not be
// sent comes first on the next connection. Syslog has no acknowledgements, so what
// a connection had taken when it broke may be lost, and the message that was on
// its way may come twice.
//
// A connection that is lost is made again after a pause that doubles each time,
// up to a limit.
//
// The mutex guards the list of servers; senders guard their own state.
package syslog

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"sync"

	"trunkline/feature"
	"trunkline/feature/logging"
	"trunkline/internal/roster"
)

// Config says how servers are reached.
type Config struct {
	// Dial connects to a host by name or address: network is "udp" or "tcp".
	Dial func(ctx context.Context, network, host string, port uint16) (net.Conn, error)
	// File reads a file of certificates by the name that configuration has for it.
	File func(name string) ([]byte, error)
	Log  *slog.Logger
}

// Service sends messages to servers.
type Service struct {
	cfg     Config
	changed chan struct{} // of one: the servers are others

	mu      sync.Mutex
	senders []*sender // in the order of configuration; never changed in place
}

// New returns a service without servers.
func New(cfg Config) *Service { return &Service{cfg: cfg, changed: make(chan struct{}, 1)} }

// Set names the servers. One that is reached as before keeps its connection and
// its queue.
func (s *Service) Set(servers []logging.Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := make([]*sender, len(servers))
	for i, want := range servers {
		at := slices.IndexFunc(s.senders, func(have *sender) bool { return have.reaches(want) })
		if at < 0 {
			next[i] = newSender(s.cfg, want)
			continue
		}
		next[i] = s.senders[at]
		next[i].to.Store(&want)
	}
	s.senders = next
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *Service) list() []*sender {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.senders
}

// Log queues a message for the servers whose severity lets it through. It never
// blocks. Messages reach a server in the order of the calls.
func (s *Service) Log(e feature.Event, settings *logging.Settings) {
	for _, to := range s.list() {
		if server := *to.to.Load(); e.Severity <= server.Severity {
			to.offer(form(e, server, settings))
		}
	}
}

// Snapshot returns how it goes with the servers, in the order of configuration.
func (s *Service) Snapshot() []feature.LogServer {
	var all []feature.LogServer
	for _, to := range s.list() {
		all = append(all, to.snapshot())
	}
	return all
}

// Run sends until ctx ends. What is queued then is sent if that takes no longer
// than a moment.
func (s *Service) Run(ctx context.Context) {
	roster.Run(ctx, s.changed, s.list, func(ctx context.Context, to *sender) { to.run(ctx) })
}
