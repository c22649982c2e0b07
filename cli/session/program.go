package session

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"trunkline/cli/grammar"
	"trunkline/config"
	"trunkline/feature"
)

// Program is the language as programs use it (gNMI's origin cli): one show
// command, or configuration lines on a candidate.
type Program struct{ CLI *CLI }

// errNoShow is the answer to commands that a program may not run this way.
const errNoShow = feature.Error("% Only show commands can be run here")

// Show runs one show command and returns its text or, asked for its structure
// where the command has one, its JSON. An error is the operator's message.
func (p Program) Show(ctx context.Context, who feature.Session, line string, structure bool) (text, json []byte, err error) {
	if len(line) > grammar.MaxLine {
		return nil, nil, feature.Error("% String exceeded max length")
	}
	s := p.CLI.Session(Options{Who: who})
	if parts, _ := grammar.Chain(line, ';'); len(parts) > 1 {
		return nil, nil, errNoShow
	}
	f, bad := s.resolve(line)
	if bad != nil {
		return nil, nil, feature.Error(strings.TrimRight(bad.Message(0), "\n"))
	}
	if a, ok := f.match.Command.Tag.(action); !ok || f.acts() || !a.piped() || a.streams() {
		return nil, nil, errNoShow
	}
	if structure && f.pipes == nil {
		json, err := p.run(ctx, s, line+" | json")
		switch {
		case err == nil:
			return nil, bytes.TrimSpace(json), nil
		case errors.Is(err, errLong):
			return nil, nil, err
		}
	}
	text, err = p.run(ctx, s, line)
	return text, nil, err
}

func (p Program) run(ctx context.Context, s *Session, line string) ([]byte, error) {
	var out captured
	r := s.Run(ctx, line, &out)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case out.over:
		return nil, errLong
	case r.Failed:
		return nil, feature.Error(strings.TrimRight(out.text.String(), "\n"))
	}
	return out.text.Bytes(), nil
}

// MaxShown bounds what a program is shown of one command, in bytes.
const MaxShown = 64 << 20

// errLong is the answer to a command that shows more.
const errLong = feature.Error("ERROR: The output is too long; ask for less at a time.")

// captured is the console of a program. It keeps no more than MaxShown.
type captured struct {
	text bytes.Buffer
	over bool
}

// Write implements io.Writer.
func (c *captured) Write(p []byte) (int, error) {
	if c.over = c.over || c.text.Len()+len(p) > MaxShown; c.over {
		return 0, errLong
	}
	return c.text.Write(p)
}

func (*captured) Page(int) {}

func (*captured) Ask(context.Context, string) (string, error) {
	return "", errors.New("nobody is there to answer")
}

// Apply makes configuration lines on a candidate, as they stand in a file: a mode
// that one enters holds for the next. Nothing is checked across lines; the error
// names every line that could not be made.
func (p Program) Apply(c *config.Candidate, lines string) error {
	l := loader{cli: p.CLI, candidate: c, stack: []level{global()}}
	bad := l.text(lines)
	if len(bad) == 0 {
		return nil
	}
	texts := make([]string, len(bad))
	for i, b := range bad {
		texts[i] = b.Error()
	}
	return feature.Error(strings.Join(texts, "\n"))
}
