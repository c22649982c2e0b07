// Package pki is the certificate authority of one chassis. It is made at the
// first start and kept in the state directory; its certificate names the
// chassis by a GUID. From it come the supervisor's certificate and one per line
// card, which names the host by its UUID.
//
//	DIR/ca.crt ca.key   the authority; the key is readable by its owner only
//	DIR/cards.json      one record per host: the key it is known by
//	DIR/tokens.json     hashes of enrolment tokens that are not used up
//
// Certificates do not expire (see api.Verify). What a card may do is decided by
// its record: a host has one key, the first one seen unless an operator's token
// replaced it, and a certificate for another key is refused.
//
// All methods may be called from any goroutine. Files are replaced whole,
// written and synced before they take their name.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"trunkline/linecard/api"
)

// Dir is the name that the directory has in a supervisor's state directory.
const Dir = "pki"

const (
	caFile     = "ca.crt"
	caKeyFile  = "ca.key"
	cardsFile  = "cards.json"
	tokensFile = "tokens.json"

	blockCertificate = "CERTIFICATE"
	blockKey         = "PRIVATE KEY"
)

// The validity of everything issued (RFC 5280 §4.1.2.5: the end of time).
var (
	notBefore = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	notAfter  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
)

// Authority is the certificate authority of a chassis.
type Authority struct {
	dir     string
	chassis string
	cert    *x509.Certificate
	key     *ecdsa.PrivateKey
	server  tls.Certificate

	mu     sync.Mutex
	cards  map[string]record // by host UUID
	tokens map[string]grant  // by hash of the secret
}

// Open returns the authority in dir, making it at the first start. A directory
// that holds half an authority is an error: making a new one would lock out
// every card.
func Open(dir string) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open certificate authority %s: %w", dir, err)
	}
	a := &Authority{dir: dir, cards: map[string]record{}, tokens: map[string]grant{}}
	if err := a.load(); errors.Is(err, fs.ErrNotExist) {
		if err := a.create(); err != nil {
			return nil, fmt.Errorf("create certificate authority: %w", err)
		}
	} else if err != nil {
		return nil, fmt.Errorf("open certificate authority %s: %w", dir, err)
	}
	if err := a.loadRecords(); err != nil {
		return nil, err
	}
	if err := a.issueServer(); err != nil {
		return nil, fmt.Errorf("issue certificate of supervisor: %w", err)
	}
	return a, nil
}

// Chassis is the GUID of the chassis.
func (a *Authority) Chassis() string { return a.chassis }

// Certificate is the authority's own certificate.
func (a *Authority) Certificate() *x509.Certificate { return a.cert }

// Fingerprint is the SHA-256 of the authority's certificate, in hex.
func (a *Authority) Fingerprint() string { return api.Fingerprint(a.cert) }

// TLS is the configuration of the server that cards connect to: TLS 1.3, the
// supervisor's certificate with the authority's behind it. A client may show a
// certificate; what it is worth is for Admit to say, so that a card learns why
// it is refused.
func (a *Authority) TLS() *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{a.server},
		ClientAuth:   tls.RequestClientCert,
		NextProtos:   []string{"h2"},
	}
}

func (a *Authority) load() error {
	cert, err := os.ReadFile(filepath.Join(a.dir, caFile))
	if err != nil {
		return err
	}
	key, err := os.ReadFile(filepath.Join(a.dir, caKeyFile))
	if err != nil {
		return fmt.Errorf("%s without its key: %v", caFile, err)
	}
	der, err := decodePEM(cert, blockCertificate)
	if err != nil {
		return fmt.Errorf("%s: %w", caFile, err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return fmt.Errorf("%s: %w", caFile, err)
	}
	if der, err = decodePEM(key, blockKey); err != nil {
		return fmt.Errorf("%s: %w", caKeyFile, err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return fmt.Errorf("%s: %w", caKeyFile, err)
	}
	var ok bool
	if a.key, ok = parsed.(*ecdsa.PrivateKey); !ok || !a.key.PublicKey.Equal(a.cert.PublicKey) {
		return fmt.Errorf("%s is not the key of %s", caKeyFile, caFile)
	}
	id, err := api.IdentityOf(a.cert)
	if err != nil {
		return fmt.Errorf("%s: %w", caFile, err)
	}
	a.chassis = id.Chassis
	return nil
}

// create makes the authority. The key is written first: a certificate in place
// means that the authority is complete.
func (a *Authority) create() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	a.key, a.chassis = key, uuid.NewString()
	template, err := a.template(api.Identity{Chassis: a.chassis, Role: api.RoleChassis})
	if err != nil {
		return err
	}
	template.IsCA, template.BasicConstraintsValid, template.MaxPathLenZero = true, true, true
	template.KeyUsage = x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := replace(filepath.Join(a.dir, caKeyFile), encodePEM(private, blockKey)); err != nil {
		return err
	}
	return replace(filepath.Join(a.dir, caFile), encodePEM(der, blockCertificate))
}

// issueServer makes the supervisor's certificate, for a key that lives as long
// as the process.
func (a *Authority) issueServer() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := a.sign(api.Identity{Chassis: a.chassis, Role: api.RoleSupervisor}, key.Public(), x509.ExtKeyUsageServerAuth)
	if err != nil {
		return err
	}
	a.server = tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key}
	return nil
}

// sign issues a certificate. Everything in it comes from the identity.
func (a *Authority) sign(id api.Identity, public any, usage x509.ExtKeyUsage) ([]byte, error) {
	template, err := a.template(id)
	if err != nil {
		return nil, err
	}
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{usage}
	return x509.CreateCertificate(rand.Reader, template, a.cert, public, a.key)
}

func (a *Authority) template(id api.Identity) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	name := id.Host
	if name == "" {
		name = string(id.Role)
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{Organization: []string{"Trunkline " + id.Chassis}, CommonName: name},
		URIs:         []*url.URL{id.URL()},
		NotBefore:    notBefore,
		NotAfter:     notAfter,
	}, nil
}

func encodePEM(der []byte, block string) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: block, Bytes: der})
}

func decodePEM(text []byte, block string) ([]byte, error) {
	b, _ := pem.Decode(text)
	if b == nil || b.Type != block {
		return nil, fmt.Errorf("no %s in it", block)
	}
	return b.Bytes, nil
}

// replace writes a file that only its owner may read, in one step.
func replace(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // gone once renamed
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // opened for reading
	return d.Sync()
}
