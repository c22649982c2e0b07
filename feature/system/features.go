package system

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"trunkline/config/tree"
	"trunkline/feature"
)

// switchable is a feature that a line turns on or off.
type switchable struct {
	name     string
	on, down bool
}

func (s switchable) state() string {
	switch {
	case !s.on:
		return "disabled"
	case s.down:
		return "enabled (not-running)" // cli.md §4.2
	}
	return "enabled"
}

// switches are the features that the schema has switches for, by name.
func switches(q feature.Query) []switchable {
	var all []switchable
	for _, l := range q.Schema.Lines() {
		name, ok := strings.CutPrefix(l.Path(), "features/")
		if ok && l.Switch() {
			at := tree.Path{{Name: "features"}, {Name: name}}
			all = append(all, switchable{name, q.Schema.Value(q.Running, at) == true, q.State.Down[name]})
		}
	}
	slices.SortFunc(all, func(a, b switchable) int { return cmp.Compare(a.name, b.name) })
	return all
}

// showFeature lists the features that can be turned off (cli.md §4.2, §11).
func showFeature(q feature.Query) (feature.Screen, error) {
	return feature.Screen{{
		Name:    "cfcFeatureCtrlTable",
		Heading: "Feature Name          Instance  State\n" + strings.Repeat("-", 20) + "  " + strings.Repeat("-", 8) + "  " + strings.Repeat("-", 8) + "\n",
		Rows: feature.Rows(switches(q),
			func(s switchable) string { return fmt.Sprintf("%-22s %-9d %s\n", s.name, 1, s.state()) },
			func(s switchable) []feature.Pair {
				return []feature.Pair{
					{Key: "cfcFeatureCtrlName2", Value: s.name}, {Key: "cfcFeatureCtrlInstanceNum2", Value: 1},
					{Key: "cfcFeatureCtrlOpStatus2", Value: s.state()},
				}
			}),
	}}, nil
}
