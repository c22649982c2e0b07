package vhostuser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

var (
	errTimeout = os.ErrDeadlineExceeded
	errEnd     = io.EOF
)

const (
	maxPath    = 107 // of a socket's path (unix(7))
	socketMode = 0o660
	redialMin  = 50 * time.Millisecond
	redialMax  = time.Second
)

// socketFile is the file of a socket that we made.
type socketFile struct {
	path     string
	dev, ino uint64
}

// remove removes the file, if it is still the one we made.
func (f *socketFile) remove() error {
	var st unix.Stat_t
	if unix.Lstat(f.path, &st) != nil || st.Dev != f.dev || st.Ino != f.ino {
		return nil
	}
	if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove socket: %w", err)
	}
	return nil
}

// listen makes the socket of a server.
func (p *Port) listen() error {
	if err := clearPath(p.c.Path); err != nil {
		return err
	}
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		// Before it is bound, so that the file never has wider permissions.
		if e := raw.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), socketMode) }); e != nil {
			return e
		}
		return err
	}}
	l, err := lc.Listen(context.Background(), "unix", p.c.Path)
	if err != nil {
		return err
	}
	p.listener = l.(*net.UnixListener)
	p.listener.SetUnlinkOnClose(false)
	var st unix.Stat_t
	// The umask may have narrowed the mode.
	err = os.Chmod(p.c.Path, socketMode)
	if err == nil {
		err = unix.Lstat(p.c.Path, &st)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("make socket %s: %w", p.c.Path, err), p.listener.Close())
	}
	p.file = &socketFile{path: p.c.Path, dev: st.Dev, ino: st.Ino}
	return nil
}

// clearPath removes a socket that nobody listens on. Anything else in its place
// is an error.
func clearPath(path string) error {
	st, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case st.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s exists and is no socket", path)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		return errors.Join(fmt.Errorf("another process listens on %s", path), c.Close())
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("socket %s is in the way: %w", path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("replace socket: %w", err)
	}
	return nil
}

// accept serves one peer after the other until the port is closed. One that
// connects while another is served waits.
func (p *Port) accept() {
	for {
		conn, err := p.listener.AcceptUnix()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			p.c.Log.Warn("accept on vhost-user socket", "socket", p.c.Path, "error", err)
			if !p.pause(redialMax) {
				return
			}
			continue
		}
		p.serve(conn)
	}
}

// dial connects again and again until the port is closed.
func (p *Port) dial() {
	wait, told := redialMin, ""
	for {
		conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: p.c.Path, Net: "unix"})
		if err != nil {
			if text := err.Error(); text != told {
				told = text
				p.c.Log.Info("connect to vhost-user socket", "socket", p.c.Path, "error", err)
			}
			if !p.pause(wait) {
				return
			}
			wait = min(2*wait, redialMax)
			continue
		}
		wait, told = redialMin, ""
		p.serve(conn)
		if !p.pause(redialMin) {
			return
		}
	}
}

// pause waits, and reports false when the port is closed.
func (p *Port) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.done:
		return false
	}
}

// serve runs the session of a connection to its end.
func (p *Port) serve(conn *net.UnixConn) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		conn.Close()
		return
	}
	p.conn = conn
	p.mu.Unlock()
	select {
	case <-p.trouble: // of the session before
	default:
	}
	p.c.Log.Info("vhost-user peer connected", "socket", p.c.Path)
	s := newSession(p, conn)
	over := make(chan struct{})
	p.wg.Go(func() {
		// Wakes the session when a worker has found something.
		for {
			select {
			case <-p.trouble:
				s.in.wanted.Store(true)
				_ = conn.SetReadDeadline(time.Unix(1, 0)) // a closed connection ends the session by itself
			case <-over:
				return
			}
		}
	})
	err := s.run()
	close(over)
	conn.Close()
	p.mu.Lock()
	p.conn = nil
	p.mu.Unlock()
	if errors.Is(err, errEnd) || errors.Is(err, net.ErrClosed) {
		err = nil
	}
	p.c.Log.Info("vhost-user peer disconnected", "socket", p.c.Path, "error", err)
}
