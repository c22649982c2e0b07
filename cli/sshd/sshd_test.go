package sshd

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"trunkline/cli/remote"
	"trunkline/cli/session/sessiontest"
	"trunkline/config"
	"trunkline/feature"
)

// users are who may log in to a test server.
type users struct {
	passwords map[string]string
	keys      map[string]string // in wire format

	mu    sync.Mutex
	asked int                     // passwords
	roles map[string]feature.Role // of those who are no administrators; "gone" of nobody
}

// identity is who a user is now.
func (u *users) identity(user string) feature.Identity {
	u.mu.Lock()
	defer u.mu.Unlock()
	if r, ok := u.roles[user]; ok {
		return feature.Identity{User: user, Role: r}
	}
	return feature.Identity{User: user, Role: feature.NetworkAdmin}
}

// become gives a user another role.
func (u *users) become(user string, r feature.Role) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.roles == nil {
		u.roles = map[string]feature.Role{}
	}
	u.roles[user] = r
}

var errUser = errors.New("no such user or wrong password")

func (u *users) Password(_ context.Context, user, password, from string) (feature.Identity, error) {
	u.mu.Lock()
	u.asked++
	u.mu.Unlock()
	if want, ok := u.passwords[user]; !ok || want != password || from == "" {
		return feature.Identity{}, errUser
	}
	return u.identity(user), nil
}

func (u *users) PublicKey(_ context.Context, user string, key []byte, _ string) (feature.Identity, error) {
	if want, ok := u.keys[user]; !ok || want != string(key) {
		return feature.Identity{}, errUser
	}
	return u.identity(user), nil
}

func (u *users) Lookup(user string) (feature.Identity, bool) {
	_, password := u.passwords[user]
	_, key := u.keys[user]
	id := u.identity(user)
	return id, (password || key) && id.Role != "gone"
}

// served is a server that listens on loopback.
type served struct {
	*Server
	users    *users
	store    *config.Store
	sessions *remote.Server
	addr     string
	host     ssh.PublicKey
}

const password = "Cumulus-7"

// serve starts a server; it has ended, with all its goroutines, when the test
// has.
func serve(t testing.TB, change func(*Config)) *served {
	t.Helper()
	cli, store := sessiontest.CLI(t)
	before := runtime.NumGoroutine()
	u := &users{passwords: map[string]string{"admin": password}, keys: map[string]string{}}
	v := &served{users: u, store: store, sessions: &remote.Server{CLI: cli, Log: slog.New(slog.DiscardHandler)}}
	cfg := Config{
		Keys: t.TempDir(), Auth: u, Sessions: v.sessions, Version: "1.0(1)", Notice: "Trunkline\n", Log: slog.New(slog.DiscardHandler),
		Settings: func() Settings { return Settings{Attempts: 3, Sessions: 32, Banner: "Keep out.\nThis means you."} },
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	if v.Server, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	v.host = v.key.PublicKey()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v.addr = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	v.Go(ctx, l)
	t.Cleanup(func() {
		cancel()
		v.Wait()
		v.sessions.Stop()
		eventually(t, "goroutines left", func() bool { return runtime.NumGoroutine() <= before+2 })
	})
	return v
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%s\n%s", what, buf[:runtime.Stack(buf, true)])
		}
		time.Sleep(5 * time.Millisecond) // a poll of the condition
	}
}

// dial logs in with a password.
func (v *served) dial(t testing.TB) *ssh.Client {
	t.Helper()
	return v.dialAs(t, "admin")
}

// dialAs logs a user in.
func (v *served) dialAs(t testing.TB, user string) *ssh.Client {
	t.Helper()
	c, err := ssh.Dial("tcp", v.addr, &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.Password(password)}, HostKeyCallback: ssh.FixedHostKey(v.host), Timeout: 10 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestHostKeyStays(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ssh")
	first, err := hostKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := hostKey(dir)
	if err != nil || string(first.PublicKey().Marshal()) != string(again.PublicKey().Marshal()) {
		t.Errorf("another key, %v", err)
	}
	if first.PublicKey().Type() != ssh.KeyAlgoED25519 {
		t.Errorf("a key of type %s", first.PublicKey().Type())
	}
	info, err := os.Stat(filepath.Join(dir, keyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
		t.Errorf("files left: %v", left)
	}
	if err := os.WriteFile(filepath.Join(dir, keyFile), []byte("not a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := hostKey(dir); err == nil || !strings.Contains(err.Error(), keyFile) {
		t.Errorf("a spoilt key: %v", err)
	}
}

func TestExec(t *testing.T) {
	v := serve(t, nil)
	c := v.dial(t)
	for _, step := range []struct {
		line, want string
		status     int
	}{
		{"show version", "version 1.0(1)\n", 0},
		{"show version ; show vlan", "version 1.0(1)\nVLAN\n", 0},
		{"show version\nshow vlan", "version 1.0(1)\nVLAN\n", 0},
		{"show cox", "     ^\n% Invalid command at '^' marker.\n", 1},
		{"show cox ; show vlan", "     ^\n% Invalid command at '^' marker.\n", 1},
		{"panic 4711", "ERROR: Internal error; see the log.\n", 1},
		{"", "", 0},
		{"exit ; show version", "", 0},
	} {
		s, err := c.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		out, err := s.Output(step.line)
		status := 0
		var exit *ssh.ExitError
		if errors.As(err, &exit) {
			status = exit.ExitStatus()
		} else if err != nil {
			t.Fatalf("%q: %v", step.line, err)
		}
		if !strings.HasSuffix(string(out), step.want) || status != step.status || step.want == "" && len(out) > 0 {
			t.Errorf("%q: got %q, status %d, want %q, %d", step.line, out, status, step.want, step.status)
		}
	}
}

// A shell without a terminal reads lines and prints neither banner nor prompt.
func TestLines(t *testing.T) {
	v := serve(t, nil)
	s, err := v.dial(t).NewSession()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	s.Stdout = &out
	s.Stdin = strings.NewReader("show version\nconf t\nvlan 7\nend\nshow vlan\n")
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(); err != nil {
		t.Errorf("status: %v", err)
	}
	const want = "version 1.0(1)\nEnter configuration commands, one per line. End with CNTL/Z.\nVLAN\n7\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestRefused(t *testing.T) {
	v := serve(t, nil)
	c := v.dial(t)
	if _, err := c.Dial("tcp", "127.0.0.1:22"); err == nil {
		t.Error("forwards")
	}
	if _, err := c.Listen("tcp", "127.0.0.1:0"); err == nil {
		t.Error("forwards back")
	}
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RequestSubsystem("netconf"); err == nil {
		t.Error("has any subsystem")
	}
	for _, r := range []string{"env", "x11-req", "auth-agent-req@openssh.com", "break", "xon-xoff"} {
		if ok, err := s.SendRequest(r, true, []byte{0, 0, 0, 1}); ok || err != nil {
			t.Errorf("%s: %v %v", r, ok, err)
		}
	}
	if out, err := s.Output("show version"); err != nil || string(out) != "version 1.0(1)\n" {
		t.Errorf("after: %q %v", out, err)
	}
	if ok, err := s.SendRequest("exec", true, ssh.Marshal(struct{ Line string }{"show version"})); ok && err == nil {
		t.Error("a second command in one session")
	}
	var many []*ssh.Session
	for range v.limits.Channels + 1 {
		s, err := c.NewSession()
		if err != nil {
			break
		}
		many = append(many, s)
	}
	if len(many) > v.limits.Channels {
		t.Errorf("%d sessions on one connection", len(many))
	}
}

func TestSignal(t *testing.T) {
	v := serve(t, nil)
	s, err := v.dial(t).NewSession()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start("wait 4711 ; show version"); err != nil {
		t.Fatal(err)
	}
	var b [8]byte
	if _, err := out.Read(b[:]); err != nil || string(b[:]) != "waiting\n" {
		t.Fatalf("%q %v", b, err)
	}
	if err := s.Signal(ssh.SIGINT); err != nil {
		t.Fatal(err)
	}
	var exit *ssh.ExitError
	if err := s.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != 1 {
		t.Errorf("interrupted: %v", err)
	}
}

// Users who exist and users who do not read the same, and the third wrong
// password is the last.
func TestWrongPassword(t *testing.T) {
	v := serve(t, nil)
	for _, user := range []string{"admin", "nobody", strings.Repeat("x", 1000)} {
		tries := 0
		_, err := ssh.Dial("tcp", v.addr, &ssh.ClientConfig{
			User: user, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 10 * time.Second,
			Auth: []ssh.AuthMethod{ssh.RetryableAuthMethod(ssh.KeyboardInteractive(
				func(name, text string, questions []string, echos []bool) ([]string, error) {
					tries++
					if name != "" || text != "" || len(questions) != 1 || questions[0] != prompt || echos[0] {
						t.Errorf("asked %q %q %q %v", name, text, questions, echos)
					}
					return []string{"wrong"}, nil
				}), 10)},
		})
		if err == nil || tries != 3 {
			t.Errorf("%.10s: %d tries, %v", user, tries, err)
		}
	}
}

func TestPublicKey(t *testing.T) {
	v := serve(t, nil)
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	try := func() error {
		c, err := ssh.Dial("tcp", v.addr, &ssh.ClientConfig{
			User: "admin", HostKeyCallback: ssh.FixedHostKey(v.host), Timeout: 10 * time.Second, Auth: []ssh.AuthMethod{ssh.PublicKeys(key)},
		})
		if err == nil {
			c.Close()
		}
		return err
	}
	if try() == nil {
		t.Error("an unknown key logs in")
	}
	v.users.keys["admin"] = string(key.PublicKey().Marshal())
	if err := try(); err != nil {
		t.Errorf("known key: %v", err)
	}
}

// Connections that do not log in go after a while, and do not keep others out.
func TestStrangers(t *testing.T) {
	v := serve(t, func(c *Config) { c.Limits = Limits{Login: 5 * time.Second, PerSource: 3} })
	var idle []net.Conn
	for range 3 {
		c, err := net.Dial("tcp", v.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		idle = append(idle, c)
	}
	for _, c := range idle {
		c.SetReadDeadline(time.Now().Add(time.Minute))
		var b [256]byte
		var err error
		for err == nil {
			_, err = c.Read(b[:])
		}
		var late net.Error
		if errors.As(err, &late) && late.Timeout() {
			t.Error("a silent connection stays")
		}
	}
	v.dial(t)
}

func TestDoor(t *testing.T) {
	bob := feature.Identity{User: "bob"}
	d := newDoor(Limits{Strangers: 4, PerSource: 3, Clients: 1, PerUser: 1})
	turned := 0
	knock := func(source string) *ticket {
		k, ok := d.knock(source, func() { turned++ })
		if !ok {
			return nil
		}
		return k
	}
	var bad []*ticket
	for range 3 {
		bad = append(bad, knock("bad"))
	}
	if knock("bad") != nil {
		t.Error("a fourth connection of one source")
	}
	one := knock("good")
	if one == nil || knock("good") == nil || turned != 1 {
		t.Errorf("a full door keeps others out: %d turned away", turned)
	}
	if d.admit(bad[0], bob) {
		t.Error("who was turned away comes in")
	}
	if !d.admit(one, bob) || d.admit(bad[1], bob) {
		t.Error("limit of clients")
	}
	d.leave(one)
	if !d.admit(bad[1], bob) {
		t.Error("a place that is free again")
	}
}
