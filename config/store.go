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
	clock   Clock

	running atomic.Pointer[Snapshot]
	startup atomic.Pointer[Snapshot] // nil: there is none

	commit chan struct{} // holds a token while a commit is under way
	// Guarded by commit:
	encoder   *schema.Encoder
	stored    uint64 // generation of what the backend has, 0 for nothing
	uncertain bool   // the backend failed; what it has is not known
	reloading bool

	pending   atomic.Pointer[trial] // written with commit held; nil: nothing is pending
	trialWake chan struct{}         // of one: what is pending has changed

	writing sync.Mutex // held by the one writer

	mu          sync.Mutex
	subscribers map[chan struct{}]bool
	commits     []Commit // oldest first, at most MaxCommits
}

// Open loads what the backend has: the running configuration if there is one,
// else the startup configuration, else the given factory default. A record that
// cannot be read or is not valid by the schema is a *RecordError. A confirmed
// commit that is pending goes on; one whose time is over has come back before
// Open returns.
func Open(ctx context.Context, s *schema.Schema, b Backend, h Hooks, factory tree.Tree) (*Store, error) {
	running, startup, err := b.Load(ctx)
	if err != nil {
		return nil, &RecordError{Err: err}
	}
	store := &Store{
		schema: s, encoder: s.NewEncoder(), backend: b, hooks: h, clock: h.Clock,
		commit: make(chan struct{}, 1), trialWake: make(chan struct{}, 1), subscribers: map[chan struct{}]bool{},
	}
	if store.clock == nil {
		store.clock = systemClock{}
	}
	var last uint64
	if b, ok := b.(TrialBackend); ok {
		if last, err = b.LastGeneration(ctx); err != nil {
			return nil, &RecordError{Err: err}
		}
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
		store.running.Store(&Snapshot{Tree: store.startup.Load().Tree, Generation: fresh(startup.Generation, last)})
	default:
		if problems := s.Validate(tree.Tree{}, factory); len(problems) > 0 {
			return nil, fmt.Errorf("factory default: %w", Problems(problems))
		}
		store.running.Store(&Snapshot{Tree: factory, Generation: fresh(0, last)})
	}
	if err := store.resumeTrial(ctx); err != nil {
		return nil, err
	}
	return store, nil
}

// fresh is the generation of a configuration that a chassis boots from: that
// with which it was saved, or one that was never used if there were others
// since. So one generation is never two configurations.
func fresh(saved, last uint64) uint64 {
	if last > saved {
		return last + 1
	}
	return saved
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

// check looks at structure first. What the features say comes after, as they
// read values by type; they may explain better why an entry cannot go.
func (s *Store) check(old, new tree.Tree) []schema.Problem {
	all := s.checkStep(old, new)
	if errs, _ := split(all); len(errs) == 0 && s.hooks.Compile != nil {
		all = append(all, s.guarded("compile", func() []schema.Problem { return s.hooks.Compile(new) })...)
	}
	return all
}

// checkStep is check without what is found by compiling, which looks at all there
// is.
func (s *Store) checkStep(old, new tree.Tree) []schema.Problem {
	all := s.guarded("check", func() []schema.Problem { return s.schema.Validate(old, new) })
	for _, p := range all {
		if p.Severity == schema.Error && p.Rule != schema.RuleInUse && p.Rule != schema.RuleReference {
			return all
		}
	}
	var more []schema.Problem
	if s.hooks.Check != nil {
		more = s.guarded("check", func() []schema.Problem { return s.hooks.Check(old, new) })
	}
	all = slices.DeleteFunc(all, func(p schema.Problem) bool {
		return slices.ContainsFunc(more, func(q schema.Problem) bool {
			return q.Severity == schema.Error && q.Path.Equal(p.Path)
		})
	})
	return append(all, more...)
}

// Commit makes a candidate the running configuration. If others have committed
// since the candidate began, its edits are applied to what runs now, unless both
// touched the same: then it is a *ConflictError. Problems are the answer to a
// candidate that is not valid, a *HeldError to any while a confirmed commit is
// pending. One without effect succeeds and commits nothing.
//
// Once Commit has returned nil, the change is stored and published, and the
// candidate continues from it without edits. After any other answer the
// candidate is as it was; whether an error of the backend left something stored
// is found out before the next commit.
func (s *Store) Commit(ctx context.Context, c *Candidate, m Meta) (Result, error) {
	return s.transact(ctx, c, m, nil)
}

// transact is Commit, on trial if one is given.
func (s *Store) transact(ctx context.Context, c *Candidate, m Meta, on *Trial) (Result, error) {
	before := c.Base().Generation
	r, err := s.commitOne(ctx, c, m, on)
	if err == nil && r.Generation != before {
		s.settle(ctx, r.Snapshot)
	}
	return r, err
}

// commitOne is Commit up to the commit point and publication.
func (s *Store) commitOne(ctx context.Context, c *Candidate, m Meta, on *Trial) (Result, error) {
	if err := s.lock(ctx); err != nil {
		return Result{}, err
	}
	defer s.unlock()
	if s.uncertain {
		if err := s.refresh(ctx); err != nil {
			return Result{}, err
		}
	}
	held := s.pending.Load()
	if held != nil && (on != nil || m.Method != MethodSystem) {
		return Result{}, &HeldError{held.Trial}
	}
	now := s.Running()
	next, err := s.rebase(c, now)
	if err != nil {
		return Result{}, err
	}
	next = s.stamp(now.Tree, next, m)
	// Without effect nothing is committed, but for a trial on what never was: it
	// has to be stored, to have something to go back to.
	same := next.Equal(now.Tree) && (on == nil || s.stored != 0)
	var remarks []schema.Problem
	if !same {
		if remarks, err = s.judge(now.Tree, next); err != nil {
			return Result{}, err
		}
	}
	var t *trial
	switch {
	case on != nil:
		t = &trial{*on, now.Tree}
		t.Generation = now.Generation + 1
		if same {
			t.Generation = now.Generation
		}
	case held != nil && !same:
		t = s.rebaseTrial(held, c.edits)
	}
	switch {
	case same && on == nil:
		c.restart(now)
		return Result{Snapshot: now}, nil
	case same:
		if err := s.saveTrial(ctx, t); err != nil {
			s.uncertain = true
			return Result{}, err
		}
		s.setTrial(t)
		c.restart(now)
		return Result{Snapshot: now}, nil
	}
	done, err := s.store(ctx, now, next, m, t, false)
	if err != nil {
		return Result{}, err
	}
	c.restart(done.Snapshot)
	done.Remarks = remarks
	return done, nil
}

// stamp is Hooks.Stamp.
func (s *Store) stamp(old, next tree.Tree, m Meta) tree.Tree {
	if s.hooks.Stamp == nil || next.Equal(old) {
		return next
	}
	return s.hooks.Stamp(old, next, m)
}

// store is the commit point and the publication of a new tree. What is pending
// becomes t if it is not nil, nothing if end is set. The commit lock is held.
func (s *Store) store(ctx context.Context, now Snapshot, next tree.Tree, m Meta, t *trial, end bool) (Result, error) {
	text, err := s.encoder.Encode(next)
	if err != nil {
		return Result{}, fmt.Errorf("commit: %w", err)
	}
	pending, err := s.encodeTrial(t)
	if err != nil {
		return Result{}, err
	}
	done := Snapshot{Tree: next, Generation: now.Generation + 1, At: time.Now().UTC()}
	r := Record{Generation: done.Generation, At: done.At, Meta: m, Config: text, Trial: pending, EndTrial: end}
	if err := s.backend.Commit(ctx, s.stored, r); err != nil {
		s.uncertain = true
		return Result{}, fmt.Errorf("commit: %w", err)
	}
	s.stored = done.Generation
	s.record(Commit{done, m})
	s.publish(done)
	if t != nil || end {
		s.setTrial(t)
	}
	return Result{Snapshot: done}, nil
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
	if err := s.loadTrial(ctx); err != nil {
		return err
	}
	s.uncertain = false
	return nil
}

// Exclusive makes the caller the one writer of cli.md §7.1 until it calls
// release, or answers ErrBusy. A save of the startup configuration is one by
// itself.
func (s *Store) Exclusive() (release func(), err error) {
	if !s.writing.TryLock() {
		return nil, ErrBusy
	}
	return s.writing.Unlock, nil
}

// SaveStartup makes the running configuration the startup configuration, unless
// a confirmed commit is pending.
func (s *Store) SaveStartup(ctx context.Context, m Meta) error {
	return s.setStartup(ctx, m, func() (Snapshot, error) { return s.Running(), nil })
}

// ReplaceStartup makes a tree the startup configuration, or answers Problems of
// its structure. What runs stays as it is. The tree has no generation: who boots
// from it gets one that was never used.
func (s *Store) ReplaceStartup(ctx context.Context, t tree.Tree, m Meta) error {
	return s.setStartup(ctx, m, func() (Snapshot, error) {
		if errs, _ := split(s.schema.Validate(tree.Tree{}, t)); len(errs) > 0 {
			return Snapshot{}, errs
		}
		return Snapshot{Tree: s.stamp(tree.Tree{}, t, m)}, nil
	})
}

func (s *Store) setStartup(ctx context.Context, m Meta, of func() (Snapshot, error)) error {
	release, err := s.Exclusive()
	if err != nil {
		return err
	}
	defer release()
	if t, ok := s.Trial(); ok {
		return &HeldError{t}
	}
	next, err := of()
	if err != nil {
		return err
	}
	text, err := s.schema.EncodeJSON(next.Tree)
	if err != nil {
		return fmt.Errorf("save startup configuration: %w", err)
	}
	r := Record{Generation: next.Generation, At: time.Now().UTC(), Meta: m, Config: text}
	if err := s.backend.SaveStartup(ctx, &r); err != nil {
		return fmt.Errorf("save startup configuration: %w", err)
	}
	s.startup.Store(&Snapshot{Tree: next.Tree, Generation: next.Generation, At: r.At})
	return nil
}

// EraseStartup removes the startup configuration.
func (s *Store) EraseStartup(ctx context.Context) error {
	release, err := s.Exclusive()
	if err != nil {
		return err
	}
	defer release()
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
