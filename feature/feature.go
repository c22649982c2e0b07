// Package feature is the contract between the product and its features. A
// feature is a folder: schema, checks, compilation, show commands, data-plane
// stage and tests of one subject (architecture §1 and §6). It contributes a
// Feature value, named in one list, supervisor/features.go.
package feature

import (
	"context"

	"trunkline/config/schema"
	"trunkline/config/tree"
)

// Feature is what one feature contributes. Every field but Name is optional.
type Feature struct {
	Name string // also the name of its program section: "vlan"
	// Gated features are off, and their lines absent, until "feature Name".
	Gated  bool
	Schema schema.Group
	// State declares the operational nodes that Observe emits.
	State   schema.Group
	Observe Observe
	// Check returns what is wrong with a candidate beyond its structure.
	Check func(c Candidate) []schema.Problem
	// Compile returns the feature's section of one module's program, nil for
	// none. It is pure; the section is encoded as JSON.
	Compile func(in Input) (section any, err error)
	// Reads is what Compile reads of the configuration besides the ports of the
	// module with the port-profiles that these inherit: then it is not called
	// again for other changes. Nil is everything, PortsOnly nothing.
	Reads []tree.Path
	// Version of the section that Compile makes; 0 counts as 1. A card that
	// knows the feature only in an older one, or not at all, is not given the
	// section: "not supported on module 4".
	Version uint32
	// Report decodes the section of a card's report that has the feature's
	// name: words of another machine, so whatever does not fit is an error, and
	// then the report before stays. Reported reads the results.
	Report func(section []byte) (any, error)
	Show   []Show
	Exec   []Exec
}

// Candidate is what a Check sees.
type Candidate struct {
	Old, New tree.Tree
	// Effective returns the port with its port-profile chain resolved into it
	// (config/effective), as a tree whose root is the port.
	Effective func(port string) tree.Tree
	// Attached reports the slot a port is attached to now, 0 for none.
	Attached func(port string) int
	// Online reports whether the line card of a slot has a session now; nil
	// for no.
	Online func(slot int) bool
}

// Input is what Compile sees: one module and the configuration with
// inheritance resolved.
type Input struct {
	Module    int // slot, 3 and up
	Config    tree.Tree
	Effective func(port string) tree.Tree
	// Ports are the names of the ports of this module that configuration
	// holds, naturally ordered.
	Ports []string
}

// Show is a show command: a pure function from snapshots to sections.
type Show struct {
	// Line is a template such as "show vlan [brief|id <vlan-id>]"; Types gives
	// its placeholders. The placeholder <interface> is known everywhere.
	Line  string
	Types map[string]schema.AnyType
	Words schema.Words
	Help  string // of the command's last fixed keyword
	Run   func(Query) (Screen, error)
}

// Exec is a command that acts: clear, ping, copy.
type Exec struct {
	Line  string
	Types map[string]schema.AnyType
	Words schema.Words
	Help  string
	// Confirm is a question ending in "(y/n)?  [n] " that is asked first on a
	// terminal; empty for none.
	Confirm string
	// Reads says that the command changes nothing, so every role may run it.
	Reads bool
	Run   func(ctx context.Context, q Query, host Host, out Output) error
}

// Output is where an Exec prints as it goes.
type Output interface{ Write(p []byte) (int, error) }

// Args are the words of a command as matched.
type Args struct {
	Words  []string       // keywords whole, in order, values left out
	Values map[string]any // placeholder name → typed value
}

// Has reports whether the keyword was given.
func (a Args) Has(keyword string) bool {
	for _, w := range a.Words {
		if w == keyword {
			return true
		}
	}
	return false
}

// Value returns the value of a placeholder, and whether it was given.
func Value[T any](a Args, name string) (T, bool) {
	v, ok := a.Values[name].(T)
	return v, ok
}
