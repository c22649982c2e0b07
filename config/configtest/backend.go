// Package configtest holds a config.Backend in memory and random trees, for
// tests.
package configtest

import (
	"context"
	"sync"

	"trunkline/config"
)

// Backend is a config.Backend in memory. The zero value is empty and ready. Its
// exported fields are set between calls only.
type Backend struct {
	// Fail, if set, is called before each operation with its name ("load",
	// "commit", "save", "drop"); an error is the operation's answer.
	Fail func(op string) error
	// FailAfter is likewise called once the operation is done: the caller
	// then does not learn that it succeeded.
	FailAfter func(op string) error

	mu               sync.Mutex
	running, startup *config.Record
	commits          int
}

var _ config.Backend = (*Backend)(nil)

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
		b.running = copyOf(&r)
		b.commits++
		return nil
	})
}

// SaveStartup implements config.Backend.
func (b *Backend) SaveStartup(_ context.Context, r *config.Record) error {
	return b.do("save", func() error {
		b.startup = copyOf(r)
		return nil
	})
}

// DropRunning implements config.Backend.
func (b *Backend) DropRunning(context.Context) error {
	return b.do("drop", func() error {
		b.running = nil
		return nil
	})
}

// Commits returns the number of commits that were stored.
func (b *Backend) Commits() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.commits
}
