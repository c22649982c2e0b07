package agent

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

const (
	dialTime   = 3 * time.Second
	maxProgram = maxFile // bytes of one message from a supervisor
)

// conn is one connection to a supervisor. It remembers why the last handshake
// failed, in our words and not in those of the transport.
type conn struct {
	*grpc.ClientConn
	mu     sync.Mutex
	reason error
}

// dial prepares a connection, which is made by the first call on it. The
// address is "HOST:PORT" or "unix:PATH".
func dial(address string, config *tls.Config) (*conn, error) {
	c := &conn{}
	config.MinVersion = tls.VersionTLS13
	verify := config.VerifyConnection
	config.VerifyConnection = func(cs tls.ConnectionState) error {
		return c.note(verify(cs))
	}
	network, where := "tcp", address
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, where = "unix", path
	}
	cc, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithAuthority("supervisor"),
		grpc.WithTransportCredentials(credentials.NewTLS(config)),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			d := net.Dialer{Timeout: dialTime}
			out, err := d.DialContext(ctx, network, where)
			return out, c.note(err)
		}),
		grpc.WithDisableServiceConfig(),
		grpc.WithDisableRetry(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxProgram)),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: dialTime}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 10 * time.Second}),
	)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	c.ClientConn = cc
	return c, nil
}

func (c *conn) note(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reason = err
	return err
}

// cause returns why a call failed: the handshake, or what the supervisor says.
func (c *conn) cause(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason != nil {
		return c.reason
	}
	return plain(err)
}

// plain returns what the supervisor says, without the transport's words.
func plain(err error) error {
	if s, ok := status.FromError(err); ok {
		return errors.New(s.Message())
	}
	return err
}

func (c *conn) close() {
	c.ClientConn.Close() //nolint:errcheck // nothing is left to lose
}
