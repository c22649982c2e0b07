package radius

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// Server is a RADIUS server as a client sees it.
type Server struct {
	Address string // host and UDP port
	Secret  string
	// Timeout is how long an answer may take, after which the request is sent
	// again, so many times as Retransmit says.
	Timeout    time.Duration
	Retransmit int
	// Dial connects to the server by UDP; nil for the address and the machine's
	// resolver.
	Dial func(ctx context.Context) (net.Conn, error)
}

// ErrSilent is the answer where a server gives no genuine one.
var ErrSilent = errors.New("no answer from the RADIUS server")

// Exchange sends a request and returns the server's answer. Datagrams that are no
// genuine answer are not looked at further. The error is ErrSilent, that of ctx, or
// of the network.
func (s Server) Exchange(ctx context.Context, request *Packet) (*Packet, error) {
	out, err := request.Encode()
	if err != nil {
		return nil, err
	}
	conn, err := s.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("reach the RADIUS server: %w", err)
	}
	defer conn.Close() //nolint:errcheck // of a datagram socket
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	in := make([]byte, MaxPacket)
	for range s.Retransmit + 1 {
		until := time.Now().Add(s.Timeout)
		if err := conn.SetDeadline(until); err != nil || ctx.Err() != nil {
			return nil, errors.Join(ctx.Err(), err)
		}
		if _, err := conn.Write(out); err != nil {
			if !wait(ctx, until) {
				return nil, ctx.Err()
			}
			continue // refused, perhaps, and soon not
		}
		for {
			n, err := conn.Read(in)
			var late net.Error
			if errors.As(err, &late) && late.Timeout() {
				break
			}
			if err != nil { // nobody is there yet
				if !wait(ctx, until) {
					return nil, ctx.Err()
				}
				break
			}
			if answer, ok := request.Answers(in[:n], s.Secret); ok {
				return answer, nil
			}
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return nil, ErrSilent
}

// dial connects to the server, whose name is looked up for no longer than an answer
// may take.
func (s Server) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	if s.Dial != nil {
		return s.Dial(ctx)
	}
	var d net.Dialer
	return d.DialContext(ctx, "udp", s.Address)
}

// wait waits for a moment, and reports whether ctx lasts.
func wait(ctx context.Context, until time.Time) bool {
	t := time.NewTimer(time.Until(until))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
