package term

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"

	"github.com/chzyer/readline"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"trunkline/cli/remote"
)

// Is reports whether both files are terminals, so that Run can be used.
func Is(in, out *os.File) bool {
	return term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(out.Fd()))
}

// Hello describes the terminal to a session.
func Hello(in, out *os.File) remote.Hello {
	h := remote.Hello{Interactive: Is(in, out)}
	if !h.Interactive {
		return h
	}
	h.Terminal = os.Getenv("TERM")
	if tty, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", in.Fd())); err == nil && strings.HasPrefix(tty, "/dev/") {
		h.TTY = tty
	}
	if w, height, err := term.GetSize(int(out.Fd())); err == nil {
		h.Width, h.Height = w, height
	}
	return h
}

// Run is Interact on a terminal of this machine. The terminal is in raw mode
// from its begin to its end, with output processing left on. The lines are run
// before those of the operator.
func Run(ctx context.Context, in, out *os.File, client *remote.Client, first remote.Done, lines ...string) error {
	before, err := readline.MakeRaw(int(in.Fd()))
	if err != nil {
		return fmt.Errorf("prepare terminal: %w", err)
	}
	defer readline.Restore(int(in.Fd()), before)
	keys, err := newFileReader(in)
	if err != nil {
		return err
	}
	defer keys.release()

	winch := make(chan os.Signal, 1)
	signal.Notify(winch, unix.SIGWINCH)
	defer signal.Stop(winch)
	resized := make(chan struct{}, 1)
	ended := make(chan struct{})
	var watching sync.WaitGroup
	defer watching.Wait()
	defer close(ended)
	watching.Go(func() {
		for {
			select {
			case <-ended:
				return
			case <-winch:
				select {
				case resized <- struct{}{}:
				default: // told already
				}
			}
		}
	})
	return Interact(ctx, Terminal{
		In: keys, Out: out, Resized: resized, Lines: lines,
		Size: func() (width, height int) {
			width, height, _ = term.GetSize(int(out.Fd())) // 0 on an error
			return width, height
		},
	}, client, first)
}

// fileReader reads a terminal so that Close ends a Read.
type fileReader struct {
	fd   int
	stop [2]int // a pipe that ends the reader
	once sync.Once
}

func newFileReader(f *os.File) (*fileReader, error) {
	r := &fileReader{fd: int(f.Fd())}
	if err := unix.Pipe2(r.stop[:], unix.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("read terminal: %w", err)
	}
	return r, nil
}

// Read implements io.Reader.
func (r *fileReader) Read(p []byte) (int, error) {
	for {
		fds := []unix.PollFd{{Fd: int32(r.fd), Events: unix.POLLIN}, {Fd: int32(r.stop[0]), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); errors.Is(err, unix.EINTR) {
			continue
		} else if err != nil {
			return 0, fmt.Errorf("wait for keys: %w", err)
		} else if fds[1].Revents != 0 {
			return 0, io.EOF
		}
		n, err := unix.Read(r.fd, p)
		switch {
		case errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN):
		case err != nil:
			return 0, fmt.Errorf("read keys: %w", err)
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// Close implements io.Closer.
func (r *fileReader) Close() error {
	r.once.Do(func() { unix.Close(r.stop[1]) })
	return nil
}

// release frees what Close left to a Read that may go on.
func (r *fileReader) release() {
	_ = r.Close() // cannot fail
	unix.Close(r.stop[0])
}
