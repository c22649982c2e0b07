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

	"trunkline/cli/session"
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

// door is an open gNMI service.
type door struct {
	server *gnmi.Server
	config *tls.Config
	secure *listen.Listener // nil for none
	local  net.Listener     // nil for none
}

// openGNMI listens for gNMI clients.
func (s *Supervisor) openGNMI() error {
	cfg := s.cfg.GNMI
	if cfg.Where.Off() && cfg.Socket == "" {
		return nil
	}
	var err error
	if s.gnmi.server, err = gnmi.New(gnmi.Config{
		Store: s.config, State: s.operational, Observer: s.state, Users: s.users, CLI: session.Program{CLI: s.cli}, Log: s.log,
		Refused: s.refused,
	}); err != nil {
		return err
	}
	if !cfg.Where.Off() {
		if s.gnmi.config, err = serviceTLS(cfg, s.cfg.StateDir); err != nil {
			return fmt.Errorf("gNMI: %w", err)
		}
		if s.gnmi.secure, err = listen.Open(listen.Service{Name: "gNMI", Patience: gnmi.Patience}, cfg.Where, s, s.log); err != nil {
			return err
		}
	}
	if cfg.Socket != "" {
		if s.gnmi.local, err = unixsock.Listen(cfg.Socket); err != nil {
			s.gnmi.local = nil
			return fmt.Errorf("gNMI: %w", err)
		}
	}
	return nil
}

// serveGNMI serves clients until ctx ends.
func (s *Supervisor) serveGNMI(ctx context.Context) error {
	d := &s.gnmi
	if d.server == nil {
		return nil
	}
	var secure, local []net.Listener
	if d.secure != nil {
		secure = append(secure, d.secure)
	}
	if d.local != nil {
		local = append(local, d.local)
	}
	return d.server.Serve(ctx, d.config, secure, local)
}

// GNMIAddress is where gNMI is served with TLS, nil for nowhere.
func (s *Supervisor) GNMIAddress() net.Addr {
	if s.gnmi.secure == nil {
		return nil
	}
	return s.gnmi.secure.Addr()
}

// close ends listening; a server that ran has done so.
func (d *door) close() {
	if d.secure != nil {
		_ = d.secure.Close()
	}
	if d.local != nil {
		_ = d.local.Close()
	}
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
