package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// serviceLife is how long the certificate of a service is valid. Nothing renews
// it: it is self-signed, so clients trust it as it is or not at all.
const serviceLife = 20 * 365 * 24 * time.Hour

// Service returns the certificate by which a service for operators and programs
// is known, as gNMI. It is self-signed and made when the file, a PEM text with
// its key, is not there; then it is kept, with mode 0600.
func Service(file, name string) (tls.Certificate, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		if text, err = newService(name); err == nil {
			if err = os.MkdirAll(filepath.Dir(file), 0o700); err == nil {
				err = replace(file, text)
			}
		}
	}
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("certificate of %s: %w", name, err)
	}
	cert, err := tls.X509KeyPair(text, text)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("certificate in %s: %w", file, err)
	}
	return cert, nil
}

func newService(name string) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name, Organization: []string{"Trunkline"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(serviceLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, DNSNames: []string{name, "localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return append(encodePEM(der, "CERTIFICATE"), encodePEM(private, "PRIVATE KEY")...), nil
}
