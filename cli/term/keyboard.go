package term

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Control characters.
const (
	ctrlC = 0x03
	ctrlD = 0x04
	ctrlL = 0x0c
	ctrlR = 0x12
	ctrlS = 0x13
	ctrlU = 0x15
	ctrlV = 0x16
	ctrlX = 0x18
	ctrlZ = 0x1a
)

// keyboard owns the terminal's input. One goroutine reads it; what was typed is
// kept until the line editor or the pager asks, so that typing ahead works and
// Ctrl-C is seen while a command runs.
type keyboard struct {
	file *os.File
	stop [2]int // a pipe that ends the reader
	done chan struct{}

	mu        sync.Mutex
	changed   *sync.Cond
	buf       []byte
	closed    bool
	editing   bool   // the line editor may read
	waiting   bool   // a single key is being waited for
	interrupt func() // on Ctrl-C while neither reads; may be nil
}

// maxTyped bounds what is typed ahead; more is dropped.
const maxTyped = 64 << 10

func newKeyboard(file *os.File) (*keyboard, error) {
	k := &keyboard{file: file, done: make(chan struct{})}
	k.changed = sync.NewCond(&k.mu)
	if err := unix.Pipe2(k.stop[:], unix.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("read terminal: %w", err)
	}
	go k.read()
	return k, nil
}

// close ends the reader and everybody who waits for input.
func (k *keyboard) close() {
	k.end()
	unix.Close(k.stop[1])
	<-k.done
	unix.Close(k.stop[0])
}

func (k *keyboard) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	k.changed.Broadcast()
}

func (k *keyboard) ended() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.closed
}

func (k *keyboard) read() {
	defer close(k.done)
	defer k.end()
	fd := int(k.file.Fd())
	var b [4096]byte
	for {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(k.stop[0]), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); errors.Is(err, unix.EINTR) {
			continue
		} else if err != nil || fds[1].Revents != 0 {
			return
		}
		n, err := unix.Read(fd, b[:])
		switch {
		case errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN):
		case err != nil || n == 0:
			return
		default:
			k.typed(b[:n])
		}
	}
}

func (k *keyboard) typed(b []byte) {
	k.mu.Lock()
	var abort func()
	if i := bytes.LastIndexByte(b, ctrlC); i >= 0 && k.interrupt != nil && !k.waiting && !k.editing {
		abort = k.interrupt
		k.buf = nil
		b = b[i+1:]
	}
	if room := maxTyped - len(k.buf); room < len(b) {
		b = b[:room]
	}
	k.buf = append(k.buf, b...)
	k.changed.Broadcast()
	k.mu.Unlock()
	if abort != nil {
		abort()
	}
}

// Read gives the line editor what was typed, up to the end of a line, while it
// is at work; it is the editor's standard input.
func (k *keyboard) Read(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for !(k.editing && len(k.buf) > 0) && !k.closed {
		k.changed.Wait()
	}
	if len(k.buf) == 0 {
		return 0, io.EOF
	}
	n := min(len(p), len(k.buf))
	if i := bytes.IndexAny(k.buf[:n], "\r\n\x03\x04\x1a"); i >= 0 {
		n = i + 1
	}
	copy(p, k.buf[:n])
	k.buf = k.buf[n:]
	return n, nil
}

// Close implements io.Closer for the line editor; the keyboard outlives it.
func (k *keyboard) Close() error { return nil }

// edit says whether the line editor is at work.
func (k *keyboard) edit(on bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.editing = on
	k.changed.Broadcast()
}

// onInterrupt sets what Ctrl-C does while nobody reads.
func (k *keyboard) onInterrupt(f func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.interrupt = f
}

// key waits for one key.
func (k *keyboard) key() (byte, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.waiting = true
	defer func() { k.waiting = false }()
	for len(k.buf) == 0 && !k.closed {
		k.changed.Wait()
	}
	if len(k.buf) == 0 {
		return 0, false
	}
	b := k.buf[0]
	k.buf = k.buf[1:]
	return b, true
}
