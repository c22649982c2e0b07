// Package local is the way of vemcmd to its line card: a stream socket that
// only the card's own user may open, with no supervisor in between.
//
// A request is one JSON line, {"args":["show","port"]}. The answer is a stream
// of frames: a byte that says what it is ('o' output, 'e' the error that ended
// the command, 'x' the end of a command that succeeded), a length of four bytes
// in network order, and that many bytes. A client that hangs up ends its
// command.
package local

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"trunkline/internal/unixsock"
)

// DefaultSocket is where a card listens if it is not told otherwise.
const DefaultSocket = "/run/trunkline/vem.sock"

// Bounds.
const (
	maxRequest = 64 << 10 // bytes
	maxFrame   = 64 << 10
	maxClients = 16
	helloTime  = 5 * time.Second // for the request to arrive
)

// Kinds of answer frames.
const (
	output = 'o'
	failed = 'e'
	ended  = 'x'
)

type request struct {
	Args []string `json:"args"`
}

// Command runs one command line and prints to out until it is done or ctx
// ends.
type Command func(ctx context.Context, args []string, out io.Writer) error

// Serve answers on the socket at path until ctx ends. A socket on which nobody
// answers is replaced; one of another process, or a file of another kind, is an
// error. The socket is gone when Serve returns, unless it was replaced.
func Serve(ctx context.Context, path string, run Command, log *slog.Logger) error {
	l, err := unixsock.Listen(path)
	if err != nil {
		return fmt.Errorf("serve local tool: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	var clients sync.WaitGroup
	defer clients.Wait()
	room := make(chan struct{}, maxClients)
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("serve local tool: %w", err)
		}
		select {
		case room <- struct{}{}:
		default: // one client too many: it sees its connection end
			_ = conn.Close()
			continue
		}
		clients.Go(func() {
			defer func() { <-room }()
			if err := serve(ctx, conn, run, log); err != nil {
				log.Debug("local tool", "error", err)
			}
		})
	}
}

func serve(ctx context.Context, conn net.Conn, run Command, log *slog.Logger) error {
	defer conn.Close() //nolint:errcheck // nothing is left to say to the client
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if err := conn.SetReadDeadline(time.Now().Add(helloTime)); err != nil {
		return err
	}
	in := bufio.NewReaderSize(io.LimitReader(conn, maxRequest), 4096)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	var r request
	if err := json.Unmarshal(line, &r); err != nil {
		return send(conn, failed, []byte("request is no JSON line"))
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	hung := make(chan struct{})
	go func() { // the client says no more: a read that ends is a client that went
		defer close(hung)
		_, _ = conn.Read(make([]byte, 1))
		cancel()
	}()
	defer func() { _ = conn.Close(); <-hung }()
	if err := guarded(ctx, run, r.Args, writer{conn}, log); err != nil {
		return send(conn, failed, []byte(err.Error()))
	}
	return send(conn, ended, nil)
}

// guarded runs a command; a panic there is an answer, and the card goes on.
func guarded(ctx context.Context, run Command, args []string, out io.Writer, log *slog.Logger) (err error) {
	defer func() {
		if r := recover(); r != nil {
			log.Error("panic in command", "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return run(ctx, args, out)
}

type writer struct{ conn net.Conn }

func (w writer) Write(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		part := p[n:min(len(p), n+maxFrame)]
		if err := send(w.conn, output, part); err != nil {
			return n, err
		}
		n += len(part)
	}
	return n, nil
}

func send(w io.Writer, kind byte, data []byte) error {
	b := make([]byte, 5, 5+len(data))
	b[0] = kind
	binary.BigEndian.PutUint32(b[1:], uint32(len(data)))
	_, err := w.Write(append(b, data...))
	return err
}

// Run has the card at the socket run a command and copies what it prints to
// out. The error is the command's, or one of the connection.
func Run(ctx context.Context, path string, args []string, out io.Writer) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return fmt.Errorf("reach the line card: %w", err)
	}
	defer conn.Close() //nolint:errcheck // read to its end or given up
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	line, err := json.Marshal(request{args})
	if err != nil {
		return err
	}
	if _, err := conn.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("ask the line card: %w", err)
	}
	return receive(conn, out)
}

func receive(r io.Reader, out io.Writer) error {
	in := bufio.NewReader(r)
	var head [5]byte
	for {
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return fmt.Errorf("the line card hung up: %w", err)
		}
		n := binary.BigEndian.Uint32(head[1:])
		if n > maxFrame {
			return fmt.Errorf("the line card sent a frame of %d bytes", n)
		}
		data := make([]byte, n)
		if _, err := io.ReadFull(in, data); err != nil {
			return fmt.Errorf("the line card hung up: %w", err)
		}
		switch head[0] {
		case output:
			if _, err := out.Write(data); err != nil {
				return err
			}
		case failed:
			return errors.New(string(data))
		case ended:
			return nil
		default:
			return fmt.Errorf("the line card sent a frame of kind %q", head[0])
		}
	}
}
