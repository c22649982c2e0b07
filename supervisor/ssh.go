package supervisor

import (
	"context"
	"fmt"
	"net"
	"path/filepath"

	"trunkline/cli/sshd"
	"trunkline/config"
	"trunkline/feature/login"
	"trunkline/feature/system"
	"trunkline/internal/version"
)

// Door is an address on which a service listens. It is a flag.Value: what is
// given explicitly must be had.
type Door struct {
	Address string // "HOST:PORT", "" for off
	// Optional says that the supervisor goes on without it where the address
	// cannot be had.
	Optional bool
}

// DefaultSSH is where the SSH server listens if nothing else is said.
var DefaultSSH = Door{Address: "127.0.0.1:2222", Optional: true}

// String implements flag.Value.
func (d *Door) String() string { return d.Address }

// Set implements flag.Value.
func (d *Door) Set(address string) error {
	if address != "" {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return err
		}
	}
	*d = Door{Address: address}
	return nil
}

// ssh is the SSH server while configuration has it on.
type ssh struct {
	s        *Supervisor
	door     Door
	server   *sshd.Server
	listener net.Listener // nil while it is off
}

// openSSH makes the SSH server and takes its address; nil without one.
func (s *Supervisor) openSSH() (*ssh, error) {
	door := s.cfg.SSH
	if door.Address == "" {
		return nil, nil
	}
	server, err := sshd.New(sshd.Config{
		Keys: filepath.Join(s.cfg.StateDir, "ssh"), Auth: s.users, Sessions: s.remote,
		Settings: func() sshd.Settings {
			c := s.login()
			return sshd.Settings{Attempts: int(c.Attempts), Sessions: int(c.Sessions), Banner: c.Banner}
		},
		Notice: system.Notice, Warning: s.users.Warning, Version: version.String, Log: s.log,
	})
	if err != nil {
		return nil, err
	}
	d := &ssh{s: s, door: door, server: server}
	if s.login().SSH {
		if err := d.listen(); err != nil && !door.Optional {
			return nil, err
		} else if err != nil {
			s.log.Warn("no SSH server", "err", err)
		}
	}
	return d, nil
}

// login is the configuration of lines and logins.
func (s *Supervisor) login() login.Config { return login.Read(s.config.Running().Tree) }

func (d *ssh) listen() error {
	l, err := net.Listen("tcp", d.door.Address)
	if err != nil {
		return fmt.Errorf("listen for SSH: %w", err)
	}
	d.listener = l
	d.s.log.Info("SSH server", "address", l.Addr().String())
	return nil
}

// run serves clients until ctx is done, and all have gone. Where configuration
// turns the server off, those who are logged in stay.
func (d *ssh) run(ctx context.Context) {
	defer d.server.Wait()
	on := d.listener != nil
	if on {
		d.server.Go(ctx, d.listener)
	}
	failed := !on // to listen, at the start: not again with each commit
	_ = d.s.config.Follow(ctx, func(_, now config.Snapshot) {
		want := login.Read(now.Tree).SSH
		switch {
		case !want && on:
			d.close()
		case want && !on && !failed:
			if err := d.listen(); err != nil {
				d.s.log.Warn("no SSH server", "err", err)
				failed = true
				return
			}
			d.server.Go(ctx, d.listener)
		}
		on = want && d.listener != nil
		failed = failed && want
	}) // ends with ctx
}

// close stops listening.
func (d *ssh) close() {
	if d != nil && d.listener != nil {
		_ = d.listener.Close() // closed already when the server ran
		d.listener = nil
	}
}
