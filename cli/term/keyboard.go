package term

import (
	"bytes"
	"io"
	"sync"
	"time"
)

// Control characters.
const (
	ctrlC = 0x03
	ctrlD = 0x04
	ctrlL = 0x0c
	ctrlR = 0x12
	ctrlS = 0x13
	ctrlT = 0x14
	ctrlU = 0x15
	ctrlV = 0x16
	ctrlX = 0x18
	ctrlZ = 0x1a
	esc   = 0x1b
	del   = 0x7f
)

// keyboard owns the terminal's input. One goroutine reads it; what was typed is
// kept until the line editor or the pager asks, so that typing ahead works and
// Ctrl-C is seen while a command runs. Who types further ahead than maxTyped
// waits.
type keyboard struct {
	in    io.ReadCloser
	touch func() // called when keys come, but not for each
	done  chan struct{}

	mu        sync.Mutex
	changed   *sync.Cond
	buf       []byte
	closed    bool
	editing   bool   // the line editor may read
	waiting   bool   // a single key is being waited for
	ahead     int    // bytes of buf whose lines have been sent (ahead.go)
	dropped   bool   // Ctrl-C would have dropped them
	interrupt func() // on Ctrl-C while neither reads; may be nil
	sequence  sequence
}

// maxTyped bounds what is typed ahead.
const maxTyped = 64 << 10

// touchInterval is how often touch is called at most.
const touchInterval = 5 * time.Second

// newKeyboard reads keys from in until close.
func newKeyboard(in io.ReadCloser, touch func()) *keyboard {
	k := &keyboard{in: in, touch: touch, done: make(chan struct{})}
	k.changed = sync.NewCond(&k.mu)
	go k.read()
	return k
}

// close ends the reader and everybody who waits for input.
func (k *keyboard) close() {
	k.end()
	_ = k.in.Close() // ends the reader, whatever it says
	<-k.done
	k.mu.Lock()
	defer k.mu.Unlock()
	k.buf, k.ahead = nil, 0 // nobody is to act on it
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
	var b [4096]byte
	var touched time.Time
	for {
		n, err := k.in.Read(b[:])
		if n > 0 {
			if now := time.Now(); now.Sub(touched) >= touchInterval {
				touched = now
				k.touch()
			}
			k.typed(b[:n])
		}
		if err != nil || !k.room() {
			return
		}
	}
}

// room waits until more can be typed and reports false at the end.
func (k *keyboard) room() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(k.buf) >= maxTyped && !k.closed {
		k.changed.Wait()
	}
	return !k.closed
}

func (k *keyboard) typed(b []byte) {
	k.mu.Lock()
	b = k.sequence.sane(b)
	var abort func()
	if i := bytes.LastIndexByte(b, ctrlC); i >= 0 && k.interrupt != nil && !k.waiting && !k.editing {
		abort = k.interrupt
		k.buf, k.dropped = k.buf[:k.ahead], k.ahead > 0
		b = b[i+1:]
	}
	k.buf = append(k.buf, b...)
	k.changed.Broadcast()
	k.mu.Unlock()
	if abort != nil {
		abort()
	}
}

// Read gives the line editor what was typed, up to the end of a line, while it
// is at work; it is the editor's standard input. After what may end the line it
// gives no more until edit says that it did not, or that the next one is read:
// what follows may be for others.
func (k *keyboard) Read(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for !k.editing || len(k.buf) == 0 && !k.closed {
		k.changed.Wait()
	}
	if len(k.buf) == 0 {
		return 0, io.EOF
	}
	n := min(len(p), len(k.buf))
	if i := bytes.IndexAny(k.buf[:n], ends); i >= 0 {
		n, k.editing = i+1, false
	}
	copy(p, k.buf[:n])
	k.take(n)
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
	k.take(1)
	return b, true
}

// take removes what was read; the reader may be waiting for room.
func (k *keyboard) take(n int) {
	k.buf, k.ahead = k.buf[n:], max(0, k.ahead-n)
	if len(k.buf) == 0 {
		k.buf = nil
	}
	k.changed.Broadcast()
}

// maxSecret bounds a secret, in bytes.
const maxSecret = 256

// secret takes keys up to the end of a line that is not shown; ok is false where
// the operator gave it up, or is gone.
func (k *keyboard) secret() (text string, ok bool) {
	var line []byte
	for {
		b, ok := k.key()
		switch {
		case !ok || b == ctrlC || b == ctrlZ || b == ctrlD && len(line) == 0:
			return "", false
		case b == '\r' || b == '\n':
			return string(line), true
		case b == ctrlU || b == ctrlX:
			line = nil
		case b == del || b == '\b':
			line = line[:max(0, len(line)-1)]
		case b >= ' ' && len(line) < maxSecret:
			line = append(line, b)
		}
	}
}
