// Package tcpsock listens for TCP clients that may hang or vanish.
//
// Closing a connection does not free what the kernel keeps for it: up to some
// megabytes that the peer has not taken. A peer that answers probes but reads
// nothing can hold that for many minutes after the process has forgotten it, so
// the connections of these listeners end in the kernel too (RFC 5482).
package tcpsock

import (
	"context"
	"fmt"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Listen listens on "HOST:PORT". A connection of it whose peer has acknowledged
// nothing of what it was sent, or taken nothing, for patience is broken off, also
// when it has been closed. So is one whose peer is gone and that has nothing to
// send, within patience and some keepalives.
func Listen(address string, patience time.Duration) (net.Listener, error) {
	return ListenOn("", address, patience)
}

// ListenOn is Listen on one network device, "" for all: what does not come in by it
// is not heard, and answers go out by it, over its routes.
func ListenOn(device, address string, patience time.Duration) (net.Listener, error) {
	c := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		if err := raw.Control(func(fd uintptr) { // what is accepted inherits it
			failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(patience.Milliseconds()))
			if failed == nil && device != "" {
				failed = unix.BindToDevice(int(fd), device)
			}
		}); err != nil {
			return err
		}
		return failed
	}}
	l, err := c.Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return l, nil
}
