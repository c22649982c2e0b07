package session

import (
	"io"
	"strings"
	"testing"
)

// TestDigests compares with what the tools of the same names say.
func TestDigests(t *testing.T) {
	for _, c := range []struct{ what, of, want string }{
		{"cksum", "", "4294967295"},
		{"cksum", "123456789", "930766865"},
		{"cksum", strings.Repeat("a", 70000), "3508083167"},
		{"md5sum", "123456789", "25f9e794323b453885f5181f1b624d0b"},
		{"sha256sum", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	} {
		d := digests[c.what]()
		if _, err := io.WriteString(d, c.of); err != nil {
			t.Fatal(err)
		}
		if d.String() != c.want {
			t.Errorf("%s of %d bytes: %s, want %s", c.what, len(c.of), d, c.want)
		}
	}
}
