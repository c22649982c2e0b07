package session

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"trunkline/cli/grammar"
	"trunkline/config/tree"
	"trunkline/feature"
)

// aliasesPath is the list of aliases (cli.md §3.2).
var aliasesPath = tree.Path{{Name: "cli"}, {Name: "alias"}}

// maxNested is how many aliases one command may go through.
const maxNested = 8

// alias returns what a word stands for, "" for a word that is no alias.
func (s *Session) alias(word string) string {
	at := tree.Path{aliasesPath[0], {Name: aliasesPath[1].Name, Key: word}, {Name: "command"}}
	return feature.Read(s.cli.product.Store.Running().Tree, at, "")
}

// expand replaces the first word of a command by what it stands for, and that
// of the result, each alias once. The rest of the line follows, from n on.
// Further commands of what it stands for are not expanded, so that no alias
// goes on for ever.
func (s *Session) expand(text string) (expanded string, n int) {
	rest := strings.TrimLeft(text, " \t")
	if i := strings.IndexAny(rest, " \t"); i >= 0 {
		rest = rest[i:]
	} else {
		rest = ""
	}
	expanded = s.expandWord(text)
	return expanded, len(expanded) - len(rest)
}

func (s *Session) expandWord(text string) string {
	var seen []string
	for range maxNested {
		rest := strings.TrimLeft(text, " \t")
		lead := text[:len(text)-len(rest)]
		word := rest
		if i := strings.IndexAny(rest, " \t"); i >= 0 {
			word = rest[:i]
		}
		if word == "" || slices.Contains(seen, word) {
			return text
		}
		command := s.alias(word)
		if command == "" {
			return text
		}
		seen = append(seen, word)
		text = lead + command + rest[len(word):]
	}
	return text
}

// expandTail expands the command that a line ends in, if its first word is
// complete.
func (s *Session) expandTail(line string) string {
	text, offset := s.tail(line)
	if len(strings.Fields(text)) == 0 || !strings.ContainsAny(strings.TrimLeft(text, " \t"), " \t") {
		return line
	}
	return line[:offset] + s.expandWord(text)
}

// aliasEntries are the aliases that a line's only word begins.
func (s *Session) aliasEntries(text string) []grammar.Entry {
	word := strings.TrimLeft(text, " \t")
	if strings.ContainsAny(word, " \t") {
		return nil
	}
	var all []grammar.Entry
	for name := range s.cli.product.Store.Running().Tree.Keys(aliasesPath) {
		if strings.HasPrefix(name, word) {
			all = append(all, grammar.Entry{Text: name, Help: "Alias for: " + s.alias(name)})
		}
	}
	return all
}

// Help returns the text that ? prints for the beginning of a line.
func (s *Session) Help(line string) string { return s.help(s.expandTail(line)) }

// Complete returns what Tab may put in the place of the line's end from a byte
// offset on.
func (s *Session) Complete(line string) (from int, all []grammar.Candidate) {
	full := s.expandTail(line)
	from, all = s.complete(full)
	text, offset := s.tail(line)
	if entries := s.aliasEntries(text); len(entries) > 0 && (len(all) > 0 || strings.TrimSpace(text) != "") {
		for _, e := range entries {
			if c := (grammar.Candidate{Text: e.Text}); !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
		slices.SortFunc(all, func(a, b grammar.Candidate) int {
			return cmp.Compare(strings.ToLower(a.Text), strings.ToLower(b.Text))
		})
		from = offset + len(text) - len(strings.TrimLeft(text, " \t"))
	}
	return max(0, from-(len(full)-len(line))), all
}

// hides asks before an alias hides a command of exec mode.
func (r *request) hides(ctx context.Context) error {
	if r.match.Words == nil || !slices.Equal(r.match.Words, []string{"cli", "alias", "name"}) {
		return nil
	}
	line, ok := r.match.Command.Tag.(grammar.Line)
	name := r.match.Texts["name"]
	h, err := r.exec().Help(name)
	if !ok || line.Form != grammar.Plain || err != nil || !slices.ContainsFunc(h.Entries, func(e grammar.Entry) bool { return e.Text == name }) {
		return nil
	}
	if r.batch != nil {
		return errUnheld // who answers a question sees what came before
	}
	return r.confirm(ctx, fmt.Sprintf("Warning: The alias hides the command %s.\nDo you wish to proceed anyway? (y/n)  [n] ", name), false)
}
