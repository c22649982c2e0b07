// Package grammar is the language of command lines (cli.md §3, §4.1): it
// compiles line templates to a token graph and matches lines against it.
//
// A Command has a template, "show interface [<interface>] counters". The
// commands that are valid at one place form a Table: one start state per
// command, edges that consume words, and marks around the values of
// placeholders whose type is itself a small language (schema.Syntax.Forms).
// Matching carries a set of threads through the graph, one word of the line
// after the other, so its work is bounded by words times states and no line can
// make it backtrack.
//
// At each word the edges are sorted by the rules of cli.md §3.2: an exact
// keyword wins, one keyword that the word abbreviates is taken, several are
// decided by whether the rest of the line can be reached through them, and a
// value is tried only where no keyword matches. Where nothing matches, what was
// tried gives the operator's message and its column.
//
// Modes builds the tables of configuration modes from the lines of a schema,
// with the no and default forms that cli.md §3.2 derives.
//
// Everything here is immutable after construction, Modes but for a cache under
// its lock, and safe for concurrent use.
package grammar

import (
	"fmt"
	"strings"

	"trunkline/config/schema"
	"trunkline/config/template"
)

// MaxLine is the longest line, in bytes (cli.md §3.1); MaxText the longest
// command that goes over several lines.
const (
	MaxLine = 2048
	MaxText = 16 << 10
)

// TooLong returns the error for a command that is longer than any may be, nil
// if it is not.
func TooLong(line string) *Error {
	first, _, more := strings.Cut(line, "\n")
	limit := MaxLine
	if more && len(first) <= MaxLine {
		first, limit = line, MaxText
	}
	if len(first) <= limit {
		return nil
	}
	return &Error{Col: column(line, MaxLine), Text: schema.ErrTooLong(limit).(*schema.SyntaxError).Text}
}

// A Command is one line of a table.
type Command struct {
	// Template holds literals, <placeholders>, [optional|parts],
	// {a|choice}, [options|once]* in any order, and Word~<glued>, a keyword that
	// may be written together with what follows.
	Template string
	Types    map[string]schema.AnyType
	Words    schema.Words
	Help     string // of the last fixed keyword
	// List is the placeholder that takes a list of values ("10-20,30") to the
	// end of the line; "" for none.
	List string
	// Gate must be open for the command to be there; "" for always. See Gated.
	Gate string
	// Feature and Tag are the caller's.
	Feature string
	Tag     any
}

// Table holds the commands that are valid at one place.
type Table struct {
	starts []*state
	words  schema.Words
	states int // all of them, the bound of a thread set
}

// NewTable compiles commands. An error is a mistake in a declaration: a
// template that cannot be read, a placeholder without type, or two commands
// that the same line would match.
func NewTable(commands ...Command) (*Table, error) {
	t := &Table{words: schema.Words{}}
	for _, c := range commands {
		for k, v := range c.Words {
			t.words[k] = v
		}
	}
	seen := map[string]string{}
	for i := range commands {
		c := &commands[i]
		parts, err := template.Parse(c.Template)
		if err != nil {
			return nil, fmt.Errorf("template %q: %w", c.Template, err)
		}
		b := builder{table: t, command: c}
		start, err := b.command1(parts)
		if err != nil {
			return nil, fmt.Errorf("template %q: %w", c.Template, err)
		}
		for _, s := range b.shapes(parts) {
			if other, dup := seen[s]; dup && other != c.Template {
				return nil, fmt.Errorf("%q and %q both match %q", other, c.Template, s)
			} else if dup {
				return nil, fmt.Errorf("%q is declared twice", c.Template)
			}
			seen[s] = c.Template
		}
		t.starts = append(t.starts, start)
	}
	return t, nil
}

// Match is a line that a table accepts.
type Match struct {
	Command *Command
	// Text is the line with keywords whole, values in canonical form and options
	// in the order of the template; of a list only the first value.
	Text string
	// Shown is Text without secrets, and with all values of a list, as they were
	// typed.
	Shown string
	// Words are the keywords of the template, whole, values left out.
	Words []string
	// Values are the typed values by placeholder; Texts how they are written.
	Values map[string]any
	Texts  map[string]string
	// List are the values of the command's List placeholder, which Values
	// holds the first of.
	List []Item
	// Rest says that the line ended in a value that takes the rest of the
	// line as it is.
	Rest bool
	// Cols is where a placeholder's value begins on the line, in bytes; Ends
	// where one of several words ends, with the blanks that follow.
	Cols, Ends map[string]int
}

// Item is one value of a list.
type Item struct {
	Value any
	Text  string
}

// Error is why no command matches, with its place.
type Error struct {
	// Col is the column of the caret on the line, in characters.
	Col int
	// Text is the message without its frame: "Invalid command".
	Text string
	// More is set if the line is only the beginning of a command that goes on
	// on the next one: what the operator reads before he types it.
	More string
}

func (e *Error) Error() string { return e.Text }

// Message is the text of cli.md §4.1 with its caret line; width is how far the
// line was indented on the screen by the prompt, 0 without a terminal.
func (e *Error) Message(width int) string {
	return strings.Repeat(" ", width+e.Col) + "^\n% " + e.Text + " at '^' marker.\n"
}

// Texts of the errors that are not of a value.
const (
	Invalid    = "Invalid command"
	Ambiguous  = "Ambiguous command"
	Incomplete = "Incomplete command"
)

// Templates returns the templates of all commands, in order of declaration.
func (t *Table) Templates() []string {
	all := make([]string, len(t.starts))
	for i, s := range t.starts {
		all[i] = s.command.Template
	}
	return all
}

// Commands returns all commands, in order of declaration.
func (t *Table) Commands() []Command {
	all := make([]Command, len(t.starts))
	for i, s := range t.starts {
		all[i] = *s.command
	}
	return all
}
