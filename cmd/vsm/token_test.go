package main

import (
	"errors"
	"flag"
	"testing"
)

// Help that is asked for is no error; exit ends with 0 then, and with 2 for a wrong
// command line.
func TestTokenUsage(t *testing.T) {
	if err := printToken([]string{"--help"}); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("--help: %v", err)
	}
	for _, args := range [][]string{{"--nope"}, {"more"}, {"--lifetime", "0s"}} {
		if err := printToken(args); !errors.As(err, new(errUsage)) || errors.Is(err, flag.ErrHelp) {
			t.Errorf("%q: %v", args, err)
		}
	}
}
