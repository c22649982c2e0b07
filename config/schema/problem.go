package schema

import "trunkline/config/tree"

// Severity orders problems: an Error refuses the candidate, the others are
// remarks on an accepted one.
type Severity uint8

// Severities.
const (
	Error Severity = iota
	Warning
	Note
)

// Problem is one finding of a check.
type Problem struct {
	Path     tree.Path
	Severity Severity
	// Rule names the rule for programs: "vlan-missing".
	Rule string
	// Text is the operator's message, the same through every door, with its
	// prefix: "ERROR: Inheriting WEB would create a loop."
	Text string
}

func (p Problem) Error() string { return p.Text }
