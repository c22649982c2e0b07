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
	"trunkline/supervisor/pki"
)

// DefaultGNMI is where gNMI is served while there is no mgmt0: the registered
// port on loopback.
const DefaultGNMI = "127.0.0.1:9339"

// GNMI says how gNMI is served.
type GNMI struct {
	// Address to listen on with TLS, "" for none. Taken, it is an error unless
	// Optional is set, for the default that nobody asked for.
	Address  string
	Optional bool
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
	const name = "gnmi"
	var g GNMI
	fs.StringVar(&g.Address, name, DefaultGNMI, "address to serve gNMI on; empty for none")
	fs.StringVar(&g.Cert, "tls-cert", "", "PEM file of the certificate of gNMI; empty: self-signed, made at the first start")
	fs.StringVar(&g.Key, "tls-key", "", "PEM file of its key")
	fs.StringVar(&g.CA, "tls-ca", "", "PEM file of the authorities of client certificates, which are then required")
	return func() GNMI {
		g.Optional = true
		fs.Visit(func(f *flag.Flag) { g.Optional = g.Optional && f.Name != name })
		return g
	}
}

// door is an open gNMI service.
type door struct {
	server        *gnmi.Server
	config        *tls.Config
	secure, local []net.Listener
}

// openGNMI listens for gNMI clients.
func (s *Supervisor) openGNMI() error {
	cfg := s.cfg.GNMI
	if cfg.Address == "" && cfg.Socket == "" {
		return nil
	}
	var err error
	if s.gnmi.server, err = gnmi.New(gnmi.Config{
		Store: s.config, State: s.operational, Observer: s.state, Users: s.users, CLI: session.Program{CLI: s.cli}, Log: s.log,
	}); err != nil {
		return err
	}
	if cfg.Address != "" {
		if s.gnmi.config, err = serviceTLS(cfg, s.cfg.StateDir); err != nil {
			return fmt.Errorf("gNMI: %w", err)
		}
		switch l, err := net.Listen("tcp", cfg.Address); {
		case err == nil:
			s.gnmi.secure = append(s.gnmi.secure, l)
		case cfg.Optional:
			s.log.Warn("gNMI is not served", "error", err)
		default:
			return fmt.Errorf("gNMI: %w", err)
		}
	}
	if cfg.Socket != "" {
		l, err := unixsock.Listen(cfg.Socket)
		if err != nil {
			return fmt.Errorf("gNMI: %w", err)
		}
		s.gnmi.local = append(s.gnmi.local, l)
	}
	return nil
}

// serveGNMI serves clients until ctx ends.
func (s *Supervisor) serveGNMI(ctx context.Context) error {
	if s.gnmi.server == nil {
		return nil
	}
	return s.gnmi.server.Serve(ctx, s.gnmi.config, s.gnmi.secure, s.gnmi.local)
}

// GNMIAddress is where gNMI is served with TLS, nil for nowhere.
func (s *Supervisor) GNMIAddress() net.Addr {
	if len(s.gnmi.secure) == 0 {
		return nil
	}
	return s.gnmi.secure[0].Addr()
}

// close ends listening; a server that ran has done so.
func (d *door) close() {
	for _, l := range append(d.secure, d.local...) {
		_ = l.Close()
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
