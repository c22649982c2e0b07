// Command trunkline is the all-in-one appliance and the lab.
//
//	trunkline run   one supervisor and one line card in one process
//	trunkline lab   a whole private chassis: two line cards, four hosts
package main

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"

	"trunkline/internal/timerslack"
	"trunkline/internal/version"
)

const usage = `usage: trunkline COMMAND [flags]

  run      the appliance: one supervisor and one line card, in the foreground
  lab      a private chassis with two line cards and four hosts, and its prompt
  version  print the version

trunkline COMMAND --help lists the flags; each has an environment twin TRUNKLINE_….
`

func main() {
	tune()
	args := os.Args[1:]
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	var code int
	var err error
	switch args[0] {
	case "run":
		timerslack.Restart(timerslack.Idle)
		code, err = run(args[1:])
	case "lab":
		code, err = lab(args[1:])
	case "version":
		fmt.Println("trunkline", version.String)
	case "help", "-h", "--help":
		fmt.Print(usage)
	default:
		err = fmt.Errorf("unknown command %q\n%s", args[0], usage)
		code = 2
	}
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "trunkline:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// tune sets up the run-time system for workers that must not wait: a locked
// worker needs a processor of its own beside those of housekeeping, and Go
// derives the number from the affinity at the start (dataplane.md §5).
func tune() {
	runtime.GOMAXPROCS(max(runtime.NumCPU()+2, 4))
	debug.SetGCPercent(100)
}

// logger logs to standard error, which leaves standard output to commands.
func logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}
