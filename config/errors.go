package config

import (
	"errors"
	"fmt"
	"strings"

	"trunkline/config/schema"
	"trunkline/config/tree"
)

// ErrConflict says that another commit came first and changed what this one
// touches. A Backend returns it, wrapped or not, when the stored generation is
// not the base.
var ErrConflict = errors.New("another commit changed the same configuration first")

// ConflictError names where two changes met. It is an ErrConflict, and its text
// is the operator's.
type ConflictError struct {
	// Path is the first node, in the order of paths, that both touched.
	Path tree.Path
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("ERROR: Another session has changed %s since this change began.", e.Path)
}

// Unwrap makes it an ErrConflict.
func (e *ConflictError) Unwrap() error { return ErrConflict }

// Refusal is an error whose text is the operator's.
type Refusal string

// Refusals of operations; callers compare with errors.Is.
const (
	// ErrBusy: another writer is at work: a save, checkpoint, rollback, replace
	// or session commit (cli.md §7.1).
	ErrBusy Refusal = "ERROR: Another configuration operation is in progress. Try again later."
	// ErrReloading: the running configuration has been dropped and the process
	// is about to end.
	ErrReloading Refusal = "ERROR: The system is reloading."
	// ErrInternal: a feature's check or compilation panicked. Nothing was
	// changed.
	ErrInternal Refusal = "ERROR: Internal error."
	// ErrNoTrial: there is no confirmed commit to confirm, cancel or prolong.
	ErrNoTrial Refusal = "ERROR: No confirmed commit is pending."
	// ErrTrialID: the confirmed commit that is pending is another one.
	ErrTrialID Refusal = "ERROR: Another confirmed commit is pending."
	// ErrTrialTime: a confirmed commit is given 1 s to MaxTrial.
	ErrTrialTime Refusal = "ERROR: A confirmed commit can wait for 1 second to 7 days."
)

// ErrHeld is what every *HeldError is.
var ErrHeld = errors.New("a confirmed commit is pending")

// HeldError refuses a change while a confirmed commit is pending (cli.md §4.3).
// It is an ErrHeld, and its text is the operator's.
type HeldError struct{ Trial Trial }

func (e *HeldError) Error() string {
	_, line, terminal := strings.Cut(e.Trial.From, "@") // "192.0.2.99@pts/1"
	if !terminal {
		line = e.Trial.From
	}
	return fmt.Sprintf("ERROR: Another configuration session holds the lock (user %s, %s).", e.Trial.User, line)
}

// Unwrap makes it an ErrHeld.
func (e *HeldError) Unwrap() error { return ErrHeld }

func (r Refusal) Error() string { return string(r) }

// Problems refuse a candidate. There is at least one, all are errors.
type Problems []schema.Problem

// Error joins the operator's messages, one a line.
func (p Problems) Error() string {
	texts := make([]string, len(p))
	for i := range p {
		texts[i] = p[i].Text
	}
	return strings.Join(texts, "\n")
}

// RecordError says that a stored record exists and cannot be used. What to do is
// the caller's to decide; nothing has been changed.
type RecordError struct {
	// Name is "running", "startup", or "" if the Backend could not say.
	Name       string
	Generation uint64
	Err        error
}

func (e *RecordError) Error() string {
	if e.Name == "" {
		return fmt.Sprintf("stored configuration: %v", e.Err)
	}
	return fmt.Sprintf("stored %s configuration of generation %d: %v", e.Name, e.Generation, e.Err)
}

func (e *RecordError) Unwrap() error { return e.Err }

// split parts problems into those that refuse and those that remark.
func split(all []schema.Problem) (errs Problems, remarks []schema.Problem) {
	for _, p := range all {
		if p.Severity == schema.Error {
			errs = append(errs, p)
		} else {
			remarks = append(remarks, p)
		}
	}
	return errs, remarks
}
