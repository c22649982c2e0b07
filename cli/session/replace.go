package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"trunkline/config"
	"trunkline/config/history"
	"trunkline/feature"
)

// replaceTrial is how the confirmed commit of configure replace is known.
const replaceTrial = "configure replace"

// replace is configure replace (cli.md §7.4).
func replace(ctx context.Context, r *request) error {
	file := r.fileOf("file")
	o := &operation{what: "Configure replace", target: file, mode: atomic, verbose: r.args().Has("verbose")}
	if r.args().Has(bestEffort) {
		o.mode = bestEffort
	}
	target, bad, err := r.readConfig(file)
	if err != nil {
		return r.notReplaced(err)
	}
	io.WriteString(r.console, "Version check passed.\n")
	if err := r.preCheck(ctx, file, bad, o.mode); err != nil {
		return err
	}
	on := history.Confirm{}
	if seconds, ok := feature.Value[uint32](r.args(), "seconds"); ok {
		on = history.Confirm{ID: replaceTrial, Within: time.Duration(seconds) * time.Second}
	}
	m := r.meta(r.line)
	m.Method = config.MethodReplace
	if err := r.saveSystem(ctx, "configure-replace", m); err != nil {
		return r.notReplaced(err)
	}
	_, err = r.operate(ctx, o, target, m, on, &r.cli.replaces, r.args().Has("show-patch"))
	switch {
	case errors.Is(err, errLeft):
		io.WriteString(r.console, "Configure replace completed with failures.\n")
		return errSilent
	case refused(err):
		io.WriteString(r.console, r.failing(target, err)+"\n")
		return r.notReplaced(nil)
	case err != nil:
		return r.notReplaced(err)
	}
	text := "Configure replace completed successfully."
	if on.ID != "" {
		text += fmt.Sprintf(" Enter 'configure replace commit' within %d seconds to keep it.", int(on.Within/time.Second))
	}
	_, err = io.WriteString(r.console, text+"\n")
	return err
}

// notReplaced ends a replacement that failed.
func (r *request) notReplaced(err error) error {
	if err != nil {
		fmt.Fprintln(r.console, message(err))
	}
	io.WriteString(r.console, "Configure replace failed. The running configuration is as it was.\n")
	return errSilent
}

// preCheck reports the lines of the file that cannot be read. They refuse it; by
// best effort the others may be used.
func (r *request) preCheck(ctx context.Context, file string, bad []LineError, mode string) error {
	if len(bad) == 0 {
		_, err := io.WriteString(r.console, "Pre-check of the commands passed.\n")
		return err
	}
	fmt.Fprintln(r.console, r.lineErrors(file, bad))
	io.WriteString(r.console, "Pre-check of the commands failed.\n")
	if mode != bestEffort {
		return r.notReplaced(nil)
	}
	if r.args().Has("non-interactive") {
		return nil
	}
	return r.confirm(ctx, "Do you wish to proceed without these commands (y/n)? [n] ", false)
}

// saveSystem makes a checkpoint of the system.
func (r *request) saveSystem(ctx context.Context, name string, m config.Meta) error {
	release, err := r.cli.product.Store.Exclusive()
	if err != nil {
		return err
	}
	defer release()
	_, err = r.cli.history.SaveSystem(ctx, name, m)
	return err
}

// saveClosing makes a checkpoint system-fm-NAME for each feature that a candidate
// turns off with configuration (cli.md §7.3).
func (r *request) saveClosing(ctx context.Context, c *config.Candidate, m config.Meta) error {
	for _, p := range r.cli.product.Schema.Closing(c.Base().Tree, c.Tree()) {
		if err := r.saveSystem(ctx, "fm-"+p[len(p)-1].Name, m); err != nil {
			return err
		}
	}
	return nil
}

func replaceCommit(ctx context.Context, r *request) error {
	if err := r.cli.product.Store.Confirm(ctx, replaceTrial); err != nil {
		return err
	}
	_, err := io.WriteString(r.console, "Commit Successful\n")
	return err
}

func showReplaceStatus(_ context.Context, r *request) error {
	o := r.cli.replaces.get()
	if o == nil {
		return nil
	}
	if err := r.operationHead(o); err != nil {
		return err
	}
	pending := "No"
	if t, ok := r.cli.product.Store.Trial(); ok && t.ID == replaceTrial {
		pending = fmt.Sprintf("Yes, until %s", r.cli.local(t.Deadline).Format(checkpointTime))
	}
	_, err := fmt.Fprintf(r.out, "%-20s : %s\n", "Commit Pending", pending)
	return err
}
