package session

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"trunkline/cli/grammar"
	"trunkline/cli/pipe"
	"trunkline/cli/render"
	"trunkline/config"
	"trunkline/feature"
)

// Result is how a line ended.
type Result struct {
	// Failed says that a command was refused or failed; what followed it on
	// the line was not run.
	Failed bool
	// Close says that the operator logged out.
	Close bool
	// More says that the last command goes on on the next line, whatever that
	// holds: a banner of several lines.
	More bool
}

// found is a line that some table accepts.
type found struct {
	match *grammar.Match
	depth int // of the configuration level, -1 for exec
	pipes *pipe.Chain
	to    *redirect // of exec commands
}

// action is the Tag of an exec command.
type action interface {
	// run executes the command. An error is the operator's message.
	run(ctx context.Context, r *request) error
	// piped says that the command's output may be filtered.
	piped() bool
	// streams says that output is to be seen as it comes.
	streams() bool
	// acts says that the command changes something beyond the session: not
	// every role may run it.
	acts() bool
}

// request is one command being run.
type request struct {
	*Session
	match   *grammar.Match
	line    string // without secrets
	console Console
	out     io.Writer // the console, or the pipes before it
	format  render.Format
	support bool // the output is for technical support
	// askedVRF is the VRF of a copy that the operator was asked for, "" for none.
	askedVRF string
	close    bool
}

func (r *request) args() feature.Args {
	return feature.Args{Words: r.match.Words, Values: r.match.Values}
}

// errSilent fails a command whose message has been printed.
var errSilent = errors.New("refused")

// header reports whether a line is the one that a configuration begins with: the
// version of the software that printed it (cli.md §8). It says nothing to the
// switch that it is pasted into.
func header(line string) bool {
	words := strings.Fields(line)
	return len(words) == 2 && strings.EqualFold(words[0], "version")
}

// Run executes a line: one command, or several joined by " ; ".
func (s *Session) Run(ctx context.Context, line string, c Console) Result {
	width := s.promptWidth()
	more := s.unfinished != ""
	switch {
	case more:
		line, s.unfinished = s.unfinished+"\n"+line, ""
	case grammar.Comment(line), s.Configuring() && header(line):
		return Result{}
	}
	if err := grammar.TooLong(line); err != nil {
		io.WriteString(c, err.Message(width))
		return Result{Failed: true}
	}
	if !more {
		s.remember(line)
		if s.textEnd() == "" {
			line = s.substitute(line)
		}
		if err := grammar.TooLong(line); err != nil {
			io.WriteString(c, err.Message(width))
			return Result{Failed: true}
		}
	}
	typed := 0 // where what the operator typed goes on
	for offset := 0; offset <= len(line); {
		if !more && offset >= typed && s.textEnd() == "" {
			text, n := s.expand(line[offset:])
			line, typed = line[:offset]+text, offset+n
			if err := grammar.TooLong(line); err != nil {
				io.WriteString(c, err.Message(width))
				return Result{Failed: true}
			}
		}
		text, next := s.cut(line, offset)
		if !grammar.Comment(text) {
			closing, err := s.command(ctx, line, text, offset, width, c)
			var bad *grammar.Error
			if errors.As(err, &bad) && bad.More != "" {
				if !more {
					io.WriteString(c, bad.More+"\n")
				}
				s.unfinished = text
				return Result{More: true}
			}
			if err != nil {
				return Result{Failed: true}
			}
			if closing {
				return Result{Close: true}
			}
		}
		offset = next
	}
	return Result{}
}

// cut returns the command that begins at offset and where the next begins. A
// configuration line that takes the rest of the line takes all of it.
func (s *Session) cut(line string, offset int) (text string, next int) {
	rest := line[offset:]
	parts, _ := grammar.Chain(rest, ';')
	if len(parts) == 1 {
		return rest, len(line) + 1
	}
	for i := len(s.stack) - 1; i >= 0; i-- {
		m, err := s.table(s.stack[i]).Match(rest, grammar.Typed)
		if err != nil && err.More != "" {
			return rest, len(line) + 1
		}
		if err == nil {
			if m.Rest && (m.Command.Tag.(grammar.Line).Form == grammar.Plain || s.textEnd() != "") {
				return rest, len(line) + 1
			}
			break
		}
	}
	return parts[0], offset + len(parts[0]) + 1
}

// command runs one command. Its messages are printed.
func (s *Session) command(ctx context.Context, line, text string, offset, width int, c Console) (closing bool, err error) {
	c.Page(0)
	s.under = ""
	f, bad := s.resolve(text)
	if bad != nil && bad.More != "" {
		return false, bad
	}
	if bad != nil {
		bad.Col += utf8.RuneCountInString(line[:offset])
		io.WriteString(c, bad.Message(width))
		return false, bad
	}
	clear := text
	if text = redact(f.match, text); text != clear {
		s.forget(clear, text)
	}
	r := &request{Session: s, match: f.match, line: strings.ReplaceAll(strings.TrimSpace(text), "\n", " "), console: c, out: c}
	s.under = r.line
	if err := s.permitted(ctx, f); err != nil {
		r.account(s.stack, f.depth, err)
		fmt.Fprintln(c, message(err))
		return false, err
	}
	modes := s.stack
	if f.depth >= 0 {
		s.stack = s.stack[:f.depth+1]
		if err = r.hides(ctx); err == nil {
			err = r.configure(ctx)
		}
	} else {
		err = r.piped(ctx, f.pipes, f.to)
	}
	if errors.Is(err, errUnheld) {
		s.stack = modes
		return false, err
	}
	if f.acts() || s.logAll {
		r.account(modes, f.depth, err)
	}
	if err != nil && !errors.Is(err, errSilent) && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(c, message(err))
	}
	return r.close, err
}

// piped runs an exec command through its filters, to the console or a file.
func (r *request) piped(ctx context.Context, chain *pipe.Chain, to *redirect) error {
	if chain == nil {
		chain = &pipe.Chain{}
	}
	if r.structure != render.Text && to == nil && r.match.Command.Tag.(action).piped() {
		if chain.Filters() {
			return errFiltered
		}
		chain.Format = r.structure
	}
	if to != nil {
		return r.redirected(ctx, chain, to)
	}
	a := r.match.Command.Tag.(action)
	if length, _ := r.size(); r.opts.Interactive && a.piped() && !chain.NoMore && chain.Format == render.Text {
		r.console.Page(length)
	}
	return r.filtered(ctx, chain, r.console)
}

// toFile runs an exec command through its filters to a file, compressed if the
// session is told so; what is appended is a member of its own (RFC 1952 §2.2).
func (r *request) toFile(ctx context.Context, chain *pipe.Chain, w io.Writer) error {
	if !r.zipped {
		return r.filtered(ctx, chain, w)
	}
	z := gzip.NewWriter(w)
	if err := r.filtered(ctx, chain, z); err != nil {
		return err
	}
	return z.Close()
}

// filtered runs an exec command through its filters to w.
func (r *request) filtered(ctx context.Context, chain *pipe.Chain, w io.Writer) error {
	a := r.match.Command.Tag.(action)
	r.format = chain.Format
	chain.Compare = func(before string, lines []string) []string { return r.compare(r.match.Text+before, lines) }
	// Rows are small and many; commands that act print as they go.
	console := bufio.NewWriterSize(w, bufferSize)
	filters := chain.Writer(console)
	if a.streams() {
		filters = chain.Writer(w)
	}
	r.out = guarded{ctx, filters}
	err := a.run(ctx, r)
	if errors.Is(err, pipe.ErrDone) {
		err = nil
	}
	if err != nil && !errors.Is(err, ctx.Err()) {
		return errors.Join(err, console.Flush())
	}
	if err == nil {
		err = filters.Close()
	}
	if err == nil {
		err = console.Flush()
	}
	return err
}

const bufferSize = 16 << 10

// guarded is a writer that fails once its context is done.
type guarded struct {
	ctx context.Context
	w   io.Writer
}

func (g guarded) Write(p []byte) (int, error) {
	if err := g.ctx.Err(); err != nil {
		return 0, err
	}
	return g.w.Write(p)
}

// message is what the operator reads of an error. Texts that are the operator's
// already come as they are, whatever was being attempted; one that many entries
// have in common is said once.
func message(err error) string {
	var (
		said    feature.Error
		refused config.Problems
		refusal config.Refusal
	)
	switch {
	case errors.As(err, &said):
		return string(said)
	case errors.As(err, &refused):
		return strings.Join(slices.Compact(strings.Split(refused.Error(), "\n")), "\n")
	case errors.As(err, &refusal):
		return refusal.Error()
	}
	text := err.Error()
	for _, prefix := range []string{"ERROR:", "Warning:", "Note:", "%"} {
		if strings.HasPrefix(text, prefix) {
			return text
		}
	}
	return "ERROR: " + text
}

// resolve finds what a line means in the present mode: the mode's own lines
// come first, then those of the modes above, then exec commands. The beginning of
// a line of a mode is not taken for an abbreviation of something else above it.
func (s *Session) resolve(text string) (found, *grammar.Error) {
	var worst *grammar.Error
	failed := func(err *grammar.Error) {
		// The line is explained by what understood most of it.
		if worst == nil || err.Col > worst.Col || err.Col == worst.Col && worst.Text == grammar.Invalid && err.Text != grammar.Invalid {
			worst = err
		}
	}
	exec := text
	if s.Configuring() {
		if word, rest, ok := strings.Cut(strings.TrimLeft(text, " \t"), " "); ok && strings.EqualFold(word, "do") {
			exec = strings.Repeat(" ", len(text)-len(rest)) + rest
		} else {
			for i := len(s.stack) - 1; i >= 0; i-- {
				m, err := s.table(s.stack[i]).Match(text, grammar.Typed)
				if err == nil {
					return found{match: m, depth: i}, nil
				}
				if err.More != "" || err.Text == grammar.Incomplete {
					return found{}, err
				}
				failed(err)
			}
			for _, t := range s.movingTables() {
				m, err := t.Match(text, grammar.Typed)
				if err == nil {
					return found{match: m, depth: -1}, nil
				}
				failed(err)
			}
		}
	}
	var to *redirect
	var bad *grammar.Error
	if s.cli.product.Files != nil {
		exec, to, bad = s.cli.redirection(exec)
	}
	parts, offsets := grammar.Chain(exec, '|')
	m, err := s.exec().Match(parts[0], grammar.Typed)
	if err != nil {
		failed(err)
		return found{}, worst
	}
	f := found{match: m, depth: -1, to: to}
	switch {
	case len(exec) < len(text) && !m.Command.Tag.(action).piped():
		return f, &grammar.Error{Col: utf8.RuneCountInString(exec), Text: grammar.Invalid}
	case len(parts) == 1:
		return f, bad
	}
	if !m.Command.Tag.(action).piped() {
		return f, &grammar.Error{Col: utf8.RuneCountInString(text[:offsets[1]-1]), Text: grammar.Invalid}
	}
	chain, i, err := pipe.Parse(s.cli.pipes, parts[1:])
	if err != nil {
		err.Col += utf8.RuneCountInString(text[:offsets[i+1]])
		return f, err
	}
	f.pipes = chain
	return f, bad
}

// Under returns the command that runs or ran last as it may be kept: without
// secrets, and nothing of one that is not understood. It is for the caller of
// Run.
func (s *Session) Under() string { return s.under }

// EndConfig is Ctrl-Z on an empty line: back to exec mode.
func (s *Session) EndConfig() { s.stack, s.unfinished = nil, "" }

// Abandon is Ctrl-C before a line is sent: a command of several lines is
// forgotten.
func (s *Session) Abandon() { s.unfinished = "" }
