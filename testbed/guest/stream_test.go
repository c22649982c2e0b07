package guest

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"testing"
)

// TestStream holds that every pattern of a stream has its number before it, and
// that the digest is the stream's.
func TestStream(t *testing.T) {
	var b bytes.Buffer
	if err := Stream(&b, 2); err != nil {
		t.Fatal(err)
	}
	want := bytes.Join([][]byte{[]byte("0\n"), pattern(), []byte("1\n"), pattern()}, nil)
	if !bytes.Equal(b.Bytes(), want) {
		t.Error("the stream is another")
	}
	if sum := md5.Sum(want); Digest(2) != hex.EncodeToString(sum[:]) {
		t.Error("the digest is another")
	}
}
