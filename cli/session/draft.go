package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"trunkline/cli/grammar"
	"trunkline/config"
	"trunkline/config/draft"
	"trunkline/config/history"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// draftMode replaces the beginning of prompts in a configuration session
// (cli.md §2.2): (config-if)# is (config-s-if)#.
const (
	configMode = "config"
	draftMode  = "config-s"
)

// draftCommands are valid in every mode of a configuration session (cli.md §7.5).
func draftCommands() []grammar.Command {
	words := schema.Words{
		"no": "Negate a command or remove a line of the configuration session", "commit verbose": "Show the commands",
		"commit confirmed": "Return to the previous configuration unless committed again", "verify verbose": "Show the commands",
	}
	var all []grammar.Command
	add := func(template, help string, own bool, do func(ctx context.Context, r *request) error) {
		all = append(all, grammar.Command{Template: template, Help: help, Types: lifecycleTypes, Words: words, Tag: builtin{do: do, own: own, drafts: template != "save <file>"}})
	}
	add("abort", "Drop the configuration session", false, abortDraft)
	add("commit [verbose] [confirmed <minutes>]", "Commit the configuration session", false, commitDraft)
	add("no <line>", "Negate a command or remove a line of the configuration session", false, removeLine)
	add("save <file>", "Save the lines of the configuration session in a file", false, saveDraft)
	add("verify [verbose]", "Verify the configuration session", true, verifyDraft)
	return all
}

// draft is the configuration session that the session is in, or nil.
func (s *Session) draft() *draft.Draft {
	if len(s.stack) == 0 {
		return nil
	}
	return s.stack[len(s.stack)-1].draft
}

func configureSession(_ context.Context, r *request) error {
	name, _ := feature.Value[string](r.args(), "session")
	d, _, err := r.cli.drafts.Open(name, r.opts.Who.User, r.opts.Who.From)
	if err != nil {
		return err
	}
	fmt.Fprintf(r.console, "Config Session started, Session ID is %d\n", d.Info().ID)
	l := global()
	l.draft, l.suffix, l.text = d, draftMode, "conf session "+name
	r.stack = []level{l}
	return nil
}

// enqueue queues a configuration line. It is applied to what the lines before it
// make, so that the modes are those that they will be.
func (r *request) enqueue(l level) error {
	ch, err := r.change(l.draft.Candidate().Tree(), r.match)
	if err != nil {
		return err
	}
	line := draft.Line{Text: r.line, Depth: len(r.stack) - 1, Edits: slices.Concat(ch.edits...)}
	if len(ch.refused) == 0 || len(line.Edits) > 0 || ch.enter != nil {
		if err := l.draft.Add(line); err != nil {
			return err
		}
	}
	if ch.enter != nil {
		ch.enter.draft = l.draft
		ch.enter.suffix = draftMode + strings.TrimPrefix(ch.enter.suffix, configMode)
		r.enterOf(l.draft.Candidate().Tree(), *ch.enter)
	}
	return r.refused(ch)
}

// refused prints the messages for entries of a list that a line cannot have.
func (r *request) refused(ch *change) error {
	for _, text := range ch.refused {
		io.WriteString(r.console, text+"\n")
	}
	if len(ch.refused) > 0 {
		return errSilent
	}
	return nil
}

func verifyDraft(_ context.Context, r *request) error {
	d := r.draft()
	r.listDraft(d)
	remarks, err := d.Verify()
	if err != nil {
		return r.failedDraft(d, "Verification", err)
	}
	r.note(d, "Verify", nil)
	r.remark(remarks)
	_, err = io.WriteString(r.console, "Verification Successful\n")
	return err
}

// listDraft prints the lines of a draft if they are asked for.
func (r *request) listDraft(d *draft.Draft) {
	if !r.args().Has("verbose") {
		return
	}
	for i, l := range d.Lines() {
		io.WriteString(r.console, numbered(i, l)+"\n")
	}
}

func numbered(i int, l draft.Line) string {
	return fmt.Sprintf("%04d  %s%s", i+1, strings.Repeat("  ", l.Depth), l.Text)
}

func (r *request) remark(remarks []schema.Problem) {
	for _, p := range remarks {
		io.WriteString(r.console, p.Text+"\n")
	}
}

// failedDraft explains why a draft cannot be committed: by its first line that a
// problem is about, if one can be found.
func (r *request) failedDraft(d *draft.Draft, what string, err error) error {
	var problems config.Problems
	text := message(err)
	if errors.As(err, &problems) {
		if i, problem, ok := firstFailing(d.Lines(), problems); ok {
			text = numbered(i, d.Lines()[i]) + "\n" + problem.Text
		}
	}
	fmt.Fprintf(r.console, "%s\n%s Failed\n", text, what)
	r.note(d, what, err)
	return errSilent
}

// firstFailing returns the first line that a problem is about. Of several lines
// about the same, the last counts.
func firstFailing(lines []draft.Line, problems config.Problems) (int, schema.Problem, bool) {
	first, about := len(lines), schema.Problem{}
	for _, p := range problems {
		for i, l := range slices.Backward(lines) {
			if slices.ContainsFunc(l.Edits, func(e config.Edit) bool { return touches(e.Path, p.Path) }) {
				if i < first {
					first, about = i, p
				}
				break
			}
		}
	}
	return first, about, first < len(lines)
}

func touches(edit, problem tree.Path) bool { return edit.HasPrefix(problem) || problem.HasPrefix(edit) }

// trialID is how the confirmed commit of a configuration session is known.
func trialID(name string) string { return "session " + name }

func commitDraft(ctx context.Context, r *request) error {
	d := r.draft()
	info := d.Info()
	m := r.meta(r.line)
	m.Method = config.MethodSession
	m.Line = "configure session " + info.Name + " ; " + r.line
	confirm := history.Confirm{}
	if minutes, ok := feature.Value[uint32](r.args(), "minutes"); ok {
		confirm = history.Confirm{ID: trialID(info.Name), Within: time.Duration(minutes) * time.Minute}
	}
	if t, pending := r.cli.product.Store.Trial(); pending && t.ID == trialID(info.Name) && info.Lines == 0 && confirm.ID == "" {
		// It has been committed on trial: this is the confirmation.
		if err := r.cli.product.Store.Confirm(ctx, t.ID); err != nil {
			return err
		}
		if err := d.Abort(); err != nil {
			return err
		}
	} else {
		r.listDraft(d)
		result, err := d.Commit(func(c *config.Candidate) (config.Result, error) {
			if err := r.mayBecome(ctx, c.Base().Tree, c.Tree()); err != nil {
				return config.Result{}, err
			}
			if err := r.saveClosing(ctx, c, m); err != nil {
				return config.Result{}, err
			}
			return r.cli.history.Commit(ctx, c, m, confirm)
		})
		if err != nil {
			return r.failedDraft(d, "Commit", err)
		}
		r.remark(result.Remarks)
	}
	io.WriteString(r.console, "Commit Successful\n")
	r.stack = nil
	return nil
}

func abortDraft(_ context.Context, r *request) error {
	if err := r.draft().Abort(); err != nil && !errors.Is(err, draft.ErrClosed) {
		return err
	}
	r.stack = nil
	return nil
}

func removeLine(_ context.Context, r *request) error {
	n, _ := feature.Value[uint32](r.args(), "line")
	return r.draft().Remove(int(n))
}

func saveDraft(_ context.Context, r *request) error {
	if r.cli.product.Files == nil {
		return errNoFiles
	}
	var b strings.Builder
	for _, l := range r.draft().Lines() {
		b.WriteString(indent(l.Depth, l.Text))
	}
	return r.cli.product.Files.Write(r.fileOf("file"), []byte(b.String()))
}

// errNoFiles is the answer where the product has no file systems.
const errNoFiles = feature.Error("ERROR: There are no file systems.")

// lastAction is what was last done with a draft.
type lastAction struct {
	what, reason string
	at           time.Time
}

// note remembers what was done with a draft, and why it failed.
func (r *request) note(d *draft.Draft, what string, err error) {
	a := lastAction{what: what, reason: "-NA-", at: r.cli.product.Now()}
	if err != nil {
		a.reason, _, _ = strings.Cut(message(err), "\n")
	}
	r.cli.mu.Lock()
	defer r.cli.mu.Unlock()
	if r.cli.actions == nil {
		r.cli.actions = map[int]lastAction{}
	}
	for id := range r.cli.actions { // of those that have ended
		if !slices.ContainsFunc(r.cli.drafts.List(), func(i draft.Info) bool { return i.ID == id }) {
			delete(r.cli.actions, id)
		}
	}
	r.cli.actions[d.Info().ID] = a
}

func showSession(_ context.Context, r *request) error {
	var names []string
	if name, ok := feature.Value[string](r.args(), "session"); ok {
		names = []string{name}
	} else {
		for _, i := range r.cli.drafts.List() {
			names = append(names, i.Name)
		}
	}
	for _, name := range names {
		d, err := r.cli.drafts.Find(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(r.out, "config session name %s\n", name)
		for i, l := range d.Lines() {
			if _, err := fmt.Fprintln(r.out, numbered(i, l)); err != nil {
				return err
			}
		}
	}
	if _, named := r.args().Values["session"]; named {
		return nil
	}
	return r.countSessions(len(names))
}

func (r *request) countSessions(n int) error {
	_, err := fmt.Fprintf(r.out, "\nNumber of active configuration sessions = %d\n", n)
	return err
}

// sessionTime is the layout of times of configuration sessions: five words.
const sessionTime = "15:04:05 MST Jan _2 2006"

func showSessionSummary(_ context.Context, r *request) error {
	io.WriteString(r.out, "Session Manager Database:\n"+strings.Repeat("-", 68)+
		"\nName                    Session Owner           Creation Time\n"+strings.Repeat("-", 68)+"\n")
	list := r.cli.drafts.List()
	for _, i := range list {
		if _, err := fmt.Fprintf(r.out, "%-23s %-23s %s\n", i.Name, i.Owner, r.cli.local(i.Created).Format(sessionTime)); err != nil {
			return err
		}
	}
	return r.countSessions(len(list))
}

func showSessionStatus(_ context.Context, r *request) error {
	for _, i := range r.cli.drafts.List() {
		r.cli.mu.Lock()
		a, ok := r.cli.actions[i.ID]
		r.cli.mu.Unlock()
		what, result, reason, at := "None", "-NA-", "-NA-", "-NA-"
		if ok {
			what, reason, at = a.what, a.reason, r.cli.local(a.at).Format(sessionTime)
			result = "Success"
			if reason != "-NA-" {
				result = "Failure"
			}
		}
		if _, err := fmt.Fprintf(r.out, "Session Name          : %s\nLast Action           : %s\nLast Action Status    : %s\n"+
			"Last Action Reason    : %s\nLast Action Timestamp : %s\n\n", i.Name, what, result, reason, at); err != nil {
			return err
		}
	}
	return nil
}
