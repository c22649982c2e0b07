// Command vsh is the operator's terminal on the supervisor's host. With -c it
// runs one line for a script and exits with status 1 if a command failed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"trunkline/cli/remote"
	"trunkline/cli/term"
	"trunkline/internal/flagenv"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGHUP)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string) int {
	flags := flag.NewFlagSet("vsh", flag.ContinueOnError)
	socket := flags.String("socket", remote.DefaultSocket, "the supervisor's socket")
	line := flags.String("c", "", "run `LINE` and exit")
	switch err := flagenv.Parse(flags, args, os.LookupEnv); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(os.Stderr, "vsh:", err)
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "vsh: unexpected argument:", flags.Arg(0))
		return 2
	}
	interactive := *line == "" && term.Is(os.Stdin, os.Stdout)
	var hello remote.Hello
	if interactive {
		hello = term.Hello(os.Stdin, os.Stdout)
	}
	client, first, err := remote.Dial(ctx, *socket, hello)
	if err != nil {
		fmt.Fprintln(os.Stderr, "vsh:", err)
		return 1
	}
	defer client.Close()
	if interactive {
		if err := term.Run(ctx, os.Stdin, os.Stdout, client, first); err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "vsh:", err)
			return 1
		}
		return 0
	}
	ended := context.AfterFunc(ctx, func() { client.Close() })
	defer ended()
	ok := true
	if *line != "" {
		ok, err = client.Script(strings.NewReader(*line), os.Stdout)
	} else {
		ok, err = client.Script(os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "vsh:", err)
	}
	if err != nil || !ok {
		return 1
	}
	return 0
}
