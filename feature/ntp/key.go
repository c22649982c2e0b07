package ntp

import (
	"strings"

	"trunkline/config/schema"
	"trunkline/internal/secret"
)

// Lengths of a key in bytes.
const (
	minKey = 4
	maxKey = 32
)

// Key is the text of a key. MD5 authentication needs it in clear, so it is stored
// and printed in the form of type 7, which can be read back (docs/adr/0020: by
// network-admin).
type Key struct {
	Clear  string
	Hidden bool // there is one, and the reader may not see it
}

// String is the text of a key on a line.
func (k Key) String() string {
	if k.Hidden {
		return schema.Hidden + " 7" // which no line takes
	}
	return secret.Obscure(k.Clear) + " 7"
}

// clear is the type of keys in clear text.
var clear = func() schema.Type[string] {
	t := schema.Word("ntp-key-text", "Key in clear text of 4 characters and more", maxKey)
	word := t.Parse
	t.Parse = func(s string) (string, error) {
		for _, c := range []byte(s) {
			if c <= ' ' || c >= 0x7f {
				return "", schema.ErrInvalid
			}
		}
		if len(s) < minKey {
			return "", schema.ErrInvalid
		}
		return word(s)
	}
	return t
}()

// obscured is the type of keys in the form of type 7.
var obscured = schema.Type[string]{
	Name:   "ntp-key-7",
	Syntax: schema.Syntax{Notation: "WORD", Help: "Key of type 7", Samples: []string{secret.Obscure("aNiceKey")}},
	Parse: func(s string) (string, error) {
		text, err := secret.Reveal(s)
		if err == nil {
			_, err = clear.Parse(text)
		}
		if err != nil {
			return "", schema.ErrInvalid
		}
		return s, nil
	},
	Format: func(s string) string { return s },
}

var keyType = schema.Type[Key]{
	Name: "ntp-key-secret",
	Syntax: schema.Syntax{
		Help:    "Key",
		Forms:   []string{"<clear>", "<clear> 0", "<seven> 7"},
		Types:   map[string]schema.AnyType{"clear": clear, "seven": obscured},
		Words:   schema.Words{"0": "The key is in clear text", "7": "The key is of type 7"},
		Secret:  true,
		Samples: []string{Key{Clear: "aNiceKey"}.String(), Key{Clear: "other"}.String()},
	},
	Parse:  parseKey,
	Format: Key.String,
	Masked: Key{Hidden: true},
}

func parseKey(s string) (Key, error) {
	text, kind, _ := strings.Cut(s, " ")
	switch kind {
	case "", "0":
	case "7":
		var err error
		if text, err = secret.Reveal(text); err != nil {
			return Key{}, schema.ErrInvalid
		}
	default:
		return Key{}, schema.ErrInvalid
	}
	text, err := clear.Parse(text)
	return Key{Clear: text}, err
}
