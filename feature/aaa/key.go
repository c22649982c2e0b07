package aaa

import (
	"strings"

	"trunkline/config/schema"
	"trunkline/internal/secret"
)

// SharedKey is a shared secret: its type 7 text, "" for none.
type SharedKey struct {
	Text   string
	Hidden bool // there is one, and the reader may not see it
}

// String is the canonical text.
func (k SharedKey) String() string {
	if k.Hidden {
		return "7 " + schema.Hidden
	}
	return "7 " + k.Text
}

// Clear is the secret itself.
func (k SharedKey) Clear() string {
	text, _ := secret.Reveal(k.Text)
	return text
}

// maxSharedKey is the length of the longest shared secret, in bytes (NX-OS).
const maxSharedKey = 63

// ofSeven reads the type 7 text of a secret, which may begin anywhere in the key of
// type 7: the same secret is the same configuration.
func ofSeven(s string) (SharedKey, error) {
	text, err := secret.Reveal(s)
	if err != nil || text == "" || len(text) > maxSharedKey {
		return SharedKey{}, schema.ErrInvalid
	}
	return SharedKey{Text: secret.Obscure(text)}, nil
}

var sharedKey = schema.Type[SharedKey]{
	Name: "shared-key",
	Syntax: schema.Syntax{
		Forms: []string{"<clear>", "0 <clear>", "7 <seven>"},
		Types: map[string]schema.AnyType{"clear": clear, "seven": schema.Type[string]{
			Name:   "key-7",
			Syntax: schema.Syntax{Notation: "WORD", Help: "Secret as type 7", Samples: []string{"0822455D0A16"}},
			Parse: func(s string) (string, error) {
				k, err := ofSeven(s)
				return k.Text, err
			},
			Format: func(s string) string { return s },
		}},
		Words:  schema.Words{"0": "The secret follows in clear text", "7": "The secret follows as type 7"},
		Secret: true, Samples: []string{"7 0822455D0A16"},
	},
	Parse: func(s string) (SharedKey, error) {
		kind, rest, more := strings.Cut(s, " ")
		if more && kind == "7" {
			return ofSeven(rest)
		}
		if more && kind == "0" {
			s = rest
		}
		text, err := clear.Parse(s)
		if err == nil && len(text) > maxSharedKey {
			err = schema.ErrTooLong(maxSharedKey)
		}
		if err != nil {
			return SharedKey{}, err
		}
		return SharedKey{Text: secret.Obscure(text)}, nil
	},
	Format: SharedKey.String,
	Masked: SharedKey{Hidden: true},
	Yang:   `string { pattern "7 [0-9A-F]+"; }`,
}
