package main

import (
	"context"
	"fmt"
	"strings"

	"trunkline/config/schema"
	"trunkline/feature"
	world "trunkline/testbed/lab"
)

// hostFeature is the lab's own command: host NAME PROGRAM… runs a program in a
// lab host.
func hostFeature(w *world.World) feature.Feature {
	names := make([]string, len(w.Hosts()))
	for i, h := range w.Hosts() {
		names[i] = h.Name
	}
	name := schema.Type[string]{
		Name:   "lab-host",
		Syntax: schema.Syntax{Notation: "WORD", Help: "Lab host: " + strings.Join(names, ", ")},
		Parse: func(s string) (string, error) {
			if h, ok := w.Host(s); ok {
				return h.Name, nil
			}
			return "", schema.ErrInvalid
		},
		Format: func(s string) string { return s },
	}
	return feature.Feature{
		Name: "lab",
		Exec: []feature.Exec{{
			Line:  "host <name> <program>",
			Types: map[string]schema.AnyType{"name": name, "program": schema.Line("program", "Program and its arguments; names of lab hosts become addresses", 1024)},
			Help:  "Run a program in a lab host",
			Run: func(ctx context.Context, q feature.Query, _ feature.Host, out feature.Output) error {
				host, _ := feature.Value[string](q.Args, "name")
				line, _ := feature.Value[string](q.Args, "program")
				exit, err := w.Run(ctx, host, strings.Fields(line), world.Stdio{Out: out, Err: out})
				switch {
				case err != nil:
					return err
				case exit != 0:
					return feature.Error(fmt.Sprintf("%% %s: exit status %d", strings.Fields(line)[0], exit))
				}
				return nil
			},
		}},
	}
}
