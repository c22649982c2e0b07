package aaa

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"trunkline/config/tree"
	users "trunkline/feature/aaa"
)

func (b *box) leaf(value any, names ...tree.Elem) {
	now := b.running().Set(names, value)
	b.t.Store(&now)
}

func (b *box) expire(user, day string) {
	b.leaf(day, tree.Elem{Name: "users"}, tree.Elem{Name: "user", Key: user}, tree.Elem{Name: "expire"})
}

// A user who fails too often is locked out at every source for a while, or until
// he is let in again, and others are not.
func TestBans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, _ := newTest(t)
		b.leaf(users.Rejected{Attempts: 3, Within: 20, Ban: 300}, tree.Elem{Name: "aaa"}, tree.Elem{Name: "rejected"})
		fail := func(user, from string) {
			t.Helper()
			if _, err := a.Password(t.Context(), user, "wrong", from); !errors.Is(err, ErrDenied) {
				t.Fatalf("%s from %s: %v", user, from, err)
			}
		}
		right := func(user, from string, ok bool) {
			t.Helper()
			if _, err := a.Password(t.Context(), user, "hashcat", from); (err == nil) != ok {
				t.Fatalf("%s from %s: %v, want success %v", user, from, err, ok)
			}
		}
		fail("eve", "192.0.2.1:1")
		fail("eve", "192.0.2.2:1")
		time.Sleep(21 * time.Second) // the first two count no more
		fail("eve", "192.0.2.3:1")
		fail("eve", "192.0.2.4:1")
		right("eve", "192.0.2.9:1", true) // and now none counts
		for i := range 3 {
			fail("eve", "192.0.2."+string(rune('1'+i))+":1")
			fail("nobody", "192.0.2."+string(rune('1'+i))+":1")
		}
		right("eve", "192.0.2.9:1", false)
		right("zoe", "192.0.2.9:1", true)
		if all := a.Blocked(); len(all) != 1 || all[0].User != "eve" || !all[0].Until.Equal(time.Now().Add(300*time.Second)) {
			t.Fatalf("locked out: %v", all)
		}
		if a.Unblock("zoe") || !a.Unblock("eve") || a.Unblock("") {
			t.Fatal("who is let in again")
		}
		right("eve", "192.0.2.9:1", true)
		for range 3 {
			fail("eve", "192.0.2.7:1")
		}
		right("eve", "192.0.2.9:1", false)
		time.Sleep(301 * time.Second)
		right("eve", "192.0.2.9:1", true)
		if all := a.Blocked(); len(all) != 0 {
			t.Fatalf("locked out: %v", all)
		}
	})
}

// An account ends with its last day, for every proof; before, its user is warned.
func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins on 2000-01-01
		a, b, _ := newTest(t)
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(publicKey))
		if err != nil {
			t.Fatal(err)
		}
		b.key("eve", publicKey)
		b.expire("eve", "2000-01-09")
		works := func(want bool) {
			t.Helper()
			_, password := a.Password(t.Context(), "eve", "hashcat", "192.0.2.1:1")
			_, proof := a.PublicKey(t.Context(), "eve", key.Marshal(), "192.0.2.1:1")
			if _, known := a.Lookup("eve"); (password == nil) != want || (proof == nil) != want || known != want {
				t.Fatalf("%v: password %v, key %v, known %v; want %v", time.Now(), password, proof, known, want)
			}
		}
		works(true)
		if w := a.Warning(t.Context(), "eve"); w != "" {
			t.Errorf("nine days before: %q", w)
		}
		time.Sleep(3 * 24 * time.Hour)
		if w := a.Warning(t.Context(), "eve"); !strings.HasPrefix(w, "Warning: ") || !strings.Contains(w, "2000-01-09") {
			t.Errorf("six days before: %q", w)
		}
		time.Sleep(6*24*time.Hour - time.Second)
		works(true)
		time.Sleep(time.Second)
		works(false)
	})
}
