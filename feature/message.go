package feature

import "fmt"

// NoInterface is the refusal of a command that names an interface that is not
// there (cli.md §4.3).
func NoInterface(name string) Error { return Error("ERROR: Interface does not exist: " + name) }

// TypeMismatch is the refusal of a port-profile for a port, or for a
// port-profile, of another kind (cli.md §4.3).
func TypeMismatch(of, profile string) string {
	return fmt.Sprintf("ERROR: Port-profile type mismatch (%s vs %s).", of, profile)
}
