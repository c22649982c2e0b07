package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"trunkline/internal/flagenv"
	"trunkline/supervisor/pki"
)

const tokenUsage = `Usage: vsm token [flags]

Prints a token that enrols one line card with this chassis, once, even where
"vem admission certificate" keeps others out or the host was known by another
key. The token names the chassis, so that the card talks to no other. Put it
into a file on the card's host and start the card with vem --token-file FILE.
Flags:
`

// errUsage says that a command line was wrong.
type errUsage struct{ error }

func (e errUsage) Unwrap() error { return e.error }

// exit ends the process with the exit code of err: 0, 1, or 2 for a wrong
// command line.
func exit(name string, err error) {
	code := 0
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	default:
		fmt.Fprintln(os.Stderr, name+":", err)
		code = 1
		if errors.As(err, new(errUsage)) {
			code = 2
		}
	}
	os.Exit(code)
}

// printToken makes a token and writes it to standard output. The supervisor
// may be running.
func printToken(args []string) error {
	set := flag.NewFlagSet("vsm token", flag.ContinueOnError)
	state := set.String("state-dir", "/var/lib/trunkline", "directory of configuration and keys")
	lifetime := set.Duration("lifetime", time.Hour, "how long the token can be used")
	set.Usage = func() {
		fmt.Fprint(set.Output(), tokenUsage)
		set.PrintDefaults()
	}
	if err := flagenv.Parse(set, args, os.LookupEnv); err != nil {
		return errUsage{err}
	}
	switch {
	case set.NArg() > 0:
		return errUsage{fmt.Errorf("unexpected argument %q", set.Arg(0))}
	case *lifetime <= 0:
		return errUsage{fmt.Errorf("--lifetime %v: must be more than 0", *lifetime)}
	}
	dir := filepath.Join(*state, pki.Dir)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no chassis in %s: start the supervisor once", *state)
	}
	a, err := pki.Open(dir)
	if err != nil {
		return err
	}
	t, err := a.NewToken(*lifetime, time.Now())
	if err != nil {
		return err
	}
	_, err = fmt.Println(t)
	return err
}
