package pipe

import (
	"regexp"
	"regexp/syntax"
	"strings"
)

// extent is what the match of an expression must cover.
type extent uint8

const (
	anywhere extent = iota
	ofLine
	ofWord
)

// compile compiles a valid POSIX extended regular expression. Whether a line
// matches does not depend on which match POSIX prefers.
func compile(text string, fold bool, of extent) *regexp.Regexp {
	flags := syntax.POSIX
	if fold {
		flags |= syntax.FoldCase
	}
	re, err := syntax.Parse(text, flags)
	if err != nil {
		return regexp.MustCompilePOSIX(text) // it has been checked
	}
	switch expr := re.String(); of {
	case ofLine:
		return regexp.MustCompile("^(?:" + expr + ")$")
	case ofWord:
		return regexp.MustCompile("(?:^|[^0-9A-Za-z_])(?:" + expr + ")(?:$|[^0-9A-Za-z_])")
	default:
		return regexp.MustCompile(expr)
	}
}

// unquote removes the quotes around an argument.
func unquote(s string) string {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}
