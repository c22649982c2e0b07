// Package radiustest runs a real RADIUS server for tests.
package radiustest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"trunkline/internal/peertest"
	"trunkline/internal/radius"
)

// Start runs Debian's freeradius with some users, in the form of its files, on
// loopback until the test ends. Without it the test is skipped.
func Start(t *testing.T, secret, users string) radius.Server {
	t.Helper()
	program, err := exec.LookPath("freeradius")
	if err != nil {
		t.Skip("freeradius is not installed")
	}
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.LocalAddr().String()
	free.Close()
	_, port, _ := net.SplitHostPort(address)
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
}
server default {
	listen {
		type = auth
		ipaddr = 127.0.0.1
		port = %[3]s
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
`, dir, secret, port),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	peer := peertest.Start(t, program, "-f", "-X", "-d", dir)
	s := radius.Server{Address: address, Secret: secret, Timeout: time.Second, Retransmit: 1}
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
