// Package tacacstest runs a real TACACS+ server for tests: tacquito, which is a
// module of its own so that none of what it needs is needed by the switch.
package tacacstest

import (
	"encoding/hex"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"trunkline/internal/peertest"
	"trunkline/internal/tacacs"
)

// User is a user of the server.
type User struct {
	Name, Password string
	// Shell are what a shell of his is given, name=value; none: no shell.
	Shell []string
	// Commands he may run: name, and the rest as regular expressions; "*" for all.
	Commands map[string][]string
}

// Peer is a server that runs.
type Peer struct {
	*peertest.Peer
	tacacs.Server
	accounts string // its file
}

// Accounts are the records that it has taken, as it writes them.
func (p *Peer) Accounts(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile(p.accounts)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// build makes the server's program. Where its module cannot be had, the test is
// skipped.
func build(t testing.TB) string {
	t.Helper()
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Skipf("no go command: %v", err)
	}
	program := filepath.Join(t.TempDir(), "tacquito")
	cmd := exec.Command("go", "build", "-o", program, ".")
	cmd.Dir = filepath.Join(filepath.Dir(strings.TrimSpace(string(mod))), "internal/tacacs/tacacstest/tacquito")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("tacquito cannot be built: %v\n%s", err, out)
	}
	return program
}

// Numbers that stand for kinds in the server's configuration.
const (
	startHandler, prefixProvider, bcryptAuthenticator, fileAccounter = 1, 1, 1, 3
	permit                                                           = 2
)

type object = map[string]any

// configuration is the server's, in JSON, which is YAML as well.
func configuration(t testing.TB, secret string, users []User) []byte {
	t.Helper()
	var all []object
	for _, u := range users {
		hash, err := bcrypt.GenerateFromPassword([]byte(u.Password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		one := object{
			"name": u.Name, "scopes": []string{"lo"}, "accounter": object{"name": "file", "type": fileAccounter},
			"authenticator": object{"type": bcryptAuthenticator, "options": object{"hash": hex.EncodeToString(hash)}},
		}
		var values []object
		for _, v := range u.Shell {
			name, value, _ := strings.Cut(v, "=")
			values = append(values, object{"name": name, "values": []string{value}})
		}
		if values != nil {
			one["services"] = []object{{"name": "shell", "set_values": values}}
		}
		var commands []object
		for name, match := range u.Commands {
			commands = append(commands, object{"name": name, "match": match, "action": permit})
		}
		one["commands"] = commands
		all = append(all, one)
	}
	data, err := json.Marshal(object{
		"users": all,
		"secrets": []object{{
			"name": "lo", "secret": object{"group": "g", "key": secret}, "handler": object{"type": startHandler},
			"type": prefixProvider, "options": object{"prefixes": `["127.0.0.0/8", "::1/128"]`},
		}},
		"prefix_allow": []string{"127.0.0.0/8", "::1/128"}, "prefix_deny": []string{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Start runs the server on loopback until the test ends.
func Start(t testing.TB, secret string, users ...User) *Peer {
	t.Helper()
	program := build(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	_ = free.Close()
	config, data := filepath.Join(t.TempDir(), "tacquito.yaml"), t.TempDir()
	if err := os.WriteFile(config, configuration(t, secret, users), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &Peer{accounts: filepath.Join(data, "accounts"), Server: tacacs.Server{Address: address, Secret: secret, Timeout: 10 * time.Second}}
	p.Peer = peertest.Start(t, program, "-address", address, "-config", config, "-accounts", p.accounts)
	for end := time.Now().Add(time.Minute); ; {
		p.Alive(t)
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return p
		}
		if time.Now().After(end) {
			t.Fatalf("tacquito does not listen: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
