package secret

import (
	"encoding/hex"
	"strings"
)

// Type 7 hides a secret from a glance and from nobody else: devices must send it,
// so they must be able to read it. The key is public.
const sevenKey = "dsfd;kfoA,.iyewrkldJKDHSUBsgvca69834ncxv9873254k;fg87"

const sevenSeeds = 16

// Obscure is a secret as type 7: the place in the key where it begins, two digits,
// and the text in hexadecimal digits. The same text is always the same.
func Obscure(text string) string {
	seed := 0
	for _, c := range []byte(text) {
		seed = (seed + int(c)) % sevenSeeds
	}
	b := []byte(text)
	for i := range b {
		b[i] ^= sevenKey[(seed+i)%len(sevenKey)]
	}
	return string([]byte{'0' + byte(seed/10), '0' + byte(seed%10)}) + strings.ToUpper(hex.EncodeToString(b))
}

// Reveal is the inverse of Obscure, for any seed, and reports whether the text is
// of type 7.
func Reveal(text string) (string, bool) {
	if len(text) < 2 || text[0] > '1' || text[0] < '0' || text[1] < '0' || text[1] > '9' || text != strings.ToUpper(text) {
		return "", false
	}
	b, err := hex.DecodeString(text[2:])
	seed := int(text[0]-'0')*10 + int(text[1]-'0')
	if err != nil || seed >= sevenSeeds {
		return "", false
	}
	for i := range b {
		b[i] ^= sevenKey[(seed+i)%len(sevenKey)]
	}
	return string(b), true
}
