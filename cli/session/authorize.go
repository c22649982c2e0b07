package session

import (
	"context"

	"trunkline/cli/grammar"
	"trunkline/feature"
)

// Besides the roles of who types a line, servers may be asked for it (cli.md §9.2):
// with its keywords whole and the file that its output goes to, without secrets, in
// the places where roles judge. What
// concerns the session alone is nobody's business.

// Authorizer asks others than the switch itself whether commands may be run. It may
// be called from any goroutine.
type Authorizer interface {
	// Asks reports whether somebody is asked for commands of a session: for those
	// of configuration modes, or the other ones.
	Asks(who feature.Session, config bool) bool
	// Authorize returns feature.ErrNotAuthorized unless a line may be run.
	Authorize(ctx context.Context, who feature.Session, config bool, line string) error
}

// asks is Authorizer.Asks.
func (s *Session) asks(config bool) bool {
	a := s.cli.product.Authorizer
	return a != nil && a.Asks(s.opts.Who, config)
}

// authorized returns feature.ErrNotAuthorized unless who is asked says yes.
func (s *Session) authorized(ctx context.Context, m *grammar.Match, to *redirect, config bool) error {
	line := m.Shown
	if to != nil {
		line += " " + to.String()
	} else if b, ok := m.Command.Tag.(builtin); ok && (b.own || b.drafts) {
		return nil
	}
	return s.authorizedLine(ctx, line, config)
}

func (s *Session) authorizedLine(ctx context.Context, line string, config bool) error {
	if !s.asks(config) {
		return nil
	}
	return s.cli.product.Authorizer.Authorize(ctx, s.opts.Who, config, line)
}
