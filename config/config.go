// Package config is the configuration engine: one running tree, candidates
// beside it, and one transaction that everything goes through (architecture
// §4). It knows no feature and no user interface.
//
//	edits ─▶ Candidate ─▶ check ─▶ compile ─▶ COMMIT ─▶ publish
//	         (new tree)   (pure)   (pure)     (Backend)  (subscribers)
//
// Everything that can refuse a change is pure and happens before the commit
// point; what comes after cannot veto. One lock orders commits; readers load an
// immutable Snapshot.
package config

import (
	"context"
	"time"

	"trunkline/config/schema"
	"trunkline/config/tree"
)

// Op is what an Edit does.
type Op uint8

// Operations.
const (
	Set     Op = iota // a leaf to Value; a list entry or container with a nil Value
	Delete            // the node and all below it; a leaf falls back to what a profile or the default gives
	Negate            // the no form: Delete, or schema.No where a profile would supply a non-default (cli.md §7.6)
	Replace           // the node with Value, a tree.Tree whose root it becomes
)

// Edit is one change of a candidate.
type Edit struct {
	Op    Op
	Path  tree.Path
	Value any
}

// Snapshot is one committed configuration.
type Snapshot struct {
	Tree       tree.Tree
	Generation uint64
	At         time.Time // of the commit; zero for a configuration never committed
}

// Method says by which door or for which purpose a commit was made.
type Method string

// Methods.
const (
	MethodCLI      Method = "cli"      // a line of configuration mode, or a command
	MethodGNMI     Method = "gnmi"     // a Set
	MethodSession  Method = "session"  // a named configuration session (cli.md §7.5)
	MethodRollback Method = "rollback" // to a checkpoint, file or earlier commit (cli.md §7.3)
	MethodReplace  Method = "replace"  // configure replace (cli.md §7.4)
	MethodRevert   Method = "revert"   // a confirmed commit that was cancelled or not confirmed
	// MethodSystem: the product itself, which keeps the inventory. Such a
	// commit goes on while a confirmed one is pending.
	MethodSystem Method = "system"
)

// Meta says who commits, from where ("console", "192.0.2.99@pts/1") and by
// which line. "" as method is MethodCLI.
type Meta struct {
	User, From, Line string
	Method           Method
}

// Commit is one entry of the record of commits.
type Commit struct {
	Snapshot
	Meta
}

// Result is the answer to a commit.
type Result struct {
	Snapshot
	// Remarks are the warnings and notes of an accepted candidate.
	Remarks []schema.Problem
}

// Hooks are the product's part of a commit. Check and Compile are pure.
type Hooks struct {
	// Check returns all problems of a candidate beyond its structure.
	Check func(old, new tree.Tree) []schema.Problem
	// Stamp returns a candidate with what the product itself writes into it of who
	// commits, by whatever door. It is not asked for what comes back after a
	// confirmed commit. It is pure and changes nothing that a Check looks at; may
	// be nil.
	Stamp func(old, new tree.Tree, m Meta) tree.Tree
	// Compile returns the problems of making programs of the candidate.
	Compile func(new tree.Tree) []schema.Problem
	// Settle is called after a commit was published, with no lock held, before
	// its caller gets the answer: it may wait a bounded time for the change to
	// take effect (architecture §4: 500 ms). It cannot refuse; may be nil.
	Settle func(ctx context.Context, now Snapshot)
	// Panicked is told of a panic in one of the others ("check", "compile",
	// "settle"), which is an error of that commit and no more; may be nil.
	Panicked func(stage string, value any, stack []byte)
	// Clock is what confirmed commits are timed by, nil for that of the machine.
	Clock Clock
}

// Record is what a Backend stores of one commit: the whole tree as the schema's
// JSON, with what led to it.
type Record struct {
	Generation uint64
	At         time.Time
	Meta
	// Description is the operator's remark on a checkpoint (cli.md §7.3).
	Description string
	Config      []byte
	// Size is the length of Config, also where it is left out.
	Size int
	// Trial, if set, is what a Backend that is a TrialBackend stores with a
	// commit, in the same transaction. EndTrial removes a stored one likewise.
	Trial    *TrialRecord
	EndTrial bool
}

// Backend keeps what was committed. supervisor/store implements it on etcd.
type Backend interface {
	// Load returns the running and the startup configuration; nil where there
	// is none. An error means that a record exists and cannot be read.
	Load(ctx context.Context) (running, startup *Record, err error)
	// Commit stores r as the running configuration if the stored generation
	// still is base, else ErrConflict. Once it has returned nil, the record
	// survives a kill of any process.
	Commit(ctx context.Context, base uint64, r Record) error
	// SaveStartup stores r as the startup configuration; nil erases it.
	SaveStartup(ctx context.Context, r *Record) error
	// DropRunning forgets the running configuration, so that the next start
	// boots from the startup configuration.
	DropRunning(ctx context.Context) error
}

// TrialBackend is what a Backend also implements that keeps a pending confirmed
// commit and knows the largest generation it has ever stored. With any other,
// both are forgotten when the process ends.
type TrialBackend interface {
	// LoadTrial returns what is pending, nil for nothing.
	LoadTrial(ctx context.Context) (*TrialRecord, error)
	// SaveTrial stores what is pending without a commit; nil removes it.
	SaveTrial(ctx context.Context, t *TrialRecord) error
	// LastGeneration returns the largest generation of a commit that was ever
	// stored, also if the running configuration has been dropped since; 0 for
	// none.
	LastGeneration(ctx context.Context) (uint64, error)
}
