package config_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/config"
	"trunkline/config/configtest"
	"trunkline/config/schema"
	"trunkline/config/tree"
)

var admin = config.Meta{User: "admin", From: "pts/1", Method: config.MethodGNMI}

// trial commits a host name on trial.
func trial(t *testing.T, s *config.Store, name string, d time.Duration) {
	t.Helper()
	c := s.Begin()
	if err := c.Apply(set("system/hostname", name)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CommitTrial(t.Context(), c, admin, "t1", d); err != nil {
		t.Fatal(err)
	}
}

func hostname(s *config.Store) any {
	v, _ := s.Running().Tree.Get(path("system/hostname"))
	return v
}

// attempt commits one edit and returns the error.
func attempt(s *config.Store, m config.Meta, e config.Edit) error {
	c := s.Begin()
	if err := c.Apply(e); err != nil {
		return err
	}
	_, err := s.Commit(context.Background(), c, m)
	return err
}

// withTrial runs a test in fake time with the host name "temp" on trial for a
// minute, "old" before it. reopen is the start after a kill.
func withTrial(t *testing.T, f func(t *testing.T, s *config.Store, reopen func() *config.Store)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var b configtest.Backend
		var kill context.CancelFunc
		start := func() *config.Store {
			if kill != nil {
				kill()
			}
			s := open(t, &b, config.Hooks{})
			var life context.Context
			life, kill = context.WithCancel(ctx)
			go s.KeepTrials(life, func(err error) { t.Error(err) })
			return s
		}
		s := start()
		commit(t, s, set("system/hostname", "old"))
		trial(t, s, "temp", time.Minute)
		f(t, s, start)
	})
}

func TestTrial(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(t *testing.T, s *config.Store, reopen func() *config.Store) *config.Store
		want string // host name in the end
	}{
		"expires": {func(t *testing.T, s *config.Store, _ func() *config.Store) *config.Store {
			time.Sleep(59 * time.Second)
			synctest.Wait()
			if hostname(s) != "temp" {
				t.Errorf("too early: %v", hostname(s))
			}
			time.Sleep(time.Second)
			return s
		}, "old"},
		"confirmed": {func(t *testing.T, s *config.Store, _ func() *config.Store) *config.Store {
			if err := s.Confirm(t.Context(), "t2"); !errors.Is(err, config.ErrTrialID) {
				t.Errorf("confirm another: %v", err)
			}
			if err := s.Confirm(t.Context(), "t1"); err != nil {
				t.Error(err)
			}
			if err := s.Confirm(t.Context(), "t1"); !errors.Is(err, config.ErrNoTrial) {
				t.Errorf("confirm again: %v", err)
			}
			return s
		}, "temp"},
		"cancelled": {func(t *testing.T, s *config.Store, _ func() *config.Store) *config.Store {
			r, err := s.Cancel(t.Context(), "", admin)
			if err != nil || r.Generation != 3 {
				t.Errorf("cancel: %+v, %v", r, err)
			}
			if c := s.Commits(1)[0]; c.Method != config.MethodRevert || c.User != "admin" {
				t.Errorf("recorded as %+v", c.Meta)
			}
			return s
		}, "old"},
		"prolonged": {func(t *testing.T, s *config.Store, _ func() *config.Store) *config.Store {
			time.Sleep(50 * time.Second)
			if err := s.Prolong(t.Context(), "t1", time.Hour); err != nil {
				t.Error(err)
			}
			time.Sleep(59 * time.Minute)
			return s
		}, "temp"},
		"shortened": {func(t *testing.T, s *config.Store, _ func() *config.Store) *config.Store {
			if err := s.Prolong(t.Context(), "t1", time.Second); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Second)
			return s
		}, "old"},
		"goes on after a kill": {func(t *testing.T, _ *config.Store, reopen func() *config.Store) *config.Store {
			time.Sleep(30 * time.Second)
			s := reopen()
			if p, ok := s.Trial(); !ok || p.ID != "t1" || p.User != "admin" || hostname(s) != "temp" {
				t.Errorf("after a kill: %+v, %v, %v", p, ok, hostname(s))
			}
			time.Sleep(30 * time.Second)
			return s
		}, "old"},
		"prolonged before a kill": {func(t *testing.T, s *config.Store, reopen func() *config.Store) *config.Store {
			if err := s.Prolong(t.Context(), "", time.Hour); err != nil {
				t.Error(err)
			}
			s = reopen()
			time.Sleep(59 * time.Minute)
			return s
		}, "temp"},
		"confirmed before a kill": {func(t *testing.T, s *config.Store, reopen func() *config.Store) *config.Store {
			if err := s.Confirm(t.Context(), "t1"); err != nil {
				t.Error(err)
			}
			s = reopen()
			time.Sleep(time.Hour)
			return s
		}, "temp"},
	} {
		t.Run(name, func(t *testing.T) {
			withTrial(t, func(t *testing.T, s *config.Store, reopen func() *config.Store) {
				s = c.do(t, s, reopen)
				synctest.Wait()
				if hostname(s) != c.want {
					t.Errorf("host name %v, want %v", hostname(s), c.want)
				}
			})
		})
	}
}

// TestExpiredAtBoot: nobody is served what was not confirmed in time.
func TestExpiredAtBoot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b configtest.Backend
		s := open(t, &b, config.Hooks{})
		commit(t, s, set("system/hostname", "old"))
		trial(t, s, "temp", time.Minute)
		time.Sleep(2 * time.Minute) // nobody keeps the time
		s = open(t, &b, config.Hooks{Settle: func(context.Context, config.Snapshot) { t.Error("settled before anybody is served") }})
		if _, pending := s.Trial(); hostname(s) != "old" || pending {
			t.Errorf("host name %v, pending %v", hostname(s), pending)
		}
		s = open(t, &b, config.Hooks{})
		if hostname(s) != "old" || s.Running().Generation != 3 {
			t.Errorf("not stored: %v of generation %d", hostname(s), s.Running().Generation)
		}
	})
}

func TestHeld(t *testing.T) {
	withTrial(t, func(t *testing.T, s *config.Store, _ func() *config.Store) {
		second := func() error {
			c := s.Begin()
			_, err := s.CommitTrial(t.Context(), c, admin, "t2", time.Minute)
			return err
		}
		const want = "ERROR: Another configuration session holds the lock (user admin, pts/1)."
		for what, err := range map[string]error{
			"commit": attempt(s, admin, set("vlans/vlan[2]", nil)), "second": second(), "save": s.SaveStartup(t.Context(), admin),
		} {
			if !errors.Is(err, config.ErrHeld) || err.Error() != want {
				t.Errorf("%s: %v", what, err)
			}
		}
		// The product's own commits go on, and stay when the trial is over.
		system := config.Meta{User: "system", Method: config.MethodSystem}
		if err := attempt(s, system, set("vlans/vlan[7]", nil)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if hostname(s) != "old" || !s.Running().Tree.Exists(path("vlans/vlan[7]")) {
			t.Errorf("after it came back:\n%s", text(s))
		}
		if err := attempt(s, admin, set("vlans/vlan[2]", nil)); err != nil {
			t.Error(err)
		}
	})
}

// TestTrialKeepsInventory: a workload that was attached meanwhile stays so.
func TestTrialKeepsInventory(t *testing.T) {
	withTrial(t, func(t *testing.T, s *config.Store, _ func() *config.Store) {
		owner := configtest.Owner{Kind: "none"}
		system := config.Meta{Method: config.MethodSystem}
		if err := attempt(s, system, set("interfaces/interface[Vethernet3]/owner", owner)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Cancel(t.Context(), "t1", admin); err != nil {
			t.Fatal(err)
		}
		if v, _ := s.Running().Tree.Get(path("interfaces/interface[Vethernet3]/owner")); v != owner {
			t.Errorf("owner %v", v)
		}
	})
}

// TestTrialWithoutEffect is pending all the same: who asked will confirm it.
func TestTrialWithoutEffect(t *testing.T) {
	var b configtest.Backend
	s := open(t, &b, config.Hooks{})
	if _, err := s.CommitTrial(t.Context(), s.Begin(), admin, "t1", time.Minute); err != nil {
		t.Fatal(err)
	}
	for _, generation := range []uint64{1, 1} { // one that nothing was stored before, and one beside it
		s = open(t, &b, config.Hooks{})
		if err := s.Confirm(t.Context(), "t1"); err != nil {
			t.Error(err)
		}
		if g := s.Running().Generation; g != generation {
			t.Errorf("generation %d", g)
		}
		if _, err := s.CommitTrial(t.Context(), s.Begin(), admin, "t1", time.Minute); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTrialUnknown: a backend that stored a trial and said it did not. It comes
// back in time.
func TestTrialUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var b configtest.Backend
		s := open(t, &b, config.Hooks{})
		commit(t, s, set("system/hostname", "old"))
		b.FailAfter = func(op string) error {
			if op == "commit" {
				return errors.New("no answer")
			}
			return nil
		}
		c := s.Begin()
		if err := c.Apply(set("system/hostname", "temp")); err != nil {
			t.Fatal(err)
		}
		if _, err := s.CommitTrial(t.Context(), c, admin, "t1", time.Minute); err == nil {
			t.Fatal("answered")
		}
		b.FailAfter = nil
		go s.KeepTrials(ctx, func(err error) { t.Error(err) })
		synctest.Wait()
		if hostname(s) != "temp" {
			t.Errorf("what is stored does not run: %v", hostname(s))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if hostname(s) != "old" {
			t.Errorf("host name %v", hostname(s))
		}
	})
}

// TestRevertRetries: a store that fails when the time is over is tried again,
// and checks that refuse cannot keep what was not confirmed.
func TestRevertRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var b configtest.Backend
		strict, told := false, 0
		s := open(t, &b, config.Hooks{Check: func(_, _ tree.Tree) []schema.Problem {
			if strict {
				return []schema.Problem{{Text: "ERROR: No."}}
			}
			return nil
		}})
		commit(t, s, set("system/hostname", "old"))
		trial(t, s, "temp", time.Minute)
		strict = true
		broken := time.Now().Add(61500 * time.Millisecond)
		b.Fail = func(string) error {
			if time.Now().Before(broken) {
				return errors.New("no quorum")
			}
			return nil
		}
		go s.KeepTrials(ctx, func(error) { told++ })
		time.Sleep(63 * time.Second)
		synctest.Wait()
		if hostname(s) != "old" || told != 2 {
			t.Errorf("host name %v, told %d times", hostname(s), told)
		}
	})
}

func TestTrialBounds(t *testing.T) {
	s := open(t, &configtest.Backend{}, config.Hooks{})
	for _, d := range []time.Duration{0, -time.Second, config.MinTrial - 1, config.MaxTrial + 1} {
		if _, err := s.CommitTrial(t.Context(), s.Begin(), admin, "t", d); !errors.Is(err, config.ErrTrialTime) {
			t.Errorf("%v: %v", d, err)
		}
	}
	for _, id := range []string{"", strings.Repeat("x", 256)} {
		if _, err := s.CommitTrial(t.Context(), s.Begin(), admin, id, time.Minute); err == nil {
			t.Errorf("id of %d bytes", len(id))
		}
	}
}

func TestReloadEndsTrial(t *testing.T) {
	var b configtest.Backend
	s := open(t, &b, config.Hooks{})
	commit(t, s, set("system/hostname", "old"))
	if err := s.SaveStartup(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
	trial(t, s, "temp", time.Minute)
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	s = open(t, &b, config.Hooks{})
	if _, pending := s.Trial(); hostname(s) != "old" || pending || s.Running().Generation != 3 {
		t.Errorf("after a reload: %v of generation %d, pending %v", hostname(s), s.Running().Generation, pending)
	}
}

func TestConflictNamesPath(t *testing.T) {
	s := open(t, &configtest.Backend{}, config.Hooks{})
	commit(t, s, set("interfaces/interface[Vethernet9]/description", "x"))
	c := s.Begin()
	if err := c.Apply(set("vlans/vlan[5]/name", "mine"), del("interfaces/interface[Vethernet9]")); err != nil {
		t.Fatal(err)
	}
	commit(t, s, set("vlans/vlan[5]/name", "theirs"), set("interfaces/interface[Vethernet9]/description", "y"))
	_, err := s.Verify(c)
	_, err2 := s.Commit(t.Context(), c, admin)
	for _, err := range []error{err, err2} {
		var conflict *config.ConflictError
		if !errors.As(err, &conflict) || !errors.Is(err, config.ErrConflict) {
			t.Fatalf("got %v", err)
		}
		const want = "ERROR: Another session has changed interfaces/interface[Vethernet9] since this change began."
		if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}

// TestPanics: a panic of a feature refuses the commit and nothing else.
func TestPanics(t *testing.T) {
	for _, stage := range []string{"check", "compile", "settle"} {
		t.Run(stage, func(t *testing.T) {
			at, told := "", ""
			bad := func(here string) {
				if here == at {
					panic("bug")
				}
			}
			s := open(t, &configtest.Backend{}, config.Hooks{
				Check:    func(_, _ tree.Tree) []schema.Problem { bad("check"); return nil },
				Compile:  func(tree.Tree) []schema.Problem { bad("compile"); return nil },
				Settle:   func(context.Context, config.Snapshot) { bad("settle") },
				Panicked: func(stage string, v any, stack []byte) { told = stage },
			})
			at = stage
			err := attempt(s, admin, set("system/hostname", "a"))
			if told != stage {
				t.Errorf("told of %q", told)
			}
			if stage == "settle" {
				if err != nil || hostname(s) != "a" {
					t.Errorf("a committed change: %v", err)
				}
				return
			}
			if !errors.Is(err, config.ErrInternal) || hostname(s) != nil {
				t.Errorf("got %v", err)
			}
			at = ""
			if err := attempt(s, admin, set("system/hostname", "a")); err != nil {
				t.Errorf("the next commit: %v", err)
			}
		})
	}
}

func TestOneWriter(t *testing.T) {
	s := open(t, &configtest.Backend{}, config.Hooks{})
	release, err := s.Exclusive()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Exclusive(); !errors.Is(err, config.ErrBusy) {
		t.Errorf("a second writer: %v", err)
	}
	if err := s.SaveStartup(t.Context(), admin); !errors.Is(err, config.ErrBusy) {
		t.Errorf("a save: %v", err)
	}
	release()
	if err := s.SaveStartup(t.Context(), admin); err != nil {
		t.Error(err)
	}
}
