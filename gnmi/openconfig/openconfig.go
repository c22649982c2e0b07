// Package openconfig knows which leaves the published OpenConfig models have
// among those a switch of this kind may serve: their modules, list keys,
// classes and types. What is served of them is decided elsewhere.
package openconfig

import (
	_ "embed"
	"strings"
)

//go:generate go run ./gen gen/leaves.tsv leaves.txt

//go:embed leaves.txt
var list string

// Leaf is one leaf or leaf-list.
type Leaf struct {
	Path  []Step
	State bool // class: state, else configuration
	List  bool // a leaf-list
	// Type is the resolved type: "string", "boolean", "uint16", "uint64",
	// "enum", "identity", "union".
	Type string
	// Names are those of an enumeration, or of identities with their modules:
	// "openconfig-platform-types:LINECARD". One name that ends in a colon stands
	// for all identities of a module.
	Names []string
}

// Step is one element of a path.
type Step struct {
	Module string // that defines the node
	Name   string
	Keys   []string // names of the keys of a list
}

// Leaves returns all leaves, in order of paths.
func Leaves() []Leaf {
	var all []Leaf
	for line := range strings.Lines(list) {
		field := strings.Split(strings.TrimRight(line, "\n"), "\t")
		l := Leaf{Path: steps(field[0]), State: field[1] == "state"}
		typ := field[2]
		typ, l.List = strings.CutPrefix(typ, "list ")
		names := ""
		if l.Type, names, _ = strings.Cut(typ, " "); names != "" {
			l.Names = strings.Split(names, "|")
		}
		all = append(all, l)
	}
	return all
}

// steps reads "openconfig-interfaces:interfaces/interface[name]/config": a
// module holds until another is named.
func steps(path string) []Step {
	var all []Step
	module := ""
	for text := range strings.SplitSeq(path, "/") {
		if m, name, ok := strings.Cut(text, ":"); ok {
			module, text = m, name
		}
		name, keys, _ := strings.Cut(text, "[")
		s := Step{Module: module, Name: name}
		if keys != "" {
			s.Keys = strings.Split(strings.TrimSuffix(keys, "]"), "][")
		}
		all = append(all, s)
	}
	return all
}
