package config

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trunkline/config/tree"
)

// A confirmed commit is a commit on trial: it runs at once, and unless it is
// confirmed before its deadline the configuration from before comes back as a
// commit of its own (cli.md §7.5, gnmi.md §1.7). One can be pending at a time.
//
// While it is, every other operator's commit and SaveStartup are refused with a
// *HeldError, so what comes back is the whole configuration, as on NX-OS, and
// nobody's change is lost by it. Commits of the product itself (MethodSystem) go
// on: they are made of the configuration to come back to as well, in the same
// transaction. Bindings of workloads stay as they are then (schema.KeepInventory).
//
// What to come back to and the deadline are stored in the transaction of the
// commit. The deadline is wall-clock time for the next process; within one it
// is kept by the monotonic clock.

// Bounds of the time until a confirmed commit comes back, and the length in bytes
// of its name.
const (
	MinTrial   = time.Second
	MaxTrial   = 7 * 24 * time.Hour
	maxTrialID = 255
)

// Trial is a pending confirmed commit.
type Trial struct {
	// ID names it to who confirms or cancels it.
	ID string
	Meta
	Generation uint64 // of its commit
	Deadline   time.Time
}

// TrialRecord is what a TrialBackend stores of a Trial.
type TrialRecord struct {
	Trial
	// Config is what comes back, as the schema's JSON.
	Config []byte
}

// trial is a pending confirmed commit; back is what comes back.
type trial struct {
	Trial
	back tree.Tree
}

// Trial returns the pending confirmed commit, and whether there is one.
func (s *Store) Trial() (Trial, bool) {
	if t := s.pending.Load(); t != nil {
		return t.Trial, true
	}
	return Trial{}, false
}

// CommitTrial is Commit on trial: unless Confirm is called with the id within d,
// what ran before comes back. One without effect is pending all the same. The
// id must not be empty. d is MinTrial to MaxTrial, else it is ErrTrialTime.
func (s *Store) CommitTrial(ctx context.Context, c *Candidate, m Meta, id string, d time.Duration) (Result, error) {
	if id == "" || len(id) > maxTrialID {
		return Result{}, fmt.Errorf("the id of a confirmed commit has 1 to %d bytes", maxTrialID)
	}
	if d < MinTrial || d > MaxTrial {
		return Result{}, ErrTrialTime
	}
	r, err := s.transact(ctx, c, m, &Trial{ID: id, Meta: m, Deadline: s.clock.Now().Add(d)})
	s.wakeTrial() // also after an error: it may be stored
	return r, err
}

// Confirm makes the pending confirmed commit final. "" stands for any id. It
// answers ErrNoTrial and ErrTrialID.
func (s *Store) Confirm(ctx context.Context, id string) error {
	return s.changeTrial(ctx, id, func(*trial) *trial { return nil })
}

// Prolong gives the pending confirmed commit until d from now.
func (s *Store) Prolong(ctx context.Context, id string, d time.Duration) error {
	if d < MinTrial || d > MaxTrial {
		return ErrTrialTime
	}
	return s.changeTrial(ctx, id, func(t *trial) *trial {
		next := *t
		next.Deadline = s.clock.Now().Add(d)
		return &next
	})
}

// changeTrial stores and publishes what change makes of what is pending.
func (s *Store) changeTrial(ctx context.Context, id string, change func(*trial) *trial) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	t, err := s.named(ctx, id)
	if err != nil {
		return err
	}
	next := change(t)
	if err := s.saveTrial(ctx, next); err != nil {
		s.uncertain = true
		return err
	}
	s.setTrial(next)
	return nil
}

// named returns what is pending if it goes by the id. The commit lock is held.
func (s *Store) named(ctx context.Context, id string) (*trial, error) {
	if s.uncertain {
		if err := s.refresh(ctx); err != nil {
			return nil, err
		}
	}
	t := s.pending.Load()
	switch {
	case t == nil:
		return nil, ErrNoTrial
	case id != "" && id != t.ID:
		return nil, ErrTrialID
	}
	return t, nil
}

// Cancel brings back what ran before the pending confirmed commit. It answers
// as Confirm; the result is of the commit that brought it back.
func (s *Store) Cancel(ctx context.Context, id string, m Meta) (Result, error) {
	before := s.Running().Generation
	r, err := func() (Result, error) {
		if err := s.lock(ctx); err != nil {
			return Result{}, err
		}
		defer s.unlock()
		t, err := s.named(ctx, id)
		if err != nil {
			return Result{}, err
		}
		return s.revert(ctx, t, m)
	}()
	if err == nil && r.Generation != before {
		s.settle(ctx, r.Snapshot)
	}
	return r, err
}

// KeepTrials brings back what ran before a confirmed commit when its time is
// over, until ctx is done, and returns ctx.Err(). A store that fails is tried
// again every second; failed, which may be nil, is told. One call of it runs for
// as long as commits on trial are made.
func (s *Store) KeepTrials(ctx context.Context, failed func(error)) error {
	const again = time.Second
	for {
		next, err := s.expire(ctx)
		if errors.Is(err, ErrReloading) {
			err = nil
		}
		if err != nil && ctx.Err() == nil {
			next = s.clock.Now().Add(again)
			if failed != nil {
				failed(err)
			}
		}
		ring, stop := s.clock.Timer(next)
		select {
		case <-ring:
		case <-s.trialWake:
		case <-ctx.Done():
			stop()
			return ctx.Err()
		}
		stop()
	}
}

// expire reverts what is pending if its time is over, and returns when
// to look again at the latest.
func (s *Store) expire(ctx context.Context) (time.Time, error) {
	r, done, next, err := s.expireOne(ctx)
	if done {
		s.settle(ctx, r.Snapshot)
	}
	return next, err
}

func (s *Store) expireOne(ctx context.Context) (r Result, done bool, next time.Time, err error) {
	now := s.clock.Now()
	next = now.Add(MaxTrial)
	if err := s.lock(ctx); err != nil {
		return r, false, next, err
	}
	defer s.unlock()
	if s.uncertain {
		if err := s.refresh(ctx); err != nil {
			return r, false, next, err
		}
	}
	t := s.pending.Load()
	if t == nil {
		return r, false, next, nil
	}
	if t.Deadline.After(now) {
		return r, false, t.Deadline, nil
	}
	r, err = s.revert(ctx, t, expired)
	return r, err == nil, next, err
}

// expired is who brings back what was not confirmed.
var expired = Meta{User: "system", From: "timer", Line: "confirmed commit expired", Method: MethodRevert}

// revert commits what comes back, and ends the trial in the same transaction.
// Checks cannot refuse it: it ran before. The commit lock is held.
func (s *Store) revert(ctx context.Context, t *trial, m Meta) (Result, error) {
	m.Method = MethodRevert
	now := s.Running()
	next := s.schema.KeepInventory(now.Tree, t.back)
	if settled, problems := apply(s.schema, now.Tree, []Edit{{Op: Replace, Value: next}}); len(problems) == 0 {
		next = settled // by what attached ports inherit now
	}
	if errs, _ := split(s.schema.Validate(now.Tree, next)); len(errs) > 0 {
		next = t.back
	}
	if next.Equal(now.Tree) {
		if err := s.saveTrial(ctx, nil); err != nil {
			s.uncertain = true
			return Result{}, err
		}
		s.setTrial(nil)
		return Result{Snapshot: now}, nil
	}
	return s.store(ctx, now, next, m, nil, true)
}

// rebaseTrial makes the edits of a commit of the product itself to what comes
// back as well. What they cannot be made to is left to the product to see.
func (s *Store) rebaseTrial(t *trial, edits []Edit) *trial {
	back, problems := apply(s.schema, t.back, edits)
	if len(problems) > 0 {
		return t
	}
	if errs, _ := split(s.schema.Validate(t.back, back)); len(errs) > 0 {
		return t
	}
	next := *t
	next.back = back
	return &next
}

func (s *Store) setTrial(t *trial) {
	s.pending.Store(t)
	s.wakeTrial()
}

func (s *Store) wakeTrial() {
	select {
	case s.trialWake <- struct{}{}:
	default:
	}
}

// saveTrial stores what is pending, nil for nothing, without a commit.
func (s *Store) saveTrial(ctx context.Context, t *trial) error {
	b, ok := s.backend.(TrialBackend)
	if !ok {
		return nil
	}
	r, err := s.encodeTrial(t)
	if err != nil {
		return err
	}
	if err := b.SaveTrial(ctx, r); err != nil {
		return fmt.Errorf("store the pending confirmed commit: %w", err)
	}
	return nil
}

func (s *Store) encodeTrial(t *trial) (*TrialRecord, error) {
	if t == nil {
		return nil, nil
	}
	text, err := s.schema.EncodeJSON(t.back)
	if err != nil {
		return nil, fmt.Errorf("encode what a confirmed commit goes back to: %w", err)
	}
	return &TrialRecord{Trial: t.Trial, Config: text}, nil
}

// loadTrial adopts what the backend has pending.
func (s *Store) loadTrial(ctx context.Context) error {
	b, ok := s.backend.(TrialBackend)
	if !ok {
		return nil
	}
	r, err := b.LoadTrial(ctx)
	if err != nil {
		return &RecordError{Name: "trial", Err: err}
	}
	if r == nil {
		s.setTrial(nil)
		return nil
	}
	back, err := decode(s.schema, "trial", &Record{Generation: r.Generation, Config: r.Config})
	if err != nil {
		return err
	}
	if old := s.pending.Load(); old != nil && old.Generation == r.Generation && old.Deadline.Equal(r.Deadline) {
		r.Deadline = old.Deadline // with its monotonic reading
	}
	s.setTrial(&trial{Trial: r.Trial, back: back.Tree})
	return nil
}

// resumeTrial takes up at the start what is pending, and brings back what is
// over. Nothing is settled: nobody is served yet.
func (s *Store) resumeTrial(ctx context.Context) error {
	if err := s.loadTrial(ctx); err != nil {
		return err
	}
	if t := s.pending.Load(); t != nil && s.stored == 0 {
		// Left beside a running configuration that was dropped.
		s.setTrial(nil)
		return s.saveTrial(ctx, nil)
	}
	_, _, _, err := s.expireOne(ctx)
	return err
}
