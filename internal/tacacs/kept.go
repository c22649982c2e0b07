package tacacs

import (
	"net"
	"sync"
	"time"
)

// Kept is the connection to a server that is kept between sessions. A session has
// it for itself; another at the same time makes one of its own, so nobody waits for
// anybody, and at most one is kept. It is closed once it has not been used for a
// while. The zero value is ready; a nil one keeps none.
type Kept struct {
	mu    sync.Mutex
	conn  net.Conn
	timer *time.Timer
}

// keepFor is how long a connection is kept that is not used.
const keepFor = time.Minute

// take returns the connection that is kept, nil for none.
func (k *Kept) take() net.Conn {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	conn := k.conn
	if conn != nil {
		k.timer.Stop()
		k.conn = nil
	}
	return conn
}

// put keeps a connection, unless there is one.
func (k *Kept) put(conn net.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.conn != nil {
		_ = conn.Close()
		return
	}
	k.conn = conn
	k.timer = time.AfterFunc(keepFor, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.conn == conn {
			_ = conn.Close()
			k.conn = nil
		}
	})
}

// Close closes what is kept.
func (k *Kept) Close() {
	if conn := k.take(); conn != nil {
		_ = conn.Close()
	}
}
