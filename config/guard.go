package config

import (
	"context"
	"runtime/debug"

	"trunkline/config/schema"
	"trunkline/config/tree"
)

// ruleInternal marks the problem that stands for a panic.
const ruleInternal = "internal-error"

// guarded returns the problems that f finds; a panic of it is one.
func (s *Store) guarded(stage string, f func() []schema.Problem) (found []schema.Problem) {
	defer func() {
		if v := recover(); v != nil {
			s.panicked(stage, v)
			found = []schema.Problem{{Rule: ruleInternal, Text: ErrInternal.Error()}}
		}
	}()
	return f()
}

func (s *Store) panicked(stage string, v any) {
	if s.hooks.Panicked != nil {
		s.hooks.Panicked(stage, v, debug.Stack())
	}
}

// internal reports whether a panic is among the problems.
func internal(all []schema.Problem) bool {
	for _, p := range all {
		if p.Rule == ruleInternal {
			return true
		}
	}
	return false
}

// settle waits for a published commit to take effect. It is too late for a panic
// to refuse it.
func (s *Store) settle(ctx context.Context, now Snapshot) {
	if s.hooks.Settle == nil {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			s.panicked("settle", v)
		}
	}()
	s.hooks.Settle(ctx, now)
}

// Check returns everything that is to be said of a candidate against the
// configuration it began from: problems that would refuse it, and remarks. What
// others have committed since is for Commit and Verify.
func (s *Store) Check(c *Candidate) []schema.Problem {
	return s.check(c.base.Tree, c.tree)
}

// CheckStep is Check of a candidate against an earlier state of it, for one that
// grows step by step: it costs what the step changes. Problems that only all steps
// together make, or that compiling finds, are for Verify and Commit.
func (s *Store) CheckStep(from, to *Candidate) []schema.Problem {
	return s.checkStep(from.tree, to.tree)
}

// Verify returns what Commit would say of a candidate now, on top of what others
// have committed since it began, and commits nothing: the remarks, or the error.
func (s *Store) Verify(c *Candidate) ([]schema.Problem, error) {
	now := s.Running()
	next, err := s.rebase(c, now)
	if err != nil {
		return nil, err
	}
	return s.judge(now.Tree, next)
}

// judge returns the remarks on a new tree, or why it is refused.
func (s *Store) judge(old, new tree.Tree) ([]schema.Problem, error) {
	all := s.check(old, new)
	if internal(all) {
		return nil, ErrInternal
	}
	errs, remarks := split(all)
	if len(errs) > 0 {
		return nil, errs
	}
	return remarks, nil
}
