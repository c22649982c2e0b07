package syslog

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"

	"trunkline/feature/logging"
)

// errFingerprint is why a server is not spoken to that shows another certificate
// than the one that is trusted.
var errFingerprint = errors.New("the certificate has another fingerprint")

// secure speaks TLS over a connection and returns once the server has proved who
// it is (RFC 5425 §4.2.1, §5): by a certificate for the name or address that
// configuration has, signed by an authority that is trusted, or, with a
// fingerprint, by that one certificate. Nothing is sent before.
func (s *sender) secure(ctx context.Context, conn net.Conn, to logging.Server) (net.Conn, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: to.Host}
	switch t := to.Transport; {
	case t.Pinned():
		// The check by authorities is replaced by a stricter one, which holds for
		// every handshake.
		cfg.InsecureSkipVerify = true
		cfg.VerifyConnection = func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 || sha256.Sum256(state.PeerCertificates[0].Raw) != t.Fingerprint {
				return errFingerprint
			}
			return nil
		}
	case t.CA != "":
		pem, err := s.cfg.File(t.CA)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", t.CA, err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("no certificate in %s", t.CA)
		}
	}
	c := tls.Client(conn, cfg)
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return c, nil
}
