package guest

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
)

// MiB is the length of the pattern in bytes.
const MiB = 1 << 20

// pattern is what streams are made of: a megabyte that does not repeat.
func pattern() []byte {
	b := make([]byte, MiB)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // never fails
	return b
}

// Stream writes n numbered patterns, the same bytes as the guest's shell function
// of that name.
func Stream(w io.Writer, n int) error {
	p := pattern()
	for i := range n {
		if _, err := fmt.Fprintln(w, i); err != nil {
			return err
		}
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// Digest returns what the guest's md5sum says of n numbered patterns.
func Digest(n int) string {
	h := md5.New()
	_ = Stream(h, n) // a digest takes everything
	return hex.EncodeToString(h.Sum(nil))
}
