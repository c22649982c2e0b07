package session

import (
	"context"
	"strings"

	"trunkline/cli/grammar"
	"trunkline/cli/location"
	"trunkline/cli/pipe"
	"trunkline/config/schema"
	"trunkline/feature"
)

// redirect is where output goes instead of the terminal: "> FILE", ">> FILE" or
// "> URL" at the end of a line (cli.md §6).
type redirect struct {
	file   string // as typed
	append bool
}

// String is the end of the line.
func (r *redirect) String() string {
	if r.append {
		return ">> " + r.file
	}
	return "> " + r.file
}

// redirection splits a redirection off the end of an exec command. The command
// keeps its columns.
func (c *CLI) redirection(text string) (command string, to *redirect, bad *grammar.Error) {
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
	_, target := c.placeTypes(false)
	if _, err := target.Parse(name); err != nil {
		return text[:at], nil, &grammar.Error{Col: col, Text: err.(*schema.SyntaxError).Text}
	}
	if location.Is(name) && sign == ">>" {
		return text[:at], nil, &grammar.Error{Col: col, Text: "A URL cannot be appended to"}
	}
	return text[:at], &redirect{file: name, append: sign == ">>"}, nil
}

// redirected runs an exec command through its filters to a file or URL.
func (r *request) redirected(ctx context.Context, chain *pipe.Chain, to *redirect) error {
	p := r.place(to.file)
	if p.file != "" {
		w, err := r.cli.product.Files.Writer(p.file, to.append)
		if err != nil {
			return err
		}
		defer w.Abort()
		if err := r.toFile(ctx, chain, w); err != nil {
			return err
		}
		return w.Commit()
	}
	if p.url.Name() == "" {
		return feature.Error("ERROR: Is a directory: " + p.String())
	}
	s, err := r.cli.product.Files.Spool()
	if err != nil {
		return err
	}
	defer s.Close()
	if err := r.toFile(ctx, chain, s); err != nil {
		return err
	}
	whole, size := s.Read()
	return r.send(ctx, p.url, whole, size)
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
