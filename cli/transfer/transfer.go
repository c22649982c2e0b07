// Package transfer copies files from and to other machines (location.Transfer):
// as a client of SCP, SFTP and HTTP.
//
// The key of an SSH server that is new is shown to who can be asked, and kept once
// he agrees; where nobody can be asked such a server is refused. So is one with
// another key than the one that is kept: somebody may be in between. HTTPS servers
// need a certificate that the machine trusts, for their name.
//
// Nothing waits for ever: an end that is silent for too long is given up, and ctx
// ends everything at once. Sizes are for who takes the bytes to bound; the other
// end has no say in them.
package transfer

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"trunkline/cli/location"
)

// Config says how a client reaches other machines.
type Config struct {
	// KnownHosts is the file with the keys of SSH servers.
	KnownHosts string
	// Dial connects to "host:port" in a VRF: "management", "default" or "".
	Dial func(ctx context.Context, network, address, vrf string) (net.Conn, error)
	// Roots are the authorities of HTTPS servers; nil for those of the machine.
	Roots *x509.CertPool
	// Silence is how long the other end may say nothing; 0 for DefaultSilence.
	Silence time.Duration
}

// DefaultSilence is how long the other end may say nothing.
const DefaultSilence = 30 * time.Second

// Client copies files. It is safe for concurrent use.
type Client struct {
	cfg   Config
	known known
}

var _ location.Transfer = (*Client)(nil)

// New returns a client.
func New(c Config) *Client {
	if c.Silence == 0 {
		c.Silence = DefaultSilence
	}
	return &Client{cfg: c, known: known{file: c.KnownHosts}}
}

// Get implements location.Transfer.
func (c *Client) Get(ctx context.Context, from location.URL, vrf string, who location.Operator, w io.Writer) error {
	who = who.Printable()
	m := &meter{who: who, w: w, total: -1}
	var err error
	switch {
	case from.SSH():
		err = c.overSSH(ctx, from, vrf, who, func(s *shell) error { return s.get(from, m) })
	default:
		err = c.getHTTP(ctx, from, vrf, who, m)
	}
	if m.err != nil {
		err = m.err // of w: it says more than what came of it
	}
	return said(ctx, from, err)
}

// Put implements location.Transfer.
func (c *Client) Put(ctx context.Context, to location.URL, vrf string, who location.Operator, r io.Reader, size int64) error {
	if !to.Writable() {
		return location.Error("Files cannot be written by " + to.Scheme)
	}
	who = who.Printable()
	m := &meter{who: who, w: io.Discard, total: size}
	err := c.overSSH(ctx, to, vrf, who, func(s *shell) error { return s.put(to, io.TeeReader(r, m), size) })
	return said(ctx, to, err)
}

// Forget implements location.Transfer.
func (c *Client) Forget() error { return c.known.forget() }

// said is what the operator reads of an error.
func said(ctx context.Context, u location.URL, err error) error {
	var timeout net.Error
	switch {
	case err == nil || ctx.Err() != nil:
		return errors.Join(ctx.Err(), err)
	case isMessage(err):
		return err
	case errors.As(err, &timeout) && timeout.Timeout():
		return location.Error(u.Host + " does not answer")
	}
	return location.Error(fmt.Sprintf("%s: %s", u.Host, reason(err)))
}

// reason is the last part of an error that the operating system or the other end
// has said.
func reason(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		err = op.Err
		if inner := errors.Unwrap(err); inner != nil {
			err = inner
		}
	}
	return err.Error()
}

// isMessage reports whether an error is an operator's message already, as those of
// file systems are.
func isMessage(err error) bool {
	text := err.Error()
	return len(text) > 6 && text[:6] == "ERROR:"
}

// meter counts what is moved.
type meter struct {
	who   location.Operator
	w     io.Writer
	done  int64
	total int64 // -1 where it is not known
	err   error // of w
}

// Write implements io.Writer.
func (m *meter) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	m.done += int64(n)
	m.err = err
	if m.who.Moved != nil && err == nil {
		m.who.Moved(m.done, m.total)
	}
	return n, err
}

// dial connects; the connection ends with ctx, and with silence.
func (c *Client) dial(ctx context.Context, network, address, vrf string) (*impatient, error) {
	soon, cancel := context.WithTimeout(ctx, c.cfg.Silence)
	defer cancel()
	conn, err := c.cfg.Dial(soon, network, address, vrf)
	if err != nil {
		return nil, err
	}
	return &impatient{Conn: conn, limit: c.cfg.Silence}, nil
}

// impatient is a connection whose other end may not be silent for long, unless
// what it waits for is a person at this end.
type impatient struct {
	net.Conn
	limit time.Duration

	mu     sync.Mutex // of the limit of reading
	paused int
}

// Read implements io.Reader.
func (i *impatient) Read(p []byte) (int, error) {
	if err := i.extend(0); err != nil {
		return 0, err
	}
	return i.Conn.Read(p)
}

// extend gives the other end its time again; by is 1 when a person begins to think,
// -1 when he has ended.
func (i *impatient) extend(by int) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.paused += by
	if i.paused > 0 {
		return i.SetReadDeadline(time.Time{})
	}
	return i.SetReadDeadline(time.Now().Add(i.limit))
}

// Write implements io.Writer.
func (i *impatient) Write(p []byte) (int, error) {
	if err := i.SetWriteDeadline(time.Now().Add(i.limit)); err != nil {
		return 0, err
	}
	return i.Conn.Write(p)
}

// patient is the operator, who may take his time.
func (i *impatient) patient(who location.Operator) location.Operator {
	ask := who.Ask
	if ask == nil {
		return who
	}
	who.Ask = func(ctx context.Context, question string, hidden bool) (string, error) {
		// A connection that is gone is noticed when it is used.
		_ = i.extend(1)
		defer i.extend(-1) //nolint:errcheck // likewise
		return ask(ctx, question, hidden)
	}
	return who
}
