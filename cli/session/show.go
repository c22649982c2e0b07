package session

import (
	"context"
	"strings"

	"trunkline/cli/render"
	"trunkline/feature"
)

// showAction runs a feature's show command.
type showAction feature.Show

func (showAction) piped() bool   { return true }
func (showAction) streams() bool { return false }
func (showAction) acts() bool    { return false }

func (a showAction) run(_ context.Context, r *request) error {
	screen, err := a.Run(r.query())
	if err != nil {
		return err
	}
	return render.Write(r.out, r.match.Text, screen, r.format)
}

// execAction runs a feature's exec command.
type execAction feature.Exec

func (a execAction) piped() bool   { return true }
func (a execAction) streams() bool { return true }
func (a execAction) acts() bool    { return !a.Reads }

func (a execAction) run(ctx context.Context, r *request) error {
	if r.format != render.Text {
		return render.ErrNoStructure
	}
	if a.Confirm != "" {
		if err := r.confirm(ctx, a.Confirm, false); err != nil {
			return err
		}
	}
	return a.Run(ctx, r.query(), r.cli.product.Host, r.out)
}

// confirm asks a question on a terminal and fails silently unless the answer is
// yes; an empty answer is what yes says.
func (r *request) confirm(ctx context.Context, question string, yes bool) error {
	if !r.opts.Interactive || r.dontAsk {
		return nil
	}
	for {
		answer, err := r.console.Ask(ctx, question)
		if err != nil {
			return err
		}
		switch strings.ToLower(strings.TrimSpace(answer)) {
		case "y", "yes":
			return nil
		case "n", "no":
			return errSilent
		case "":
			if yes {
				return nil
			}
			return errSilent
		}
	}
}
