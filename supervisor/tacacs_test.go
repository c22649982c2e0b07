package supervisor

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	gossh "golang.org/x/crypto/ssh"

	"trunkline/cli/session"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/radius/radiustest"
	"trunkline/internal/tacacs/tacacstest"
)

// tacacsUsers are those of the servers of tests.
var tacacsUsers = []tacacstest.User{
	{Name: "tina", Password: "remote-1A", Shell: []string{`shell:roles="network-admin none-such"`}, Commands: map[string][]string{
		"show": {"users( > .*)?", "version", "tacacs-server.*", "accounting.*"}, "configure": {".*"}, "vlan": {"[0-9]+"}, "rollback": {".*"},
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

// Commands are what the server permits, at every door but the machine's own, and it
// is told of sessions and of what they change.
func TestTacacsCommands(t *testing.T) {
	s, address := sshServer(t)
	// The server does not know admin, and reports errors for his records: it is not dead for that.
	p := tacacsServer(t, s, "tacacs-server deadtime 5\naaa accounting default group TAC\nvlan 9\nexit\naaa authorization commands default group TAC\naaa authorization config-commands default group TAC")
	eventually(t, "no error", func() bool {
		out, _ := lines(t, s, "show tacacs-server statistics 127.0.0.1")
		_, accounting, _ := strings.Cut(out, "Accounting Statistics\n")
		return accounting != "" && !strings.Contains(accounting, "errors: 0\n")
	})
	tina, err := sshDial(address, "tina", gossh.Password("remote-1A"))
	if err != nil {
		t.Fatal(err)
	}
	defer tina.Close() //nolint:errcheck // of a test
	const refused = "% Command not authorized\n"
	for _, c := range []struct {
		line string
		want string // "" for done
	}{
		{"show version", ""}, {"sh vers", ""}, {"show interface brief", refused}, {"terminal length 0", ""}, {"reload", refused},
		{"configure terminal ; vlan 7", ""}, {"configure terminal ; vlan 8 ; name x", refused}, {"conf t ; hostname x", refused},
		{"configure terminal ; username tom password remote-9A", refused}, {"configure terminal ; do show interface brief", refused},
		{"show version | include Software", ""}, {"show version > bootflash:x", refused}, {"show users > bootflash:y", ""}, {"show running-config > bootflash:x", refused}, {"write erase", refused},
	} {
		out, ok := says(t, tina, c.line)
		if ok != (c.want == "") || !strings.HasSuffix(out, c.want) {
			t.Errorf("%s: %v, %q", c.line, ok, out)
		}
	}
	if out, ok := lines(t, s, "show running-config"); !ok || !strings.Contains(out, "vlan 1,7-9\n") || strings.Contains(out, "name x") {
		t.Errorf("running: %v, %s", ok, out)
	}
	// What comes by no line is judged by the lines that do it.
	configured(t, s, "vlan 30\nend\ncheckpoint more\nconfigure terminal\nno vlan 30\nend\ncheckpoint less")
	program := session.Program{CLI: s.CLI()}
	who := feature.Session{User: "tina", From: "192.0.2.1:50000", Role: feature.NetworkAdmin}
	for _, c := range []struct {
		checkpoint string
		want       error
	}{{"more", nil}, {"less", feature.ErrNotAuthorized}} { // vlan 30, and no vlan 30
		now := s.config.Running().Tree
		out, ok := says(t, tina, "rollback running-config checkpoint "+c.checkpoint+" atomic")
		if ok != (c.want == nil) || !ok && !strings.Contains(out, c.want.Error()) {
			t.Errorf("rollback to %s: %v, %s", c.checkpoint, ok, out)
		}
		there := tree.Path{{Name: "vlans"}, {Name: "vlan", Key: "30"}}
		to := now.Set(there, nil)
		if c.want != nil {
			to = now.Delete(there)
		}
		if err := program.May(t.Context(), who, now, to); !errors.Is(err, c.want) {
			t.Errorf("without lines, as to %s: %v", c.checkpoint, err)
		}
	}
	// Secrets are not for the server, and keywords come whole.
	log := p.Peer.String()
	if strings.Contains(log, "remote-9A") {
		t.Error("the server is told a password")
	}
	_ = tina.Close()
	for _, what := range []string{"cmd=configure terminal ; vlan 7 (SUCCESS)", "cmd=configure terminal ; username tom password ******** (FAILURE)", "elapsed_time="} {
		eventually(t, "no record of "+what+" in "+p.Accounts(t), func() bool { return strings.Contains(p.Accounts(t), what) })
	}
}

// While no server answers the roles of the configuration decide where it says so,
// and nobody's commands are run where it does not; users are those of the
// configuration, who are told so.
func TestTacacsUnreachable(t *testing.T) {
	s, address := sshServer(t)
	configured(t, s, "feature tacacs+\ntacacs-server host 127.0.0.1 port "+closedPort(t)+" key sesame timeout 1\ntacacs-server deadtime 5\n"+
		"aaa authentication login default group tacacs+\naaa authentication login error-enable\naaa authorization commands default group tacacs+ local\n"+
		"aaa authorization config-commands default group tacacs+")
	admin := sshClient(t, address)
	if out, ok := says(t, admin, "show version"); !ok {
		t.Errorf("with roles: %s", out)
	}
	if out, ok := says(t, admin, "configure terminal ; vlan 7"); ok || !strings.HasSuffix(out, "% Command not authorized\n") {
		t.Errorf("without: %v, %s", ok, out)
	}
	_, _, screen := shell(t, admin)
	eventually(t, "no word of it", func() bool { return screen.count("Remote AAA servers unreachable; local authentication done.") == 1 })
	out, _ := lines(t, s, "show tacacs-server statistics 127.0.0.1")
	if !strings.Contains(out, "Authentication Statistics\n        failed transactions: 1\n        successful transactions: 0\n        requests sent: 1\n") {
		t.Errorf("a dead server is asked again: %s", out)
	}
	configured(t, s, "aaa authentication login default group tacacs+ none")
	if c, err := sshDial(address, "admin", gossh.Password("anything")); err != nil {
		t.Errorf("without a password: %v", err)
	} else {
		_ = c.Close()
	}
	if _, err := sshDial(address, "nobody", gossh.Password("anything")); err == nil {
		t.Error("nobody is let in")
	}
	if _, ok := lines(t, s, "clear tacacs-server statistics 127.0.0.1"); !ok {
		t.Error("statistics are not cleared")
	}
	if out, _ := lines(t, s, "show tacacs-server statistics 127.0.0.1"); strings.Contains(out, "sent: 1") {
		t.Errorf("after clear: %s", out)
	}
}

// closedPort is a TCP port that nobody listens on.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // of a test
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// A server that says nothing holds the login that asks it, and nobody else: neither
// those who are there already nor what they change waits for it.
func TestSilentTacacs(t *testing.T) {
	s, address := sshServer(t)
	admin := sshClient(t, address)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // of a test
	came := make(chan net.Conn, 16)
	go func() { // it ends with the listener
		for {
			conn, err := l.Accept()
			if err != nil {
				close(came)
				return
			}
			came <- conn
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	configured(t, s, "feature tacacs+\ntacacs-server host 127.0.0.1 port "+port+" key sesame timeout 60\n"+
		"aaa authentication login default group tacacs+\naaa accounting default group tacacs+")
	accounted := <-came // of the session that configured it
	ended := make(chan error, 1)
	go func() {
		c, err := sshDial(address, "bob", gossh.Password("x"))
		if err == nil {
			_ = c.Close()
		}
		ended <- err
	}()
	asked := <-came
	for range 3 {
		if out, ok := says(t, admin, "configure terminal ; vlan 7 ; name x ; no vlan 7"); !ok {
			t.Fatal(out)
		}
		if out, ok := lines(t, s, "show version"); !ok {
			t.Fatal(out)
		}
	}
	select {
	case err := <-ended:
		t.Fatalf("the login has ended: %v", err)
	default:
	}
	configured(t, s, "no aaa accounting default")
	for _, conn := range []net.Conn{accounted, asked} {
		_ = conn.Close()
	}
	_ = l.Close()
	for conn := range came { // what waited for the accounting of records
		_ = conn.Close()
	}
	if err := <-ended; err == nil {
		t.Error("bob is let in")
	}
}

// RADIUS servers are told of sessions and of what they change.
func TestRadiusAccounting(t *testing.T) {
	s, address := sshServer(t)
	p := radiustest.Run(t, "testing123", "")
	_, port, _ := net.SplitHostPort(p.Accounting.Address)
	configured(t, s, "radius-server host 127.0.0.1 key testing123 acct-port "+port+"\naaa accounting default group radius")
	admin := sshClient(t, address)
	_, in, screen := shell(t, admin)
	eventually(t, "no prompt", func() bool { return screen.count("# ") > 0 })
	if _, err := io.WriteString(in, "configure terminal\rvlan 7\rend\rexit\r"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "no end of the session", func() bool {
		at := strings.Index(p.Records(t), `NAS-Port-Id = "pts/1"`)
		return at >= 0 && strings.Contains(p.Records(t)[at:], "Acct-Status-Type = Stop")
	})
	id := ""
	for entry := range strings.SplitSeq(p.Records(t), "\n\n") {
		if !strings.Contains(entry, `NAS-Port-Id = "pts/1"`) {
			continue
		}
		_, rest, _ := strings.Cut(entry, "Acct-Session-Id = ")
		name, _, _ := strings.Cut(rest, "\n")
		if id == "" {
			id = name
		}
		if name != id || name == "" || !strings.Contains(entry, `User-Name = "admin"`) || !strings.Contains(entry, `Calling-Station-Id = "127.0.0.1"`) {
			t.Errorf("a record of another session than %s: %s", id, entry)
		}
	}
	if got := p.Records(t); !strings.Contains(got, "accountinginfo=configure terminal ; vlan 7 (SUCCESS)") {
		t.Errorf("no record of the command: %s", got)
	}
	out, _ := lines(t, s, "show radius-server statistics 127.0.0.1")
	_, accounting, _ := strings.Cut(out, "Accounting Statistics\n")
	if !strings.HasPrefix(accounting, "        failed transactions: 0\n") || strings.Contains(accounting, "successful transactions: 0\n") {
		t.Errorf("statistics: %s", out)
	}
}
