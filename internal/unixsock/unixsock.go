// Package unixsock listens on unix sockets that only their owner can use, and
// never takes one away from a process that is listening on it.
package unixsock

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Listener is a listening socket whose file goes with it.
type Listener struct {
	*net.UnixListener
	path  string
	inode uint64
}

// ErrInUse is returned when somebody answers at the path.
var ErrInUse = errors.New("another process listens there")

// Listen listens at path, with mode 0600. A socket that nobody listens on is
// replaced; anything else at the path is an error.
func Listen(path string) (*Listener, error) {
	l, err := listen(path)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	return l, nil
}

func listen(path string) (*Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case info.Mode()&fs.ModeSocket == 0:
		return nil, errors.New("there is something that is no socket")
	default:
		if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
			return nil, errors.Join(ErrInUse, conn.Close())
		}
	}
	// Bound under another name, the socket is never open to others.
	temporary := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: temporary, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err = os.Chmod(temporary, 0o600); err == nil {
		err = os.Rename(temporary, path)
	}
	var st unix.Stat_t
	if err == nil {
		err = unix.Stat(path, &st)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close(), os.Remove(temporary))
	}
	return &Listener{l, path, st.Ino}, nil
}

// Close ends listening and removes the file, if it still is this socket.
func (l *Listener) Close() error {
	err := l.UnixListener.Close()
	var st unix.Stat_t
	if unix.Stat(l.path, &st) == nil && st.Ino == l.inode {
		err = errors.Join(err, os.Remove(l.path))
	}
	return err
}
