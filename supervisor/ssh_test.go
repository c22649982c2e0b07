package supervisor

import (
	"crypto/ed25519"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"trunkline/supervisor/listen"
)

const sshPassword = "Tr0ub4dor&3"

// sshServer runs a supervisor with an SSH server that has the same address
// whenever it is on.
func sshServer(t *testing.T) (s *Supervisor, address string) {
	t.Helper()
	s, err := Open(t.Context(), Config{
		StateDir: t.TempDir(), SSH: listen.At("127.0.0.1:0"), Admin: Admin{Password: sshPassword}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	address = s.ssh.listener.Addr().String()
	s.cfg.SSH = listen.At(address)
	wait, stop := begin(t, s)
	t.Cleanup(func() {
		stop()
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
	return s, address
}

func sshDial(address, user string, auth ...gossh.AuthMethod) (*gossh.Client, error) {
	return gossh.Dial("tcp", address, &gossh.ClientConfig{
		User: user, Auth: auth, HostKeyCallback: gossh.InsecureIgnoreHostKey(), Timeout: 10 * time.Second,
	})
}

// sshClient is admin's client.
func sshClient(t *testing.T, address string) *gossh.Client {
	t.Helper()
	c, err := sshDial(address, "admin", gossh.Password(sshPassword))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) { // a poll of the condition
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

// configured runs lines that must not fail.
func configured(t *testing.T, s *Supervisor, text string) {
	t.Helper()
	if out, ok := lines(t, s, "configure terminal\n"+text); !ok {
		t.Fatalf("%s: %s", text, out)
	}
}

// shell begins an interactive session.
func shell(t *testing.T, c *gossh.Client) (s *gossh.Session, in io.Writer, screen *journal) {
	t.Helper()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	screen = &journal{}
	s.Stdout = screen
	in, err = s.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.RequestPty("xterm", 24, 80, nil), s.Shell()); err != nil {
		t.Fatal(err)
	}
	return s, in, screen
}

// TestNoFeatureSSH turns the server off and on while somebody is logged in.
func TestNoFeatureSSH(t *testing.T) {
	s, address := sshServer(t)
	c := sshClient(t, address)
	_, in, screen := shell(t, c)
	eventually(t, "no prompt", func() bool { return screen.count("# ") > 0 })
	configured(t, s, "no feature ssh")
	eventually(t, "still there", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	if _, err := io.WriteString(in, "show users\r"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "who was logged in is not", func() bool { return screen.count("pts/1") > 0 })
	shown := func(state string) {
		t.Helper()
		want := "ssh                    1         " + state + "\n"
		eventually(t, "not "+state, func() bool { out, _ := lines(t, s, "show feature"); return strings.Contains(out, want) })
	}
	shown("disabled")
	other, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	configured(t, s, "feature ssh")
	shown("enabled (not-running)")
	_ = other.Close()
	configured(t, s, "no feature ssh")
	configured(t, s, "feature ssh")
	shown("enabled")
	eventually(t, "not there again", func() bool {
		again, err := sshDial(address, "admin", gossh.Password(sshPassword))
		if err != nil {
			return false
		}
		_ = again.Close()
		return true
	})
}

// TestSSHAddressTaken: who names an address has it, or an error.
func TestSSHAddressTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close() //nolint:errcheck // it is over
	_, err = Open(t.Context(), Config{StateDir: t.TempDir(), SSH: listen.At(taken.Addr().String()), Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), taken.Addr().String()) {
		t.Errorf("%v, want one that names %s", err, taken.Addr())
	}
}

// TestSessionLimit limits sessions with a terminal, and no others; what is
// configured holds for the next.
func TestSessionLimit(t *testing.T) {
	s, address := sshServer(t)
	configured(t, s, "line vty\nsession-limit 1")
	c := sshClient(t, address)
	first, in, screen := shell(t, c)
	eventually(t, "no prompt", func() bool { return screen.count("# ") > 0 })

	second, _, refused := shell(t, c)
	var exit *gossh.ExitError
	if err := second.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != 1 || refused.String() != "Maximum number of sessions reached.\r\n" {
		t.Errorf("a second terminal: %v, %q", err, refused)
	}
	line, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := line.Output("show clock"); err != nil || len(out) == 0 {
		t.Errorf("a command line: %q, %v", out, err)
	}
	if _, err := io.WriteString(in, "exit\r"); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
	eventually(t, "the limit outlives the session", func() bool {
		_, _, screen := shell(t, c)
		eventually(t, "no answer", func() bool { return screen.count("# ")+screen.count("reached.") > 0 })
		return screen.count("reached.") == 0
	})
}

// TestLoginFailures sees failed logins in the log, of users who exist and of
// others alike.
func TestLoginFailures(t *testing.T) {
	s, address := sshServer(t)
	for _, user := range []string{"admin", "mallory"} {
		if _, err := sshDial(address, user, gossh.Password("wrong")); err == nil {
			t.Fatalf("%s logs in", user)
		}
		want := "%AUTHPRIV-3-SYSTEM_MSG: Authentication failed for user " + user + " from 127.0.0.1"
		eventually(t, "no line in the log: "+want, func() bool {
			out, _ := lines(t, s, "show logging logfile")
			return strings.Contains(out, want)
		})
	}
}

// refusing is a key whose owner does not sign.
type refusing struct{ gossh.Signer }

var errRefusing = errors.New("does not sign")

func (refusing) Sign(io.Reader, []byte) (*gossh.Signature, error) { return nil, errRefusing }

// TestKeyQuery offers keys without proving them, as clients do one after another
// (RFC 4252 §7). That is no failed login: nobody is locked out or logged, and a
// user who does not exist is answered like one who does.
func TestKeyQuery(t *testing.T) {
	s, address := sshServer(t)
	newKey := func() gossh.Signer {
		_, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		key, err := gossh.NewSignerFromKey(private)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	known := newKey()
	configured(t, s, "username admin sshkey "+strings.TrimSpace(string(gossh.MarshalAuthorizedKey(known.PublicKey()))))
	answers := map[string]string{}
	for _, user := range []string{"admin", "mallory"} {
		for range 12 { // more than a lock-out takes
			c, err := sshDial(address, user, gossh.PublicKeys(newKey(), newKey()))
			if err == nil {
				_ = c.Close()
				t.Fatalf("%s logs in with some key", user)
			}
			answers[user] = err.Error()
		}
	}
	if answers["admin"] != answers["mallory"] {
		t.Errorf("users are told apart: %q, %q", answers["admin"], answers["mallory"])
	}
	for range 12 {
		if _, err := sshDial(address, "admin", gossh.PublicKeys(refusing{known})); !errors.Is(err, errRefusing) {
			t.Fatalf("without a proof: %v", err)
		}
	}
	if out, _ := lines(t, s, "show logging logfile"); strings.Contains(out, "AUTHPRIV") {
		t.Errorf("logged:\n%s", out)
	}
	sshClient(t, address)
	c, err := sshDial(address, "admin", gossh.PublicKeys(known))
	if err != nil {
		t.Fatalf("the known key: %v", err)
	}
	_ = c.Close()
}

// TestRoleGoesWithUser takes an administrator's role, and then his name, while
// he is logged in: his session ends, and so does his connection. The next one gives
// him no more than he is.
func TestRoleGoesWithUser(t *testing.T) {
	s, address := sshServer(t)
	configured(t, s, "username eve password Tr0ub4dor&4 role network-admin")
	c, err := sshDial(address, "eve", gossh.Password("Tr0ub4dor&4"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	exec := func(c *gossh.Client, line string) (string, error) {
		x, err := c.NewSession()
		if err != nil {
			return "", err
		}
		defer x.Close()
		out, err := x.CombinedOutput(line)
		return string(out), err
	}
	session, _, screen := shell(t, c)
	eventually(t, "no prompt", func() bool { return screen.count("# ") > 0 })
	ended := make(chan error, 1)
	go func() { ended <- session.Wait() }()
	configured(t, s, "username eve role network-operator ; no username eve role network-admin")
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("the session of a user who has another role goes on")
	}
	if out, err := exec(c, "configure terminal ; hostname eve"); err == nil {
		t.Errorf("a connection from when he was an administrator: %q", out)
	}
	again, err := sshDial(address, "eve", gossh.Password("Tr0ub4dor&4"))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if out, err := exec(again, "configure terminal ; hostname eve"); err == nil || !strings.Contains(out, "% Permission denied for the role") {
		t.Errorf("an operator by now: %q, %v", out, err)
	}
	configured(t, s, "no username eve")
	if out, err := exec(again, "show clock"); err == nil {
		t.Errorf("a user who is gone: %q", out)
	}
}
