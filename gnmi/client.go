package gnmi

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"trunkline/internal/quota"
)

// loginTime is how long a connection may be without an RPC of somebody who has
// logged in.
const loginTime = 30 * time.Second

// connShares divide the connections of those who have logged in.
var connShares = quota.Limits{Total: maxConnections, Reserved: maxConnections / 8, Each: maxConnections / 2}

// requestWeight is how many bytes one byte of a request is counted as: it is
// received, and then decoded.
const requestWeight = 4

// strangerAllowance is how many bytes of requests, as they are counted, a
// connection may send before its first login has been answered.
const strangerAllowance = 1 << 20

// client is a connection of a client, above TLS. It is closed when nobody logs in
// on it in time. The user who does first has a share of connections, and of memory
// for the requests that come on it. GRPC tells of a request when all of it is
// there, so the frames are counted as they pass; what goes beyond the share ends
// the connection. The first message of an RPC is counted until the RPC has ended,
// others (polls) until they are there: what is not read of them is bounded by the
// stream's window.
//
// Reads, writes and logins are of different goroutines; one mutex orders them.
type client struct {
	net.Conn
	server *Server
	late   *time.Timer

	mu       sync.Mutex
	closed   bool
	known    bool
	user     string
	admin    bool
	in, out  frames
	last     uint32 // newest stream
	requests map[uint32]*request
	all      int // what is counted of requests, bytes
}

// request is what the client sends in one RPC.
type request struct {
	messages
	counted int  // bytes
	began   int  // counted before the message that is coming; 0 for the first
	opaque  bool // messages are not found in it
}

var errRequests = errors.New("requests take too much memory")

// tlsDoor makes clients of connections, by TLS.
type tlsDoor struct {
	credentials.TransportCredentials
	server *Server
}

// Clone implements credentials.TransportCredentials.
func (d tlsDoor) Clone() credentials.TransportCredentials {
	return tlsDoor{d.TransportCredentials.Clone(), d.server}
}

// proof is what TLS knows of a client, with its connection.
type proof struct {
	credentials.TLSInfo
	client *client
}

// ServerHandshake implements credentials.TransportCredentials.
func (d tlsDoor) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := d.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		return nil, nil, err
	}
	c := &client{Conn: conn, server: d.server, in: frames{skip: preface}, requests: map[uint32]*request{}}
	c.late = time.AfterFunc(d.server.loginTime, func() { _ = raw.Close() }) // its reader closes the rest
	tls, _ := info.(credentials.TLSInfo)
	return c, proof{tls, c}, nil
}

// clientOf returns the connection of an RPC, nil for one without TLS.
func clientOf(ctx context.Context) *client {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	shown, _ := p.AuthInfo.(proof)
	return shown.client
}

// login makes the connection that of a user, if it is nobody's. It reports
// whether he may have one more.
func (c *client) login(user string, admin bool) bool {
	if c == nil {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.known:
		return true
	case c.closed || !c.server.shares.conns.Take(connShares, user, admin):
		return false
	case !c.server.shares.held.TakeN(heldShares, c.all, user, admin):
		c.server.shares.conns.Give(user, admin)
		return false
	}
	c.known, c.user, c.admin = true, user, admin
	c.late.Stop()
	return true
}

// Read implements net.Conn.
func (c *client) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	ok := true
	c.in.see(p[:n], c.begun, func(f frame, p []byte) { ok = ok && c.received(f, p) })
	if !ok {
		return 0, errRequests
	}
	return n, err
}

// begun takes note of a frame of the client. Mu is held.
func (c *client) begun(f frame) {
	switch r := c.requests[f.id]; {
	case f.kind == frameHeaders && f.id > c.last: // else gRPC ends the connection
		c.last, c.requests[f.id] = f.id, &request{}
	case f.kind == frameReset:
		c.ended(f.id)
	case f.kind == frameData && f.flags&padded != 0 && r != nil:
		r.opaque = true
	}
}

// received counts what the client sends of requests, and reports whether there is
// room for it. Mu is held.
func (c *client) received(f frame, p []byte) bool {
	r := c.requests[f.id]
	if f.kind != frameData || r == nil { // gRPC drops what is for no RPC
		return true
	}
	n := len(p) * requestWeight
	switch {
	case c.closed:
		return false
	case !c.known && c.all+n > strangerAllowance:
		return false
	case c.known && !c.server.shares.held.TakeN(heldShares, n, c.user, c.admin):
		return false
	}
	before := r.counted
	r.counted += n
	c.all += n
	if r.opaque {
		return true
	}
	r.see(p, func(at int) {
		end := before + at*requestWeight // as counted, less what has been given back
		if r.began == 0 {
			r.began = end
			return
		}
		done := end - r.began
		r.counted -= done
		before -= done
		c.give(done)
	})
	return true
}

// Write implements net.Conn.
func (c *client) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.out.see(p, func(f frame) {
		if f.kind == frameReset || f.kind == frameHeaders && f.flags&endStream != 0 {
			c.ended(f.id)
		}
	}, func(frame, []byte) {})
	c.mu.Unlock()
	return c.Conn.Write(p)
}

// ended gives back what an RPC has taken. Mu is held.
func (c *client) ended(id uint32) {
	if r := c.requests[id]; r != nil {
		delete(c.requests, id)
		c.give(r.counted)
	}
}

// give gives back bytes of requests. Mu is held.
func (c *client) give(n int) {
	c.all -= n
	if c.known && n > 0 {
		c.server.shares.held.GiveN(n, c.user, c.admin)
	}
}

// Close implements net.Conn.
func (c *client) Close() error {
	c.late.Stop()
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		clear(c.requests)
		c.give(c.all)
		if c.known {
			c.server.shares.conns.Give(c.user, c.admin)
		}
	}
	c.mu.Unlock()
	return c.Conn.Close()
}
