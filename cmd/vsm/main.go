// Command vsm is the supervisor daemon.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"trunkline/cli/remote"
	"trunkline/config/schema"
	"trunkline/internal/flagenv"
	"trunkline/internal/timerslack"
	"trunkline/supervisor"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "schema" && os.Args[2] == "yang" {
		if err := printYANG(); err != nil {
			fmt.Fprintln(os.Stderr, "vsm:", err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "token" {
		exit("vsm token", printToken(os.Args[2:]))
	}
	timerslack.Restart(timerslack.Idle)
	cfg, err := configure(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "vsm:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := supervisor.Serve(ctx, cfg, nil); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "vsm:", err)
		stop()
		os.Exit(1)
	}
}

const usage = `Usage: vsm [flags]                                 run the supervisor
       vsm token [--state-dir D] [--lifetime T]   print a one-time enrolment token
       vsm schema yang                            print the YANG model of configuration and state

A token lets one line card enrol, whatever vem admission says: put it into a
file on the card's host and start the card with vem --token-file FILE.

Every flag may also be set in the environment, --state-dir by TRUNKLINE_STATE_DIR.
Flags:
`

func configure(args []string) (supervisor.Config, error) {
	fs := flag.NewFlagSet("vsm", flag.ContinueOnError)
	var (
		state   = fs.String("state-dir", "/var/lib/trunkline", "directory of configuration and keys")
		startup = fs.String("startup-config", "", "file that a new chassis boots from")
		socket  = fs.String("socket", remote.DefaultSocket, "socket of vsh; empty for none")
		cards   = fs.String("cards", ":4785", "address to listen on for line cards; empty for none")
		etcd    = fs.String("etcd", "", "endpoints of an external etcd, comma separated; empty: embedded")
		ssh     = supervisor.SSHFlag(fs)
		gnmi    = supervisor.GNMIFlags(fs)
		nxapi   = supervisor.NXAPIFlag(fs)
		mgmt    = fs.String("mgmt", "", "network device that is mgmt0; empty for none")
		clock   = fs.Bool("set-clock", false, "set the clock of the machine by NTP and clock set; takes CAP_SYS_TIME")
		admin   = supervisor.AdminFlags(fs, os.Stderr)
		level   = slog.LevelInfo
	)
	fs.Usage = func() {
		fmt.Fprint(fs.Output(), usage)
		fs.PrintDefaults()
	}
	fs.TextVar(&level, "log-level", level, "least level to log: DEBUG, INFO, WARN, ERROR")
	if err := flagenv.Parse(fs, args, os.LookupEnv); err != nil {
		return supervisor.Config{}, err
	}
	if fs.NArg() > 0 {
		return supervisor.Config{}, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	debug.SetGCPercent(100)
	cfg := supervisor.Config{
		StateDir: *state, StartupConfig: *startup, Socket: *socket, SSH: *ssh, NXAPI: *nxapi,
		Console: os.Stderr,
		Log:     slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})),
	}
	cfg.GNMI, cfg.Mgmt, cfg.SetClock = gnmi(), *mgmt, *clock
	var err error
	if cfg.Admin, err = admin(); err != nil {
		return supervisor.Config{}, err
	}
	if *cards != "" {
		cfg.Cards = strings.Split(*cards, ",")
	}
	if *etcd != "" {
		cfg.Endpoints = strings.Split(*etcd, ",")
	}
	return cfg, nil
}

// printYANG writes the YANG module of every feature to standard output.
func printYANG() error {
	config, state, err := supervisor.Schemas(supervisor.Features())
	if err != nil {
		return err
	}
	_, err = fmt.Print(schema.YANG(config, state))
	return err
}
