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

// check reports whether text is a POSIX extended regular expression that can be
// compiled for every extent: there are bounds on depth and size, and what is
// around an expression counts.
func check(text string) error {
	if _, err := regexp.CompilePOSIX(text); err != nil {
		return err
	}
	for _, fold := range []bool{false, true} {
		if _, err := compile(text, fold, ofWord); err != nil {
			return err
		}
	}
	return nil
}

// compile compiles a POSIX extended regular expression. Whether a line matches
// does not depend on which match POSIX prefers.
func compile(text string, fold bool, of extent) (*regexp.Regexp, error) {
	flags := syntax.POSIX
	if fold {
		flags |= syntax.FoldCase
	}
	re, err := syntax.Parse(text, flags)
	if err != nil {
		return nil, err
	}
	switch expr := re.String(); of {
	case ofLine:
		return regexp.Compile("^(?:" + expr + ")$")
	case ofWord:
		return regexp.Compile("(?:^|[^0-9A-Za-z_])(?:" + expr + ")(?:$|[^0-9A-Za-z_])")
	default:
		return regexp.Compile(expr)
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
