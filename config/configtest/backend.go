// Package configtest holds a config.Backend in memory and random trees, for
// tests.
package configtest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"trunkline/config"
	"trunkline/config/history"
)

// Backend is a config.Backend in memory, with what a config.TrialBackend and a
// history.Backend keep. The zero value is empty and ready. Its
// exported fields are set between calls only.
type Backend struct {
	// Fail, if set, is called before each operation with its name ("load",
	// "commit", "save", "drop", "trial", "checkpoint"); an error is the operation's answer.
	Fail func(op string) error
	// FailAfter is likewise called once the operation is done: the caller
	// then does not learn that it succeeded.
	FailAfter func(op string) error

	mu               sync.Mutex
	running, startup *config.Record
	trial            *config.TrialRecord
	erased           bool
	commits          int
	kept             []config.Record // of commits, oldest first
	checkpoints      []history.Named // oldest first
}

var (
	_ config.Backend      = (*Backend)(nil)
	_ config.TrialBackend = (*Backend)(nil)
	_ history.Backend     = (*Backend)(nil)
)

func hook(f func(string) error, op string) error {
	if f == nil {
		return nil
	}
	return f(op)
}

func (b *Backend) do(op string, f func() error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := hook(b.Fail, op); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	return hook(b.FailAfter, op)
}

// Load implements config.Backend.
func (b *Backend) Load(context.Context) (running, startup *config.Record, err error) {
	err = b.do("load", func() error {
		running, startup = copyOf(b.running), copyOf(b.startup)
		return nil
	})
	return running, startup, err
}

func copyOf(r *config.Record) *config.Record {
	if r == nil {
		return nil
	}
	c := *r
	c.Config = append([]byte(nil), r.Config...)
	return &c
}

// Commit implements config.Backend.
func (b *Backend) Commit(_ context.Context, base uint64, r config.Record) error {
	return b.do("commit", func() error {
		stored := uint64(0)
		if b.running != nil {
			stored = b.running.Generation
		}
		if stored != base {
			return config.ErrConflict
		}
		if r.Trial != nil || r.EndTrial {
			b.trial = r.Trial
		}
		r.Trial, r.EndTrial, r.Size = nil, false, len(r.Config)
		b.running = copyOf(&r)
		b.kept = append(b.kept, *copyOf(&r))
		b.kept = b.kept[max(0, len(b.kept)-config.MaxCommits):]
		b.commits++
		return nil
	})
}

// SaveStartup implements config.Backend.
func (b *Backend) SaveStartup(_ context.Context, r *config.Record) error {
	return b.do("save", func() error {
		b.startup, b.erased = copyOf(r), r == nil
		return nil
	})
}

// DropRunning implements config.Backend.
func (b *Backend) DropRunning(context.Context) error {
	return b.do("drop", func() error {
		b.running, b.trial = nil, nil
		if b.erased {
			b.checkpoints, b.erased = nil, false
		}
		return nil
	})
}

// Commits returns the number of commits that were stored.
func (b *Backend) Commits() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.commits
}

// LoadTrial implements config.TrialBackend.
func (b *Backend) LoadTrial(context.Context) (t *config.TrialRecord, err error) {
	err = b.do("load", func() error {
		if b.trial != nil {
			c := *b.trial
			c.Deadline = c.Deadline.Round(0) // as read from a disk
			t = &c
		}
		return nil
	})
	return t, err
}

// SaveTrial implements config.TrialBackend.
func (b *Backend) SaveTrial(_ context.Context, t *config.TrialRecord) error {
	return b.do("trial", func() error {
		b.trial = t
		return nil
	})
}

// LastGeneration implements config.TrialBackend.
func (b *Backend) LastGeneration(context.Context) (last uint64, err error) {
	err = b.do("load", func() error {
		if n := len(b.kept); n > 0 {
			last = b.kept[n-1].Generation
		}
		return nil
	})
	return last, err
}

// List implements history.Backend.
func (b *Backend) List(_ context.Context, kind history.Kind) (all []history.Named, err error) {
	err = b.do("load", func() error {
		all = b.list(kind)
		for i := range all {
			all[i].Config = nil
		}
		return nil
	})
	return all, err
}

func (b *Backend) list(kind history.Kind) []history.Named {
	if kind == history.KindCheckpoint {
		return slices.Clone(b.checkpoints)
	}
	all := make([]history.Named, len(b.kept))
	for i, r := range b.kept {
		all[i] = history.Named{Name: fmt.Sprint(r.Generation), Record: r}
	}
	return all
}

// Read implements history.Backend.
func (b *Backend) Read(_ context.Context, kind history.Kind, name string) (r *config.Record, err error) {
	err = b.do("load", func() error {
		for _, n := range b.list(kind) {
			if n.Name == name {
				r = copyOf(&n.Record)
			}
		}
		return nil
	})
	return r, err
}

// Save implements history.Backend.
func (b *Backend) Save(_ context.Context, r history.Named, instead ...string) error {
	return b.do("checkpoint", func() error {
		b.remove(append(instead, r.Name))
		b.checkpoints = append(b.checkpoints, history.Named{Name: r.Name, Record: *copyOf(&r.Record)})
		return nil
	})
}

// Delete implements history.Backend.
func (b *Backend) Delete(_ context.Context, names ...string) error {
	return b.do("checkpoint", func() error {
		b.remove(names)
		return nil
	})
}

func (b *Backend) remove(names []string) {
	b.checkpoints = slices.DeleteFunc(b.checkpoints, func(n history.Named) bool { return slices.Contains(names, n.Name) })
}
