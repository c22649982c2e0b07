package sftpd

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"sync"
)

// Types of packets (draft-ietf-secsh-filexfer-02 §3).
const (
	typeOpen    = 3
	typeRead    = 5
	typeWrite   = 6
	typeOpendir = 11
)

// gate stands between a client and the library. The library opens files in one
// goroutine and reads and writes them in others, and does not expect that a client
// uses a handle that it has guessed, before it was told. So what reads or writes
// waits until every open before it has been answered. Requests have one answer
// each, in their order.
type gate struct {
	in  *bufio.Reader
	out io.Writer

	left int64 // of the packet that the library reads, in bytes

	mu       sync.Mutex
	answered *sync.Cond
	requests uint64 // that the library has begun to read
	opens    uint64 // the number of the last that opens something
	answers  uint64
	closed   bool
	head     []byte // of the answer that is being written, up to its length
	rest     int64  // what is left of that answer, in bytes
}

func newGate(in io.Reader, out io.Writer) *gate {
	g := &gate{in: bufio.NewReaderSize(in, 32<<10), out: out}
	g.answered = sync.NewCond(&g.mu)
	return g
}

// errClosed is a request for a stream that has been closed.
var errClosed = errors.New("SFTP: the stream is closed")

// Read implements io.Reader for the library: what the client sends.
func (g *gate) Read(p []byte) (int, error) {
	if g.left == 0 {
		if err := g.admit(); err != nil {
			return 0, err
		}
	}
	n, err := g.in.Read(p[:min(int64(len(p)), g.left)])
	g.left -= int64(n)
	return n, err
}

// admit looks at the next packet and waits until it may go on.
func (g *gate) admit() error {
	head, err := g.in.Peek(4)
	if err != nil {
		if len(head) > 0 && errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	size := binary.BigEndian.Uint32(head)
	g.left = 4 + int64(size)
	if size == 0 {
		return nil // the library ends the conversation
	}
	if head, err = g.in.Peek(5); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests++
	switch head[4] {
	case typeOpen, typeOpendir:
		g.opens = g.requests
	case typeRead, typeWrite:
		for g.answers < g.opens && !g.closed {
			g.answered.Wait()
		}
	}
	if g.closed {
		return errClosed
	}
	return nil
}

// Write implements io.Writer for the library: its answers. They are counted once
// they are out.
func (g *gate) Write(p []byte) (int, error) {
	n, err := g.out.Write(p)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count(p[:n])
	if err != nil {
		g.closed = true
	}
	g.answered.Broadcast()
	return n, err
}

// count takes bytes of answers in.
func (g *gate) count(p []byte) {
	for len(p) > 0 {
		if g.rest == 0 {
			n := min(4-len(g.head), len(p))
			g.head = append(g.head, p[:n]...)
			if p = p[n:]; len(g.head) < 4 {
				return
			}
			g.rest, g.head = int64(binary.BigEndian.Uint32(g.head)), g.head[:0]
			if g.rest > 0 {
				continue
			}
		}
		n := min(g.rest, int64(len(p)))
		p = p[n:]
		if g.rest -= n; g.rest == 0 {
			g.answers++
		}
	}
}

// close ends who waits.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	g.answered.Broadcast()
}
