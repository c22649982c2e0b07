package sshd

import (
	"bytes"
	"io"
	"sync"
	"time"
)

// output writes to a channel. A client that does not take it in time is hung:
// the channel's window cannot be given up alone, so its connection goes.
type output struct {
	channel  io.Writer
	limit    time.Duration
	hung     func()
	terminal bool // a newline is a carriage return and a line feed

	mu   sync.Mutex // orders writers, and guards the following
	last byte       // that was written
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	late := time.AfterFunc(o.limit, o.hung)
	defer late.Stop()
	if len(p) == 0 || !o.terminal {
		return o.channel.Write(p)
	}
	b := p
	if bytes.IndexByte(p, '\n') >= 0 {
		b = make([]byte, 0, len(p)+bytes.Count(p, []byte{'\n'}))
		last := o.last
		for _, c := range p {
			if c == '\n' && last != '\r' {
				b = append(b, '\r')
			}
			b = append(b, c)
			last = c
		}
	}
	o.last = p[len(p)-1]
	if _, err := o.channel.Write(b); err != nil {
		return 0, err
	}
	return len(p), nil
}
