package aaa

import (
	"crypto/rsa"
	"encoding/base64"
	"strings"

	"golang.org/x/crypto/ssh"

	"trunkline/config/schema"
	"trunkline/internal/secret"
)

// MaxName is the length of the longest user name (cli.md §9.1).
const MaxName = 28

// UserName is the type of user names: letters, digits and - . _ + =, a letter or
// digit first.
var UserName = func() schema.Type[string] {
	t := schema.Word("user-name", "User name", MaxName)
	word := t.Parse
	t.Parse = func(s string) (string, error) {
		for i, c := range []byte(s) {
			letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
			if !letter && (i == 0 || !strings.ContainsRune("-._+=", rune(c))) {
				return "", schema.ErrInvalid
			}
		}
		return word(s)
	}
	t.Yang = `string { length "1..28"; pattern "[a-zA-Z0-9][a-zA-Z0-9\-._+=]*"; }`
	return t
}()

// Password is the value of a password on a line: a secret, or one in clear text
// that has still to become one. Configuration holds only secrets.
type Password struct {
	Secret secret.Secret
	Clear  string
	Hidden bool // there is one, and the reader may not see it
}

// String prints the secret; clear text is not shown.
func (p Password) String() string {
	switch {
	case p.Clear != "":
		return "0 " + schema.Hidden
	case p.Hidden:
		return "5 " + schema.Hidden // which no line takes
	}
	return p.Secret.String()
}

// samples are secrets of the password "hashcat".
var samples = []string{
	"5 $5$saltstring$cnUXu/avxSVDCtc8UM/2EJLhc2mpyglklIlTsDAqyE9",
	"5 $1$abcdefgh$KG/MuXxAkaC2Sx/zkkcdW.",
	"8 $8$TnGX/fE4KGHOVU$pEhnEvxrvaynpi8j4f.EMHr6M.FzU8xnZnBr/tJdFWk",
	"9 $9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfo6",
}

// clear is the type of passwords in clear text.
var clear = schema.Type[string]{
	Name:   "clear-password",
	Syntax: schema.Syntax{Notation: "WORD", Help: "Password in clear text (Max Size 127)"},
	Parse: func(s string) (string, error) {
		for _, r := range s {
			if r < ' ' || r == 0x7f || r == '\ufffd' {
				return "", schema.ErrInvalid
			}
		}
		if s == "" {
			return "", schema.ErrInvalid
		}
		if len(s) > secret.MaxPassword {
			return "", schema.ErrTooLong(secret.MaxPassword)
		}
		return s, nil
	},
	Format: func(s string) string { return s },
}

// hashes are the hashes of the samples of one type.
func hashes(kind string) []string {
	var all []string
	for _, s := range samples {
		if hash, ok := strings.CutPrefix(s, kind+" "); ok {
			all = append(all, hash)
		}
	}
	return all
}

// hashed is the type of the hash in a secret of one type.
func hashed(kind, help string) schema.Type[string] {
	return schema.Type[string]{
		Name:   "hash-" + kind,
		Syntax: schema.Syntax{Notation: "WORD", Help: help, Samples: hashes(kind)},
		Parse: func(s string) (string, error) {
			if _, err := secret.Parse(kind + " " + s); err != nil {
				return "", schema.ErrInvalid
			}
			return s, nil
		},
		Format: func(s string) string { return s },
	}
}

// password is the type of passwords.
var password = schema.Type[Password]{
	Name: "password",
	Syntax: schema.Syntax{
		Forms: []string{"<clear>", "0 <clear>", "5 <five>", "8 <eight>", "9 <nine>"},
		Types: map[string]schema.AnyType{
			"clear": clear, "five": hashed("5", "Hash that begins with $5$ or $1$"),
			"eight": hashed("8", "Hash that begins with $8$"), "nine": hashed("9", "Hash that begins with $9$"),
		},
		Words: schema.Words{
			"0": "The password follows in clear text", "5": "A SHA-256 or MD5 crypt hash follows",
			"8": "A PBKDF2 hash follows", "9": "An scrypt hash follows",
		},
		Secret: true, Samples: samples,
	},
	Parse: func(s string) (Password, error) {
		kind, rest, more := strings.Cut(s, " ")
		switch {
		case more && kind == "0":
			s = rest
		case more && strings.Contains("5 8 9", kind):
			found, err := secret.Parse(s)
			if err != nil {
				return Password{}, schema.ErrInvalid
			}
			return Password{Secret: found}, nil
		}
		text, err := clear.Parse(s)
		return Password{Clear: text}, err
	},
	Format: Password.String,
	Masked: Password{Hidden: true},
	Yang:   `string { pattern "[589] \$[1589]\$.*"; }`,
}

// Least size of an RSA key in bits, and largest of any key in bytes.
const (
	minRSA = 2048
	maxKey = 4096
)

// Kinds of public keys, as SSH names them.
var kinds = []string{
	ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSA,
}

// sampleKey is a key of kind ssh-ed25519.
const sampleKey = "AAAAC3NzaC1lZDI1NTE5AAAAIOoRGR0/tvd1hWEa9MRhjxX8+KT8+9XAAlDvE++Z+Mpc"

// blob is the type of the key itself.
var blob = schema.Type[string]{
	Name:   "ssh-key-data",
	Syntax: schema.Syntax{Notation: "WORD", Help: "Public key in base 64, as in a .pub file", Samples: []string{sampleKey}},
	Parse: func(s string) (string, error) {
		b, err := base64.StdEncoding.Strict().DecodeString(s)
		if err != nil || len(b) == 0 || len(b) > maxKey || strings.ContainsAny(s, "\r\n") {
			return "", schema.ErrInvalid
		}
		return s, nil
	},
	Format: func(s string) string { return s },
}

// publicKey is the type of a user's public key, a line of an authorized_keys
// file: kind, key, and a word of comment.
var publicKey = schema.Type[string]{
	Name: "ssh-key",
	Syntax: schema.Syntax{
		Forms: func() []string {
			var all []string
			for _, k := range kinds {
				all = append(all, k+" <key> [<comment>]")
			}
			return all
		}(),
		Types: map[string]schema.AnyType{"key": blob, "comment": schema.Word("key-comment", "Comment", 64)},
		Words: func() schema.Words {
			all := schema.Words{}
			for _, k := range kinds {
				all[k] = "Kind of the key"
			}
			return all
		}(),
		Samples: []string{
			ssh.KeyAlgoED25519 + " " + sampleKey + " bob@example", ssh.KeyAlgoED25519 + " " + sampleKey,
			"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBMfL5HvbReq9LHy1/bHMhvlmPFbEKdFulcgpYEOeSRz9p/HN2kq7DI+8zCq57z5Fo3WGfmT+6/hjRSFuVXENFVs=",
		},
	},
	Parse: func(s string) (string, error) {
		if _, err := parseKey(s); err != nil {
			return "", schema.ErrInvalid
		}
		return s, nil
	},
	Format: func(s string) string { return s },
}

// parseKey reads the canonical text of a public key.
func parseKey(s string) (ssh.PublicKey, error) {
	fields := strings.Split(s, " ")
	if len(fields) != 2 && len(fields) != 3 {
		return nil, schema.ErrInvalid
	}
	text, err := blob.Parse(fields[1])
	if err != nil {
		return nil, err
	}
	wire, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParsePublicKey(wire)
	if err != nil || key.Type() != fields[0] {
		return nil, schema.ErrInvalid
	}
	for _, k := range kinds {
		if k != key.Type() {
			continue
		}
		if c, ok := key.(ssh.CryptoPublicKey); ok {
			if r, ok := c.CryptoPublicKey().(*rsa.PublicKey); ok && r.N.BitLen() < minRSA {
				return nil, schema.ErrInvalid
			}
		}
		return key, nil
	}
	return nil, schema.ErrInvalid
}
