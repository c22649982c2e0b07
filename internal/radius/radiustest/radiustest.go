// Package radiustest runs a real RADIUS server for tests.
package radiustest

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"trunkline/internal/peertest"
	"trunkline/internal/radius"
)

// Peer is a server that runs.
type Peer struct {
	radius.Server               // for logins
	Accounting    radius.Server // the same at its port of accounting
	records       string        // its file
}

// Records are the records that it has taken, as it writes them.
func (p *Peer) Records(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile(p.records)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(data)
}

// freePort is a UDP port of loopback that nobody has.
func freePort(t testing.TB) string {
	t.Helper()
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer free.Close() //nolint:errcheck // of a datagram socket
	_, port, _ := net.SplitHostPort(free.LocalAddr().String())
	return port
}

// Start is Run for logins alone.
func Start(t *testing.T, secret, users string) radius.Server {
	t.Helper()
	return Run(t, secret, users).Server
}

// Run runs Debian's freeradius with some users, in the form of its files, on
// loopback until the test ends. Without it the test is skipped.
func Run(t *testing.T, secret, users string) *Peer {
	t.Helper()
	program, err := exec.LookPath("freeradius")
	if err != nil {
		t.Skip("freeradius is not installed")
	}
	port, accounting := freePort(t), freePort(t)
	address := "127.0.0.1:" + port
	dir := t.TempDir()
	for name, text := range map[string]string{
		"dictionary": "$INCLUDE /usr/share/freeradius/dictionary\n", "users": users,
		"radiusd.conf": fmt.Sprintf(`prefix = /usr
libdir = /usr/lib/freeradius
raddbdir = %[1]s
logdir = %[1]s
run_dir = %[1]s
security { 
	allow_core_dumps = no
}
client lo {
	ipaddr = 127.0.0.1
	secret = %[2]s
	require_message_authenticator = yes
}
modules {
	pap {
	}
	files {
		filename = %[1]s/users
	}
	detail {
		filename = %[1]s/detail
	}
}
server default {
	listen {
		type = auth
		ipaddr = 127.0.0.1
		port = %[3]s
	}
	listen {
		type = acct
		ipaddr = 127.0.0.1
		port = %[4]s
	}
	accounting {
		detail
	}
	authorize {
		files
		pap
	}
	post-auth {
		update reply {
			Message-Authenticator := 0x00
		}
	}
	authenticate {
		Auth-Type PAP {
			pap
		}
	}
}
`, dir, secret, port, accounting),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	peer := peertest.Start(t, program, "-f", "-X", "-d", dir)
	s := &Peer{Server: radius.Server{Address: address, Secret: secret, Timeout: time.Second, Retransmit: 1}, records: filepath.Join(dir, "detail")}
	s.Accounting = s.Server
	s.Accounting.Address = "127.0.0.1:" + accounting
	for range 60 {
		peer.Alive(t)
		request, err := radius.Login("nobody", "x", secret)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Exchange(t.Context(), request); err == nil {
			return s
		}
	}
	t.Fatal("freeradius does not answer")
	return s
}
