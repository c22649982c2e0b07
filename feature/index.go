package feature

import (
	"iter"

	"trunkline/config/tree"
)

// PortsOnly is the Reads of a feature whose Compile looks at ports alone.
var PortsOnly = []tree.Path{}

// PortsByKind finds interfaces by what KindOf says of their names, mgmt0 too.
var PortsByKind = tree.NewIndex(interfacesPath, func(name string, _ tree.Tree) string { return KindOf(name) })

// PortsByProfile finds interfaces by the port-profile they inherit themselves.
var PortsByProfile = tree.NewIndex(interfacesPath, func(_ string, entry tree.Tree) string { return Read(entry, inheritPath, "") })

// ProfilesByParent finds port-profiles by the one they inherit themselves.
var ProfilesByParent = tree.NewIndex(ProfilesRoot.Child("port-profile"), func(_ string, entry tree.Tree) string {
	return Read(entry, inheritPath, "")
})

// Heirs yields the ports that inherit one of the port-profiles, themselves or
// through others, some perhaps more than once.
func Heirs(t tree.Tree, profiles map[string]bool) iter.Seq[string] {
	return func(yield func(string) bool) {
		seen := map[string]bool{}
		var below func(profile string) bool
		below = func(profile string) bool {
			if seen[profile] {
				return true
			}
			seen[profile] = true
			for _, port := range PortsByProfile.Members(t, profile) {
				if !yield(port) {
					return false
				}
			}
			for _, child := range ProfilesByParent.Members(t, profile) {
				if !below(child) {
					return false
				}
			}
			return true
		}
		for profile := range profiles {
			if !below(profile) {
				return
			}
		}
	}
}

var inheritPath = tree.Path{{Name: "inherit"}}
