package session

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"trunkline/cli/grammar"
	"trunkline/config/schema"
	"trunkline/feature"
)

// modesList is the list of modes for completion; it is no list of the schema.
const modesList = "modes"

// modeType is the name of a mode: exec, or what the prompt has in brackets.
var modeType = func() schema.Type[string] {
	t := schema.Word("mode", "Name of the mode as the prompt has it, or exec", 32)
	t.Syntax.Objects = modesList
	return t
}()

const (
	execMode   = "exec"
	globalMode = "config"
)

// modeNames are the modes that commands can be listed of.
func (c *CLI) modeNames() []string {
	all := []string{execMode, globalMode}
	for _, b := range c.product.Schema.Blocks() {
		if b.Mode != "" && !slices.Contains(all, b.Mode) {
			all = append(all, b.Mode)
		}
	}
	return all
}

// templates are the commands of a mode that there are now, in order, each once.
func (r *request) templates(mode string) ([]string, error) {
	var all []string
	switch {
	case mode == execMode:
		all = r.exec().Templates()
	case !slices.Contains(r.cli.modeNames(), mode):
		return nil, feature.Error("ERROR: Mode does not exist: " + mode)
	default:
		paths := map[string]bool{"": mode == globalMode}
		for _, b := range r.cli.product.Schema.Blocks() {
			paths[b.Path] = b.Mode == mode
		}
		for name := range r.cli.modes.All() {
			path, kinds, _ := strings.Cut(name, "|")
			if paths[path] {
				l := level{block: path}
				if kinds != "" {
					l.kinds = strings.Split(kinds, "|")
				}
				all = append(all, r.table(l).Templates()...)
			}
		}
		all = append(all, r.cli.moving.Templates()...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// listCommands print the commands of a mode.
func listCommands() []grammar.Command {
	words := schema.Words{"show": "Show running system information", "show cli": "Command line information"}
	types := map[string]schema.AnyType{"mode": modeType}
	return []grammar.Command{
		{Template: "show cli list [<mode>]", Help: "Commands of a mode", Words: words, Types: types, Tag: builtin{do: showList, show: true}},
		{Template: "show cli syntax [<mode>]", Help: "Commands of a mode with their number", Words: words, Types: types, Tag: builtin{do: showSyntax, show: true}},
	}
}

// listed is the mode that the command names, or the present one, with its
// commands.
func (r *request) listed() (string, []string, error) {
	mode, named := r.match.Values["mode"].(string)
	switch {
	case named:
	case r.Configuring():
		l := r.stack[len(r.stack)-1]
		all := append(r.table(l).Templates(), r.cli.moving.Templates()...)
		slices.Sort(all)
		return l.suffix, all, nil
	default:
		mode = execMode
	}
	all, err := r.templates(mode)
	return mode, all, err
}

func showList(_ context.Context, r *request) error {
	_, all, err := r.listed()
	if err != nil {
		return err
	}
	for _, t := range all {
		if _, err := fmt.Fprintln(r.out, t); err != nil {
			return err
		}
	}
	return nil
}

// showSyntax prints templates with blanks around what is optional or a choice.
func showSyntax(_ context.Context, r *request) error {
	mode, all, err := r.listed()
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(r.out, "MODE %s\n", mode); err != nil {
		return err
	}
	spaced := strings.NewReplacer("[", "[ ", "]", " ]", "{", "{ ", "}", " }", "|", " | ", "~", " ")
	for i, t := range all {
		if _, err := fmt.Fprintf(r.out, "(%d) %s\n", i, spaced.Replace(t)); err != nil {
			return err
		}
	}
	return nil
}
