package portprofile

import (
	"strings"

	"trunkline/config/effective"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// ownLeaves are what makes a profile or a port itself, not an attribute that
// members get.
var ownLeaves = []string{"type", "description", "state", "inherit", "max-ports", "owner"}

// attributes returns the interface lines of settings, a tree whose root is a
// port or a profile. They are printed as of a profile: what a member needs to
// be told, "no shutdown" included.
func attributes(s *schema.Schema, settings tree.Tree, kind string) []string {
	for _, leaf := range ownLeaves {
		settings = settings.Delete(tree.Path{{Name: leaf}})
	}
	settings = settings.Set(tree.Path{{Name: "type"}}, kind)
	at := path("x")
	var lines []string
	for depth, text := range s.Print(tree.Tree{}.Graft(at, settings), schema.PrintOptions{At: at}) {
		if depth > 0 {
			lines = append(lines, strings.Repeat(" ", depth-1)+text)
		}
	}
	return lines
}

// configured returns the lines of a profile itself.
func configured(q feature.Query, profile string) []string {
	return attributes(q.Schema, q.Running.Sub(path(profile)), kind(q.Running, profile))
}

// evaluated returns the lines of a profile with those it inherits: what a port
// gets that has no lines of its own.
func evaluated(q feature.Query, profile string) []string {
	return attributes(q.Schema, effective.Profile(q.Schema, q.Running, profile), kind(q.Running, profile))
}

// expanded returns the lines of a port with those it inherits.
func expanded(q feature.Query, port string) []string {
	t := q.Effective(port)
	lines := attributes(q.Schema, t, feature.KindOf(port))
	if feature.Read(t, tree.Path{{Name: "shutdown"}}, false) {
		lines = append(lines, "shutdown") // a profile need not say so, a port does
	}
	return lines
}
