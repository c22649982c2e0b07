package tcpsock

import (
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestHungPeer closes a connection of which the peer reads nothing: the kernel
// forgets it as well.
func TestHungPeer(t *testing.T) {
	l, err := Listen("127.0.0.1:0", 500*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = conn.Write(make([]byte, 64<<10))
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	from, to := port(l.Addr()), port(peer.LocalAddr())
	deadline := time.Now().Add(20 * time.Second)
	for known(t, from, to) {
		if time.Now().After(deadline) {
			t.Fatal("the kernel keeps what the peer does not read")
		}
		time.Sleep(20 * time.Millisecond) // a poll of the condition
	}
}

func port(a net.Addr) string { return strconv.FormatInt(int64(a.(*net.TCPAddr).Port)|1<<16, 16)[1:] }

// known reports whether the kernel has a connection between two ports.
func known(t *testing.T, from, to string) bool {
	t.Helper()
	b, err := os.ReadFile("/proc/self/net/tcp")
	if err != nil {
		t.Skip(err)
	}
	for line := range strings.Lines(strings.ToLower(string(b))) {
		f := strings.Fields(line)
		if len(f) > 3 && strings.HasSuffix(f[1], ":"+from) && strings.HasSuffix(f[2], ":"+to) {
			return true
		}
	}
	return false
}
