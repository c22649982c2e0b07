// Package draft holds named configuration sessions (cli.md §7.5): candidates that
// live between terminals. One is opened by name from any of them, filled line by
// line, verified, and committed as one transaction or dropped.
//
// Drafts are in memory only: a kill of the supervisor loses them, never a commit.
// There are at most MaxDrafts, each of at most MaxLines lines and MaxEdits edits.
// One more makes the draft go that nobody has worked on for longest, if that is
// Forgotten or more, so that terminals which vanished cannot use all of them up.
//
// A draft keeps its lines with their edits apart from the candidate that they
// make, so a line can be taken out again. It can be used by several sessions at
// a time; a lock in each orders them. Once it was committed or aborted, all get
// ErrClosed.
package draft

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"trunkline/config"
	"trunkline/config/schema"
)

// Bounds.
const (
	MaxDrafts = 32
	MaxLines  = 10_000
	MaxEdits  = 100_000
	MaxName   = 63 // bytes
)

// Forgotten is how long nobody has opened, filled or verified a draft that may
// have to make room for another.
const Forgotten = time.Hour

// Refusals; their texts are the operator's.
const (
	ErrTooMany config.Refusal = "ERROR: Maximum number of configuration sessions (32) reached."
	ErrLines   config.Refusal = "ERROR: Maximum number of lines of a configuration session (10000) reached."
	ErrEdits   config.Refusal = "ERROR: Maximum number of changes of a configuration session (100000) reached."
	ErrName    config.Refusal = "ERROR: The name of a configuration session is 1 to 63 printable characters without blanks."
	ErrClosed  config.Refusal = "ERROR: The configuration session has ended."
	ErrNoDraft config.Refusal = "ERROR: Configuration session does not exist."
	ErrNoLine  config.Refusal = "ERROR: The configuration session has no such line."
)

// Line is one queued line.
type Line struct {
	// Text is what the operator typed; Depth is the depth of the mode in which
	// it was typed, 0 for global configuration.
	Text  string
	Depth int
	// Edits are what it does; a line that enters a mode may have none.
	Edits []config.Edit
}

// Info describes a draft.
type Info struct {
	Name    string
	ID      int // grows from 1 with every draft of the process
	Owner   string
	From    string
	Created time.Time
	Lines   int
}

// Registry holds the drafts of a store. It is safe for concurrent use.
type Registry struct {
	store *config.Store

	mu     sync.Mutex
	last   int // ID
	drafts map[string]*Draft
}

// New returns an empty registry.
func New(store *config.Store) *Registry {
	return &Registry{store: store, drafts: map[string]*Draft{}}
}

// Draft is one named configuration session.
type Draft struct {
	registry *Registry
	info     Info         // but for Lines
	used     atomic.Int64 // when somebody worked on it last, in ns since 1970

	mu        sync.Mutex
	closed    bool
	base      *config.Candidate // without any line
	candidate *config.Candidate // with all
	lines     []Line
	edits     int
}

// Open returns the draft of a name, and whether it was there before; a new one
// begins from what runs.
func (r *Registry) Open(name, owner, from string) (d *Draft, resumed bool, err error) {
	if name == "" || len(name) > MaxName || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return nil, false, ErrName
	}
	r.mu.Lock()
	var forgotten *Draft
	defer func() {
		r.mu.Unlock()
		if forgotten != nil {
			_ = forgotten.Abort() // or it has ended by itself meanwhile
		}
	}()
	if d := r.drafts[name]; d != nil {
		d.touch()
		return d, true, nil
	}
	if len(r.drafts) >= MaxDrafts {
		if forgotten = r.forgotten(); forgotten == nil {
			return nil, false, ErrTooMany
		}
		delete(r.drafts, forgotten.info.Name)
	}
	r.last++
	base := r.store.Begin()
	d = &Draft{
		registry: r, base: base, candidate: base.Clone(),
		info: Info{Name: name, ID: r.last, Owner: owner, From: from, Created: time.Now().UTC()},
	}
	d.touch()
	r.drafts[name] = d
	return d, false, nil
}

// forgotten returns the draft that has to make room, nil if there is none; mu is
// held.
func (r *Registry) forgotten() *Draft {
	var oldest *Draft
	for _, d := range r.drafts {
		if oldest == nil || d.used.Load() < oldest.used.Load() {
			oldest = d
		}
	}
	if oldest == nil || time.Since(time.Unix(0, oldest.used.Load())) < Forgotten {
		return nil
	}
	return oldest
}

func (d *Draft) touch() { d.used.Store(time.Now().UnixNano()) }

// Find returns the draft of a name, or ErrNoDraft.
func (r *Registry) Find(name string) (*Draft, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if d := r.drafts[name]; d != nil {
		return d, nil
	}
	return nil, ErrNoDraft
}

// List describes all drafts, oldest first.
func (r *Registry) List() []Info {
	r.mu.Lock()
	all := make([]*Draft, 0, len(r.drafts))
	for _, d := range r.drafts {
		all = append(all, d)
	}
	r.mu.Unlock()
	out := make([]Info, len(all))
	for i, d := range all {
		out[i] = d.Info()
	}
	slices.SortFunc(out, func(a, b Info) int { return a.ID - b.ID })
	return out
}

// Info describes the draft.
func (d *Draft) Info() Info {
	d.mu.Lock()
	defer d.mu.Unlock()
	info := d.info
	info.Lines = len(d.lines)
	return info
}

// Lines returns the lines of the draft.
func (d *Draft) Lines() []Line {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.lines)
}

// Candidate returns a copy of the candidate that the lines make.
func (d *Draft) Candidate() *config.Candidate {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.candidate.Clone()
}

// Add queues a line. Its edits must be those of the schema; whether they are
// valid together is for Verify and Commit.
func (d *Draft) Add(l Line) error {
	d.touch()
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return ErrClosed
	case len(d.lines) >= MaxLines:
		return ErrLines
	case d.edits+len(l.Edits) > MaxEdits:
		return ErrEdits
	}
	if err := d.candidate.Apply(l.Edits...); err != nil {
		return err
	}
	d.lines = append(d.lines, l)
	d.edits += len(l.Edits)
	return nil
}

// Remove takes a line out, by its number from 1. The others' edits are made
// anew; if they cannot be without it, nothing is changed.
func (d *Draft) Remove(n int) error {
	d.touch()
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return ErrClosed
	case n < 1 || n > len(d.lines):
		return ErrNoLine
	}
	return d.rebuild(d.base, slices.Delete(slices.Clone(d.lines), n-1, n))
}

// Renew takes what runs now as what the draft begins from and makes its edits
// anew, which gives up what others have committed to the same places.
func (d *Draft) Renew() error {
	d.touch()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrClosed
	}
	return d.rebuild(d.registry.store.Begin(), d.lines)
}

// rebuild makes the candidate anew; mu is held.
func (d *Draft) rebuild(base *config.Candidate, lines []Line) error {
	candidate, edits := base.Clone(), 0
	for i, l := range lines {
		if err := candidate.Apply(l.Edits...); err != nil {
			return fmt.Errorf("line %d (%s): %w", i+1, l.Text, err)
		}
		edits += len(l.Edits)
	}
	d.base, d.candidate, d.lines, d.edits = base, candidate, lines, edits
	return nil
}

// Verify returns the remarks on the draft as it would be committed now, or why
// it would be refused: config.Problems, or a *config.ConflictError.
func (d *Draft) Verify() ([]schema.Problem, error) {
	d.touch()
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil, ErrClosed
	}
	c := d.candidate.Clone()
	d.mu.Unlock()
	return d.registry.store.Verify(c)
}

// Commit has commit, which is called with a copy of the candidate, commit the
// draft (history.History.Commit does). The draft ends if it succeeds and is as
// it was if it fails. Others wait meanwhile.
func (d *Draft) Commit(commit func(*config.Candidate) (config.Result, error)) (config.Result, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return config.Result{}, ErrClosed
	}
	r, err := commit(d.candidate.Clone())
	if err != nil {
		return config.Result{}, err
	}
	d.end()
	return r, nil
}

// Abort drops the draft.
func (d *Draft) Abort() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrClosed
	}
	d.end()
	return nil
}

// end closes the draft; mu is held. The lock of the registry comes after it.
func (d *Draft) end() {
	d.closed, d.base, d.candidate, d.lines = true, d.base.Clone(), d.base.Clone(), nil
	r := d.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.drafts[d.info.Name] == d {
		delete(r.drafts, d.info.Name)
	}
}
