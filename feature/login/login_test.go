package login

import (
	"errors"
	"strings"
	"testing"
	"time"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/featuretest"
)

func TestShowUsers(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 15, 2, 0, time.UTC)
	q := feature.Query{Now: now, Session: feature.Session{Login: 7}, State: &feature.State{Logins: []feature.Login{
		{ID: 3, User: "admin", Line: "console0", PID: 14473, Since: now.Add(-44 * time.Minute), Idle: 41 * time.Minute},
		{ID: 7, User: "admin", Line: "pts/1", Address: "192.0.2.99", PID: 15120, Since: now.Add(-time.Minute), Idle: 30 * time.Second},
		{ID: 8, User: "operator", Line: "pts/12", Address: "2001:db8::1", PID: 15120, Since: now.AddDate(0, 0, -20), Idle: 480 * time.Hour},
	}}}
	s, err := featuretest.Show(t, Feature, q, "show users")
	if err != nil {
		t.Fatal(err)
	}
	featuretest.Golden(t, "users", s)
}

func TestRead(t *testing.T) {
	c := Read(tree.Tree{})
	if want := (Config{Sessions: 32, SSH: true, Attempts: 3}); c != want {
		t.Errorf("defaults: %+v", c)
	}
	var set tree.Tree
	set = set.Set(path("features", "ssh"), schema.No)
	set = set.Set(path("line", "vty", "exec-timeout"), uint32(10))
	set = set.Set(path("line", "console", "exec-timeout"), uint32(30))
	c = Read(set)
	if c.SSH || c.Idle(feature.Session{Address: "192.0.2.99"}) != 10*time.Minute || c.Idle(feature.Session{}) != 30*time.Minute {
		t.Errorf("got %+v", c)
	}
}

// FuzzBanner requires of every text that is a banner that its printed form is
// the same banner, and of every other a message.
func FuzzBanner(f *testing.F) {
	for _, s := range banner.Syntax.Samples {
		f.Add(s)
	}
	f.Add("#never ends")
	f.Add("ééé")
	f.Add("\xff\xff")
	f.Add(strings.Repeat("#^%@~$&*+=/:¡\n", 3))
	f.Add("#" + strings.Repeat("x\n", 50) + "#")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := banner.Parse(text)
		var wrong *schema.SyntaxError
		var more *schema.Unfinished
		switch {
		case err == nil:
			if back, err := banner.Parse(banner.Format(v)); err != nil || back != v {
				t.Errorf("%q printed as %q reads %q, %v", v, banner.Format(v), back, err)
			}
		case !errors.As(err, &wrong) && !errors.As(err, &more):
			t.Errorf("%q: %v is no message", text, err)
		}
	})
}
