package session

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"trunkline/cli/grammar"
)

// applier runs the lines of a configuration file or patch as an operator would
// type them, without stopping at one that fails. Commands of exec mode are none
// of its lines. Lines are held and committed together as pasted ones are.
type applier struct {
	*Session // of its own
	console  Console
	// failed is told of a line that fails, with the operator's message.
	failed func(text string, syntax bool, message string)
	// stop makes the first failure the last line.
	stop bool
	// apart has all lines held that can be, for the caller to commit.
	apart bool

	pending    []string
	skip       int    // indentation of a line that failed, -1 for none
	unfinished string // a command that goes on on the next line
	failures   int
	work       work
}

func (r *request) applier(failed func(text string, syntax bool, message string)) *applier {
	s := r.cli.Session(Options{Who: r.opts.Who})
	s.stack = []level{global()}
	return &applier{Session: s, console: r.console, failed: failed, skip: -1}
}

// all applies the lines of a text and commits what is held.
func (a *applier) all(ctx context.Context, text string) error {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if a.unfinished != "" {
			line, a.unfinished = a.unfinished+"\n"+line, ""
		} else if grammar.Comment(line) {
			continue
		}
		// What is below a line that failed is meant for a mode that was not
		// entered.
		if depth := len(line) - len(strings.TrimLeft(line, " \t")); a.skip >= 0 && depth > a.skip {
			a.fail(line, false, "ERROR: The mode of this line was not entered.")
			continue
		} else {
			a.skip = -1
			before := a.failures
			if err := a.line(ctx, line); err != nil {
				return err
			}
			if a.failures > before {
				a.skip = depth
			}
		}
		if a.stop && a.failures > 0 {
			break
		}
	}
	if a.unfinished != "" {
		first, _, _ := strings.Cut(a.unfinished, "\n")
		a.fail(first, true, grammar.Incomplete)
	}
	if a.apart {
		return nil
	}
	return a.flush(ctx)
}

func (a *applier) fail(text string, syntax bool, message string) {
	a.failures++
	a.failed(strings.TrimSpace(text), syntax, message)
}

// line applies one line; the error is that of the context.
func (a *applier) line(ctx context.Context, text string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if a.batch == nil {
		a.batch = a.newBatch()
		a.batch.apart = a.apart
	}
	before := a.stack
	err := a.run(ctx, text)
	if !errors.Is(err, errUnheld) {
		if a.pending = append(a.pending, text); len(a.pending) >= MaxHeld && !a.apart {
			return a.flush(ctx)
		}
		return nil
	}
	if a.apart {
		a.fail(text, false, message(err))
		return nil
	}
	a.stack = before
	if err := a.flush(ctx); err != nil {
		return err
	}
	_ = a.run(ctx, text) // reported
	return ctx.Err()
}

// flush commits the lines that are held, or applies them one by one.
func (a *applier) flush(ctx context.Context) error {
	pending := a.pending
	a.pending = nil
	if a.Commit(ctx) {
		return nil
	}
	for _, text := range pending {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _ = a.run(ctx, text); a.stop && a.failures > 0 {
			break
		}
	}
	return nil
}

// run applies a line now, or to the batch. What fails is reported; but errUnheld.
func (a *applier) run(ctx context.Context, text string) error {
	words := strings.Fields(strings.ToLower(text))
	switch {
	case header(text):
		return nil
	case len(words) == 1 && words[0] == "end", words[0] == "configure":
		a.stack = a.stack[:1]
		return nil
	case len(words) == 1 && words[0] == "exit":
		a.stack = a.stack[:max(1, len(a.stack)-1)]
		return nil
	}
	l := loader{cli: a.cli, stack: a.stack}
	match, depth, bad := l.resolve(text, a.tree())
	switch {
	case bad != nil && bad.More != "":
		a.unfinished = text
		return nil
	case bad != nil:
		a.fail(text, true, bad.Text)
		return bad
	}
	if err := a.work.spend(match, a.stack[depth]); err != nil {
		a.fail(text, false, message(err))
		return err
	}
	modes := a.stack
	a.stack = a.stack[:depth+1]
	err := a.cli.mayType(a.rights(), a.stack, match)
	if err == nil {
		err = a.authorized(ctx, match, nil, true)
	}
	if err != nil {
		a.stack = modes
		a.fail(text, false, message(err))
		return err
	}
	r := &request{
		Session: a.Session, match: match, console: a.console, out: a.console,
		line: strings.ReplaceAll(strings.TrimSpace(redact(match, text)), "\n", " "),
	}
	err = r.configure(ctx)
	if errors.Is(err, errUnheld) {
		return err
	}
	r.account(modes, depth, err)
	if err != nil && !errors.Is(err, errSilent) {
		a.fail(text, false, message(err))
	} else if err != nil {
		a.fail(text, false, "")
	}
	return err
}

// replayed prints a line of a file that failed (cli.md §4.1), as far as who may
// not read files may see it: what is no line of configuration may be a key.
func (r *request) replayed(text string, syntax bool, message string) {
	if !r.readsSecrets() {
		if text = r.cli.logged([]string{text})[0]; syntax {
			text = hidden
		}
	}
	switch {
	case syntax:
		fmt.Fprintf(r.console, "Syntax error while parsing '%s'\n", text)
	case message != "":
		fmt.Fprintf(r.console, "'%s': %s\n", text, message)
	default:
		fmt.Fprintf(r.console, "'%s': see above.\n", text)
	}
}
