package scp

import (
	"path"
	"strings"
)

// Command is the command line that a client has run at the other end.
type Command struct {
	// To says that the client sends (-t), else it takes (-f).
	To        bool
	Recursive bool // -r
	// Directory says that the target has to be a directory (-d).
	Directory bool
	Paths     []string
}

// maxPaths is how many paths one command names.
const maxPaths = 64

// ParseCommand reads a command line; ok is false for one that no scp client runs.
func ParseCommand(line string) (c Command, ok bool) {
	words, ok := words(line)
	if !ok || len(words) < 3 || path.Base(words[0]) != "scp" {
		return Command{}, false
	}
	from := false
	for i, w := range words[1:] {
		if w == "--" {
			c.Paths = words[i+2:]
			break
		}
		if len(w) < 2 || w[0] != '-' {
			c.Paths = words[i+1:]
			break
		}
		for _, o := range w[1:] {
			switch o {
			case 't':
				c.To = true
			case 'f':
				from = true
			case 'r':
				c.Recursive = true
			case 'd':
				c.Directory = true
			case 'p', 'v', 'q': // times, which nothing here keeps, and talk
			default:
				return Command{}, false
			}
		}
	}
	if c.To == from || len(c.Paths) == 0 || len(c.Paths) > maxPaths || c.To && len(c.Paths) != 1 {
		return Command{}, false
	}
	return c, true
}

// words splits a line as a shell does, with quotes and backslashes and nothing
// else; ok is false where a quote is not closed.
func words(line string) (all []string, ok bool) {
	var word strings.Builder
	begun, quote := false, byte(0)
	for i := 0; i < len(line); i++ {
		switch b := line[i]; {
		case quote == 0 && (b == ' ' || b == '\t'):
			if begun {
				all = append(all, word.String())
				word.Reset()
			}
			begun = false
			continue
		case b == quote && quote != 0:
			quote = 0
		case quote == 0 && (b == '\'' || b == '"'):
			quote = b
		case b == '\\' && quote != '\'' && i+1 < len(line):
			i++
			word.WriteByte(line[i])
		default:
			word.WriteByte(b)
		}
		begun = true
	}
	if begun {
		all = append(all, word.String())
	}
	return all, quote == 0
}

// Quote is a path as one word of a shell's line.
func Quote(path string) string { return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'" }
