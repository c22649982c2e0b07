package api

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Role is what a certificate's holder is.
type Role string

// Roles.
const (
	RoleChassis    Role = "chassis"    // the certificate authority itself
	RoleSupervisor Role = "supervisor" // may be served to cards
	RoleCard       Role = "card"       // may attach
)

// Identity is who a certificate names: a role in one chassis. Its form in a
// certificate is a URI, "trunkline://CHASSIS/card/HOST"; the subject repeats it
// for people and is never read.
type Identity struct {
	Chassis string // GUID
	Role    Role
	Host    string // UUID of the host, cards only
}

const identityScheme = "trunkline"

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// ValidUUID reports whether s is a UUID in the form of RFC 9562 §4, lower case,
// and not the nil UUID.
func ValidUUID(s string) bool {
	return uuidForm.MatchString(s) && strings.Trim(s, "0-") != ""
}

// URL returns the identity as it stands in a certificate.
func (i Identity) URL() *url.URL {
	path := "/" + string(i.Role)
	if i.Role == RoleCard {
		path += "/" + i.Host
	}
	return &url.URL{Scheme: identityScheme, Host: i.Chassis, Path: path}
}

func (i Identity) String() string { return i.URL().String() }

// IdentityOf reads the identity of a certificate. It says who the certificate
// claims to name; whether that is true is a matter of its signature.
func IdentityOf(c *x509.Certificate) (Identity, error) {
	for _, u := range c.URIs {
		if u.Scheme != identityScheme {
			continue
		}
		if !ValidUUID(u.Host) {
			return Identity{}, fmt.Errorf("certificate names no chassis: %.80q", u.String())
		}
		role, host, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
		id := Identity{Chassis: u.Host, Role: Role(role), Host: host}
		switch id.Role {
		case RoleChassis, RoleSupervisor:
			if host == "" {
				return id, nil
			}
		case RoleCard:
			if ValidUUID(host) {
				return id, nil
			}
		}
		return Identity{}, fmt.Errorf("certificate names nobody: %.80q", u.String())
	}
	return Identity{}, errors.New("certificate of no chassis")
}

// Verify checks that a certificate was issued by the authority for the role,
// and returns its identity. Validity times are not compared: identities of a
// chassis do not expire (as IEEE 802.1AR §8.6 has it for devices), so a host
// whose clock is wrong at boot still attaches; they are withdrawn at the
// supervisor instead.
func Verify(c, authority *x509.Certificate, role Role) (Identity, error) {
	owner, err := IdentityOf(authority)
	if err != nil {
		return Identity{}, err
	}
	id, err := IdentityOf(c)
	if err != nil {
		return Identity{}, err
	}
	if id.Chassis != owner.Chassis {
		return Identity{}, fmt.Errorf("certificate is of another chassis, %s; this is chassis %s", id.Chassis, owner.Chassis)
	}
	if err := c.CheckSignatureFrom(authority); err != nil {
		return Identity{}, fmt.Errorf("certificate claims chassis %s but another authority signed it", id.Chassis)
	}
	usage := x509.ExtKeyUsageClientAuth
	if role == RoleSupervisor {
		usage = x509.ExtKeyUsageServerAuth
	}
	if id.Role != role || c.IsCA || !slices.Contains(c.ExtKeyUsage, usage) {
		return Identity{}, fmt.Errorf("certificate is of a %s, not of a %s", id.Role, role)
	}
	return id, nil
}

// Fingerprint is the SHA-256 of a certificate, in hex.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// KeyFingerprint is the SHA-256 of a certificate's public key, in hex. It stays
// the same when a certificate is issued anew for the same key.
func KeyFingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}

// Token is a one-time enrolment token as it is handed to a card: a secret, and
// the fingerprint of the chassis it is good for, so that the card knows its
// chassis before it tells the secret to anybody.
type Token struct {
	Authority string // Fingerprint of the chassis
	Secret    string // 64 hex digits
}

const tokenPrefix = "trunkline-"

var tokenForm = regexp.MustCompile(`^trunkline-([0-9a-f]{64})-([0-9a-f]{64})$`)

func (t Token) String() string { return tokenPrefix + t.Authority + "-" + t.Secret }

// ParseToken reads the text of a token; blanks around it are ignored.
func ParseToken(s string) (Token, error) {
	m := tokenForm.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return Token{}, errors.New("this is no enrolment token")
	}
	return Token{Authority: m[1], Secret: m[2]}, nil
}
