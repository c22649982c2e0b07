package module

import (
	"errors"
	"net"
	"sync"
	"time"
)

// Bounds of connections.
const (
	maxConns  = 1024     // at a time
	maxPerIP  = 16       // … from one address
	allowance = 64 << 10 // bytes that are read from a peer before it has shown a card's certificate
)

// door counts connections. While there are too many, new ones wait in the
// kernel; those from an address that has too many are closed.
type door struct {
	all chan struct{}

	mu   sync.Mutex
	from map[string]int // by address; local sockets are not counted
}

func newDoor() *door { return &door{all: make(chan struct{}, maxConns), from: map[string]int{}} }

func (d *door) enter(from string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if from == "" {
		return true
	}
	if d.from[from] >= maxPerIP {
		return false
	}
	d.from[from]++
	return true
}

func (d *door) left(from string) {
	d.mu.Lock()
	if d.from[from]--; d.from[from] <= 0 {
		delete(d.from, from)
	}
	d.mu.Unlock()
	<-d.all
}

// limited is a listener behind a door.
type limited struct {
	net.Listener
	door *door
}

// Accept returns the next connection, a guest.
func (l limited) Accept() (net.Conn, error) {
	l.door.all <- struct{}{}
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			<-l.door.all
			return nil, err
		}
		from := source(c.RemoteAddr())
		if !l.door.enter(from) {
			_ = c.Close() // nothing was written
			continue
		}
		g := &guest{Conn: c, left: allowance, release: sync.OnceFunc(func() { l.door.left(from) })}
		g.timer = time.AfterFunc(helloTime, func() { _ = g.end() })
		return g, nil
	}
}

// source is the address that a peer calls from, "" for a local socket.
func source(a net.Addr) string {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.IP.String()
	}
	return ""
}

var errAllowance = errors.New("too many bytes from a peer that is not known as a line card")

// guest is a connection that is closed after helloTime unless a card stays on
// it. Until the card is trusted, only so much is read.
type guest struct {
	net.Conn
	release func()
	timer   *time.Timer

	mu      sync.Mutex
	trusted bool
	left    int // bytes
}

func (g *guest) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	g.mu.Lock()
	g.left -= n
	over := !g.trusted && g.left < 0
	g.mu.Unlock()
	if over {
		return 0, errAllowance
	}
	return n, err
}

// Close closes the connection and makes room for another.
func (g *guest) Close() error {
	g.timer.Stop()
	return g.end()
}

func (g *guest) end() error {
	defer g.release()
	return g.Conn.Close()
}

// trust lifts the bound of bytes: the peer has shown a card's certificate.
func (g *guest) trust() {
	if g == nil {
		return
	}
	g.mu.Lock()
	g.trusted = true
	g.mu.Unlock()
}

// stay lifts the bound of time, until leave: the card has said hello.
func (g *guest) stay() {
	if g != nil {
		g.timer.Stop()
	}
}

func (g *guest) leave() {
	if g != nil {
		g.timer.Reset(helloTime)
	}
}
