// Package secret keeps passwords as what configuration may hold of them: salted
// hashes in the forms that network devices write. Types 5 ($5$, SHA-256 crypt,
// and $1$, MD5 crypt), 8 ($8$, PBKDF2 with SHA-256) and 9 ($9$, scrypt) are
// read and verified; New makes type 5 (docs/adr/0011).
//
// A Secret is immutable and safe for concurrent use. Its cost is bounded when it
// is read: Verify takes at most about a quarter of a second.
package secret

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-crypt/x/crypt"
	"golang.org/x/crypto/scrypt"
)

// alphabet is that of crypt(3), which types 8 and 9 share.
const alphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// cisco encodes the keys of types 8 and 9: base 64 with bits in the usual order
// over the alphabet of crypt(3), without padding.
var cisco = base64.NewEncoding(alphabet).WithPadding(base64.NoPadding).Strict()

// Parameters of the hashes. Those of types 8 and 9 are fixed by their forms.
const (
	defaultRounds = 5000 // of SHA-256 crypt where the text has none
	minRounds     = 1000
	maxRounds     = 200_000 // which take about 0.1 s
	saltLength    = 16      // of new secrets

	pbkdf2Rounds = 20_000
	scryptN      = 16384
	keyLength    = 32 // of types 8 and 9, in bytes
	ciscoSalt    = 14 // characters
)

// MaxPassword is the length of the longest password, in bytes.
const MaxPassword = 127

// Secret is a hashed password: the number of its type and the hash. The zero
// value is none, which no password matches.
type Secret struct {
	kind uint8
	text string
}

// ErrForm is the answer to a text that is no secret.
var ErrForm = errors.New("not a hashed password")

// Parse reads the canonical text, the type and the hash: "5 $5$salt$hash".
func Parse(text string) (Secret, error) {
	kind, hash, ok := strings.Cut(text, " ")
	if !ok {
		return Secret{}, ErrForm
	}
	n, err := strconv.ParseUint(kind, 10, 8)
	if err != nil || kind != strconv.FormatUint(n, 10) {
		return Secret{}, ErrForm
	}
	s := Secret{uint8(n), hash}
	if _, err := s.split(); err != nil {
		return Secret{}, err
	}
	return s, nil
}

// String is the canonical text, "" for the zero value.
func (s Secret) String() string {
	if s.kind == 0 {
		return ""
	}
	return strconv.Itoa(int(s.kind)) + " " + s.text
}

// New hashes a password with a salt of its own.
func New(password string) Secret {
	salt := make([]byte, saltLength)
	rand.Read(salt) // never fails
	for i, b := range salt {
		salt[i] = alphabet[b%64]
	}
	return salted(password, string(salt))
}

func salted(password, salt string) Secret {
	return Secret{5, "$5$" + salt + "$" + string(crypt.KeySHACrypt(sha256.New, []byte(password), []byte(salt), defaultRounds))}
}

// hash is a secret taken apart.
type hash struct {
	salt, key string
	rounds    int
	derive    func(password, salt []byte, rounds int) ([]byte, error)
}

// split takes a secret apart and checks its form.
func (s Secret) split() (hash, error) {
	fields := strings.Split(s.text, "$")
	if len(fields) < 4 || fields[0] != "" {
		return hash{}, ErrForm
	}
	h := hash{salt: fields[len(fields)-2], key: fields[len(fields)-1]}
	salts, keys := 16, 43
	switch form := fields[1]; {
	case s.kind == 5 && form == "5":
		h.rounds, h.derive = defaultRounds, shaCrypt
		if len(fields) == 5 {
			digits, ok := strings.CutPrefix(fields[2], "rounds=")
			n, err := strconv.ParseUint(digits, 10, 31)
			if !ok || err != nil || n < minRounds || n > maxRounds || digits != strconv.FormatUint(n, 10) {
				return hash{}, ErrForm
			}
			h.rounds = int(n)
		}
	case s.kind == 5 && form == "1":
		salts, keys, h.derive = 8, 22, md5Crypt
	case s.kind == 8 && form == "8":
		salts, h.derive = ciscoSalt, type8
	case s.kind == 9 && form == "9":
		salts, h.derive = ciscoSalt, type9
	default:
		return hash{}, ErrForm
	}
	fixed := s.kind != 5
	switch {
	case len(fields) > 4 && h.rounds == 0, len(fields) > 5,
		h.salt == "" || len(h.salt) > salts || fixed && len(h.salt) != salts, len(h.key) != keys,
		strings.Trim(h.salt, alphabet) != "", strings.Trim(h.key, alphabet) != "":
		return hash{}, ErrForm
	}
	if fixed {
		if _, err := cisco.DecodeString(h.key); err != nil {
			return hash{}, ErrForm
		}
	}
	return h, nil
}

// Verify reports whether it is the secret of a password. The time it takes
// depends on the type, and on the length of the password but not on what is in
// it.
func (s Secret) Verify(password string) bool {
	h, err := s.split()
	if err != nil || len(password) > MaxPassword {
		return false
	}
	key, err := h.derive([]byte(password), []byte(h.salt), h.rounds)
	return err == nil && subtle.ConstantTimeCompare(key, []byte(h.key)) == 1
}

func shaCrypt(password, salt []byte, rounds int) ([]byte, error) {
	return crypt.KeySHACrypt(sha256.New, password, salt, rounds), nil
}

func md5Crypt(password, salt []byte, _ int) ([]byte, error) {
	return crypt.KeyMD5Crypt(password, salt), nil
}

// type8 takes the salt as it is written.
func type8(password, salt []byte, _ int) ([]byte, error) {
	key, err := pbkdf2.Key(sha256.New, string(password), salt, pbkdf2Rounds, keyLength)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	return cisco.AppendEncode(nil, key), nil
}

func type9(password, salt []byte, _ int) ([]byte, error) {
	key, err := scrypt.Key(password, salt, scryptN, 1, 1, keyLength)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	return cisco.AppendEncode(nil, key), nil
}
