// Package alias is the feature of command aliases (cli.md §3.2, §9.1): names
// that stand for the beginning of a command line. The session expands them
// (cli/session); here they are configured and shown.
package alias

import (
	"fmt"
	"slices"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// Limits of aliases.
const (
	maxName    = 30
	maxCommand = 1024
	maxAliases = 256
)

// Config is one alias.
type Config struct{ Command string }

// Feature is the feature.
var Feature = feature.Feature{
	Name: "alias",
	Schema: schema.Group{
		Blocks: []schema.Block{{
			Path: "cli/alias", Keys: []schema.Key{{Name: "name", Type: name}}, Section: 20, Help: "Alias",
		}},
		Leaves: []schema.Leaf{
			schema.Bind("cli/alias/command", schema.Line("command", "Command line that the alias stands for", maxCommand),
				func(c *Config) *string { return &c.Command }, "cli alias name <name> <command>", "Define a command alias").
				With(func(l *schema.Leaf) { l.Section = 20 }),
		},
		Words: schema.Words{"cli": "Command line configuration", "cli alias": "Command aliases", "cli alias name": "Define a command alias"},
	},
	Check: check,
	Show: []feature.Show{
		{Line: "show cli alias", Words: schema.Words{"show cli": "Command line information"}, Help: "Command aliases", Run: show},
		{Line: "alias", Help: "List command aliases", Run: show},
	},
}

// name is a word. What aliases are configured with is none, so that they can
// always be removed.
var name = func() schema.Type[string] {
	t := schema.Word("alias-name", "Name of the alias", maxName)
	word := t.Parse
	t.Parse = func(s string) (string, error) {
		if s != "" && (s[0] == '!' || s[0] == '#') || slices.Contains([]string{"cli", "no", "do", "end", "exit"}, s) {
			return "", schema.ErrInvalid
		}
		return word(s)
	}
	t.Syntax.Objects = "cli/alias"
	return t
}()

var root = tree.Path{{Name: "cli"}, {Name: "alias"}}

func check(c feature.Candidate) []schema.Problem {
	if !c.Changed(root) {
		return nil
	}
	n := 0
	for range c.New.Keys(root) {
		n++
	}
	if n > maxAliases {
		return []schema.Problem{{Path: root, Rule: "scale", Text: fmt.Sprintf("ERROR: Maximum number of aliases (%d) reached.", maxAliases)}}
	}
	return nil
}

type row struct{ name, command string }

func show(q feature.Query) (feature.Screen, error) {
	rows := []row{{"alias", "show cli alias"}}
	widest := len("alias")
	for name := range q.Running.Keys(root) {
		at := tree.Path{root[0], {Name: root[1].Name, Key: name}, {Name: "command"}}
		rows = append(rows, row{name, feature.Read(q.Running, at, "")})
		widest = max(widest, len(name))
	}
	return feature.Screen{{
		Name:    "alias",
		Heading: "CLI alias commands\n==================\n",
		Rows: feature.Rows(rows, func(r row) string { return fmt.Sprintf("%-*s  :%s\n", widest, r.name, r.command) },
			func(r row) []feature.Pair {
				return []feature.Pair{{Key: "alias_name", Value: r.name}, {Key: "alias_command", Value: r.command}}
			}),
	}}, nil
}
