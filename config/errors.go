package config

import (
	"errors"
	"fmt"
	"strings"

	"trunkline/config/schema"
)

// ErrConflict says that another commit came first and changed what this one
// touches. A Backend returns it, wrapped or not, when the stored generation is
// not the base.
var ErrConflict = errors.New("another commit changed the same configuration first")

// Refusal is an error whose text is the operator's.
type Refusal string

// Refusals of operations; callers compare with errors.Is.
const (
	// ErrBusy: another operation on the startup configuration is under way
	// (cli.md §7.1).
	ErrBusy Refusal = "ERROR: Another configuration operation is in progress. Try again later."
	// ErrReloading: the running configuration has been dropped and the process
	// is about to end.
	ErrReloading Refusal = "ERROR: The system is reloading."
)

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
