package session

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"trunkline/cli/grammar"
)

// place is where a table may explain or complete a line.
type place struct {
	table *grammar.Table
	name  string // of the mode, when it is not the present one
	exec  bool
}

// places are the tables that a line in the present mode is looked up in.
func (s *Session) places() []place {
	var all []place
	for i := len(s.stack) - 1; i >= 0; i-- {
		p := place{table: s.table(s.stack[i])}
		if i < len(s.stack)-1 {
			p.name = s.stack[i].suffix
		}
		all = append(all, p)
	}
	if s.Configuring() {
		for _, t := range s.movingTables() {
			all = append(all, place{table: t})
		}
		return append(all, place{table: s.exec(), name: "exec", exec: true})
	}
	return append(all, place{table: s.exec(), exec: true})
}

// tail is the command that a line ends in: what follows the last " ; ", and
// where it begins.
func (s *Session) tail(line string) (text string, offset int) {
	for {
		text, next := s.cut(line, offset)
		if next > len(line) {
			return text, offset
		}
		offset = next
	}
}

// doRest returns a line without its leading do, which is blanked so that
// columns stay.
func (s *Session) doRest(text string) (string, bool) {
	word, rest, ok := strings.Cut(strings.TrimLeft(text, " \t"), " ")
	if !s.Configuring() || !ok || !strings.EqualFold(word, "do") {
		return text, false
	}
	return strings.Repeat(" ", len(text)-len(rest)) + rest, true
}

// pipeTail returns what follows the last bar of an exec command, and its
// offset.
func (s *Session) pipeTail(text string) (part string, offset int, ok bool) {
	parts, offsets := grammar.Chain(text, '|')
	if len(parts) == 1 {
		return "", 0, false
	}
	m, err := s.exec().Match(parts[0], grammar.Typed)
	if err != nil || !m.Command.Tag.(action).piped() {
		return "", 0, false
	}
	return parts[len(parts)-1], offsets[len(offsets)-1], true
}

// help is Help for a line without aliases.
func (s *Session) help(line string) string {
	text, offset := s.tail(line)
	text, do := s.doRest(text)
	places := s.places()
	if do {
		places = places[len(places)-1:]
		places[0].name = ""
	}
	var worst *grammar.Error
	failed := func(err *grammar.Error, at int) {
		err.Col += utf8.RuneCountInString(line[:at])
		if worst == nil || err.Col > worst.Col {
			worst = err
		}
	}
	if part, at, ok := s.fileTail(text); ok && (do || !s.matchesConfig(text)) {
		h, err := s.cli.targets.Help(part)
		if err == nil {
			return s.format(h, nil, nil, false)
		}
		failed(err, offset+at)
		return worst.Message(s.promptWidth())
	}
	if part, at, ok := s.pipeTail(text); ok && (do || !s.matchesConfig(text)) {
		h, err := s.cli.pipes.Help(part)
		if err == nil {
			return s.format(h, nil, nil, h.CR)
		}
		failed(err, offset+at)
		return worst.Message(s.promptWidth())
	}
	empty := strings.TrimSpace(text) == ""
	for _, p := range places {
		h, err := p.table.Help(text)
		if !do && (err == nil || p.exec) {
			if more := s.aliasEntries(text); len(more) > 0 {
				h.Entries, err = append(h.Entries, more...), nil
				grammar.SortEntries(h.Entries)
			}
		}
		if err != nil {
			failed(err, offset)
			continue
		}
		var first, last []grammar.Entry
		if empty && s.Configuring() {
			h.Entries, first = without(h.Entries, "no")
			last = s.movingEntries()
		}
		head := ""
		if p.name != "" {
			mode := p.name
			if p.exec {
				mode = "exec"
			}
			head = "*** No matching command found in current mode, matching in (" + mode + ") mode ***\n"
		}
		return head + s.format(h, first, last, h.CR && p.exec && s.filterable(text))
	}
	return worst.Message(s.promptWidth())
}

// matchesConfig reports whether the line is a configuration line, in which a
// bar has no meaning.
func (s *Session) matchesConfig(text string) bool {
	for i := range s.stack {
		if _, err := s.table(s.stack[i]).Match(text, grammar.Typed); err == nil {
			return true
		}
	}
	return false
}

// filterable reports whether the complete command takes a bar.
func (s *Session) filterable(text string) bool {
	m, err := s.exec().Match(text, grammar.Typed)
	return err == nil && m.Command.Tag.(action).piped()
}

// movingEntries are the entries that close the list of a mode: those of a
// configuration session, then those that change the mode.
func (s *Session) movingEntries() []grammar.Entry {
	var all []grammar.Entry
	for _, t := range s.movingTables() {
		if h, err := t.Help(""); err == nil {
			rest, _ := without(h.Entries, "no") // which heads the list
			all = append(all, rest...)
		}
	}
	return all
}

// without takes the entry of a word out of a list.
func without(all []grammar.Entry, word string) (rest, taken []grammar.Entry) {
	for _, e := range all {
		if e.Text == word {
			taken = append(taken, e)
		} else {
			rest = append(rest, e)
		}
	}
	return rest, taken
}

// format lays help out (cli.md §3.3): <CR>, first, the entries, last, and a bar
// where output can be filtered.
func (s *Session) format(h grammar.Help, first, last []grammar.Entry, bar bool) string {
	var all []grammar.Entry
	if h.CR {
		all = append(all, grammar.Entry{Text: "<CR>"})
	}
	all = append(all, first...)
	all = append(all, h.Entries...)
	all = append(all, last...)
	if bar && s.cli.product.Files != nil {
		all = append(all, grammar.Entry{Text: ">", Help: "Redirect it to a file"},
			grammar.Entry{Text: ">>", Help: "Redirect it to a file in append mode"})
	}
	if bar {
		all = append(all, grammar.Entry{Text: "|", Help: "Pipe command output to filter"})
	}
	widest := 0
	for _, e := range all {
		widest = max(widest, len(e.Text))
	}
	_, width := s.size()
	var b strings.Builder
	for _, e := range all {
		if e.Help == "" {
			b.WriteString("  " + e.Text + "\n")
			continue
		}
		indent := 4 + widest
		for i, part := range wrap(e.Help, max(width-indent, 20)) {
			if i == 0 {
				b.WriteString("  " + e.Text + strings.Repeat(" ", widest-len(e.Text)+2) + part + "\n")
			} else {
				b.WriteString(strings.Repeat(" ", indent) + part + "\n")
			}
		}
	}
	return b.String()
}

// wrap breaks text at blanks into lines of at most width bytes where it can.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, w := range strings.Fields(text) {
		switch {
		case line == "":
			line = w
		case len(line)+1+len(w) > width:
			lines = append(lines, line)
			line = w
		default:
			line += " " + w
		}
	}
	return append(lines, line)
}

// complete is Complete for a line without aliases.
func (s *Session) complete(line string) (from int, all []grammar.Candidate) {
	text, offset := s.tail(line)
	text, do := s.doRest(text)
	if part, at, ok := s.fileTail(text); ok && (do || !s.matchesConfig(text)) {
		from, all = s.cli.targets.Complete(part, s.objects)
		return offset + at + from, all
	}
	if part, at, ok := s.pipeTail(text); ok && (do || !s.matchesConfig(text)) {
		from, all = s.cli.pipes.Complete(part, s.objects)
		return offset + at + from, all
	}
	places := s.places()
	if do {
		places = places[len(places)-1:]
	}
	first := len(strings.Fields(text)) <= 1 && (text == "" || text[len(text)-1] != ' ')
	from = len(text)
	for _, p := range places {
		at, more := p.table.Complete(text, s.objects)
		if len(more) == 0 {
			continue
		}
		from = at
		for _, m := range more {
			if !slices.Contains(all, m) {
				all = append(all, m)
			}
		}
		if !first {
			break
		}
	}
	slices.SortFunc(all, func(a, b grammar.Candidate) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.Text), strings.ToLower(b.Text)))
	})
	return offset + from, all
}

// objects are the keys of a list, with those of interfaces that only a module
// knows.
func (s *Session) objects(list string) []string {
	switch list {
	case filesList:
		return s.fileNames()
	case modesList:
		return s.cli.modeNames()
	}
	t := s.cli.product.Store.Running().Tree
	keys := slices.Collect(t.Keys(s.cli.product.Schema.EntryPath(list, "")))
	if b := s.cli.product.Schema.Block(list); b != nil {
		for _, k := range b.Permanent {
			if !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	return keys
}

// Tables yields the tables of all modes by name: "exec", and those of the
// configuration modes by the path of their block and the kind of its entries.
func (c *CLI) Tables() iter.Seq2[string, *grammar.Table] {
	return func(yield func(string, *grammar.Table) bool) {
		if !yield("exec", c.exec.All()) || !yield("filters", c.pipes) || !yield("configuration session", c.queued) {
			return
		}
		c.modes.All()(yield)
	}
}
