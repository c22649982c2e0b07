package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"trunkline/cli/grammar"
	"trunkline/config"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// Lines that are pasted come faster than commits are made. While more input is
// known to wait, a caller may Hold lines instead of running them: each is
// checked by itself, on top of those before it, and what they change is
// committed together (architecture §4). The caller keeps the answers of held
// lines back until Commit has returned true; so whatever has been answered is
// committed. If the lines cannot be committed together, because another session
// was faster or the store fails, nothing of them has happened, and the caller
// runs them one by one.

// MaxHeld is how many lines are held before they are to be committed.
const MaxHeld = 64

// batch is what held lines change.
type batch struct {
	candidate *config.Candidate // nil: nothing yet
	remarks   map[string]bool   // said already
	lines     []string
	apart     bool // of an operation that makes its own checkpoints
	accounts  []Account
	work      work

	// As before the first line, for those that are run again:
	stack   []level
	pushed  [][]level
	saved   map[string][]level
	history [2][]entry
}

// errUnheld says that a line must be run by itself. Nothing was printed.
var errUnheld = errors.New("line cannot be held")

// unheld is an errUnheld because a check refused the line.
type unheld struct{ reason error }

func (u unheld) Error() string   { return u.reason.Error() }
func (u unheld) Unwrap() []error { return []error{errUnheld, u.reason} }

// Hold runs a line whose effect waits for Commit, and reports whether it could.
// Only lines of configuration modes can be held; one that is refused as it is
// written is held as well: its answer waits for its turn. After false nothing
// has happened, and the line is the caller's to Run, after Commit.
func (s *Session) Hold(ctx context.Context, line string, c Console) (r Result, held bool) {
	if !s.Configuring() || s.unfinished != "" || s.draft() != nil || grammar.TooLong(line) != nil {
		return Result{}, false
	}
	if grammar.Comment(line) || header(line) {
		return Result{}, true
	}
	if _, next := s.cut(line, 0); next <= len(line) || s.expandWord(line) != line || s.substitute(line) != line {
		return Result{}, false
	}
	if f, bad := s.resolve(line); bad != nil && bad.More != "" || bad == nil && f.depth < 0 && !s.moves(line) {
		return Result{}, false
	}
	fresh := s.batch == nil
	if fresh {
		s.batch = s.newBatch()
	}
	before := s.history
	s.remember(line)
	closing, err := s.command(ctx, line, line, 0, s.promptWidth(), c)
	if errors.Is(err, errUnheld) {
		s.history = before
		if fresh {
			s.batch = nil
		}
		return Result{}, false
	}
	return Result{Failed: err != nil, Close: closing}, true
}

func (s *Session) newBatch() *batch {
	return &batch{remarks: map[string]bool{}, stack: s.stack, pushed: s.pushed, saved: cloned(s.named), history: s.history}
}

// movingTables are the tables of what is no configuration but valid in the
// present mode only.
func (s *Session) movingTables() []*grammar.Table {
	tables := []*grammar.Table{s.cli.moving}
	if s.draft() != nil {
		tables = []*grammar.Table{s.cli.queued, s.cli.moving}
	}
	if end := s.cli.ends[s.textEnd()]; end != nil {
		tables = append(tables, end)
	}
	return tables
}

// moves reports whether a line that no mode has is one that changes the mode.
func (s *Session) moves(line string) bool {
	for _, t := range []*grammar.Table{s.cli.moving, s.cli.ends[s.textEnd()]} {
		if t == nil {
			continue
		}
		if _, err := t.Match(line, grammar.Typed); err == nil {
			return true
		}
	}
	return false
}

// cloned returns a copy of saved modes.
func cloned(m map[string][]level) map[string][]level {
	c := make(map[string][]level, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}

// Held reports whether lines wait for Commit.
func (s *Session) Held() bool { return s.batch != nil }

// Commit commits what held lines change, and reports whether their answers
// stand. After false the session is as it was before the first of them.
func (s *Session) Commit(ctx context.Context) bool {
	b := s.batch
	s.batch = nil
	if b == nil {
		return true
	}
	if b.candidate != nil && !s.commitHeld(ctx, b) {
		s.stack, s.pushed, s.named, s.history = b.stack, b.pushed, b.saved, b.history
		return false
	}
	for _, a := range b.accounts {
		s.cli.accounts.Add(a)
	}
	return true
}

// commitHeld commits what lines have changed together, unless something is to be
// said of that which was said of none of them.
func (s *Session) commitHeld(ctx context.Context, b *batch) bool {
	remarks, err := s.cli.product.Store.Verify(b.candidate)
	if err != nil || slices.ContainsFunc(remarks, func(p schema.Problem) bool { return !b.remarks[remark(p)] }) {
		return false
	}
	_, err = s.cli.product.Store.Commit(ctx, b.candidate, s.meta(strings.Join(b.lines, " ; ")))
	return err == nil
}

// remark identifies what is said of a candidate.
func remark(p schema.Problem) string { return fmt.Sprintf("%s %s", p.Path, p.Text) }

// tree is the configuration as the session's next line sees it.
func (s *Session) tree() tree.Tree {
	if s.batch != nil && s.batch.candidate != nil {
		return s.batch.candidate.Tree()
	}
	return s.cli.product.Store.Running().Tree
}

// meta says who commits.
func (s *Session) meta(line string) config.Meta {
	return config.Meta{User: s.opts.Who.User, From: s.opts.Who.From, Line: line}
}

// hold adds a configuration line to the batch. What is refused by a check is run
// by itself, which has the words for it.
func (r *request) hold() error {
	b := r.batch
	if err := b.work.spend(r.match, r.stack[len(r.stack)-1]); err != nil {
		return unheld{err} // it may be made by itself
	}
	candidate := b.candidate
	if candidate == nil {
		candidate = r.cli.product.Store.Begin()
	}
	next := candidate.Clone()
	ch, err := r.change(next.Tree(), r.match)
	if err != nil {
		return unheld{err}
	}
	if len(ch.refused) > 0 {
		return unheld{feature.Error(strings.Join(ch.refused, "\n"))}
	}
	edited := false
	for _, edits := range ch.edits {
		if err := next.Apply(edits...); err != nil {
			return unheld{err}
		}
		edited = edited || len(edits) > 0
	}
	if !b.apart && r.cli.product.Schema.Closing(candidate.Tree(), next.Tree()) != nil {
		return errUnheld // a checkpoint comes before it
	}
	if edited {
		if b.candidate != nil || !next.Tree().Equal(candidate.Tree()) {
			if err := r.heldRemarks(candidate, next); err != nil {
				return err
			}
		}
		b.candidate = next
		b.lines = append(b.lines, r.line)
	}
	if ch.enter != nil {
		r.enter(*ch.enter)
	}
	return nil
}

// heldRemarks prints what is to be said of a held line's change that was not
// said of the lines before it. It looks at the line alone: what all lines have
// changed so far would cost more with each.
func (r *request) heldRemarks(before, next *config.Candidate) error {
	problems := r.cli.product.Store.CheckStep(before, next)
	var errs config.Problems
	for _, p := range problems {
		if p.Severity == schema.Error {
			errs = append(errs, p)
		}
	}
	if errs != nil {
		return unheld{errs}
	}
	for _, p := range problems {
		key := remark(p)
		if !r.batch.remarks[key] {
			r.batch.remarks[key] = true
			io.WriteString(r.console, p.Text+"\n")
		}
	}
	return nil
}
