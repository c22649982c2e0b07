package supervisor

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"trunkline/config"
	"trunkline/config/history"
	"trunkline/config/tree"
)

// TestLifecycleSurvives: checkpoints, the record of commits and a confirmed
// commit are there after a restart, and the latter comes back in its time.
func TestLifecycleSurvives(t *testing.T) {
	cfg := Config{StateDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
	name := tree.Path{{Name: "system"}, {Name: "hostname"}}
	start := func() *Supervisor {
		t.Helper()
		s, err := Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	named := func(s *Supervisor, to string) *config.Candidate {
		t.Helper()
		c := s.config.Begin()
		if err := c.Apply(config.Edit{Op: config.Set, Path: name, Value: to}); err != nil {
			t.Fatal(err)
		}
		return c
	}
	who := config.Meta{User: "admin", From: "console"}
	s := start()
	_, err := s.config.Commit(t.Context(), named(s, "old"), who)
	if err == nil {
		_, err = s.history.Save(t.Context(), "before", "", who)
	}
	if err == nil {
		_, err = s.history.Commit(t.Context(), named(s, "temp"), who, history.Confirm{ID: "t", Within: config.MinTrial})
	}
	if err != nil {
		t.Fatal(err)
	}
	s.close()

	s = start()
	defer s.close()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.config.KeepTrials(ctx, func(err error) { t.Error(err) }) }()
	deadline := time.Now().Add(20 * time.Second)
	for {
		if _, pending := s.config.Trial(); !pending {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a confirmed commit is pending for ever")
		}
		time.Sleep(time.Millisecond)
	}
	if v, _ := s.config.Running().Tree.Get(name); v != "old" {
		t.Errorf("host name %v", v)
	}
	if c := s.history.Commits(3); len(c) != 3 || c[0].Method != config.MethodRevert || c[2].User != "admin" {
		t.Errorf("commits %+v", c)
	}
	_, at, err := s.history.Checkpoint(t.Context(), "before")
	if v, _ := at.Get(name); err != nil || v != "old" {
		t.Errorf("checkpoint: %v, %v", v, err)
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
