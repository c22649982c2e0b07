package session

import (
	"context"
	"fmt"
	"io"
	"strings"

	"trunkline/cli/grammar"
	"trunkline/config"
	"trunkline/config/history"
	"trunkline/feature"
)

// Setup is the basic configuration dialogue of a product (cli.md §2.1): the
// questions of the command setup, in order.
type Setup []Question

// Question is one question of the dialogue.
type Question struct {
	// Text is what is asked, with the blank at its end: "Enter the switch name: ".
	Text string
	// Again asks for the same once more, for what is not shown; "" for what is.
	Again string
	// Yes says that the answer is yes or no, and that Enter says yes.
	Yes bool
	// Of is how many questions after this one are left out by its "no".
	Of int
	// Lines are the lines of configuration that an answer makes, "yes" or "no" where
	// Yes is set; nil for none. An error asks again.
	Lines func(answer string) ([]string, error)
}

const (
	setupHead = "\n         ---- Basic System Configuration Dialogue ----\n\n" +
		"The answers make a first configuration. What is asked can be changed later.\n" +
		"Enter alone takes the answer in brackets, or leaves a setting as it is. Ctrl-C\n" +
		"leaves the dialogue, and all as it was; the command setup begins it again.\n\n"
	setupBegin = "Would you like to enter the basic configuration dialogue (yes/no) [n]: "
	setupEdit  = "\nWould you like to edit the configuration? (yes/no) [n]: "
	setupUse   = "Use this configuration and save it? (yes/no) [y]: "

	errNobody = feature.Error("ERROR: There is nobody to be asked: the dialogue needs a terminal, and not 'terminal dont-ask'.")
)

// setupCommands are the dialogue, of a product that has one.
func (c *CLI) setupCommands() []grammar.Command {
	if c.product.Setup == nil {
		return nil
	}
	return []grammar.Command{{Template: "setup", Help: "Run the basic configuration dialogue", Tag: builtin{do: setup}}}
}

// setup asks for a configuration, shows it, and commits it as one.
func setup(ctx context.Context, r *request) error {
	hidden, discreet := r.console.(Discreet)
	if !r.opts.Interactive || !discreet || r.dontAsk {
		return errNobody
	}
	if err := r.mayDo("copy running-config startup-config", true); err != nil {
		return err // it saves what it makes
	}
	io.WriteString(r.console, setupHead)
	if ok, err := r.yes(ctx, setupBegin, false); err != nil || !ok {
		return err
	}
	for {
		io.WriteString(r.console, "\n")
		lines, candidate, err := r.interview(ctx, hidden)
		if err != nil {
			return err
		}
		if len(lines) == 0 {
			io.WriteString(r.console, "\nNothing is to be changed.\n")
		} else {
			io.WriteString(r.console, "\nThe following configuration will be applied:\n  "+strings.Join(r.cli.shownSetup(lines), "\n  ")+"\n")
		}
		if edit, err := r.yes(ctx, setupEdit, false); err != nil {
			return err
		} else if edit {
			continue
		}
		if use, err := r.yes(ctx, setupUse, true); err != nil || !use {
			return err
		}
		if candidate != nil {
			r.line = "setup ; " + strings.Join(trimmed(r.cli.shownSetup(lines)), " ; ") // for accounting and history
			if _, err := r.cli.history.Commit(ctx, candidate, r.meta(r.line), history.Confirm{}); err != nil {
				return err
			}
		}
		if _, saved := r.cli.product.Store.Startup(); candidate == nil && saved {
			return nil
		}
		return save(ctx, r) // also of nothing: a chassis without a configuration asks when it boots
	}
}

// shownSetup are lines as the screen shows them: a mode on the line that enters it,
// and no secrets.
func (c *CLI) shownSetup(lines []string) []string {
	var all []string
	for _, l := range lines {
		all = append(all, strings.Split(strings.TrimRight(c.logged([]string{l})[0], "\n"), "\n")...)
	}
	return all
}

// trimmed are lines without their indentation.
func trimmed(lines []string) []string {
	all := make([]string, len(lines))
	for i, l := range lines {
		all[i] = strings.TrimSpace(l)
	}
	return all
}

// interview asks all questions. It returns the lines that the answers make, and
// them on top of the running configuration, nil for none.
func (r *request) interview(ctx context.Context, hidden Discreet) ([]string, *config.Candidate, error) {
	var lines []string
	var candidate *config.Candidate
	for i := 0; i < len(r.cli.product.Setup); i++ {
		q := r.cli.product.Setup[i]
		more, no, err := r.answer(ctx, q, hidden)
		if err != nil {
			return nil, nil, err
		}
		if no {
			i += q.Of
		}
		if more == nil {
			continue
		}
		next, why, err := r.tryLines(ctx, append(lines[:len(lines):len(lines)], more...))
		switch {
		case err != nil:
			return nil, nil, err
		case why != "":
			io.WriteString(r.console, why+"\n")
			i--
		default:
			lines, candidate = append(lines, more...), next
		}
	}
	return lines, candidate, nil
}

// answer asks a question until the answer can be one. The lines are nil for none.
func (r *request) answer(ctx context.Context, q Question, hidden Discreet) (lines []string, no bool, err error) {
	for {
		var text string
		switch {
		case q.Yes:
			yes, err := r.yes(ctx, q.Text, true)
			if err != nil {
				return nil, false, err
			}
			if text = "yes"; !yes {
				text, no = "no", true
			}
		case q.Again != "":
			if text, err = hidden.AskSecret(ctx, q.Text); err != nil || text == "" {
				return nil, false, err
			}
			again, err := hidden.AskSecret(ctx, q.Again)
			if err != nil {
				return nil, false, err
			}
			if again != text {
				io.WriteString(r.console, "The two are not the same.\n")
				continue
			}
		default:
			if text, err = r.console.Ask(ctx, q.Text); err != nil {
				return nil, false, err
			}
			if text = strings.TrimSpace(text); text == "" {
				return nil, false, nil
			}
		}
		if q.Lines == nil {
			return nil, no, nil
		}
		lines, err := q.Lines(text)
		if err == nil {
			return lines, no, nil
		}
		io.WriteString(r.console, message(err)+"\n")
	}
}

// tryLines returns what lines make of the running configuration, or what is wrong
// with one of them.
func (r *request) tryLines(ctx context.Context, lines []string) (*config.Candidate, string, error) {
	why := ""
	a := r.applier(func(_ string, syntax bool, message string) {
		switch {
		case syntax:
			why = "% " + message
		case message != "":
			why = message
		default:
			why = "ERROR: The answer is refused."
		}
	})
	a.stop, a.apart = true, true
	if err := a.all(ctx, strings.Join(lines, "\n")); err != nil {
		return nil, "", err
	}
	if why == "" && a.batch != nil && a.batch.candidate != nil {
		if _, err := r.cli.product.Store.Verify(a.batch.candidate); err != nil {
			why = message(err)
		}
		return a.batch.candidate, why, nil
	}
	return nil, why, nil
}

// yes asks a question of yes or no until it is answered; Enter says what def does.
func (r *request) yes(ctx context.Context, question string, def bool) (bool, error) {
	for {
		answer, err := r.console.Ask(ctx, question)
		if err != nil {
			return false, err
		}
		switch strings.ToLower(strings.TrimSpace(answer)) {
		case "y", "yes":
			return true, nil
		case "n", "no":
			return false, nil
		case "":
			return def, nil
		}
		fmt.Fprintln(r.console, "Please answer yes or no.")
	}
}
