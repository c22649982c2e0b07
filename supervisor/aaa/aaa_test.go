package aaa

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"trunkline/config/tree"
	"trunkline/feature"
	users "trunkline/feature/aaa"
	"trunkline/internal/secret"
)

// Of the password "hashcat".
const (
	type1 = "5 $1$abcdefgh$KG/MuXxAkaC2Sx/zkkcdW."
	type5 = "5 $5$saltstring$cnUXu/avxSVDCtc8UM/2EJLhc2mpyglklIlTsDAqyE9"
	type8 = "8 $8$TnGX/fE4KGHOVU$pEhnEvxrvaynpi8j4f.EMHr6M.FzU8xnZnBr/tJdFWk"
	type9 = "9 $9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfo6"

	publicKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOoRGR0/tvd1hWEa9MRhjxX8+KT8+9XAAlDvE++Z+Mpc bob@example"
)

// box is a configuration that tests change.
type box struct{ t atomic.Pointer[tree.Tree] }

func (b *box) running() tree.Tree { return *b.t.Load() }

func (b *box) set(t *testing.T, user, text string, role feature.Role) {
	t.Helper()
	s, err := secret.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var now tree.Tree
	if p := b.t.Load(); p != nil {
		now = *p
	}
	for _, e := range users.Admin(user, s) {
		now = now.Set(e.Path, e.Value)
	}
	now = now.Set(tree.Path{{Name: "users"}, {Name: "user", Key: user}, {Name: "role"}}, string(role))
	b.t.Store(&now)
}

func (b *box) key(user, text string) {
	now := b.running().Set(tree.Path{{Name: "users"}, {Name: "user", Key: user}, {Name: "ssh-key"}}, text)
	b.t.Store(&now)
}

// events keeps what is logged.
type events struct {
	mu  sync.Mutex
	all []string
}

func (e *events) Log(v feature.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, v.Name()+": "+v.Text)
}

func (e *events) text() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.all, "\n")
}

func newTest(t *testing.T) (*Authenticator, *box, *events) {
	t.Helper()
	b, log := &box{}, &events{}
	b.set(t, "admin", type5, feature.NetworkAdmin)
	b.set(t, "eve", type8, feature.NetworkOperator)
	b.set(t, "old", type1, feature.NetworkOperator)
	b.set(t, "zoe", type9, feature.NetworkAdmin)
	return New(Config{Running: b.running, Events: log}), b, log
}

const here = "192.0.2.9:40000"

func TestPassword(t *testing.T) {
	a, b, log := newTest(t)
	for user, role := range map[string]feature.Role{
		"admin": feature.NetworkAdmin, "eve": feature.NetworkOperator, "old": feature.NetworkOperator, "zoe": feature.NetworkAdmin,
	} {
		for range 2 { // the second time it is remembered
			id, err := a.Password(t.Context(), user, "hashcat", here)
			if err != nil || id != (feature.Identity{User: user, Role: role}) {
				t.Errorf("%s: %v, %v; want role %s", user, id, err, role)
			}
		}
		if id, err := a.Password(t.Context(), user, "Hashcat", here); !errors.Is(err, ErrDenied) || id != (feature.Identity{}) {
			t.Errorf("%s with a wrong password: %v, %v", user, id, err)
		}
	}
	for _, user := range []string{"", "nobody", "ADMIN", "admin ", strings.Repeat("x", 1<<16), "a\nb"} {
		if id, err := a.Password(t.Context(), user, "hashcat", "192.0.2.10:1"); !errors.Is(err, ErrDenied) || id != (feature.Identity{}) {
			t.Errorf("%.20q: %v, %v", user, id, err)
		}
	}
	if !strings.Contains(log.text(), "%AUTHPRIV-3-SYSTEM_MSG: Authentication failed for user eve from 192.0.2.9:40000") ||
		!strings.Contains(log.text(), "user a?b from") || strings.Contains(log.text(), strings.Repeat("x", 100)) {
		t.Errorf("logged:\n%s", log.text())
	}
	// A changed secret is in force at once, whatever is remembered.
	b.set(t, "admin", secret.New("other-1A").String(), feature.NetworkOperator)
	if _, err := a.Password(t.Context(), "admin", "hashcat", here); !errors.Is(err, ErrDenied) {
		t.Errorf("the old password: %v", err)
	}
	if id, err := a.Password(t.Context(), "admin", "other-1A", here); err != nil || id.Role != feature.NetworkOperator {
		t.Errorf("the new password: %v, %v", id, err)
	}
}

func TestUserWithoutPassword(t *testing.T) {
	a, b, _ := newTest(t)
	b.key("bob", publicKey)
	for _, p := range []string{"", "hashcat", "0 ********"} {
		if _, err := a.Password(t.Context(), "bob", p, here); !errors.Is(err, ErrDenied) {
			t.Errorf("password %q: %v", p, err)
		}
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(publicKey))
	if err != nil {
		t.Fatal(err)
	}
	if id, err := a.PublicKey(t.Context(), "bob", key.Marshal(), here); err != nil || id != (feature.Identity{User: "bob", Role: feature.NetworkOperator}) {
		t.Errorf("key: %v, %v", id, err)
	}
	if !a.HasKey("bob", key.Marshal()) || a.HasKey("admin", key.Marshal()) || a.HasKey("nobody", key.Marshal()) {
		t.Error("HasKey is wrong")
	}
	for _, c := range []struct {
		user string
		key  []byte
	}{{"admin", key.Marshal()}, {"nobody", key.Marshal()}, {"bob", nil}, {"bob", key.Marshal()[1:]}, {"admin", nil}} {
		if id, err := a.PublicKey(t.Context(), c.user, c.key, here); !errors.Is(err, ErrDenied) {
			t.Errorf("%s with a key of %d bytes: %v, %v", c.user, len(c.key), id, err)
		}
	}
}

func TestLookup(t *testing.T) {
	a, _, _ := newTest(t)
	if id, ok := a.Lookup("eve"); !ok || id != (feature.Identity{User: "eve", Role: feature.NetworkOperator}) {
		t.Errorf("eve: %v, %v", id, ok)
	}
	if id, ok := a.Lookup("nobody"); ok || id != (feature.Identity{}) {
		t.Errorf("nobody: %v, %v", id, ok)
	}
}

// An unknown user is compared with a secret that stands in the configuration,
// always the same, so that the time says nothing.
func TestUnknownUsersCostTheSame(t *testing.T) {
	a, b, _ := newTest(t)
	seen := map[secret.Secret]bool{}
	for i := range 64 {
		name := fmt.Sprintf("user%d", i)
		s, known := a.secretFor(b.running(), name)
		again, _ := a.secretFor(b.running(), name)
		if known || s != again || s == (secret.Secret{}) {
			t.Fatalf("%s: %v then %v, known %v", name, s, again, known)
		}
		seen[s] = true
	}
	if len(seen) != 4 {
		t.Errorf("%d of 4 secrets stand in for unknown users", len(seen))
	}
	empty := New(Config{Running: func() tree.Tree { return tree.Tree{} }})
	if s, known := empty.secretFor(tree.Tree{}, "x"); known || s == (secret.Secret{}) {
		t.Errorf("without users: %v, %v", s, known)
	}
}

func fail(t *testing.T, a *Authenticator, user, from string, n int) {
	t.Helper()
	for range n {
		if _, err := a.Password(t.Context(), user, "wrong", from); !errors.Is(err, ErrDenied) {
			t.Fatalf("%s from %s: %v", user, from, err)
		}
	}
}

func right(t *testing.T, a *Authenticator, from string) bool {
	t.Helper()
	_, err := a.Password(t.Context(), "old", "hashcat", from)
	if err != nil && !errors.Is(err, ErrDenied) {
		t.Fatal(err)
	}
	return err == nil
}

func TestLockOutOfAUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, log := newTest(t)
		fail(t, a, "old", here, freeFailures-1)
		if !right(t, a, here) {
			t.Fatal("locked too soon")
		}
		fail(t, a, "old", here, freeFailures) // the success has begun the count anew
		if right(t, a, here) {
			t.Error("not locked after five failures")
		}
		if !right(t, a, "192.0.2.10:1") {
			t.Error("locked at another source")
		}
		if _, err := a.Password(t.Context(), "eve", "hashcat", here); err != nil {
			t.Errorf("another user is locked: %v", err)
		}
		if !strings.Contains(log.text(), "Authentication of user old from 192.0.2.9 is locked for 30 seconds") {
			t.Errorf("logged:\n%s", log.text())
		}
		for lock := firstLock; lock <= 2*longestLock; lock *= 2 {
			held := min(lock, longestLock)
			time.Sleep(held - time.Second)
			if right(t, a, here) {
				t.Errorf("not locked %v after the failure", held-time.Second)
			}
			time.Sleep(time.Second)
			fail(t, a, "old", here, 1) // the lock is over: it counts
			if right(t, a, here) {
				t.Errorf("not locked again after %v", held)
			}
		}
		time.Sleep(longestLock)
		if !right(t, a, here) {
			t.Error("the lock never ends")
		}
		fail(t, a, "old", here, freeFailures-1)
		time.Sleep(forgetAfter + time.Second)
		fail(t, a, "old", here, 1)
		if !right(t, a, here) {
			t.Error("old failures are not forgotten")
		}
	})
}

func TestLockOutOfASource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, _ := newTest(t)
		for i := range freeFromSource - 1 {
			fail(t, a, fmt.Sprintf("guess%d", i), here, 1)
		}
		if !right(t, a, here) {
			t.Fatal("locked too soon")
		}
		fail(t, a, "guess", here, 1) // a success of one user does not begin anew
		if right(t, a, "192.0.2.9@pts/3") {
			t.Error("the source is not locked")
		}
		if !right(t, a, "[2001:db8::9]:22") {
			t.Error("another source is locked")
		}
		time.Sleep(firstLock)
		if !right(t, a, here) {
			t.Error("the lock does not end")
		}
	})
}

func TestLockOutIsBounded(t *testing.T) {
	l := newLockout()
	for i := range 3 * maxCounted {
		for range l.failed(fmt.Sprintf("user%d", i), fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)) {
			t.Fatal("locked after one failure")
		}
	}
	if n := len(l.entries); n > maxCounted || n != l.order.Len() {
		t.Errorf("%d counted in a map, %d in order", n, l.order.Len())
	}
	for range 10 {
		for range l.failed(strings.Repeat("x", 1<<20), "s") {
		}
		for range l.failed("", "s") {
		}
	}
	if !l.locked(strings.Repeat("y", 100), "s") {
		t.Error("names that no user can have are not counted as one")
	}
}

func TestSources(t *testing.T) {
	for from, want := range map[string]string{
		"192.0.2.9:22": "192.0.2.9", "192.0.2.9@pts/1": "192.0.2.9", "192.0.2.9": "192.0.2.9", "console0": "console0", "": "",
		"[2001:db8:1:2:3::9]:22": "2001:db8:1:2::/64", "2001:db8:1:2::a": "2001:db8:1:2::/64", "[fe80::1%eth0]:22": "fe80::/64",
		"[::ffff:192.0.2.9]:22": "192.0.2.9", "a b\n": "a?b?",
	} {
		if got := sourceOf(from); got != want {
			t.Errorf("%q: %q, want %q", from, got, want)
		}
	}
}

// A flood of logins derives a few hashes at a time; those who find the queue
// full are told so, and those who hang up leave it.
func TestFlood(t *testing.T) {
	a, _, _ := newTest(t)
	for range atOnce {
		a.slots <- struct{}{} // as if hashes were being derived
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	results := make(chan error, waiting+atOnce)
	for i := range waiting + atOnce {
		wg.Go(func() {
			_, err := a.Password(ctx, "admin", "hashcat", fmt.Sprintf("10.0.%d.%d:1", i>>8, i&255))
			results <- err
		})
	}
	deadline := time.Now().Add(10 * time.Second)
	for len(a.queue) < cap(a.queue) {
		if time.Now().After(deadline) {
			t.Fatalf("%d wait", len(a.queue))
		}
	}
	if _, err := a.Password(t.Context(), "admin", "hashcat", here); !errors.Is(err, ErrBusy) {
		t.Errorf("one too many: %v", err)
	}
	cancel()
	wg.Wait()
	close(results)
	for err := range results {
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("who hangs up gets %v", err)
		}
	}
	for range atOnce {
		<-a.slots
	}
	if _, err := a.Password(t.Context(), "admin", "hashcat", here); err != nil {
		t.Errorf("after the flood: %v", err)
	}
}

func TestRememberedPasswordsAreBounded(t *testing.T) {
	a, _, _ := newTest(t)
	for i := range 3 * maxRight {
		a.remember(a.digest("u", secret.Secret{}, fmt.Sprint(i)))
	}
	if len(a.right) > maxRight {
		t.Errorf("%d are remembered", len(a.right))
	}
	if a.digest("ab", secret.Secret{}, "c") == a.digest("a", secret.Secret{}, "bc") {
		t.Error("two logins with one digest")
	}
}

func TestWarning(t *testing.T) {
	a, b, _ := newTest(t)
	if w := a.Warning(t.Context(), "admin"); w != "" {
		t.Errorf("a password of his own: %q", w)
	}
	b.set(t, "admin", secret.New(LabPassword).String(), feature.NetworkAdmin)
	b.set(t, "eve", secret.New("eve").String(), feature.NetworkOperator)
	for _, u := range []string{"admin", "eve"} {
		if w := a.Warning(t.Context(), u); !strings.HasPrefix(w, "Warning: ") || strings.Contains(w, "\n") {
			t.Errorf("%s: %q", u, w)
		}
	}
	if w := a.Warning(t.Context(), "nobody"); w != "" {
		t.Errorf("nobody: %q", w)
	}
}
