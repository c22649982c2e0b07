package supervisor

import (
	"net"
	"strings"
	"testing"

	gossh "golang.org/x/crypto/ssh"

	"trunkline/internal/tacacs/tacacstest"
)

// tacacsUsers are those of the servers of tests.
var tacacsUsers = []tacacstest.User{
	{Name: "tina", Password: "remote-1A", Shell: []string{`shell:roles="network-admin none-such"`}, Commands: map[string][]string{
		"show": {"users", "version", "tacacs-server.*", "accounting.*"}, "configure": {".*"}, "vlan": {"[0-9]+"},
	}},
	{Name: "paul", Password: "remote-2A", Shell: []string{"priv-lvl=1"}, Commands: map[string][]string{"show": {".*"}}},
	{Name: "root", Password: "remote-3A", Shell: []string{"priv-lvl=15"}, Commands: map[string][]string{"*": nil}},
	{Name: "eve", Password: "remote-4A", Shell: []string{`shell:roles="none-such"`}},
	{Name: "noah", Password: "remote-5A"}, // no shell
}

// tacacsServer runs a server that users of a switch are proved by.
func tacacsServer(t *testing.T, s *Supervisor, more string) *tacacstest.Peer {
	t.Helper()
	p := tacacstest.Start(t, "sesame", tacacsUsers...)
	host, port, err := net.SplitHostPort(p.Address)
	if err != nil {
		t.Fatal(err)
	}
	configured(t, s, "feature tacacs+\ntacacs-server host "+host+" port "+port+" key sesame timeout 30 single-connection\n"+
		"aaa group server tacacs+ TAC\nserver "+host+"\nexit\naaa authentication login default group TAC local\n"+more)
	return p
}

// says runs a line as a user over SSH and returns what it printed.
func says(t *testing.T, c *gossh.Client, line string) (string, bool) {
	t.Helper()
	session, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	out, err := session.CombinedOutput(line)
	return string(out), err == nil
}

// Users of a TACACS+ server log in over SSH, with the roles that it says.
func TestTacacsLogin(t *testing.T) {
	s, address := sshServer(t)
	tacacsServer(t, s, "tacacs-server directed-request")
	for _, c := range []struct{ user, password, role string }{
		{"tina", "remote-1A", "network-admin"}, {"paul", "remote-2A", "network-operator"}, {"root", "remote-3A", "network-admin"},
		{"eve", "remote-4A", "network-operator"}, {"noah", "remote-5A", ""}, {"tina", "wrong", ""}, {"admin", sshPassword, ""},
		{"paul@127.0.0.1", "remote-2A", "network-operator"}, {"paul@127.0.0.2", "remote-2A", ""},
	} {
		client, err := sshDial(address, c.user, gossh.Password(c.password))
		if (err == nil) != (c.role != "") {
			t.Errorf("%s with %s: %v", c.user, c.password, err)
		}
		if err != nil {
			continue
		}
		name, _, _ := strings.Cut(c.user, "@")
		out, ok := says(t, client, "show users")
		if !ok || !strings.Contains(out, name) || strings.Contains(out, "@") {
			t.Errorf("%s: %s", c.user, out)
		}
		out, ok = says(t, client, "configure terminal ; vlan 7")
		if ok != (c.role == "network-admin") {
			t.Errorf("%s configures: %s", c.user, out)
		}
		_ = client.Close()
	}
	for line, want := range map[string]string{
		"test aaa server tacacs+ 127.0.0.1 paul remote-2A": "user has been authenticated\n",
		"test aaa group TAC paul wrong":                    "user has failed authentication\n",
		"test aaa group tacacs+ paul remote-2A":            "user has been authenticated\n",
		"show tacacs-server statistics 127.0.0.1":          "requests timed out: 0\n",
	} {
		if out, _ := lines(t, s, line); !strings.Contains(out, want) {
			t.Errorf("%s: %q", line, out)
		}
	}
}
