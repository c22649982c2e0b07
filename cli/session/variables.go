package session

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"trunkline/cli/grammar"
	"trunkline/config/schema"
	"trunkline/feature"
)

// Limits of variables (cli.md §3.3).
const (
	maxVariables    = 64
	maxVariableName = 31
	maxVariable     = 255 // bytes of a value
)

// Variables that every session has.
const (
	switchName = "SWITCHNAME"
	timestamp  = "TIMESTAMP"
)

// variableName is a name that can stand in $(…).
var variableName = schema.Name("variable", "Name of the variable", maxVariableName)

// variableCommands set, remove and show the variables of the session.
func variableCommands() []grammar.Command {
	words := schema.Words{
		"cli": "Command line interface", "cli var": "Variables of the session", "cli var name": "Define a variable",
		"cli no": "Negate a command", "cli no var": "Variables of the session", "cli no var name": "Remove a variable",
		"no": "Negate a command", "no cli": "Command line interface", "no cli var": "Variables of the session",
		"no cli var name": "Remove a variable", "show": "Show running system information", "show cli": "Command line information",
	}
	types := map[string]schema.AnyType{
		"variable": variableName, "value": schema.Line("variable-value", "Value of the variable", maxVariable),
	}
	return []grammar.Command{
		{Template: "cli var name <variable> <value>", Help: "Define a variable", Words: words, Types: types, Tag: builtin{do: setVariable, own: true}},
		{Template: "cli no var name <variable>", Help: "Remove a variable", Words: words, Types: types, Tag: builtin{do: removeVariable, own: true}},
		{Template: "no cli var name <variable>", Help: "Remove a variable", Words: words, Types: types, Tag: builtin{do: removeVariable, own: true}},
		{Template: "show cli variables", Help: "Variables of the session", Words: words, Tag: builtin{do: showVariables, show: true}},
	}
}

func setVariable(_ context.Context, r *request) error {
	name, value := r.match.Values["variable"].(string), r.match.Values["value"].(string)
	switch _, known := r.variables[name]; {
	case name == switchName, name == timestamp:
		return feature.Error("ERROR: Variable " + name + " is set by the system.")
	case !known && len(r.variables) >= maxVariables:
		return feature.Error(fmt.Sprintf("ERROR: Maximum number of variables (%d) reached.", maxVariables))
	case r.variables == nil:
		r.Session.variables = map[string]string{}
	}
	r.variables[name] = value
	return nil
}

func removeVariable(_ context.Context, r *request) error {
	name := r.match.Values["variable"].(string)
	if _, known := r.variables[name]; !known {
		return feature.Error("ERROR: Variable does not exist: " + name)
	}
	delete(r.variables, name)
	return nil
}

func showVariables(_ context.Context, r *request) error {
	if _, err := fmt.Fprint(r.out, "VSH Variable List\n-----------------\n"); err != nil {
		return err
	}
	own := slices.Sorted(maps.Keys(r.variables))
	for _, name := range append([]string{switchName, timestamp}, own...) {
		value, _ := r.variable(name)
		if _, err := fmt.Fprintf(r.out, "%s=\"%s\"\n", name, value); err != nil {
			return err
		}
	}
	return nil
}

// variable returns the value of a variable, and whether there is one.
func (s *Session) variable(name string) (string, bool) {
	switch name {
	case switchName:
		return s.cli.hostname(s.tree()), true
	case timestamp:
		return s.cli.product.Now().Format("2006-01-02-15.04.05"), true
	}
	v, ok := s.variables[name]
	return v, ok
}

// substitute puts the values of variables into a line, once: a value is not
// looked into. What names no variable stays as it is. Of a line that becomes
// too long there is only so much that it is refused.
func (s *Session) substitute(line string) string {
	if !strings.Contains(line, "$(") {
		return line
	}
	var b strings.Builder
	rest := line
	for {
		before, after, found := strings.Cut(rest, "$(")
		b.WriteString(before)
		if !found {
			break
		}
		name, tail, closed := strings.Cut(after, ")")
		value, known := "", false
		if closed && len(name) <= maxVariableName {
			value, known = s.variable(name)
		}
		if !known {
			b.WriteString("$(")
			rest = after
			continue
		}
		b.WriteString(value)
		if rest = tail; b.Len() > grammar.MaxLine {
			break
		}
	}
	return b.String()
}
