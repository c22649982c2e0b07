// Package flagenv gives every flag of a command an environment twin:
// --state-dir is also TRUNKLINE_STATE_DIR. A flag on the command line wins.
package flagenv

import (
	"flag"
	"fmt"
	"strings"
)

// Prefix of every variable.
const Prefix = "TRUNKLINE_"

// Name returns the variable of a flag: "state-dir" → "TRUNKLINE_STATE_DIR".
func Name(flagName string) string {
	return Prefix + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

// Parse sets the flags of fs from lookup (os.LookupEnv), then from args. An
// empty variable counts as unset. Errors name the variable or the flag.
func Parse(fs *flag.FlagSet, args []string, lookup func(string) (string, bool)) error {
	var first error
	fs.VisitAll(func(f *flag.Flag) {
		v, ok := lookup(Name(f.Name))
		if !ok || v == "" || first != nil {
			return
		}
		if err := fs.Set(f.Name, v); err != nil {
			first = fmt.Errorf("%s=%q: %w", Name(f.Name), v, err)
		}
	})
	if first != nil {
		return first
	}
	if err := fs.Parse(args); err != nil {
		return err
	}
	return nil
}
