package session

import (
	"context"
	"errors"
	"fmt"

	"trunkline/cli/grammar"
	"trunkline/cli/pipe"
	"trunkline/cli/render"
	"trunkline/config/schema"
	"trunkline/feature"
)

// Topic is what show tech-support gathers on one subject.
type Topic struct {
	// Word names the topic on the line; "" is everything.
	Word, Help string
	// Commands are exec commands in order that change nothing, whatever roles
	// may run them. With Module the line names a module, which each command
	// has as "%d".
	Commands []string
	Module   bool
}

// supportCommands are show tech-support with its topics (cli.md §10).
func (c *CLI) supportCommands() []grammar.Command {
	var all []grammar.Command
	for _, t := range c.product.Support {
		command := grammar.Command{
			Template: "show tech-support", Help: t.Help,
			Words: schema.Words{"show tech-support": "Information for technical support"},
			Tag:   support(t),
		}
		if t.Word != "" {
			command.Template += " " + t.Word
		}
		if t.Module {
			command.Template += " <module>"
			command.Types = map[string]schema.AnyType{"module": schema.Uint("module", "Module number", 1, feature.MaxModule)}
		}
		all = append(all, command)
	}
	return all
}

// support runs the commands of a topic.
type support Topic

func (support) piped() bool   { return true }
func (support) streams() bool { return true }
func (support) acts() bool    { return false }

// run prints each command's name in backquotes and what it says. One that fails
// says why, and the next follows.
func (t support) run(ctx context.Context, r *request) error {
	if r.format != render.Text {
		return render.ErrNoStructure
	}
	module, _ := r.match.Values["module"].(uint32)
	for _, command := range t.Commands {
		if t.Module {
			command = fmt.Sprintf(command, module)
		}
		m, bad := r.exec().Match(command, grammar.Typed)
		if bad != nil {
			continue // of a feature that is off
		}
		if _, err := fmt.Fprintf(r.out, "\n`%s`\n", command); err != nil {
			return err
		}
		a := m.Command.Tag.(action)
		one := *r
		one.match, one.line, one.support = m, command, true
		err := r.permitted(ctx, found{match: m, depth: -1})
		if err == nil {
			err = a.run(ctx, &one)
		}
		switch {
		case err == nil:
		case ctx.Err() != nil || errors.Is(err, pipe.ErrDone):
			return err
		default:
			if _, werr := fmt.Fprintln(r.out, message(err)); werr != nil {
				return werr
			}
		}
	}
	return nil
}
