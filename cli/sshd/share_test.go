package sshd

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"trunkline/feature"
)

// screen keeps what a session prints.
type screen struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.Write(p)
}

func (s *screen) has(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.all.String(), text)
}

// shell begins a session with a terminal.
func shell(t testing.TB, c *ssh.Client) (*ssh.Session, *screen) {
	t.Helper()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	out := &screen{}
	s.Stdout = out
	if _, err := s.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := s.RequestPty("xterm", 24, 80, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	return s, out
}

// TestOperatorLeavesTerminals has operators take all terminals that they get: an
// administrator still gets one.
func TestOperatorLeavesTerminals(t *testing.T) {
	v := serve(t, nil)
	for _, name := range []string{"eve", "mallory"} {
		v.users.passwords[name] = password
		v.users.become(name, feature.NetworkOperator)
	}
	take := func(user string) (n int) {
		for {
			c := v.dialAs(t, user)
			for range v.limits.Channels {
				_, out := shell(t, c)
				eventually(t, "no answer to "+user, func() bool { return out.has("switch# ") || out.has("Maximum number") })
				if out.has("Maximum number") {
					return n
				}
				n++
			}
		}
	}
	if eve := take("eve"); eve != 16 {
		t.Errorf("one user has %d of 32 terminals, want 16", eve)
	}
	if mallory := take("mallory"); mallory != 12 {
		t.Errorf("the other has %d, want 12: 4 are kept", mallory)
	}
	if admin := take("admin"); admin != 4 {
		t.Errorf("an administrator gets %d terminals, want 4", admin)
	}
}

// TestReserve has users take all connections that they get.
func TestReserve(t *testing.T) {
	d := newDoor(DefaultLimits)
	admit := func(who feature.Identity) (n int) {
		for {
			k, ok := d.knock("192.0.2.7", func() {})
			if !ok || !d.admit(k, who) {
				d.leave(k)
				return n
			}
			n++
		}
	}
	for _, c := range []struct {
		who  feature.Identity
		want int
	}{
		{feature.Identity{User: "eve", Role: feature.NetworkOperator}, 240}, {feature.Identity{User: "mallory", Role: feature.NetworkOperator}, 240},
		{feature.Identity{User: "bob", Role: feature.NetworkOperator}, 0},
		{feature.Identity{User: "admin", Role: feature.NetworkAdmin}, 32},
	} {
		if got := admit(c.who); got != c.want {
			t.Errorf("%s has %d connections, want %d", c.who.User, got, c.want)
		}
	}
	for sessions, want := range map[int]int{1: 0, 2: 1, 8: 1, 9: 2, 32: 4, 64: 8} {
		if got := terminals(sessions).Reserved; got != want {
			t.Errorf("of %d terminals %d are kept, want %d", sessions, got, want)
		}
	}
}

// TestUserChanges removes a user, and changes the role of another, while they
// have sessions: those end with a message, others go on.
func TestUserChanges(t *testing.T) {
	v := serve(t, nil)
	screens, ended := map[string]*screen{}, map[string]chan error{}
	names := []string{"eve", "bob", "carol"}
	for _, name := range names {
		v.users.passwords[name] = password
	}
	for _, name := range names {
		s, out := shell(t, v.dialAs(t, name))
		gone := make(chan error, 1)
		screens[name], ended[name] = out, gone
		go func() { gone <- s.Wait() }()
	}
	for name, out := range screens {
		eventually(t, name+" has no prompt", func() bool { return out.has("switch# ") })
	}
	v.Review()
	v.users.become("eve", "gone")
	v.users.become("bob", feature.NetworkOperator)
	v.Review()
	for _, name := range []string{"eve", "bob"} {
		if err := <-ended[name]; err == nil {
			t.Errorf("%s: the session ended as if he had left", name)
		}
		if !screens[name].has("The user has been removed or has another role") {
			t.Errorf("%s is not told: %q", name, &screens[name].all)
		}
	}
	select {
	case err := <-ended["carol"]:
		t.Errorf("the session of a user who has not changed ended: %v", err)
	default:
	}
	// He may come back as who he is now.
	s, err := v.dialAs(t, "bob").NewSession()
	if err != nil {
		t.Fatal(err)
	}
	s.Stdout = io.Discard
	if err := s.Run("configure terminal"); err == nil {
		t.Error("an operator may configure")
	}
}
