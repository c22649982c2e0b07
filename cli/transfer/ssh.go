package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"trunkline/cli/location"
	"trunkline/cli/scp"
)

// errNobody ends a login that needs a password where nobody can be asked.
var errNobody = location.Error("The password cannot be asked for here: use a terminal.")

// maxPasswords is how often a password may be wrong.
const maxPasswords = 3

// shell is a connection to an SSH server.
type shell struct{ *ssh.Client }

// overSSH logs in to the server of a URL and does something there.
func (c *Client) overSSH(ctx context.Context, u location.URL, vrf string, who location.Operator, do func(*shell) error) error {
	user, err := userOf(ctx, u, who)
	if err != nil {
		return err
	}
	conn, err := c.dial(ctx, "tcp", u.Address(), vrf)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // done with
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	who = conn.patient(who)
	l := &login{ctx: ctx, user: user, host: u.Host, who: who}
	cfg := &ssh.ClientConfig{
		User: user, Auth: l.methods(), HostKeyAlgorithms: c.known.algorithms(u.Address()),
		HostKeyCallback: func(_ string, remote net.Addr, key ssh.PublicKey) error {
			l.err = c.known.check(ctx, u.Host, u.Address(), remote, key, who)
			return l.err
		},
		BannerCallback: func(text string) error {
			if who.Say != nil {
				who.Say(strings.TrimRight(text, "\r\n"))
			}
			return nil
		},
	}
	sc, channels, requests, err := ssh.NewClientConn(conn, u.Address(), cfg)
	if err != nil {
		return l.failed(err)
	}
	s := &shell{ssh.NewClient(sc, channels, requests)}
	defer s.Close() //nolint:errcheck // done with
	return do(s)
}

// userOf is who logs in at a URL.
func userOf(ctx context.Context, u location.URL, who location.Operator) (string, error) {
	switch {
	case u.User != "":
		return u.User, nil
	case who.Ask == nil:
		return who.User, nil
	}
	user, err := who.Ask(ctx, "Enter username: ", false)
	if err != nil {
		return "", err
	}
	if user = strings.TrimSpace(user); user == "" {
		user = who.User
	}
	return user, nil
}

// login proves the user.
type login struct {
	ctx        context.Context
	user, host string
	who        location.Operator
	err        error // why it cannot go on, the operator's message
	asked      int
}

func (l *login) methods() []ssh.AuthMethod {
	return []ssh.AuthMethod{
		ssh.RetryableAuthMethod(ssh.PasswordCallback(func() (string, error) { return l.ask(l.user + "@" + l.host + "'s password: ") }), maxPasswords),
		ssh.RetryableAuthMethod(ssh.KeyboardInteractive(func(_, instruction string, questions []string, echos []bool) ([]string, error) {
			answers := make([]string, len(questions))
			for i, q := range questions {
				var err error
				if answers[i], err = l.ask(q); err != nil {
					return nil, err
				}
			}
			return answers, nil
		}), maxPasswords),
	}
}

func (l *login) ask(question string) (string, error) {
	if l.who.Ask == nil {
		l.err = errNobody
		return "", l.err
	}
	if l.asked++; l.asked > 2*maxPasswords {
		return "", errors.New("too many questions")
	}
	answer, err := l.who.Ask(l.ctx, question, true)
	l.err = err
	return answer, err
}

// failed is why there is no login.
func (l *login) failed(err error) error {
	switch {
	case l.err != nil:
		return l.err
	case strings.Contains(err.Error(), "unable to authenticate"), strings.Contains(err.Error(), "too many authentication failures"):
		return location.Error(fmt.Sprintf("%s: Permission denied for %s.", l.host, l.user))
	}
	return err
}

// get takes a file.
func (s *shell) get(u location.URL, m *meter) error {
	if u.Scheme == location.SFTP {
		return s.sftp(func(c *sftp.Client) error {
			f, err := c.Open(u.Remote())
			if err != nil {
				return err
			}
			defer f.Close() //nolint:errcheck // opened for reading
			if info, err := f.Stat(); err == nil {
				m.total = info.Size()
			}
			_, err = f.WriteTo(m)
			return err
		})
	}
	return s.scp("-f", u, func(c *scp.Conn) error {
		if err := c.OK(); err != nil {
			return err
		}
		for {
			r, err := c.Next()
			switch {
			case errors.Is(err, io.EOF):
				return io.ErrUnexpectedEOF
			case err != nil:
				return err
			case r.Kind == scp.Times:
				if err := c.OK(); err != nil {
					return err
				}
				continue
			case r.Kind != scp.File:
				return location.Error("Is a directory: " + u.String())
			}
			m.total = r.Size
			if err := c.OK(); err != nil {
				return err
			}
			refused, err := c.Receive(r, m)
			if err = errors.Join(refused, err); err != nil {
				return err
			}
			return c.OK()
		}
	})
}

// put makes a file.
func (s *shell) put(u location.URL, r io.Reader, size int64) error {
	if u.Scheme == location.SFTP {
		return s.sftp(func(c *sftp.Client) error {
			f, err := c.Create(u.Remote())
			if err != nil {
				return err
			}
			_, err = f.ReadFrom(io.LimitReader(r, size))
			return errors.Join(err, f.Close())
		})
	}
	return s.scp("-t", u, func(c *scp.Conn) error {
		if err := c.Answer(); err != nil {
			return err
		}
		return c.Send(u.Name(), size, r)
	})
}

// sftp does something as a client of the subsystem.
func (s *shell) sftp(do func(*sftp.Client) error) error {
	c, err := sftp.NewClient(s.Client)
	if err != nil {
		return fmt.Errorf("SFTP: %w", err)
	}
	defer c.Close() //nolint:errcheck // done with
	return do(c)
}

// scp does something with the program scp of the other machine.
func (s *shell) scp(mode string, u location.URL, do func(*scp.Conn) error) error {
	session, err := s.NewSession()
	if err != nil {
		return err
	}
	defer session.Close() //nolint:errcheck // done with
	in, err := session.StdoutPipe()
	if err != nil {
		return err
	}
	out, err := session.StdinPipe()
	if err != nil {
		return err
	}
	if err := session.Start("scp " + mode + " -- " + scp.Quote(u.Remote())); err != nil {
		return err
	}
	if err := do(scp.NewConn(in, out)); err != nil {
		return err
	}
	_ = out.Close() // the other end has answered
	return session.Wait()
}
