package session

import (
	"strings"

	"trunkline/cli/grammar"
	"trunkline/config/schema"
)

// redirect is where output goes instead of the terminal: "> FILE" or ">> FILE"
// at the end of a line (cli.md §6).
type redirect struct {
	file   string // as typed
	append bool
}

// redirection splits a redirection off the end of an exec command. The command
// keeps its columns.
func redirection(text string) (command string, to *redirect, bad *grammar.Error) {
	at, sign := arrow(text)
	if sign == "" {
		return text, nil, nil
	}
	rest := text[at+len(sign):]
	name := strings.TrimSpace(rest)
	begin := at + len(sign) + len(rest) - len(strings.TrimLeft(rest, " \t"))
	if name == "" {
		return text[:at], nil, &grammar.Error{Col: len([]rune(text)), Text: grammar.Incomplete}
	}
	col := len([]rune(text[:begin]))
	if i := strings.IndexAny(name, " \t"); i >= 0 {
		return text[:at], nil, &grammar.Error{Col: col + len([]rune(name[:i])) + 1, Text: grammar.Invalid}
	}
	if _, err := fileType.Parse(name); err != nil {
		return text[:at], nil, &grammar.Error{Col: col, Text: err.(*schema.SyntaxError).Text}
	}
	return text[:at], &redirect{file: name, append: sign == ">>"}, nil
}

// fileTail returns what follows the > of an exec command, and its offset.
func (s *Session) fileTail(text string) (part string, offset int, ok bool) {
	at, sign := arrow(text)
	if sign == "" || s.cli.product.Files == nil {
		return "", 0, false
	}
	command, _ := grammar.Chain(text[:at], '|')
	m, err := s.exec().Match(command[0], grammar.Typed)
	if err != nil || !m.Command.Tag.(action).piped() {
		return "", 0, false
	}
	offset = at + len(sign)
	return text[offset:], offset, true
}

// arrow finds the last > or >> that is a word of its own outside of quotes.
func arrow(text string) (at int, sign string) {
	quoted := false
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ' || c == '\t':
			i++
			continue
		case c == '"':
			quoted = true
		}
		end := i + 1
		for end < len(text) && (quoted || text[end] != ' ' && text[end] != '\t') {
			if text[end] == '"' && quoted {
				quoted = false
			}
			end++
		}
		quoted = false
		if w := text[i:end]; w == ">" || w == ">>" {
			at, sign = i, w
		}
		i = end
	}
	return at, sign
}
