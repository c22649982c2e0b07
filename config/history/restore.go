package history

import (
	"context"
	"time"

	"trunkline/config"
	"trunkline/config/schema"
	"trunkline/config/tree"
)

// Confirm asks for a commit on trial; the zero value for a plain one.
type Confirm struct {
	ID     string        // not empty on trial
	Within time.Duration // config.MinTrial to config.MaxTrial
}

// Restoration returns a candidate that has the configuration of a tree in place
// of what runs, bindings of workloads left as they are, and what it changes:
// nothing where the patch is empty. It commits nothing. Rollbacks and
// configure replace are such candidates; when others commit first and touch the
// same, it is a *config.ConflictError like any other.
func (h *History) Restoration(t tree.Tree) (*config.Candidate, []tree.Change, error) {
	c := h.store.Begin()
	s := h.store.Schema()
	target := s.KeepInventory(c.Tree(), t)
	if errs := s.Validate(c.Tree(), target); hasType(errs) {
		return nil, nil, config.Problems(errs)
	}
	var changes []tree.Change
	var edits []config.Edit
	for d := range tree.Diff(c.Tree(), target) {
		changes = append(changes, d)
		switch {
		case d.New == nil && !d.Added:
			edits = append(edits, config.Edit{Op: config.Delete, Path: d.Path})
		case d.New == nil:
			edits = append(edits, config.Edit{Op: config.Set, Path: d.Path})
		default:
			edits = append(edits, config.Edit{Op: config.Set, Path: d.Path, Value: d.New})
		}
	}
	return c, changes, restore(c, edits, target)
}

// restore makes the edits, and what the schema makes of them that the target has
// not by a replacement of the whole.
func restore(c *config.Candidate, edits []config.Edit, target tree.Tree) error {
	trial := c.Clone()
	if err := trial.Apply(edits...); err == nil && trial.Tree().Equal(target) {
		return c.Apply(edits...)
	}
	return c.Apply(config.Edit{Op: config.Replace, Value: target})
}

// hasType reports whether a tree is not one of the schema.
func hasType(all []schema.Problem) bool {
	for _, p := range all {
		if p.Severity == schema.Error && (p.Rule == schema.RuleType || p.Rule == schema.RuleUnknown) {
			return true
		}
	}
	return false
}

// Restore makes the configuration of a tree run in one commit: a rollback or
// configure replace (cli.md §7.3, §7.4), by the method of m. It reports what
// changed; nothing is committed where nothing did, but a trial is pending all
// the same. It is a writer of cli.md §7.1.
func (h *History) Restore(ctx context.Context, t tree.Tree, m config.Meta, on Confirm) (config.Result, []tree.Change, error) {
	release, err := h.store.Exclusive()
	if err != nil {
		return config.Result{}, nil, err
	}
	defer release()
	c, changes, err := h.Restoration(t)
	if err != nil {
		return config.Result{}, nil, err
	}
	r, err := h.commit(ctx, c, m, on)
	return r, changes, err
}

// Commit commits a candidate as a writer of cli.md §7.1: what session commit and
// configure replace do. A line of configuration mode and a gNMI Set go to
// config.Store.Commit and CommitTrial by themselves, which wait for each other.
func (h *History) Commit(ctx context.Context, c *config.Candidate, m config.Meta, on Confirm) (config.Result, error) {
	release, err := h.store.Exclusive()
	if err != nil {
		return config.Result{}, err
	}
	defer release()
	return h.commit(ctx, c, m, on)
}

func (h *History) commit(ctx context.Context, c *config.Candidate, m config.Meta, on Confirm) (config.Result, error) {
	if on.ID != "" {
		return h.store.CommitTrial(ctx, c, m, on.ID, on.Within)
	}
	return h.store.Commit(ctx, c, m)
}
