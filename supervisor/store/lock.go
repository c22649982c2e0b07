package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// lock is the exclusive right to a directory. The kernel drops it with the
// process, however that ends, so a file left behind means nothing.
type lock struct{ file *os.File }

func acquire(path string) (*lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: open lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("store: %s is held by another supervisor%s", path, holder(f))
		}
		return nil, fmt.Errorf("store: lock %s: %w", path, err)
	}
	// The content is for people; the lock holds without it.
	_ = f.Truncate(0)
	_, _ = fmt.Fprintf(f, "%d\n", os.Getpid())
	return &lock{f}, nil
}

func holder(f *os.File) string {
	b, err := io.ReadAll(io.LimitReader(f, 32))
	pid := strings.TrimSpace(string(b))
	if err != nil || pid == "" {
		return ""
	}
	return ", process " + pid
}

func (l *lock) release() error {
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("store: release lock: %w", err)
	}
	return nil
}
