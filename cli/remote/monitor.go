package remote

import (
	"io"
	"sync"
)

// ordered writes one frame at a time: answers and notices come from different
// goroutines.
type ordered struct {
	io.ReadWriteCloser
	writing sync.Mutex
}

func (o *ordered) Write(p []byte) (int, error) {
	o.writing.Lock()
	defer o.writing.Unlock()
	return o.ReadWriteCloser.Write(p)
}

// monitor shows messages to one login. Its fields are guarded by Server.mu.
type monitor struct {
	stop    func()         // nil while it is off
	showing sync.WaitGroup // waited for without the lock
}

// Monitor shows the switch's messages on the terminal of a login, or no longer.
// It reports whether there is one.
func (s *Server) Monitor(id uint64, on bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.logins[id]
	switch {
	case l == nil || l.conn == nil || s.Messages == nil:
		return false
	case !on:
		l.monitor.end()
	case l.monitor.stop == nil:
		lines, cancel := s.Messages()
		ended := make(chan struct{})
		l.monitor.stop = func() { cancel(); close(ended) }
		l.monitor.showing.Go(func() {
			for {
				select {
				case line := <-lines:
					if writeFrame(l.conn, notice, cleaned(clip(line+"\n"))) != nil {
						return // the session notices
					}
				case <-ended:
					return
				}
			}
		})
	}
	return true
}

func (m *monitor) end() {
	if m.stop != nil {
		m.stop()
		m.stop = nil
	}
}

// frame is one frame as read.
type frame struct {
	kind kind
	body []byte
}

// read takes frames from the server until the stream ends: notices go to
// whoever asked for them, all else to next.
func (c *Client) read() {
	defer close(c.frames)
	for {
		k, body, err := readFrame(c.conn)
		if err != nil {
			c.err = err
			return
		}
		if k == notice {
			c.notify(body)
			continue
		}
		select {
		case c.frames <- frame{k, body}:
		case <-c.closed:
			return
		}
	}
}

// Notify shows a text as if the switch had said it unasked: what reaches the
// terminal's process by another way than the session. It reports whether anybody
// had asked for it (Notices).
func (c *Client) Notify(text string) bool { return c.notify(cleaned(text)) }

func (c *Client) notify(text []byte) bool {
	c.showing.Lock()
	defer c.showing.Unlock()
	c.mu.Lock()
	show := c.show
	c.mu.Unlock()
	if show != nil {
		show(text)
	}
	return show != nil
}

// next returns the next frame that is an answer.
func (c *Client) next() (kind, []byte, error) {
	if f := c.peeked; f != nil {
		c.peeked = nil
		return f.kind, f.body, nil
	}
	f, ok := <-c.frames
	switch {
	case ok:
		return f.kind, f.body, nil
	case c.err != nil: // set before frames was closed
		return 0, nil, c.err
	}
	return 0, nil, io.ErrClosedPipe
}

// Notices has what the switch says unasked (terminal monitor) shown by f, which
// is called while the client waits for the operator and while a line runs, one
// call at a time; nil drops it, as does a client that has not called Notices.
func (c *Client) Notices(f func(text []byte)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.show = f
}
