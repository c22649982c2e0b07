package feature

import (
	"regexp"
	"slices"
	"strings"
)

// MaxPattern is the length of the longest text of a rule, in bytes.
const MaxPattern = 128

// Pattern is the text of a rule (see Rights), ready to be compared: the lines of
// modes and of a command, with ";" between.
type Pattern struct {
	permit bool
	// anchored texts begin with configure terminal; lone ones end there.
	anchored, lone bool
	lines          []*regexp.Regexp
	// open says that what is below the last line's mode is meant, too.
	open bool
}

// global is the line that leads to configuration.
const global = "configure terminal"

// NewPattern reads the text of a rule that permits or denies.
func NewPattern(text string, permit bool) *Pattern {
	p := &Pattern{permit: permit}
	var lines []string
	for part := range strings.SplitSeq(text, ";") {
		if part = normal(part); part != "" {
			lines = append(lines, part)
		}
	}
	if len(lines) > 0 && leads(lines[0]) {
		p.anchored, p.lone = true, len(lines) == 1
		if !p.lone {
			lines = lines[1:]
		} else if permit {
			lines[0] = global
		}
	}
	if n := len(lines); n > 0 {
		p.open = lines[n-1] == "*" || strings.HasSuffix(lines[n-1], " *")
	}
	if !permit && p.open {
		// What begins like it is meant in any case; a no form may lack the value.
		lines[len(lines)-1] = strings.TrimSuffix(lines[len(lines)-1], " *")
	}
	for _, l := range lines {
		p.lines = append(p.lines, regexp.MustCompile(expression(l, permit)))
	}
	return p
}

// leads reports whether a line is configure terminal or an abbreviation.
func leads(line string) bool {
	w := strings.Fields(line)
	return len(w) <= 2 && len(w[0]) >= len("conf") && strings.HasPrefix("configure", w[0]) &&
		(len(w) == 1 || strings.HasPrefix("terminal", w[1]))
}

// expression is a line of a rule as a regular expression.
func expression(line string, permit bool) string {
	words := strings.Fields(line)
	for i, w := range words {
		whole := strings.Trim(w, "abcdefghijklmnopqrstuvwxyz-") == ""
		words[i] = strings.ReplaceAll(regexp.QuoteMeta(w), `\*`, `.*`)
		if whole && !permit {
			words[i] += `[^ ]*` // an abbreviation
		}
	}
	tail := ""
	if !permit {
		tail = `( .*)?`
	}
	return `^(?s:(no |default )?` + strings.Join(words, " ") + tail + `)$`
}

// matches compares the text with a command.
func (p *Pattern) matches(c Command) bool {
	lines := make([]string, len(c.Lines))
	for i, l := range c.Lines {
		lines[i] = normal(l)
	}
	switch {
	case len(p.lines) == 0, p.anchored && !p.lone && !c.Config:
		return false
	case p.permit:
		return p.begins(lines) && (len(lines) == len(p.lines) || p.open)
	case p.lone && c.Config:
		return true // what it leads to
	}
	for i := range lines {
		if p.begins(lines[i:]) {
			return true
		}
		if p.anchored {
			break
		}
	}
	return false
}

// begins reports whether the lines of a command begin with those of the text.
func (p *Pattern) begins(lines []string) bool {
	if len(lines) < len(p.lines) {
		return false
	}
	for i, e := range p.lines {
		if !e.MatchString(lines[i]) {
			return false
		}
	}
	return true
}

// normal is a line as it is compared: in small letters, with single blanks, one of
// them between the type of an interface and its number.
func normal(line string) string {
	words := strings.Fields(strings.ToLower(line))
	for i, w := range words {
		kind := strings.TrimRight(w, "0123456789/.*")
		if kind != w && slices.Contains(numbered, kind) {
			words[i] = kind + " " + w[len(kind):]
		}
	}
	return strings.Join(words, " ")
}

// numbered are the types of interfaces in small letters.
var numbered = []string{"ethernet", "vethernet", "port-channel", "nve", "loopback", "mgmt", "control", "vlan"}
