package module

import (
	"maps"
	"slices"
)

// unsupported returns the sections, in order, that a card with these features
// cannot apply: those it does not know, or only in an older version.
func unsupported(versions, features map[string]uint32) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		if have, ok := features[name]; !ok || have < versions[name] {
			names = append(names, name)
		}
	}
	return names
}

// without returns the sections less those named; the ones given stay as they
// are.
func without(sections map[string][]byte, names []string) map[string][]byte {
	if !slices.ContainsFunc(names, func(n string) bool { _, ok := sections[n]; return ok }) {
		return sections
	}
	rest := maps.Clone(sections)
	for _, n := range names {
		delete(rest, n)
	}
	return rest
}
