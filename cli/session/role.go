package session

import (
	"strings"

	"trunkline/cli/grammar"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// acts reports whether a line changes anything: configuration lines do, what
// writes a file, and what a command says of itself. A role that may not act is refused it before
// anything is done or asked (cli.md §4.1).
func (f found) acts() bool {
	return f.depth >= 0 || f.to != nil || f.match.Command.Tag.(action).acts()
}

// redact returns a line without the secrets that were typed on it.
func redact(m *grammar.Match, line string) string {
	for name, typ := range m.Command.Types {
		begin, given := m.Cols[name]
		if !typ.How().Secret || !given || begin > len(line) {
			continue
		}
		end, known := m.Ends[name]
		if !known || end > len(line) { // a single word, quoted perhaps: what follows goes with it
			end = len(line)
		}
		rest := ""
		if tail := strings.TrimSpace(line[end:]); tail != "" {
			rest = " " + tail
		}
		line = line[:begin] + schema.Hidden + rest
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

// readsSecrets reports whether who runs the command may see secrets in what it
// prints. What is gathered for technical support leaves the site, so it has none.
func (r *request) readsSecrets() bool { return !r.support && r.opts.Who.Role.ReadsSecrets() }

// seen is a configuration as the command may show it.
func (r *request) seen(t tree.Tree) tree.Tree {
	if r.readsSecrets() {
		return t
	}
	return r.cli.product.Schema.Hide(t)
}

// query takes the snapshots that the command sees.
func (r *request) query() feature.Query {
	q := r.cli.product.Query(r.args(), r.opts.Who)
	q.Running, q.Startup = r.seen(q.Running), r.seen(q.Startup)
	return q
}

// mayReadFile refuses the contents of files to roles that may not see secrets: a
// file holds what was written to it, in any form.
func (r *request) mayReadFile() error {
	if !r.readsSecrets() {
		return feature.ErrPermission
	}
	return nil
}

// hidden stands for what may not be seen.
const hidden = "***"

// told are lines of configuration as the user may see them.
func (r *request) told(lines []string) []string {
	if r.readsSecrets() {
		return lines
	}
	return r.cli.logged(lines)
}

// logged are lines of configuration as logs keep them.
func (c *CLI) logged(lines []string) []string {
	table := c.table(global(), c.product.Store.Running().Tree)
	kept := make([]string, len(lines))
	for i, line := range lines {
		kept[i] = line
		if text := strings.TrimRight(line, "\n"); !grammar.Comment(text) {
			if m, bad := table.Match(text, grammar.Replayed); bad == nil {
				kept[i] = redact(m, text) + line[len(text):]
			}
		}
	}
	return kept
}
