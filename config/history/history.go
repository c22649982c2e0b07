// Package history is what a configuration store remembers beyond what runs: the
// record of commits with their configurations, named checkpoints, and the way
// back to any of them (cli.md §7; architecture §4).
//
// Commits are recorded by the transaction that makes them, so a record never
// lies: the store of the chassis keeps the tree of each of the last
// config.MaxCommits with its header. Checkpoints are trees of their own in the
// same store. What changed in a commit is the difference of two trees and is
// computed when somebody asks.
//
// Bindings of workloads are inventory: a way back leaves them as they are
// (cli.md §13.4).
//
// # Locking
//
// A History is safe for concurrent use. mu guards the lists of names; what is
// written to the backend is written by the one writer of cli.md §7.1, which is
// config.Store.Exclusive: a second one gets config.ErrBusy at once.
package history

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"trunkline/config"
	"trunkline/config/tree"
)

// Kind is a class of stored records.
type Kind string

// Kinds.
const (
	KindCommit     Kind = "commit"     // named by the generation in decimal; written by Commit only
	KindCheckpoint Kind = "checkpoint" // named by the operator
)

// Backend keeps named records. supervisor/store implements it on etcd.
type Backend interface {
	// List returns the records of a kind without their configuration, oldest
	// first: in order of generation, then time.
	List(ctx context.Context, kind Kind) ([]Named, error)
	// Read returns one record, nil if there is none of that name.
	Read(ctx context.Context, kind Kind, name string) (*config.Record, error)
	// Save stores a checkpoint in place of the named ones, in one transaction.
	Save(ctx context.Context, r Named, instead ...string) error
	// Delete removes checkpoints, in one transaction; names that are not
	// there are passed over.
	Delete(ctx context.Context, names ...string) error
}

// Named is a record with its name.
type Named struct {
	Name string
	config.Record
}

// History is the memory of one config.Store.
type History struct {
	store   *config.Store
	backend Backend

	mu          sync.Mutex
	older       []config.Commit // before this process, oldest first, without trees
	checkpoints []Checkpoint    // oldest first
}

// Open reads what the backend has. A nil backend keeps checkpoints in memory.
func Open(ctx context.Context, store *config.Store, b Backend) (*History, error) {
	if b == nil {
		b = &memory{}
	}
	h := &History{store: store, backend: b}
	commits, err := b.List(ctx, KindCommit)
	if err != nil {
		return nil, fmt.Errorf("read the record of commits: %w", err)
	}
	for _, r := range commits {
		h.older = append(h.older, config.Commit{Snapshot: config.Snapshot{Generation: r.Generation, At: r.At}, Meta: r.Meta})
	}
	if n := len(h.older) - config.MaxCommits; n > 0 {
		h.older = slices.Delete(h.older, 0, n)
	}
	checkpoints, err := b.List(ctx, KindCheckpoint)
	if err != nil {
		return nil, fmt.Errorf("read checkpoints: %w", err)
	}
	for _, r := range checkpoints {
		h.checkpoints = append(h.checkpoints, checkpointOf(r))
	}
	return h, nil
}

// Commits returns the last n commits, newest first, of config.MaxCommits that
// are kept. Their trees are for Tree to say.
func (h *History) Commits(n int) []config.Commit {
	n = min(n, config.MaxCommits)
	out := h.store.Commits(n)
	for i := range out {
		out[i].Tree = tree.Tree{}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := len(h.older) - 1; i >= 0 && len(out) < n; i-- {
		if len(out) == 0 || h.older[i].Generation < out[len(out)-1].Generation {
			out = append(out, h.older[i])
		}
	}
	return out
}

// Tree returns the configuration of a commit. It is ErrNoCommit when it is not
// kept (any more).
func (h *History) Tree(ctx context.Context, generation uint64) (tree.Tree, error) {
	if now := h.store.Running(); now.Generation == generation {
		return now.Tree, nil
	}
	for _, c := range h.store.Commits(config.MaxCommits) {
		if c.Generation == generation {
			return c.Tree, nil
		}
	}
	r, err := h.backend.Read(ctx, KindCommit, commitName(generation))
	if err != nil {
		return tree.Tree{}, fmt.Errorf("read commit %d: %w", generation, err)
	}
	if r == nil {
		return tree.Tree{}, ErrNoCommit
	}
	return h.decode(r)
}

// Before returns the configuration that a commit changed: that of the commit
// before it in the record. It is ErrNoCommit for the oldest.
func (h *History) Before(ctx context.Context, generation uint64) (tree.Tree, error) {
	all := h.Commits(config.MaxCommits)
	for i, c := range all {
		if c.Generation == generation && i+1 < len(all) {
			return h.Tree(ctx, all[i+1].Generation)
		}
	}
	return tree.Tree{}, ErrNoCommit
}

func commitName(generation uint64) string { return fmt.Sprint(generation) }

// decode reads the configuration of a record. It may have been written by a
// version with another schema: then it is an error, and nothing else.
func (h *History) decode(r *config.Record) (tree.Tree, error) {
	t, err := h.store.Schema().DecodeJSON(r.Config)
	if err != nil {
		return tree.Tree{}, &config.RecordError{Name: "kept", Generation: r.Generation, Err: err}
	}
	return t, nil
}
