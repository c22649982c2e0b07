package session

import (
	"strings"

	"trunkline/cli/grammar"
)

// acts reports whether a line changes anything: configuration lines do, what
// writes a file, and what a command says of itself. A role that may not act is refused it before
// anything is done or asked (cli.md §4.1).
func (f found) acts() bool {
	return f.depth >= 0 || f.to != nil || f.match.Command.Tag.(action).acts()
}

// hidden stands for a secret in what is kept of a line.
const hidden = "********"

// redact returns a line without the secrets that were typed on it.
func redact(m *grammar.Match, line string) string {
	for name, typ := range m.Command.Types {
		end, given := m.Ends[name]
		if !typ.How().Secret || !given || end > len(line) {
			continue
		}
		rest := ""
		if tail := strings.TrimSpace(line[end:]); tail != "" {
			rest = " " + tail
		}
		line = line[:m.Cols[name]] + hidden + rest
	}
	return line
}

// forget replaces what was just remembered of a line.
func (s *Session) forget(text, by string) {
	for _, list := range s.history {
		if n := len(list); n > 0 {
			list[n-1].line = strings.Replace(list[n-1].line, strings.TrimSpace(text), strings.TrimSpace(by), 1)
		}
	}
}
