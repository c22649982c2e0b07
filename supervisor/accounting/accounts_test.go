package accounting

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline/cli/session"
	"trunkline/config"
)

func openAccounts(t testing.TB, dir string, commits ...config.Commit) *Accounts {
	t.Helper()
	a, err := OpenAccounts(dir, commits, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

func account(n int) session.Account {
	return session.Account{
		At: time.Date(2026, 11, 22, 9, 0, n, 0, time.UTC), From: "console0", User: "admin",
		Command: fmt.Sprintf("configure terminal ; vlan %d", n), OK: n%2 == 0,
	}
}

// TestAccountsStay has a log opened again after one that was never closed.
func TestAccountsStay(t *testing.T) {
	dir := t.TempDir()
	a := openAccounts(t, dir)
	const n = 2*maxAccounts + 50 // more than the file may grow to
	for i := range n {
		a.Add(account(i))
	}
	late := config.Commit{}
	late.At, late.User, late.From, late.Line, late.Method = account(n).At, "bob", "192.0.2.7", "gNMI Set", config.MethodGNMI
	early := late
	early.At = account(3).At
	all := openAccounts(t, dir, late, early).All()
	if len(all) != maxAccounts {
		t.Fatalf("%d accounts are kept, want %d", len(all), maxAccounts)
	}
	if got := all[len(all)-1]; got.User != "bob" || got.Command != "gNMI Set" {
		t.Errorf("the commit that has no account: %+v", got)
	}
	if got, want := all[len(all)-2], account(n-1); got != want {
		t.Errorf("last account %+v, want %+v", got, want)
	}
	info, err := os.Stat(filepath.Join(dir, "accounting"))
	if err != nil || info.Size() > 1<<20 {
		t.Errorf("the file has %d bytes, %v", info.Size(), err)
	}
}

// TestLongAccount has a command that is too long, and a file that is damaged at
// both ends.
func TestLongAccount(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "accounting")
	if err := os.WriteFile(path, []byte("ser\"}\n"+`{"At":"2026-11-22T09:00:00Z","User":"x"}`+"\n"+`{"At":"20`), 0o600); err != nil {
		t.Fatal(err)
	}
	a := openAccounts(t, dir)
	if all := a.All(); len(all) != 1 || all[0].User != "x" {
		t.Fatalf("read %+v", all)
	}
	long := account(1)
	long.Command = strings.Repeat("x", 1<<20)
	a.Add(long)
	if all := openAccounts(t, dir).All(); len(all) != 2 || len(all[1].Command) > maxAccountLine {
		t.Errorf("%d accounts after a long one", len(all))
	}
}

func FuzzParseAccounts(f *testing.F) {
	f.Add([]byte(`{"At":"2026-11-22T09:00:00Z","User":"x","Command":"vlan 1","OK":true}` + "\n"))
	f.Add([]byte("\x00\n{}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, a := range parseAccounts(data) {
			if a.At.IsZero() {
				t.Errorf("an account without a time: %+v", a)
			}
		}
	})
}

// TestRefusedLeaveChanges floods the log with refused commands: of one user, and
// of many. What was changed stays, and so does who else was refused.
func TestRefusedLeaveChanges(t *testing.T) {
	dir := t.TempDir()
	a := openAccounts(t, dir)
	at := account(0).At
	add := func(user, command string, ok bool) {
		at = at.Add(time.Second)
		a.Add(session.Account{At: at, From: "192.0.2.7@pts/1", User: user, Command: command, OK: ok})
	}
	const changes = maxAccounts - maxRefused
	for i := range changes {
		add("admin", fmt.Sprint("vlan ", i), true)
	}
	add("bob", "reload", false)
	count := func() (ok, refused int, eve int, bob bool) {
		for _, e := range a.All() {
			switch {
			case e.OK:
				ok++
			case e.User == "eve":
				eve++
			}
			if !e.OK {
				refused++
			}
			bob = bob || e.User == "bob"
		}
		return ok, refused, eve, bob
	}
	for i := range 2 * maxAccounts {
		add("eve", fmt.Sprint("vlan ", i), false)
	}
	if ok, _, eve, bob := count(); ok != changes || eve != maxRefusedEach || !bob {
		t.Errorf("%d changes, %d refusals of one user, another's: %v", ok, eve, bob)
	}
	for i := range 2 * maxAccounts {
		add(fmt.Sprint("user", i%256), fmt.Sprint("vlan ", i), false)
	}
	if ok, refused, _, _ := count(); ok != changes || refused > maxRefused {
		t.Errorf("%d changes, %d refusals", ok, refused)
	}
	a = openAccounts(t, dir)
	if ok, refused, _, _ := count(); ok != changes || refused > maxRefused {
		t.Errorf("in the file: %d changes, %d refusals", ok, refused)
	}
}

// TestRepeatedRefusals has one command refused over and over: it is one entry.
func TestRepeatedRefusals(t *testing.T) {
	a := openAccounts(t, t.TempDir())
	for i := range 3000 {
		e := account(1)
		e.At = e.At.Add(time.Duration(i) * time.Second)
		a.Add(e)
		if i%2 == 0 { // of somebody else
			e.User, e.Command = "bob", "reload"
			a.Add(e)
		}
	}
	all := a.All()
	if len(all) != 2 || all[0].Times != 3000 || all[1].Times != 1500 || !strings.HasSuffix(all[0].String(), "(FAILURE, 3000 times)") {
		t.Errorf("%d entries: %v", len(all), all)
	}
}
