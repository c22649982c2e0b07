package secret

import (
	"encoding/hex"
	"strconv"
)

// vigenere is the key of type 7, which every device of the kind has.
const vigenere = "dsfd;kfoA,.iyewrkldJKDHSUBsgvca69834ncxv9873254k;fg87"

// starts is how many places in the key a text may begin at.
const starts = 16

// Obscure returns the type 7 text of a key that has to be known in clear, as that
// of a protocol. It keeps it from a glance and from no more. A text has one form,
// so that what is configured twice is the same.
func Obscure(clear string) string {
	at := 0
	for _, c := range []byte(clear) {
		at += int(c)
	}
	at %= starts
	out := []byte{byte('0' + at/10), byte('0' + at%10)}
	for i := range len(clear) {
		const digits = "0123456789ABCDEF"
		b := clear[i] ^ vigenere[(at+i)%len(vigenere)]
		out = append(out, digits[b>>4], digits[b&15])
	}
	return string(out)
}

// Reveal is the inverse of Obscure, for texts that begin anywhere in the key.
func Reveal(text string) (string, error) {
	if len(text) < 4 || text[0] < '0' || text[0] > '9' {
		return "", ErrForm
	}
	at, err := strconv.ParseUint(text[:2], 10, 8)
	if err != nil || at >= uint64(len(vigenere)) {
		return "", ErrForm
	}
	b, err := hex.DecodeString(text[2:])
	if err != nil || len(b) > MaxPassword {
		return "", ErrForm
	}
	for i := range b {
		b[i] ^= vigenere[(int(at)+i)%len(vigenere)]
	}
	return string(b), nil
}
