package session

import (
	"slices"
	"strings"

	"trunkline/cli/pipe"
)

// output is what a command printed when it was last run through diff.
type output struct {
	command string // with the filters before diff
	lines   []string
	bytes   int
}

// compare returns what has changed in a command's output since its previous run
// through diff in this session, and keeps it for the next. The first run has
// nothing to compare with and prints all of it. The session keeps as many
// outputs as fit into what one filter may hold; the oldest give way.
func (s *Session) compare(command string, lines []string) []string {
	now := output{command: command, lines: lines}
	for _, l := range lines {
		now.bytes += len(l)
	}
	i := slices.IndexFunc(s.previous, func(o output) bool { return o.command == command })
	var was *output
	if i >= 0 {
		old := s.previous[i]
		was = &old
		s.previous = slices.Delete(s.previous, i, i+1)
	}
	s.previous = append(s.previous, now)
	total := 0
	for k := len(s.previous) - 1; k >= 0; k-- {
		if total += s.previous[k].bytes; total > pipe.MaxHeld {
			s.previous = slices.Delete(s.previous, 0, k+1)
			break
		}
	}
	if was == nil {
		return lines
	}
	var b strings.Builder
	_ = writeDiff(&b, unifiedStyle, "previous", "current", was.lines, lines) // a Builder does not fail
	if b.Len() == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}
