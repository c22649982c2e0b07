package agent

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"

	"trunkline/linecard/api"
)

// identity is who the card is. It has a key from the first attempt on; the
// certificates come with enrolment.
type identity struct {
	key       *ecdsa.PrivateKey
	cert      *x509.Certificate // of the card, nil before enrolment
	authority *x509.Certificate // of the chassis
	chassis   string
	token     []byte // hash of the token that enrolled it, nil for none
}

func (i *identity) enrolled() bool { return i != nil && i.cert != nil }

const (
	blockKey         = "PRIVATE KEY"
	blockCertificate = "CERTIFICATE"
	blockToken       = "TRUNKLINE TOKEN HASH"

	maxIdentity = 64 << 10 // bytes
)

// identity reads the card's identity; nil if it has none yet.
func (s store) identity() (*identity, error) {
	data, err := s.bytes(identityFile, maxIdentity)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		var id *identity
		if id, err = parseIdentity(data); err == nil {
			return id, nil
		}
	}
	return nil, fmt.Errorf("read %s: %w", identityFile, err)
}

func parseIdentity(data []byte) (*identity, error) {
	id := &identity{}
	var certs []*x509.Certificate
	for {
		var b *pem.Block
		if b, data = pem.Decode(data); b == nil {
			break
		}
		switch b.Type {
		case blockKey:
			k, err := x509.ParsePKCS8PrivateKey(b.Bytes)
			if err != nil {
				return nil, err
			}
			id.key, _ = k.(*ecdsa.PrivateKey)
		case blockCertificate:
			c, err := x509.ParseCertificate(b.Bytes)
			if err != nil {
				return nil, err
			}
			certs = append(certs, c)
		case blockToken:
			id.token = b.Bytes
		}
	}
	if id.key == nil {
		return nil, errors.New("no key in it")
	}
	switch len(certs) {
	case 0:
		return id, nil
	case 2:
		return id, id.set(certs[0], certs[1])
	}
	return nil, fmt.Errorf("%d certificates in it", len(certs))
}

// set takes the certificates after checking that they fit the key.
func (i *identity) set(cert, authority *x509.Certificate) error {
	who, err := api.Verify(cert, authority, api.RoleCard)
	if err != nil {
		return err
	}
	if !i.key.PublicKey.Equal(cert.PublicKey) {
		return errors.New("certificate is of another key")
	}
	i.cert, i.authority, i.chassis = cert, authority, who.Chassis
	return nil
}

func (s store) saveIdentity(id *identity) error {
	key, err := x509.MarshalPKCS8PrivateKey(id.key)
	if err != nil {
		return fmt.Errorf("save %s: %w", identityFile, err)
	}
	data := pem.EncodeToMemory(&pem.Block{Type: blockKey, Bytes: key})
	if id.enrolled() {
		for _, c := range []*x509.Certificate{id.cert, id.authority} {
			data = append(data, pem.EncodeToMemory(&pem.Block{Type: blockCertificate, Bytes: c.Raw})...)
		}
	}
	if id.token != nil {
		data = append(data, pem.EncodeToMemory(&pem.Block{Type: blockToken, Bytes: id.token})...)
	}
	return s.replace(identityFile, data)
}

// needsEnrolment reports whether the card must enrol before it attaches: it is
// not enrolled, or an operator gave it a token it has not used.
func (a *Agent) needsEnrolment() bool {
	if !a.id.enrolled() {
		return true
	}
	return a.cfg.Token != "" && string(tokenHash(a.cfg.Token)) != string(a.id.token)
}

func tokenHash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// enrol gets a certificate from the supervisor. With a token, the supervisor
// must be of the token's chassis; without one, the chassis that answers first
// is the card's from then on.
func (a *Agent) enrol(ctx context.Context, address string) error {
	var token api.Token
	if a.cfg.Token != "" {
		var err error
		if token, err = api.ParseToken(a.cfg.Token); err != nil {
			return err
		}
	} else if a.damaged {
		return fmt.Errorf("%s is damaged: give the card a token", identityFile)
	}
	if a.id == nil {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return fmt.Errorf("make key: %w", err)
		}
		id := &identity{key: key}
		// Saved first, so that the same request can be made again after a
		// reply that was lost.
		if err := a.store.saveIdentity(id); err != nil {
			return err
		}
		a.id = id
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, a.id.key)
	if err != nil {
		return fmt.Errorf("make certificate request: %w", err)
	}
	var seen *x509.Certificate
	conn, err := dial(address, &tls.Config{
		InsecureSkipVerify: true, // the chassis names itself below, not by host name
		VerifyConnection: func(cs tls.ConnectionState) error {
			var err error
			seen, err = firstUse(cs, token.Authority)
			return err
		},
	})
	if err != nil {
		return err
	}
	defer conn.close()
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	reply, err := api.NewSupervisorClient(conn).Enrol(ctx, &api.EnrolRequest{
		Uuid: a.cfg.UUID, Host: a.cfg.Host, Domain: a.cfg.Domain, Csr: csr, Token: a.cfg.Token,
		Fingerprint: []byte(token.Authority),
	})
	if err != nil {
		return fmt.Errorf("enrol: %w", conn.cause(err))
	}
	cert, err := x509.ParseCertificate(reply.GetCertificate())
	if err != nil {
		return fmt.Errorf("enrol: %w", err)
	}
	next := &identity{key: a.id.key}
	if a.cfg.Token != "" {
		next.token = tokenHash(a.cfg.Token)
	}
	if err := next.set(cert, seen); err != nil {
		return fmt.Errorf("enrol: %w", err)
	}
	if err := a.store.saveIdentity(next); err != nil {
		return err
	}
	moved := a.id.enrolled() && a.id.chassis != next.chassis
	a.id, a.damaged = next, false
	a.update(func(s *Status) {
		s.Chassis = next.chassis
		if moved {
			s.Term = 0 // terms are counted by each chassis
		}
	})
	a.cfg.Log.Info("enrolled", "chassis", next.chassis, "fingerprint", api.Fingerprint(seen))
	return nil
}

// firstUse checks that who answers is a supervisor of the chassis whose
// certificate it shows, and of the one that is wanted, if any.
func firstUse(cs tls.ConnectionState, want string) (*x509.Certificate, error) {
	if len(cs.PeerCertificates) != 2 {
		return nil, errors.New("this is no supervisor of a chassis")
	}
	leaf, authority := cs.PeerCertificates[0], cs.PeerCertificates[1]
	if id, err := api.IdentityOf(authority); err != nil || id.Role != api.RoleChassis {
		return nil, errors.New("this is no supervisor of a chassis")
	}
	id, err := api.Verify(leaf, authority, api.RoleSupervisor)
	if err != nil {
		return nil, err
	}
	if got := api.Fingerprint(authority); want != "" && got != want {
		return nil, fmt.Errorf("the supervisor is of chassis %s, the token of another", id.Chassis)
	}
	return authority, nil
}

// attachTLS is the configuration of the session: both sides know each other.
func (i *identity) attachTLS() *tls.Config {
	return &tls.Config{
		InsecureSkipVerify: true, // the chassis is pinned below, not found by host name
		VerifyConnection: func(cs tls.ConnectionState) error {
			_, err := api.Verify(cs.PeerCertificates[0], i.authority, api.RoleSupervisor)
			if err != nil {
				return fmt.Errorf("%w, with which the card is enrolled", err)
			}
			return nil
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &tls.Certificate{Certificate: [][]byte{i.cert.Raw}, PrivateKey: i.key}, nil
		},
	}
}
