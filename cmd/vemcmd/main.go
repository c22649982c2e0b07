// Command vemcmd is the host's view of its line card. It asks the card itself
// and works with no supervisor.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"trunkline/internal/flagenv"
	"trunkline/linecard/local"
)

func main() {
	fs := flag.NewFlagSet("vemcmd", flag.ContinueOnError)
	socket := fs.String("vem-socket", local.DefaultSocket, "socket of the line card")
	fs.Usage = func() {
		fmt.Fprintln(fs.Output(), "usage: vemcmd [--vem-socket PATH] COMMAND…   (vemcmd help lists commands)")
		fs.PrintDefaults()
	}
	switch err := flagenv.Parse(fs, os.Args[1:], os.LookupEnv); {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "vemcmd:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := local.Run(ctx, *socket, fs.Args(), os.Stdout)
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "vemcmd:", err)
		stop()
		os.Exit(1)
	}
}
