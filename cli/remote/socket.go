package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/feature"
	"trunkline/internal/unixsock"
)

// DefaultSocket is where a supervisor listens.
const DefaultSocket = "/run/trunkline/vsm.sock"

// MaxSessions is how many sessions a socket serves at a time (cli.md §9.1).
const MaxSessions = 32

// ServeSocket serves sessions on a socket until ctx is done; then it closes the
// socket and returns when all sessions have ended.
func (s *Server) ServeSocket(ctx context.Context, l *unixsock.Listener) error {
	var sessions sync.WaitGroup
	defer sessions.Wait()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	free := make(chan struct{}, MaxSessions)
	for {
		conn, err := l.AcceptUnix()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				conn.Close()
			}
			return ctx.Err()
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept vsh: %w", err)
		case err != nil: // no descriptors left, or a peer that is gone already
			s.log().Warn("session refused", "err", err)
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		who, err := peer(conn)
		if err != nil {
			s.log().Warn("session refused", "err", err)
			conn.Close()
			continue
		}
		select {
		case free <- struct{}{}:
		default:
			s.log().Warn("session refused", "err", "too many sessions", "limit", MaxSessions)
			conn.Close()
			continue
		}
		sessions.Go(func() {
			defer func() { <-free }()
			if err := s.Serve(ctx, conn, who); err != nil {
				s.log().Warn("session ended", "err", err)
			}
		})
	}
}

// peer returns who is at the other end: root or the supervisor's own user.
func peer(conn *net.UnixConn) (feature.Session, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return feature.Session{}, fmt.Errorf("peer of session: %w", err)
	}
	var cred *unix.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) {
		cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil || failed != nil {
		return feature.Session{}, fmt.Errorf("peer of session: %w", errors.Join(err, failed))
	}
	if cred.Uid != 0 && int(cred.Uid) != os.Geteuid() {
		return feature.Session{}, fmt.Errorf("user %d may not open a session", cred.Uid)
	}
	return feature.Session{User: "admin", From: "console0", Role: feature.NetworkAdmin, PID: int(cred.Pid)}, nil
}
