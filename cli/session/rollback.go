package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"trunkline/config"
	"trunkline/config/history"
	"trunkline/config/tree"
	"trunkline/feature"
)

// Texts of rollbacks that clients wait for (cli.md §7.3).
const (
	patchStep  = "#Generating Rollback Patch"
	emptyPatch = "Rollback Patch is Empty"
	reverted   = "Rollback failed. Reverted to the previous configuration."
)

// Ways to execute a patch.
const (
	atomic     = "atomic"
	bestEffort = "best-effort"
	stopFirst  = "stop-at-first-failure"
)

// operation is a rollback or a replacement, for its log.
type operation struct {
	what, target string
	user, mode   string
	verbose      bool
	began, ended time.Time
	ok           bool
	executed     []string // lines, with messages of those that failed
	left         []string // the patch of the verification
	trial        time.Duration
}

// operations keeps the last operation of a kind.
type operations struct {
	mu   sync.Mutex
	last *operation
}

func (l *operations) set(o *operation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = o
}

func (l *operations) get() *operation {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

func rollback(ctx context.Context, r *request) error {
	o := &operation{what: "Rollback to Checkpoint", mode: atomic}
	var target tree.Tree
	var err error
	if name, ok := feature.Value[string](r.args(), "checkpoint"); ok {
		o.target = name
		target, err = r.checkpointTree(ctx, "checkpoint")
	} else {
		o.what, o.target = "Rollback to File", r.fileOf("file")
		target, err = r.wholeConfig(o.target)
	}
	if err != nil {
		return err
	}
	for _, mode := range []string{bestEffort, stopFirst} {
		if r.args().Has(mode) {
			o.mode = mode
		}
	}
	o.verbose = r.args().Has("verbose")
	io.WriteString(r.console, "Note: Applying config parallelly may fail Rollback verification\n")
	m := r.meta(r.line)
	m.Method = config.MethodRollback
	empty, err := r.operate(ctx, o, target, m, history.Confirm{}, &r.cli.rollbacks, false)
	switch {
	case err == nil && empty:
	case err == nil:
		io.WriteString(r.console, "\nRollback completed successfully.\n")
	case errors.Is(err, errLeft):
		io.WriteString(r.console, "\nRollback completed with failures.\n")
		return errSilent
	case errors.Is(err, errStopped):
		io.WriteString(r.console, "\nRollback stopped at the first failure.\n")
		return errSilent
	case refused(err):
		io.WriteString(r.console, reverted+"\n"+r.failing(target, err)+"\n")
		return errSilent
	}
	return err
}

// Ends of an operation that went on as far as it could.
var (
	errLeft    = errors.New("some of the patch could not be executed")
	errStopped = errors.New("the patch was stopped at a failure")
)

// refused reports whether a configuration was refused by checks.
func refused(err error) bool {
	var problems config.Problems
	return errors.As(err, &problems)
}

// failing is the line that a refusal is about, where there is one, and why.
func (r *request) failing(target tree.Tree, err error) string {
	var problems config.Problems
	if errors.As(err, &problems) {
		p := problems[0]
		if v, ok := target.Get(p.Path); ok {
			if line := r.cli.product.Schema.Text(p.Path, v); line != "" {
				return "'" + line + "': " + p.Text
			}
		}
	}
	return message(err)
}

// operate makes a configuration run: it makes the patch, executes and verifies
// it, and keeps the log. Empty says that there was nothing to do.
func (r *request) operate(ctx context.Context, o *operation, target tree.Tree, m config.Meta, on history.Confirm, log *operations, show bool) (empty bool, err error) {
	o.user, o.began, o.trial = r.opts.Who.User, r.cli.product.Now(), on.Within
	done := func(err error) error {
		o.ended, o.ok = r.cli.product.Now(), err == nil
		o.executed, o.left = r.cli.logged(o.executed), r.cli.logged(o.left)
		log.set(o)
		return err
	}
	io.WriteString(r.console, "Collecting Running-Config\n"+patchStep+"\n")
	before := r.cli.product.Store.Running().Tree
	patch := r.patch(before, target)
	shown := patch
	if !r.readsSecrets() {
		shown = r.patch(r.seen(before), r.seen(target))
	}
	if o.mode == atomic { // other patches are judged line by line
		if err := r.mayBecome(ctx, before, target); err != nil {
			return false, done(err)
		}
	}
	if len(patch) == 0 {
		io.WriteString(r.console, emptyPatch+"\n")
		if on.ID == "" {
			return true, done(nil)
		}
	}
	if show {
		io.WriteString(r.console, strings.Join(shown, ""))
	}
	io.WriteString(r.console, "Executing Rollback Patch\n")
	if o.mode == atomic {
		if o.verbose {
			io.WriteString(r.console, strings.Join(shown, ""))
		}
		o.executed = patch
		result, _, err := r.cli.history.Restore(ctx, target, m, on)
		if err != nil {
			o.executed = append(slices.Clone(patch), message(err)+"\n")
			return false, done(err)
		}
		r.remark(result.Remarks)
	} else if err := r.byLines(ctx, o, patch, target, m, on); err != nil {
		return false, done(err)
	}
	io.WriteString(r.console, "Generating Running-config for verification\nGenerating Patch for verification\n")
	if o.left = r.patch(r.cli.product.Store.Running().Tree, target); len(o.left) > 0 {
		io.WriteString(r.console, "Verification failed. What is left of the patch:\n"+strings.Join(r.told(o.left), ""))
		return false, done(errLeft)
	}
	io.WriteString(r.console, "Verification is Successful.\n")
	return len(patch) == 0, done(nil)
}

// maxPasses is how often what was refused of a patch is tried.
const maxPasses = 5

// byLines executes as much of a patch as can be, in one commit. What was refused
// is tried again as long as that leads on: it may have been in the way of
// something later.
func (r *request) byLines(ctx context.Context, o *operation, patch []string, target tree.Tree, m config.Meta, on history.Confirm) error {
	type failure struct {
		text, message string
		syntax        bool
	}
	var failures []failure
	a := r.applier(func(text string, syntax bool, message string) {
		failures = append(failures, failure{text, message, syntax})
	})
	a.stop, a.apart = o.mode == stopFirst, true
	for pass := 1; ; pass++ {
		if o.verbose {
			io.WriteString(r.console, strings.Join(r.told(patch), ""))
		}
		o.executed = append(o.executed, patch...)
		failures, a.failures, a.skip, a.stack = nil, 0, -1, []level{global()}
		if err := a.all(ctx, strings.Join(patch, "")); err != nil {
			return err
		}
		next := r.patch(a.tree(), target)
		if a.stop || len(failures) == 0 || len(next) == 0 || slices.Equal(next, patch) || pass == maxPasses {
			break
		}
		patch = next
	}
	for _, f := range failures {
		r.replayed(f.text, f.syntax, f.message)
		o.executed = append(o.executed, "'"+r.cli.logged([]string{f.text})[0]+"': "+f.message+"\n")
	}
	candidate := r.cli.product.Store.Begin()
	if a.batch != nil && a.batch.candidate != nil {
		candidate = a.batch.candidate
	}
	if _, err := r.cli.history.Commit(ctx, candidate, m, on); err != nil {
		return err
	}
	if a.stop && a.failures > 0 {
		return errStopped
	}
	return nil
}

// showExecLog prints what the last operation executed.
func showExecLog(of func(*CLI) *operations) func(context.Context, *request) error {
	return func(_ context.Context, r *request) error {
		o := of(r.cli).get()
		if o == nil {
			return nil
		}
		if err := r.operationHead(o); err != nil {
			return err
		}
		_, err := fmt.Fprintf(r.out, "\nExecuting Patch:\n----------------\n%s", strings.Join(o.executed, ""))
		return err
	}
}

// showVerifyLog prints what the verification of the last operation found.
func showVerifyLog(of func(*CLI) *operations) func(context.Context, *request) error {
	return func(_ context.Context, r *request) error {
		o := of(r.cli).get()
		if o == nil {
			return nil
		}
		if err := r.operationHead(o); err != nil {
			return err
		}
		left := strings.Join(o.left, "")
		if left == "" {
			left = emptyPatch + "\n"
		}
		_, err := fmt.Fprintf(r.out, "\nVerification patch contents:\n----------------------------\n%s", left)
		return err
	}
}

func (r *request) operationHead(o *operation) error {
	status, verbose := "Failed", "disabled"
	if o.ok {
		status = "Success"
	}
	if o.verbose {
		verbose = "enabled"
	}
	for _, row := range [][2]string{
		{"Operation", o.what}, {"Target", o.target}, {"Done By", o.user}, {"Mode", o.mode}, {"Verbose", verbose},
		{"Start Time", r.cli.local(o.began).Format(checkpointTime)}, {"End Time", r.cli.local(o.ended).Format(checkpointTime)}, {"Status", status},
	} {
		if _, err := fmt.Fprintf(r.out, "%-20s : %s\n", row[0], row[1]); err != nil {
			return err
		}
	}
	return nil
}
