package session

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline/cli/grammar"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

const timeLayout = "Mon Jan _2 15:04:05 2006"

// configShows are the commands that print configuration: everything, or the
// blocks of one list.
func (c *CLI) configShows() []grammar.Command {
	running := func(options func(r *request) (schema.PrintOptions, string, error)) builtin {
		return builtin{show: true, do: func(_ context.Context, r *request) error {
			o, command, err := options(r)
			if err != nil {
				return err
			}
			q := r.query()
			return c.print(r.out, command, q, q.Running, o)
		}}
	}
	whole := func(all bool) func(r *request) (schema.PrintOptions, string, error) {
		return func(r *request) (schema.PrintOptions, string, error) {
			return schema.PrintOptions{All: all}, r.match.Text, nil
		}
	}
	all := []grammar.Command{
		{Template: "show running-config", Help: "Current operating configuration", Words: builtinWords, Tag: running(whole(false))},
		{Template: "show running-config all", Help: "Current operating configuration with defaults", Words: builtinWords, Tag: running(whole(true))},
		{Template: "show running-config diff [unified]", Help: "Difference between running and startup configuration", Words: builtinWords, Tag: builtin{show: true, do: showDiff}},
		{Template: "show startup-config", Help: "Contents of startup configuration", Words: builtinWords, Tag: builtin{show: true, do: func(_ context.Context, r *request) error {
			if _, ok := c.product.Store.Startup(); !ok {
				_, err := io.WriteString(r.out, noStartup)
				return err
			}
			q := r.query()
			q.Changed = time.Time{}
			return c.print(r.out, "show startup-config", q, q.Startup, schema.PrintOptions{})
		}}},
	}
	all = append(all, c.sectionShows()...)
	helps := schema.Words{} // of the keywords of lines
	gates := map[*schema.Block]string{}
	for _, l := range c.product.Schema.Lines() {
		if l.Block != nil {
			maps.Copy(helps, l.Words)
			gates[l.Block] = l.Gate
		}
	}
	for _, b := range c.product.Schema.Blocks() {
		if b.Parent != "" || b.Mode == "" || strings.HasPrefix(b.Line, "<") {
			continue
		}
		fixed := strings.Fields(b.Line)
		if i := slices.IndexFunc(fixed, func(s string) bool { return strings.ContainsAny(s[:1], "<[{") }); i >= 0 {
			fixed = fixed[:i]
		}
		word := strings.Join(fixed, " ")
		const template = "show running-config "
		command := grammar.Command{Template: template + word, Help: b.Help, Words: builtinWords, Gate: gates[b]}
		if len(fixed) > 1 {
			command.Words = maps.Clone(builtinWords)
			for i := range fixed[:len(fixed)-1] {
				key := strings.Join(fixed[:i+1], " ")
				command.Words[template+key] = helps[key]
			}
		}
		if len(b.Keys) == 1 {
			name := b.Keys[0].Name
			command.Template += " [<" + name + ">]"
			command.Types = map[string]schema.AnyType{name: b.Keys[0].Type}
			if b.Range {
				command.List = name
			}
		}
		command.Tag = running(func(r *request) (schema.PrintOptions, string, error) { return c.entries(r, b, word) })
		all = append(all, command)
	}
	return all
}

// entries are the options that print the entries which the line names: all of a
// block's, or of the named ones those that exist, of which there must be one.
func (c *CLI) entries(r *request, b *schema.Block, word string) (schema.PrintOptions, string, error) {
	o := schema.PrintOptions{At: c.product.Schema.EntryPath(b.Path, "")}
	if len(b.Keys) != 1 {
		return o, r.match.Text, nil
	}
	v, named := r.match.Values[b.Keys[0].Name]
	if !named {
		return o, r.match.Text, nil
	}
	values := []grammar.Item{{Value: v}}
	command := r.match.Text
	if len(r.match.List) > 1 {
		values = r.match.List
		command = strings.Join(r.match.Words, " ") + " " + listText(values)
	}
	t := c.product.Store.Running().Tree
	o.Keys = map[string]bool{}
	for _, item := range values {
		key := b.Key(item.Value)
		if c.product.Schema.Has(t, c.product.Schema.EntryPath(b.Path, key)) {
			o.Keys[key] = true
		}
	}
	if len(o.Keys) == 0 {
		return o, "", missing(word, b.Key(v))
	}
	return o, command, nil
}

// missing is the message for an entry that does not exist, of the list whose
// lines begin with word. Short words are abbreviations: VLAN, VEM.
func missing(word, key string) error {
	noun := strings.ToUpper(word)
	if len(word) > 4 {
		noun = noun[:1] + word[1:]
	}
	return feature.Error(fmt.Sprintf("ERROR: %s does not exist: %s", noun, key))
}

// noStartup is what there is to show after write erase.
const noStartup = "No startup configuration\n"

// print writes a configuration with its header (cli.md §8).
func (c *CLI) print(w io.Writer, command string, q feature.Query, t tree.Tree, o schema.PrintOptions) error {
	head := "\n!Command: " + command + "\n"
	if !q.Changed.IsZero() {
		head += "!Running configuration last done at: " + q.Changed.Format(timeLayout) + "\n"
	}
	head += "!Time: " + q.Now.Format(timeLayout) + "\n\nversion " + c.product.Version + "\n"
	if len(o.At) > 0 {
		head += "\n"
	}
	if _, err := io.WriteString(w, head); err != nil {
		return err
	}
	for depth, text := range c.product.Schema.Print(t, o) {
		if _, err := io.WriteString(w, indent(depth, text)); err != nil {
			return err
		}
	}
	return nil
}

func indent(depth int, text string) string {
	if text == "" {
		return "\n"
	}
	return strings.Repeat("  ", depth) + text + "\n"
}

// lines is a configuration as text, for comparison.
func (c *CLI) lines(t tree.Tree) []string {
	lines := []string{"version " + c.product.Version}
	for depth, text := range c.product.Schema.Print(t, schema.PrintOptions{}) {
		lines = append(lines, strings.TrimSuffix(indent(depth, text), "\n"))
	}
	return lines
}

func showDiff(_ context.Context, r *request) error {
	q := r.query()
	style := contextStyle
	if r.args().Has("unified") {
		style = unifiedStyle
	}
	return writeDiff(r.out, style, "Startup-config", "Running-config", r.cli.lines(q.Startup), r.cli.lines(q.Running))
}
