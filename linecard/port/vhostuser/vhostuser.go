// Package vhostuser drives ports of virtual machines and DPDK applications: it is
// the back end of a virtio network device whose rings and buffers lie in the
// peer's memory (vhost-user protocol; virtio 1.2 §5.1). Frames pass without a
// system call but for the notifications a sleeping side asks for.
//
// One copy. Recv copies the first headLen bytes of a frame into worker memory,
// where they are parsed, and leaves the rest in the sender's buffer, as the
// frame's tail, until Release gives the buffer back. Send writes both straight
// into the receiver's buffers. A tail that lies in more than one buffer is
// gathered into worker memory first, since a frame has one tail: a sender's
// 64 KiB super-frame in fragments is copied twice.
//
// Who touches what. A session (session.go) is the goroutine that talks to one
// peer. It owns the protocol's state and the mappings, and publishes what the
// workers need as a view, which does not change. A worker enters a view for as
// long as it uses memory of it: from Recv to Release, and within Send. It says so
// in a slot of its queue; the session unmaps, and answers a message that stops a
// ring, only when no slot holds the view that was replaced. Rings keep their
// position in cursors that pass from view to view.
//
// The peer is hostile. Everything in its memory is copied, then checked
// (package vring); what breaks a ring takes the port's carrier away until the
// peer starts it again. When the peer truncates memory that is mapped, the access
// faults; with SetPanicOnFault that is a panic on the worker, which Recv and Send
// turn into the end of the session. A panic that strikes elsewhere while a
// frame's tail is read is attributed by Queue.Owns (port.Mapped).
//
// The port outlives its sessions: it listens on, or connects again to, its socket
// until it is closed.
package vhostuser

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"trunkline/linecard/port"
	"trunkline/linecard/port/vring"
)

// MaxQueues bounds the queue pairs of a port.
const MaxQueues = 16

// Config says where the peer is.
type Config struct {
	Path   string // of the socket
	Client bool   // connect to it; otherwise listen on it
	Queues int    // pairs of queues offered, at most MaxQueues; 0: 1
	MTU    int    // bytes of payload that the port takes; 0: no limit but the peer's
	Log    Logger
	// Changed, if not nil, is called when Info has changed, from a goroutine of
	// its own, one call at a time. It may wait for something that waits for
	// Close; so Close does not wait for a call that is under way.
	Changed func()
}

// Logger is told what becomes of sessions; *slog.Logger is one. Nothing is told
// for a frame.
type Logger interface {
	Info(msg string, attrs ...any)
	Warn(msg string, attrs ...any)
}

// silent is the Logger in place of none.
type silent struct{}

func (silent) Info(string, ...any) {}
func (silent) Warn(string, ...any) {}

// Port is a back end and its socket. Its methods may be called from any
// goroutine.
type Port struct {
	c        Config
	listener *net.UnixListener // nil for a client
	file     *socketFile       // nil for a client
	done     chan struct{}     // closed by Close
	wg       sync.WaitGroup
	view     atomic.Pointer[view] // never nil
	mtu      atomic.Int64         // as configured
	peerMTU  atomic.Int64         // as the peer says; 0: it does not
	rarp     atomic.Uint64        // address to announce, in the low 48 bits; 0: none
	trouble  chan struct{}        // capacity 1: a worker wants the session's attention
	news     chan struct{}        // capacity 1: Info has changed

	mu     sync.Mutex
	queues []*queue
	kicks  []int // by receive queue; -1: none. The session's descriptors
	conn   *net.UnixConn
	closed bool
}

// Open opens the socket and begins to serve it. The file of a server's socket is
// made with mode 0660; one that a process left behind is replaced.
func Open(c Config) (*Port, error) {
	if c.Queues == 0 {
		c.Queues = 1
	}
	switch {
	case c.Path == "" || len(c.Path) > maxPath || strings.HasPrefix(c.Path, "@"):
		return nil, fmt.Errorf("open vhost-user port: the path of a socket has 1 to %d characters: %q", maxPath, c.Path)
	case c.Queues < 0 || c.Queues > MaxQueues:
		return nil, fmt.Errorf("open vhost-user port %s: 1 to %d queue pairs, not %d", c.Path, MaxQueues, c.Queues)
	case !vring.LittleEndian():
		return nil, errors.New("open vhost-user port: a little-endian host is needed")
	}
	if c.Log == nil {
		c.Log = silent{}
	}
	p := &Port{c: c, done: make(chan struct{}), trouble: make(chan struct{}, 1), news: make(chan struct{}, 1), kicks: make([]int, c.Queues)}
	for i := range p.kicks {
		p.kicks[i] = -1
	}
	p.mtu.Store(int64(c.MTU))
	p.view.Store(&view{})
	serve := p.dial
	if !c.Client {
		if err := p.listen(); err != nil {
			return nil, fmt.Errorf("open vhost-user port: %w", err)
		}
		serve = p.accept
	}
	p.wg.Go(serve)
	if c.Changed != nil {
		go p.tell() // ends with done, see Config.Changed
	}
	return p, nil
}

// Receivers implements port.Multi.
func (p *Port) Receivers() int { return p.c.Queues }

// SetMTU changes what Info says.
func (p *Port) SetMTU(mtu int) {
	p.mtu.Store(int64(mtu))
}

// Info describes the port: it has carrier while the first pair of rings is
// started, enabled and not broken.
func (p *Port) Info() port.Info {
	v := p.view.Load()
	i := port.Info{
		Kind: "vhost-user", Driver: v.driver(p.c.Client), Device: filepath.Base(p.c.Path),
		MTU: int(p.mtu.Load()), Carrier: v.carrier(), Offloads: v.offloads(),
	}
	if m := int(p.peerMTU.Load()); m != 0 && (i.MTU == 0 || m < i.MTU) {
		i.MTU = m
	}
	return i
}

// changed notes that Info has changed.
func (p *Port) changed() {
	select {
	case p.news <- struct{}{}:
	default:
	}
}

func (p *Port) tell() {
	for {
		select {
		case <-p.news:
			p.c.Changed()
		case <-p.done:
			return
		}
	}
}

// Close ends the session and gives the socket up. The queues are closed before.
// Closing it again does nothing.
func (p *Port) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	open := len(p.queues)
	close(p.done)
	if p.conn != nil {
		p.conn.Close() // ends the session, which reports what matters
	}
	p.mu.Unlock()
	var err error
	if open > 0 {
		err = fmt.Errorf("close vhost-user port %s: %d queues are open", p.c.Path, open)
	}
	if p.listener != nil {
		err = errors.Join(err, p.listener.Close(), p.file.remove())
	}
	p.wg.Wait()
	return err
}

// attend makes the session look at what a worker has found.
func (p *Port) attend() {
	select {
	case p.trouble <- struct{}{}:
	default:
	}
}
