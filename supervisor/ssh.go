package supervisor

import (
	"context"
	"flag"
	"path/filepath"
	"sync"

	"trunkline/cli/sshd"
	"trunkline/config"
	"trunkline/feature/login"
	"trunkline/feature/system"
	"trunkline/internal/version"
	"trunkline/supervisor/listen"
)

// DefaultSSH is where the SSH server listens if nothing else is said.
var DefaultSSH = listen.Follow(22, 2222)

// SSHFlag declares the flag of the SSH server. The result holds what it says once
// flags have been parsed.
func SSHFlag(fs *flag.FlagSet) *listen.Where {
	w := DefaultSSH
	fs.Var(&w, "ssh", "`address` of the SSH server, HOST:PORT; empty for none")
	return &w
}

// ssh is the SSH server while configuration has it on.
type ssh struct {
	s      *Supervisor
	server *sshd.Server

	mu       sync.Mutex
	listener *listen.Listener // nil while it is off
}

// openSSH makes the SSH server and takes its address; nil without one.
func (s *Supervisor) openSSH() (*ssh, error) {
	if s.cfg.SSH.Off() {
		return nil, nil
	}
	server, err := sshd.New(sshd.Config{
		Keys: filepath.Join(s.cfg.StateDir, "ssh"), Auth: s.users, Sessions: s.remote,
		Settings: func() sshd.Settings {
			c := s.login()
			return sshd.Settings{Attempts: int(c.Attempts), Sessions: int(c.Sessions), Banner: c.Banner, Exec: c.Exec}
		},
		Notice: system.Notice, Warning: s.users.Warning, Version: version.String, Log: s.log,
	})
	if err != nil {
		return nil, err
	}
	d := &ssh{s: s, server: server}
	if s.login().SSH {
		if err := d.listen(); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// login is the configuration of lines and logins.
func (s *Supervisor) login() login.Config { return login.Read(s.config.Running().Tree) }

func (d *ssh) listen() error {
	l, err := listen.Open(listen.Service{Name: "SSH", Patience: sshd.DefaultLimits.Write}, d.s.cfg.SSH, d.s, d.s.log)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.listener = l
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
	_ = d.s.config.Follow(ctx, func(_, now config.Snapshot) {
		d.server.Review()
		want := login.Read(now.Tree).SSH
		switch {
		case !want && on:
			d.close()
		case want && !on:
			if err := d.listen(); err != nil { // not again with each commit
				d.s.log.Warn("no SSH server", "error", err)
				break
			}
			d.server.Go(ctx, d.listener)
		}
		on = want
	}) // ends with ctx
}

// close stops listening.
func (d *ssh) close() {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.listener != nil {
		_ = d.listener.Close() // closed already when the server ran
		d.listener = nil
	}
}

// serves reports whether it has an address to serve.
func (d *ssh) serves() bool {
	if d == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.listener != nil
}
