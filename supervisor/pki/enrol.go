package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"trunkline/linecard/api"
)

// Admission is how cards prove who they are (cli.md §13.2).
type Admission string

// Ways of admission.
const (
	AdmitOpen        Admission = "open"        // any card of the domain, also with a new key
	AdmitTOFU        Admission = "tofu"        // trust on first use: the first key of a host, then only that
	AdmitCertificate Admission = "certificate" // only cards that an operator gave a token
)

// Bounds of what enrolment may store.
const (
	maxCards  = 4096
	maxTokens = 1024
	maxCSR    = 8 << 10 // bytes

	maxRevoked = 256 // keys of one host
)

// record is what is known of one host.
type record struct {
	Key   string    `json:"key"` // api.KeyFingerprint; "" after Forget, until it enrols again
	Since time.Time `json:"since"`
	// Revoked are the keys that were forgotten.
	Revoked []string `json:"revoked,omitempty"`
}

// grant is a token that may still be redeemed: by anybody until Key is set,
// then only again by that key, so that a lost reply does not cost the token.
type grant struct {
	Expires time.Time `json:"expires"`
	Key     string    `json:"key,omitempty"`
}

// Card is one host the chassis knows.
type Card struct {
	Host        string
	Fingerprint string // of its key
	Since       time.Time
}

// NewToken returns a token that enrols one card within the time given. It may
// be called by another process than the one that redeems the token.
func (a *Authority) NewToken(lifetime time.Duration, now time.Time) (api.Token, error) {
	var secret [32]byte
	rand.Read(secret[:]) //nolint:errcheck // never fails
	t := api.Token{Authority: a.Fingerprint(), Secret: hex.EncodeToString(secret[:])}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := readRecords(a.dir, tokensFile, &a.tokens); err != nil {
		return api.Token{}, err
	}
	tokens := maps.Clone(a.tokens)
	maps.DeleteFunc(tokens, func(_ string, g grant) bool { return now.After(g.Expires) })
	if len(tokens) >= maxTokens {
		return api.Token{}, fmt.Errorf("there are %d unused tokens already", len(tokens))
	}
	tokens[hash(t.Secret)] = grant{Expires: now.Add(lifetime)}
	if err := a.saveTokens(tokens); err != nil {
		return api.Token{}, err
	}
	return t, nil
}

// Enrol issues the certificate of a host for the key of a PKCS#10 request. The
// token is one given by NewToken, or "" to rely on the way of admission. An
// error is meant for the card: it says what to do.
func (a *Authority) Enrol(host string, csr []byte, token string, by Admission, now time.Time) ([]byte, error) {
	if !api.ValidUUID(host) {
		return nil, fmt.Errorf("%.64q is no UUID of a host", host)
	}
	public, err := requestKey(csr)
	if err != nil {
		return nil, err
	}
	der, err := a.sign(api.Identity{Chassis: a.chassis, Role: api.RoleCard, Host: host}, public, x509.ExtKeyUsageClientAuth)
	if err != nil {
		return nil, fmt.Errorf("issue certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("issue certificate: %w", err)
	}
	key := api.KeyFingerprint(cert)

	a.mu.Lock()
	defer a.mu.Unlock()
	known, ok := a.cards[host]
	switch {
	case token != "":
		if err := a.redeem(token, key, now); err != nil {
			return nil, err
		}
	case slices.Contains(known.Revoked, key):
		return nil, revoked(host)
	case ok && known.Key == key:
	case by == AdmitCertificate:
		return nil, errors.New("this chassis enrols by token only (vem admission certificate): give the card one with --token-file")
	case ok && known.Key != "" && by != AdmitOpen:
		return nil, fmt.Errorf("host %s is enrolled with another key, %s: give the card a token with --token-file", host, known.Key)
	}
	return der, a.remember(host, key, now)
}

// Admit checks the certificate that a card shows and returns the UUID of its
// host. An error is meant for the card as well as for the log.
func (a *Authority) Admit(cert *x509.Certificate, by Admission, now time.Time) (string, error) {
	id, err := api.Verify(cert, a.cert, api.RoleCard)
	if err != nil {
		return "", err
	}
	key := api.KeyFingerprint(cert)
	a.mu.Lock()
	defer a.mu.Unlock()
	known, ok := a.cards[id.Host]
	if slices.Contains(known.Revoked, key) {
		return "", revoked(id.Host)
	}
	if ok && known.Key == "" && by != AdmitOpen {
		return "", fmt.Errorf("host %s has to enrol again: this certificate is of before its key was cleared", id.Host)
	}
	if ok && known.Key != key && by != AdmitOpen {
		return "", fmt.Errorf("host %s is enrolled with another key, %s: this certificate was replaced", id.Host, known.Key)
	}
	return id.Host, a.remember(id.Host, key, now)
}

// revoked is the refusal of a key that was forgotten.
func revoked(host string) error {
	return fmt.Errorf("the key of host %s was cleared (clear module certificate): make a new one, or give the card a token with --token-file", host)
}

// Forget makes a host unknown, so that it may enrol with a new key. The one it
// has is revoked, with the token it came by: it is good again only by another.
func (a *Authority) Forget(host string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	known := a.cards[host]
	if known.Key == "" {
		return fmt.Errorf("host %s is not known", host)
	}
	if len(known.Revoked) >= maxRevoked {
		return fmt.Errorf("host %s has had %d keys cleared already", host, len(known.Revoked))
	}
	if err := readRecords(a.dir, tokensFile, &a.tokens); err != nil { // there may be new ones
		return err
	}
	tokens := maps.Clone(a.tokens)
	maps.DeleteFunc(tokens, func(_ string, g grant) bool { return g.Key == known.Key })
	if len(tokens) < len(a.tokens) {
		if err := a.saveTokens(tokens); err != nil {
			return err
		}
	}
	cards := maps.Clone(a.cards)
	cards[host] = record{Since: known.Since, Revoked: append(slices.Clone(known.Revoked), known.Key)}
	return a.saveCards(cards)
}

// Cards returns the hosts with their keys, by UUID.
func (a *Authority) Cards() []Card {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []Card
	for host, r := range a.cards {
		if r.Key == "" {
			continue
		}
		all = append(all, Card{Host: host, Fingerprint: r.Key, Since: r.Since})
	}
	slices.SortFunc(all, func(x, y Card) int { return strings.Compare(x.Host, y.Host) })
	return all
}

func requestKey(der []byte) (*ecdsa.PublicKey, error) {
	if len(der) > maxCSR {
		return nil, fmt.Errorf("certificate request of %d bytes is too long", len(der))
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	key, ok := csr.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("certificate request: the key must be ECDSA P-256")
	}
	return key, nil
}

// redeem uses up a token; mu is held.
func (a *Authority) redeem(text, key string, now time.Time) error {
	t, err := api.ParseToken(text)
	if err != nil {
		return err
	}
	if t.Authority != a.Fingerprint() {
		return errors.New("the token is of another chassis")
	}
	if err := readRecords(a.dir, tokensFile, &a.tokens); err != nil { // there may be new ones
		return err
	}
	g, ok := a.tokens[hash(t.Secret)]
	switch {
	case !ok:
		return errors.New("the token is not known, or was used")
	case now.After(g.Expires):
		return fmt.Errorf("the token expired at %s", g.Expires.UTC().Format(time.RFC3339))
	case g.Key != "" && g.Key != key:
		return errors.New("the token was used by another card")
	case g.Key == key:
		return nil
	}
	tokens := maps.Clone(a.tokens)
	tokens[hash(t.Secret)] = grant{Expires: g.Expires, Key: key}
	return a.saveTokens(tokens)
}

// remember records the key of a host; mu is held.
func (a *Authority) remember(host, key string, now time.Time) error {
	known, ok := a.cards[host]
	if ok && known.Key == key {
		return nil
	}
	if !ok && len(a.cards) >= maxCards {
		return fmt.Errorf("%d hosts are enrolled already", len(a.cards))
	}
	cards := maps.Clone(a.cards)
	cards[host] = record{Key: key, Since: now.UTC(),
		Revoked: slices.DeleteFunc(slices.Clone(known.Revoked), func(k string) bool { return k == key })}
	return a.saveCards(cards)
}

func (a *Authority) saveCards(cards map[string]record) error {
	if err := save(filepath.Join(a.dir, cardsFile), cards); err != nil {
		return fmt.Errorf("record host: %w", err)
	}
	a.cards = cards
	return nil
}

func (a *Authority) saveTokens(tokens map[string]grant) error {
	if err := save(filepath.Join(a.dir, tokensFile), tokens); err != nil {
		return fmt.Errorf("record token: %w", err)
	}
	a.tokens = tokens
	return nil
}

func (a *Authority) loadRecords() error {
	return errors.Join(readRecords(a.dir, cardsFile, &a.cards), readRecords(a.dir, tokensFile, &a.tokens))
}

// readRecords reads one file of records into a map, made afresh if there is none.
func readRecords[V any](dir, name string, into *map[string]V) error {
	fresh := map[string]V{}
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err == nil {
		err = json.Unmarshal(data, &fresh) // null leaves it nil
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("open %s of certificate authority: %w", name, err)
	}
	if fresh == nil {
		fresh = map[string]V{}
	}
	*into = fresh
	return nil
}

func save(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return replace(path, append(data, '\n'))
}

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
