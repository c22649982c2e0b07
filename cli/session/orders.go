package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"trunkline/cli/grammar"
	"trunkline/cli/render"
	"trunkline/feature"
)

// Orders are commands that a program sends together and wants answered one by
// one, as NX-API does. They are a session's: a mode that one enters holds for the
// next. A configuration line in exec mode enters configuration by itself.
//
// Like pasted lines, those of configuration that follow each other are held and
// committed together, and their answers wait for the commit (batch.go).

// Order is one of them.
type Order struct {
	// Line is a command, or several in lines or joined by " ; ".
	Line string
	// Format is that of what show commands print. A command that has no such
	// form fails; those that are no show command print text whatever it is.
	Format render.Format
	Only   Only
}

// Only limits what an order may be.
type Only uint8

// What an order may be.
const (
	Any           Only = iota
	Exec               // no line of configuration
	Configuration      // nothing that shows; lines of configuration come first
)

// Policy says what follows an order that fails.
type Policy uint8

// Policies.
const (
	// StopOnError runs nothing after an order that fails, unless that was to show
	// something.
	StopOnError Policy = iota
	ContinueOnError
	// RollbackOnError commits all lines at once, or none of them. Other commands
	// than those that show something are refused.
	RollbackOnError
)

// Kind is what an order turned out to be.
type Kind uint8

// Kinds.
const (
	Unknown  Kind = iota // none of the language
	Shows                // it changes nothing
	Acts                 // an exec command
	Settings             // a line of configuration, or one that changes the mode
)

// Cause is why an order failed.
type Cause uint8

// Causes.
const (
	Succeeded    Cause = iota
	Syntax             // it is none of the language
	Refused            // by what it means, or by the role of the user
	Unstructured       // what it shows has no structure
	Filtered           // structure was asked for and lines are filtered
	ShowRefused        // it shows something, and Only says that it may not
	LineRefused        // it is a line of configuration, likewise
	TooLong            // it shows too much
	Late               // the context was done first
	Internal           // a panic, which is in Answer.Panic
	Unrun              // an order before it failed
	RolledBack         // an order after it failed
)

// Answer is what became of an order.
type Answer struct {
	Kind   Kind
	Cause  Cause
	Output []byte // what it printed, with the operator's message of a failure
	Panic  string // with its stack
}

// errFiltered refuses structure of lines that were filtered.
const errFiltered = feature.Error("ERROR: What is filtered has no structure; use text.")

// Texts of orders that have not been run, or not for long.
const (
	unrunText      = "Not executed: a command before it failed.\n"
	rolledBackText = "Rolled back: a command after it failed.\n"
	unheldText     = "ERROR: This command cannot be rolled back.\n"
	lateText       = "ERROR: The command took too long.\n"
	internalText   = "ERROR: Internal error; see the log.\n"
)

// Orders runs orders and answers each. What they print together is limited to a
// number of bytes.
func (s *Session) Orders(ctx context.Context, orders []Order, p Policy, limit int) []Answer {
	b := &ordered{Session: s, orders: orders, answers: make([]Answer, len(orders)), policy: p, left: limit}
	if len(orders) > 0 && orders[0].Only == Configuration {
		s.stack = []level{global()}
	}
	if p == RollbackOnError {
		b.together(ctx)
	} else {
		b.oneByOne(ctx)
	}
	if s.unfinished != "" { // nothing goes on with it
		s.unfinished = ""
		if a := &b.answers[len(orders)-1]; a.Cause == Succeeded {
			*a = Answer{Kind: Unknown, Cause: Syntax, Output: []byte(grammar.Incomplete + "\n")}
		}
	}
	return b.answers
}

// ordered is a run of orders.
type ordered struct {
	*Session
	orders  []Order
	answers []Answer
	policy  Policy
	left    int // bytes that may be printed

	held []int // orders whose commit is due
}

// oneByOne runs orders in turn.
func (b *ordered) oneByOne(ctx context.Context) {
	for i := 0; i < len(b.orders); i++ {
		if b.hold(ctx, i) {
			if b.held = append(b.held, i); len(b.held) < MaxHeld && !b.stops(i) {
				continue
			}
			if b.flush(ctx) {
				return
			}
		} else {
			if b.flush(ctx) {
				return
			}
			b.run(ctx, i)
		}
		if b.stops(i) {
			b.skip(i + 1)
			return
		}
	}
	b.flush(ctx)
}

// stops reports whether nothing is to follow an order.
func (b *ordered) stops(i int) bool {
	a := b.answers[i]
	if a.Cause == Late || a.Cause == TooLong {
		return true
	}
	return b.policy == StopOnError && a.Cause != Succeeded && !asks(a.Kind, b.orders[i].Line)
}

// asks reports whether a command that may be none of the language was meant to
// show something.
func asks(k Kind, line string) bool {
	word, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(line)), " ")
	return k == Shows || k == Unknown && len(word) > 1 && strings.HasPrefix("show", word)
}

// skip answers the orders that are not run.
func (b *ordered) skip(from int) {
	for i := from; i < len(b.orders); i++ {
		b.answers[i] = Answer{Cause: Unrun, Output: []byte(unrunText)}
	}
}

// flush commits what is held. If that cannot be, its orders are run in turn; it
// reports whether one of them was the last, and has then answered all that
// follow.
func (b *ordered) flush(ctx context.Context) (stopped bool) {
	held := b.held
	b.held = nil
	if len(held) == 0 || b.Commit(ctx) {
		return false
	}
	for _, i := range held {
		b.run(ctx, i)
		if b.stops(i) {
			b.skip(i + 1)
			return true
		}
	}
	return false
}

// hold runs an order whose effect waits for a commit, and reports whether it
// could.
func (b *ordered) hold(ctx context.Context, i int) (held bool) {
	o := b.orders[i]
	if o.Only == Exec || b.unfinished != "" || b.draft() != nil || strings.Contains(o.Line, "\n") ||
		grammar.TooLong(o.Line) != nil || grammar.Comment(o.Line) || b.expandWord(o.Line) != o.Line || b.substitute(o.Line) != o.Line {
		return false
	}
	stack := b.stack
	b.enterItself(o.Line)
	fresh := b.batch == nil
	defer func() {
		if !held {
			b.stack = stack
			if fresh {
				b.batch = nil
			}
		}
	}()
	if _, next := b.cut(o.Line, 0); next <= len(o.Line) {
		return false
	}
	if f, bad := b.resolve(o.Line); bad != nil || f.depth < 0 && !b.moves(o.Line) {
		return false
	}
	if fresh {
		b.batch = b.newBatch()
	}
	sheet := b.sheet()
	a, err := b.command1(ctx, o.Line, o.Line, 0, o, sheet)
	if errors.Is(err, errUnheld) || a.Cause == Internal {
		return false
	}
	a.Output = sheet.done(&b.left)
	b.answers[i] = a
	return true
}

// run runs an order by itself.
func (b *ordered) run(ctx context.Context, i int) {
	o := b.orders[i]
	var a Answer
	sheet := b.sheet()
	for line := range strings.Lines(o.Line) {
		part := b.line(ctx, strings.TrimRight(line, "\r\n"), o, sheet)
		if part.Kind = max(a.Kind, part.Kind); part.Cause == Syntax {
			part.Kind = Unknown
		}
		a = part
		if a.Cause != Succeeded {
			break
		}
	}
	switch {
	case sheet.over:
		a.Cause, a.Output = TooLong, []byte(errLong+"\n")
	case ctx.Err() != nil && a.Cause != Succeeded:
		a.Cause, a.Output = Late, []byte(lateText)
	default:
		a.Output = sheet.done(&b.left)
	}
	b.answers[i] = a
}

// line runs one line of an order: one command, or several joined by " ; ", as
// Run does.
func (b *ordered) line(ctx context.Context, line string, o Order, sheet *sheet) Answer {
	var all Answer
	more := b.unfinished != ""
	if more {
		line, b.unfinished = b.unfinished+"\n"+line, ""
	} else if grammar.TooLong(line) == nil {
		line = b.substitute(line)
	}
	typed := 0 // where what came goes on
	for offset := 0; offset <= len(line); {
		if !more && offset >= typed {
			text, n := b.expand(line[offset:])
			line, typed = line[:offset]+text, offset+n
		}
		if err := grammar.TooLong(line); err != nil {
			sheet.text.WriteString(err.Message(0))
			return Answer{Kind: Unknown, Cause: Syntax}
		}
		stack := b.stack
		text, next := b.cut(line, offset)
		if b.enterItself(text) { // where a line may take what follows
			text, next = b.cut(line, offset)
		}
		if !grammar.Comment(text) && !header(text) {
			a, _ := b.command1(ctx, line, text, offset, o, sheet)
			all.Kind = max(all.Kind, a.Kind)
			if a.Cause == Syntax {
				b.stack = stack
			}
			if a.Cause != Succeeded {
				return a
			}
		}
		offset = next
	}
	return all
}

// command1 runs one command and says what it was.
func (b *ordered) command1(ctx context.Context, line, text string, offset int, o Order, sheet *sheet) (a Answer, err error) {
	defer func() {
		b.structure = render.Text
		if v := recover(); v != nil {
			a.Cause, a.Panic = Internal, fmt.Sprintf("%v\n%s", v, debug.Stack())
			sheet.text.WriteString(internalText)
		}
	}()
	f, bad := b.resolve(text)
	if bad == nil {
		a.Kind = b.kind(f, text)
	}
	switch {
	case o.Only == Configuration && a.Kind == Shows:
		a.Cause = ShowRefused
		return a, nil
	case o.Only == Exec && a.Kind == Settings:
		a.Cause = LineRefused
		return a, nil
	case b.policy == RollbackOnError && a.Kind == Acts:
		sheet.text.WriteString(unheldText)
		a.Cause = Refused
		return a, nil
	case a.Kind == Shows:
		b.structure = o.Format
	}
	before := sheet.text.Len()
	_, err = b.command(ctx, line, text, offset, 0, sheet)
	var wrong *grammar.Error
	switch {
	case err == nil:
		if a.Kind == Settings && bytes.HasPrefix(sheet.text.Bytes()[before:], []byte(entering)) {
			sheet.text.Truncate(before)
		}
	case errors.As(err, &wrong) && wrong.More != "":
		b.unfinished, a.Kind = text, Settings
		return a, nil
	case errors.As(err, &wrong):
		a.Cause = Syntax
	case errors.Is(err, render.ErrNoStructure):
		a.Cause = Unstructured
	case errors.Is(err, errFiltered):
		a.Cause = Filtered
	default:
		a.Cause = Refused
		if b.policy == RollbackOnError {
			b.unheld(err, sheet)
		}
	}
	return a, err
}

// unheld says why a line cannot be one of several that are committed together.
func (b *ordered) unheld(err error, sheet *sheet) {
	if !errors.Is(err, errUnheld) {
		return // said already
	}
	text := unheldText
	if refused := (unheld{}); errors.As(err, &refused) {
		text = message(refused.reason) + "\n"
	}
	sheet.text.WriteString(text)
	b.cli.accounts.Add(Account{At: b.cli.product.Now(), From: b.opts.Who.From, User: b.opts.Who.User, Command: b.under})
}

// enterItself enters configuration for a line that exec mode does not know. It
// stays there for one that nothing knows, as both have a say in what is wrong
// with it. It reports whether it has entered.
func (b *ordered) enterItself(line string) bool {
	if b.Configuring() || b.unfinished != "" || grammar.Comment(line) {
		return false
	}
	if _, bad := b.resolve(line); bad == nil {
		return false
	}
	b.stack = []level{global()}
	return true
}

// kind is what a command is that resolve has found.
func (b *ordered) kind(f found, text string) Kind {
	if f.depth >= 0 || b.Configuring() && b.moves(text) {
		return Settings
	}
	a := f.match.Command.Tag.(action)
	switch {
	case len(f.match.Words) > 0 && f.match.Words[0] == "configure" && len(f.match.Words) <= 2 && len(f.match.Values) == 0:
		return Settings
	case !f.acts() && a.piped() && !a.streams():
		return Shows
	}
	return Acts
}

// together runs all lines on one candidate and commits it.
func (b *ordered) together(ctx context.Context) {
	before := b.stack
	b.batch = b.newBatch()
	b.batch.apart = true
	for i := range b.orders {
		if b.run(ctx, i); b.answers[i].Cause != Succeeded && !asks(b.answers[i].Kind, b.orders[i].Line) {
			b.undo(i, before)
			return
		}
	}
	held := b.batch
	if b.Commit(ctx) {
		return
	}
	b.batch = held
	last := len(b.orders) - 1
	b.answers[last] = Answer{Kind: Settings, Cause: Refused, Output: []byte("ERROR: The configuration has been changed by another session meanwhile.\n")}
	b.undo(last, before)
}

// undo drops the batch after an order that failed.
func (b *ordered) undo(failed int, stack []level) {
	for _, a := range b.batch.accounts {
		a.OK = false
		b.cli.accounts.Add(a)
	}
	b.batch, b.stack = nil, stack
	for i := range failed {
		if b.answers[i].Kind != Shows {
			b.answers[i].Cause, b.answers[i].Output = RolledBack, []byte(rolledBackText)
		}
	}
	b.skip(failed + 1)
}

// sheet is the console of an order.
type sheet struct {
	text bytes.Buffer
	left int
	over bool
}

func (b *ordered) sheet() *sheet { return &sheet{left: b.left} }

// done returns what is on it and takes that off what is left.
func (s *sheet) done(left *int) []byte {
	*left -= s.text.Len()
	return s.text.Bytes()
}

// Write implements io.Writer.
func (s *sheet) Write(p []byte) (int, error) {
	if s.over = s.over || s.text.Len()+len(p) > s.left; s.over {
		return 0, errLong
	}
	return s.text.Write(p)
}

func (*sheet) Page(int) {}

func (*sheet) Ask(context.Context, string) (string, error) {
	return "", errors.New("nobody is there to answer")
}
