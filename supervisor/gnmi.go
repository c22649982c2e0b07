package supervisor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"trunkline/cli/session"
	"trunkline/feature"
	"trunkline/feature/grpc"
	"trunkline/gnmi"
	"trunkline/internal/unixsock"
	"trunkline/supervisor/listen"
	"trunkline/supervisor/pki"
)

// DefaultGNMI is where gNMI is served if nothing else is said: on its registered
// port.
var DefaultGNMI = listen.Follow(9339, 9339)

// GNMI says how gNMI is served.
type GNMI struct {
	// Where it is served with TLS.
	Where listen.Where
	// Cert and Key are PEM files; "" for a self-signed certificate of the
	// chassis's own. CA, if not "", are the authorities of client certificates,
	// which then every client must show.
	Cert, Key, CA string
	// Socket is a Unix socket where it is served without TLS to the user that the
	// process runs as; "" for none.
	Socket string
}

// GNMIFlags declares the flags of gNMI. The function returns what they say once
// they have been parsed.
func GNMIFlags(fs *flag.FlagSet) func() GNMI {
	g := GNMI{Where: DefaultGNMI}
	fs.Var(&g.Where, "gnmi", "`address` to serve gNMI on, HOST:PORT; empty for none")
	fs.StringVar(&g.Cert, "tls-cert", "", "PEM file of the certificate of gNMI; empty: self-signed, made at the first start")
	fs.StringVar(&g.Key, "tls-key", "", "PEM file of its key")
	fs.StringVar(&g.CA, "tls-ca", "", "PEM file of the authorities of client certificates, which are then required")
	return func() GNMI { return g }
}

// door is the gNMI service while configuration has it on.
type door struct {
	server *gnmi.Server // nil for none
	config *tls.Config

	mu     sync.Mutex
	secure *listen.Listener // nil for none
	local  net.Listener     // nil for none
}

// openGNMI makes the gNMI server and takes its addresses.
func (s *Supervisor) openGNMI() error {
	cfg := s.cfg.GNMI
	if cfg.Where.Off() && cfg.Socket == "" {
		return nil
	}
	server, err := gnmi.New(gnmi.Config{
		Store: s.config, State: s.operational, Observer: s.state, Users: s.users, CLI: session.Program{CLI: s.cli}, Log: s.log,
		Refused: s.refused, Rights: s.rights, Owners: feature.NewOwners(s.features),
	})
	if err != nil {
		return err
	}
	if !cfg.Where.Off() {
		if s.gnmi.config, err = serviceTLS(cfg, s.cfg.StateDir); err != nil {
			return fmt.Errorf("gNMI: %w", err)
		}
	}
	s.gnmi.server = server
	if !s.wantsGNMI() {
		return nil
	}
	return s.listenGNMI()
}

// wantsGNMI reports whether configuration has gNMI on.
func (s *Supervisor) wantsGNMI() bool { return grpc.Enabled(s.config.Running().Tree) }

// listenGNMI takes the addresses of gNMI, all or none.
func (s *Supervisor) listenGNMI() error {
	cfg, d := s.cfg.GNMI, &s.gnmi
	d.mu.Lock()
	defer d.mu.Unlock()
	if !cfg.Where.Off() {
		l, err := listen.Open(listen.Service{Name: "gNMI", Patience: gnmi.Patience}, cfg.Where, s, s.log)
		if err != nil {
			return err
		}
		d.secure = l
	}
	if cfg.Socket != "" {
		l, err := unixsock.Listen(cfg.Socket)
		if err != nil {
			d.shut()
			return fmt.Errorf("gNMI: %w", err)
		}
		d.local = l
	}
	return nil
}

// serveGNMI serves clients until ctx ends, while configuration has gNMI on.
func (s *Supervisor) serveGNMI(ctx context.Context) error {
	if s.gnmi.server == nil {
		return nil
	}
	wake, cancel := s.config.Subscribe()
	defer cancel()
	changed := func(ctx context.Context) {
		select {
		case <-wake:
		case <-ctx.Done():
		}
	}
	for on := s.gnmi.open(); ctx.Err() == nil; {
		switch want := s.wantsGNMI(); {
		case on && want:
			if err := s.serveGNMIOnce(ctx, changed); err != nil {
				return err
			}
			on = false
		case want:
			if err := s.listenGNMI(); err != nil {
				s.log.Warn("no gNMI server", "error", err)
				for s.wantsGNMI() && ctx.Err() == nil { // not again with each commit
					changed(ctx)
				}
				break
			}
			on = true
		case on: // turned off before it was served
			s.gnmi.close()
			on = false
		default:
			changed(ctx)
		}
	}
	return nil
}

// serveGNMIOnce serves clients until configuration turns gNMI off. Those who are
// there are cut off, but whoever turned it off gets the answer first.
func (s *Supervisor) serveGNMIOnce(ctx context.Context, changed func(context.Context)) error {
	serving, stop := context.WithCancel(ctx)
	defer stop()
	secure, local := s.gnmi.listeners()
	var err error
	var ended sync.WaitGroup
	ended.Go(func() {
		defer stop()
		err = s.gnmi.server.Serve(serving, s.gnmi.config, secure, local)
	})
	over := make(chan struct{})
	ended.Go(func() {
		defer close(over)
		for s.wantsGNMI() && serving.Err() == nil {
			changed(serving)
		}
	})
	select {
	case <-serving.Done():
	case <-over:
		select {
		case <-time.After(settleTime + farewell):
		case <-serving.Done():
		}
	}
	stop()
	ended.Wait()
	s.gnmi.close()
	return err
}

// GNMIAddress is where gNMI is served with TLS, nil for nowhere.
func (s *Supervisor) GNMIAddress() net.Addr {
	s.gnmi.mu.Lock()
	defer s.gnmi.mu.Unlock()
	if s.gnmi.secure == nil {
		return nil
	}
	return s.gnmi.secure.Addr()
}

// open reports whether there is an address.
func (d *door) open() bool {
	secure, local := d.listeners()
	return len(secure)+len(local) > 0
}

// listeners are those of clients with TLS and of local ones.
func (d *door) listeners() (secure, local []net.Listener) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.secure != nil {
		secure = append(secure, d.secure)
	}
	if d.local != nil {
		local = append(local, d.local)
	}
	return secure, local
}

// close ends listening; a server that ran has done so.
func (d *door) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut()
}

// shut is close; mu is held.
func (d *door) shut() {
	if d.secure != nil {
		_ = d.secure.Close()
	}
	if d.local != nil {
		_ = d.local.Close()
	}
	d.secure, d.local = nil, nil
}

// serviceTLS is the TLS configuration of services for programs.
func serviceTLS(cfg GNMI, dir string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	var cert tls.Certificate
	var err error
	switch {
	case cfg.Cert == "" && cfg.Key == "":
		cert, err = pki.Service(filepath.Join(dir, pki.Dir, "gnmi.pem"), "trunkline")
	case cfg.Cert == "" || cfg.Key == "":
		err = errors.New("a certificate needs its key, and a key its certificate")
	default:
		cert, err = tls.LoadX509KeyPair(cfg.Cert, cfg.Key)
	}
	if err != nil {
		return nil, err
	}
	config.Certificates = []tls.Certificate{cert}
	if cfg.CA == "" {
		return config, nil
	}
	text, err := os.ReadFile(cfg.CA)
	if err != nil {
		return nil, fmt.Errorf("authorities of clients: %w", err)
	}
	config.ClientCAs, config.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !config.ClientCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("authorities of clients: %s holds no certificate", cfg.CA)
	}
	return config, nil
}
