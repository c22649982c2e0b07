package session

import (
	"context"
	"fmt"
	"strings"

	"trunkline/cli/grammar"
	"trunkline/config"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// LineError is a line of a configuration file that cannot be used.
type LineError struct {
	Line int // from 1
	Text string
	// Reason is the message: of the parser without its caret, or of a check.
	Reason string
	// Syntax says that it is no line of the grammar.
	Syntax bool
}

// Error is the message of cli.md §4.1 for a line of a file.
func (e LineError) Error() string {
	what := ""
	if e.Syntax {
		what = "Syntax error while parsing "
	}
	return fmt.Sprintf("line %d: %s'%s': %s", e.Line, what, e.Text, e.Reason)
}

// ParseConfig reads the text of a configuration, as show running-config prints
// it or as a person writes it, without checks across lines. Lines that cannot
// be read are reported and left out.
func (c *CLI) ParseConfig(text string) (tree.Tree, []LineError) {
	return parseConfig(c.product.Schema, c.modes, text)
}

// ParseConfig is CLI.ParseConfig for callers with only a schema.
func ParseConfig(s *schema.Schema, text string) (tree.Tree, []LineError, error) {
	modes, err := grammar.NewModes(s)
	if err != nil {
		return tree.Tree{}, nil, fmt.Errorf("configuration grammar: %w", err)
	}
	t, bad := parseConfig(s, modes, text)
	return t, bad, nil
}

// nowhere is the backend of configurations that are only read.
type nowhere struct{}

func (nowhere) Load(context.Context) (running, startup *config.Record, err error) {
	return nil, nil, nil
}
func (nowhere) Commit(context.Context, uint64, config.Record) error { return config.ErrConflict }
func (nowhere) SaveStartup(context.Context, *config.Record) error   { return config.ErrConflict }
func (nowhere) DropRunning(context.Context) error                   { return config.ErrConflict }

func parseConfig(s *schema.Schema, modes *grammar.Modes, text string) (tree.Tree, []LineError) {
	store, err := config.Open(context.Background(), s, nowhere{}, config.Hooks{}, tree.Tree{})
	if err != nil {
		return tree.Tree{}, []LineError{{Line: 1, Reason: err.Error()}}
	}
	l := loader{
		cli:       &CLI{product: Product{Schema: s}, modes: modes},
		candidate: store.Begin(),
		stack:     []level{global()},
	}
	bad := l.text(text)
	return l.candidate.Tree(), bad
}

// text applies the lines of a text. Those that cannot be are reported and left
// out.
func (l *loader) text(text string) []LineError {
	var bad []LineError
	n, began := 0, 0
	unfinished := "" // a command that goes on on the next line
	refuse := func(text, reason string, syntax bool) {
		first, _, _ := strings.Cut(text, "\n")
		bad = append(bad, LineError{began, strings.TrimSpace(first), reason, syntax})
	}
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		switch {
		case unfinished != "":
			line = unfinished + "\n" + line
		case grammar.Comment(line):
			continue
		default:
			began = n
		}
		unfinished = ""
		reason, wrong := l.line(line)
		if wrong != nil && wrong.More != "" {
			unfinished = line
		} else if reason != "" {
			refuse(l.shown, reason, wrong != nil)
		}
	}
	if unfinished != "" {
		refuse(unfinished, grammar.Incomplete, true)
	}
	return bad
}

// MaxWork is how many entries the lines of one text or transaction may name, each
// as often as it is named: a few bytes name thousands. What a switch can have is a
// fraction of it.
const MaxWork = 1 << 19

// work counts what lines name.
type work int

// spend counts the entries that a line names at a level. The error is that of
// lines which may not be made any more.
func (w *work) spend(m *grammar.Match, l level) error {
	if *w += work(max(1, len(m.List)) * max(1, len(l.at))); *w > MaxWork {
		return feature.Error(fmt.Sprintf("ERROR: The line, with those before it, names more than %d entries.", MaxWork))
	}
	return nil
}

// loader replays a configuration on one candidate.
type loader struct {
	cli       *CLI
	candidate *config.Candidate
	stack     []level
	shown     string // the line as it may be told: without secrets
	// rights judge the lines, nil for not at all; denied is set once one is not
	// permitted.
	rights *feature.Rights
	denied bool
	ask    func(*grammar.Match) error // for a line that roles permit; nil for nobody
	work   work
}

// line applies one line. The result is why it cannot be, or ""; wrong is set if
// it is none of the grammar, or goes on on the next line.
func (l *loader) line(line string) (reason string, wrong *grammar.Error) {
	l.shown = line
	words := strings.Fields(strings.ToLower(line))
	end := l.cli.textEnd(l.stack[len(l.stack)-1])
	switch {
	case end != "" && len(words) == 1 && words[0] == end:
		l.stack = l.stack[:len(l.stack)-1]
		return "", nil
	case end != "" && (line[0] == ' ' || line[0] == '\t'):
	case header(line):
		return "", nil
	case len(words) == 1 && words[0] == "end", words[0] == "configure":
		l.stack = l.stack[:1]
		return "", nil
	case len(words) == 1 && words[0] == "exit":
		l.stack = l.stack[:max(1, len(l.stack)-1)]
		return "", nil
	}
	match, depth, bad := l.resolve(line, l.candidate.Tree())
	if bad != nil {
		return bad.Text, bad
	}
	l.shown = redact(match, line)
	l.stack = l.stack[:depth+1]
	if err := l.work.spend(match, l.stack[depth]); err != nil {
		return err.Error(), nil
	}
	ch, err := l.cli.change(l.candidate.Tree(), l.stack[depth], match)
	if err != nil {
		return err.Error(), nil
	}
	if l.rights != nil && l.cli.allow(*l.rights, l.candidate.Tree(), l.stack, match, ch) != nil {
		l.denied = true
		return feature.ErrPermission.Error(), nil
	}
	if l.ask != nil {
		if err := l.ask(match); err != nil {
			return err.Error(), nil
		}
	}
	for _, edits := range ch.edits {
		if err := l.candidate.Apply(edits...); err != nil {
			return err.Error(), nil
		}
	}
	if ch.enter != nil {
		ch.enter.kinds = l.kinds(*ch.enter)
		l.stack = append(l.stack, *ch.enter)
	}
	return strings.Join(ch.refused, " "), nil
}

func (l *loader) kinds(below level) []string { return kindsOf(l.cli, l.candidate.Tree(), below) }

// resolve finds the level whose mode has the line. A line that is not indented
// is global if it can be. The features are those that the tree turns on.
func (l *loader) resolve(line string, t tree.Tree) (*grammar.Match, int, *grammar.Error) {
	order := make([]int, 0, len(l.stack)+1)
	if line[0] != ' ' && line[0] != '\t' {
		order = append(order, 0)
	}
	for i := len(l.stack) - 1; i >= 0; i-- {
		order = append(order, i)
	}
	var worst *grammar.Error
	for _, i := range order {
		m, err := l.cli.table(l.stack[i], t).Match(line, grammar.Replayed)
		if err == nil {
			return m, i, nil
		}
		if i > 0 && err.Text == grammar.Incomplete {
			return nil, 0, err // not an abbreviation of something else above
		}
		if worst == nil || err.Col > worst.Col || err.More != "" {
			worst = err
		}
	}
	return nil, 0, worst
}
