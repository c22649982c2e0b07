package scheduler

import (
	"slices"
	"strings"

	"trunkline/config/schema"
)

// Limits of a job.
const (
	maxLines = 64
	maxLine  = 512 // bytes
)

// own are the words that mean in the mode of a job what they mean elsewhere, so no
// line of a job begins with them; after " ; " they may stand.
var own = []string{"no", "default", "do", "end", "end-job", "exit", "pop", "push", "where", "scheduler"}

// commands is the type of the lines of a job, with a newline between. A line of
// configuration gives one.
var commands = schema.Type[string]{
	Name: "scheduler-commands",
	Syntax: schema.Syntax{
		Notation: "LINE", Help: "Command, or several with ; between (Max Size 512)", Rest: true,
		Samples: []string{"show clock", "configure terminal ; vlan 7 ; exit ; no vlan 8", "copy running-config startup-config"},
	},
	Parse: func(s string) (string, error) {
		lines := strings.Split(strings.TrimSpace(s), "\n")
		for i, l := range lines {
			one, err := command.Parse(l)
			if err != nil {
				return "", err
			}
			lines[i] = one
		}
		return strings.Join(lines, "\n"), nil
	},
	Format: func(s string) string { return s },
	Yang:   "string { length \"1..32831\"; }",
}

var command = func() schema.Type[string] {
	t := schema.Line("scheduler-command", "Command", maxLine)
	line := t.Parse
	t.Parse = func(s string) (string, error) {
		s, err := line(s)
		if err != nil {
			return "", err
		}
		word, _, _ := strings.Cut(s, " ")
		if s[0] == '!' || s[0] == '#' || slices.Contains(own, strings.ToLower(word)) {
			return "", schema.ErrInvalid
		}
		return s, nil
	}
	return t
}()

// join adds lines behind those of a job that it does not have yet.
func join(now, given any) any {
	all := lines(now)
	for _, l := range lines(given) {
		if !slices.Contains(all, l) {
			all = append(all, l)
		}
	}
	return strings.Join(all, "\n")
}

// part takes lines away.
func part(now, given any) any {
	gone := lines(given)
	return strings.Join(slices.DeleteFunc(lines(now), func(l string) bool { return slices.Contains(gone, l) }), "\n")
}

// printed are the lines, one by one.
func printed(v any) []any {
	var all []any
	for _, l := range lines(v) {
		all = append(all, l)
	}
	return all
}

func lines(v any) []string {
	text, _ := v.(string)
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
