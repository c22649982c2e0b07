package session

import "trunkline/cli/grammar"

// Reference is a command as documents describe it.
type Reference struct {
	grammar.Command
	// Mode is where it is valid: ModeExec, ModeConfig, ModeDraft or ModeFilter.
	Mode string
	// Structured output has JSON and XML.
	Structured bool
	// Acts says that it changes something, so that a role needs more than the
	// right to read; Own that it concerns the session alone, so that every role
	// may run it.
	Acts, Own bool
}

// Modes of references.
const (
	ModeExec   = "exec"
	ModeConfig = "all configuration modes"
	ModeDraft  = "configuration sessions"
	ModeFilter = "filters"
)

// References returns all commands but the lines of configuration, in order of
// declaration. Those are in Tables.
func (c *CLI) References() []Reference {
	var all []Reference
	add := func(mode string, table *grammar.Table) {
		for _, k := range table.Commands() {
			r := Reference{Command: k, Mode: mode}
			if a, ok := k.Tag.(action); ok {
				r.Acts = a.acts()
			}
			if b, ok := k.Tag.(builtin); ok {
				r.Own = b.own
			}
			_, r.Structured = k.Tag.(showAction)
			all = append(all, r)
		}
	}
	add(ModeExec, c.exec.All())
	add(ModeConfig, c.moving)
	add(ModeDraft, c.queued)
	add(ModeFilter, c.pipes)
	return all
}
