package config

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"trunkline/config/schema"
	"trunkline/config/tree"
)

// Store is the configuration of one chassis: what runs, what it starts with, and
// the transaction that changes it. It is safe for concurrent use.
type Store struct {
	schema  *schema.Schema
	backend Backend
	hooks   Hooks

	running atomic.Pointer[Snapshot]
	startup atomic.Pointer[Snapshot] // nil: there is none

	commit chan struct{} // holds a token while a commit is under way
	// Guarded by commit:
	stored    uint64 // generation of what the backend has, 0 for nothing
	uncertain bool   // the backend failed; what it has is not known
	reloading bool

	saving sync.Mutex // held while the startup configuration is written

	mu          sync.Mutex
	subscribers map[chan struct{}]bool
}

// Open loads what the backend has: the running configuration if there is one,
// else the startup configuration, else the given factory default. A record that
// cannot be read or is not valid by the schema is a *RecordError.
func Open(ctx context.Context, s *schema.Schema, b Backend, h Hooks, factory tree.Tree) (*Store, error) {
	running, startup, err := b.Load(ctx)
	if err != nil {
		return nil, &RecordError{Err: err}
	}
	store := &Store{
		schema: s, backend: b, hooks: h,
		commit: make(chan struct{}, 1), subscribers: map[chan struct{}]bool{},
	}
	if startup != nil {
		snapshot, err := decode(s, "startup", startup)
		if err != nil {
			return nil, err
		}
		store.startup.Store(snapshot)
	}
	switch {
	case running != nil:
		snapshot, err := decode(s, "running", running)
		if err != nil {
			return nil, err
		}
		store.stored = running.Generation
		store.running.Store(snapshot)
	case startup != nil:
		// Generations go on from there, so that they only ever grow.
		store.running.Store(&Snapshot{Tree: store.startup.Load().Tree, Generation: startup.Generation})
	default:
		if problems := s.Validate(tree.Tree{}, factory); len(problems) > 0 {
			return nil, fmt.Errorf("factory default: %w", Problems(problems))
		}
		store.running.Store(&Snapshot{Tree: factory})
	}
	return store, nil
}

// decode reads a record and checks its structure.
func decode(s *schema.Schema, name string, r *Record) (*Snapshot, error) {
	t, err := s.DecodeJSON(r.Config)
	if err == nil {
		if errs, _ := split(s.Validate(tree.Tree{}, t)); len(errs) > 0 {
			err = errs
		}
	}
	if err != nil {
		return nil, &RecordError{Name: name, Generation: r.Generation, Err: err}
	}
	return &Snapshot{Tree: t, Generation: r.Generation, At: r.At}, nil
}

// Schema returns the schema of the store.
func (s *Store) Schema() *schema.Schema { return s.schema }

// Running returns the running configuration.
func (s *Store) Running() Snapshot { return *s.running.Load() }

// Startup returns the startup configuration, and whether there is one.
func (s *Store) Startup() (Snapshot, bool) {
	if p := s.startup.Load(); p != nil {
		return *p, true
	}
	return Snapshot{}, false
}

// Check returns everything that is to be said of a candidate against the
// configuration it began from: problems that would refuse it, and remarks. What
// others have committed since is for Commit.
func (s *Store) Check(c *Candidate) []schema.Problem {
	return s.check(c.base.Tree, c.tree)
}

// check looks at structure first. What the features say comes after, as they
// read values by type; they may explain better why an entry cannot go.
func (s *Store) check(old, new tree.Tree) []schema.Problem {
	all := s.schema.Validate(old, new)
	for _, p := range all {
		if p.Rule != schema.RuleInUse && p.Rule != schema.RuleReference {
			return all
		}
	}
	var more []schema.Problem
	if s.hooks.Check != nil {
		more = s.hooks.Check(old, new)
	}
	all = slices.DeleteFunc(all, func(p schema.Problem) bool {
		return slices.ContainsFunc(more, func(q schema.Problem) bool {
			return q.Severity == schema.Error && q.Path.Equal(p.Path)
		})
	})
	all = append(all, more...)
	if errs, _ := split(all); len(errs) == 0 && s.hooks.Compile != nil {
		all = append(all, s.hooks.Compile(new)...)
	}
	return all
}

// Commit makes a candidate the running configuration. If others have committed
// since the candidate began, its edits are applied to what runs now, unless both
// touched the same: then it is ErrConflict. Problems are the answer to a
// candidate that is not valid. One without effect succeeds and commits nothing.
//
// Once Commit has returned nil, the change is stored and published, and the
// candidate continues from it without edits. After any other answer the
// candidate is as it was; whether an error of the backend left something stored
// is found out before the next commit.
func (s *Store) Commit(ctx context.Context, c *Candidate, m Meta) (Result, error) {
	before := c.Base().Generation
	r, err := s.commitOne(ctx, c, m)
	if err == nil && r.Generation != before && s.hooks.Settle != nil {
		s.hooks.Settle(ctx, r.Snapshot)
	}
	return r, err
}

// commitOne is Commit up to the commit point and publication.
func (s *Store) commitOne(ctx context.Context, c *Candidate, m Meta) (Result, error) {
	if err := s.lock(ctx); err != nil {
		return Result{}, err
	}
	defer s.unlock()
	if s.uncertain {
		if err := s.refresh(ctx); err != nil {
			return Result{}, err
		}
	}
	now := s.Running()
	next, err := s.rebase(c, now)
	if err != nil {
		return Result{}, err
	}
	if next.Equal(now.Tree) {
		c.restart(now)
		return Result{Snapshot: now}, nil
	}
	errs, remarks := split(s.check(now.Tree, next))
	if len(errs) > 0 {
		return Result{}, errs
	}
	text, err := s.schema.EncodeJSON(next)
	if err != nil {
		return Result{}, fmt.Errorf("commit: %w", err)
	}
	done := Snapshot{Tree: next, Generation: now.Generation + 1, At: time.Now().UTC()}
	r := Record{Generation: done.Generation, At: done.At, Meta: m, Config: text}
	if err := s.backend.Commit(ctx, s.stored, r); err != nil {
		s.uncertain = true
		return Result{}, fmt.Errorf("commit: %w", err)
	}
	s.stored = done.Generation
	s.publish(done)
	c.restart(done)
	return Result{Snapshot: done, Remarks: remarks}, nil
}

func (s *Store) lock(ctx context.Context) error {
	select {
	case s.commit <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("wait for another commit: %w", ctx.Err())
	}
	if s.reloading {
		s.unlock()
		return ErrReloading
	}
	return nil
}

func (s *Store) unlock() { <-s.commit }

// refresh adopts what the backend has, after it failed or refused the base.
func (s *Store) refresh(ctx context.Context) error {
	running, _, err := s.backend.Load(ctx)
	if err != nil {
		return &RecordError{Err: err}
	}
	s.stored = 0
	if running != nil {
		s.stored = running.Generation
		if running.Generation != s.Running().Generation {
			snapshot, err := decode(s.schema, "running", running)
			if err != nil {
				return err
			}
			s.publish(*snapshot)
		}
	}
	s.uncertain = false
	return nil
}

// SaveStartup makes the running configuration the startup configuration.
func (s *Store) SaveStartup(ctx context.Context, m Meta) error {
	if !s.saving.TryLock() {
		return ErrBusy
	}
	defer s.saving.Unlock()
	now := s.Running()
	text, err := s.schema.EncodeJSON(now.Tree)
	if err != nil {
		return fmt.Errorf("save startup configuration: %w", err)
	}
	r := Record{Generation: now.Generation, At: time.Now().UTC(), Meta: m, Config: text}
	if err := s.backend.SaveStartup(ctx, &r); err != nil {
		return fmt.Errorf("save startup configuration: %w", err)
	}
	s.startup.Store(&Snapshot{Tree: now.Tree, Generation: r.Generation, At: r.At})
	return nil
}

// EraseStartup removes the startup configuration.
func (s *Store) EraseStartup(ctx context.Context) error {
	if !s.saving.TryLock() {
		return ErrBusy
	}
	defer s.saving.Unlock()
	if err := s.backend.SaveStartup(ctx, nil); err != nil {
		return fmt.Errorf("erase startup configuration: %w", err)
	}
	s.startup.Store(nil)
	return nil
}

// Reload forgets the stored running configuration, so that the next Open boots
// from the startup configuration, and refuses commits from now on. What runs
// goes on running until the process ends, which is the caller's to do.
func (s *Store) Reload(ctx context.Context) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	if err := s.backend.DropRunning(ctx); err != nil {
		return fmt.Errorf("reload: %w", err)
	}
	s.reloading = true
	return nil
}
