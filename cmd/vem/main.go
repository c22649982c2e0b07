// Command vem is the line-card daemon: it switches frames between the ports of
// one host, as a supervisor says, and goes on without one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"trunkline/internal/flagenv"
	"trunkline/internal/timerslack"
	"trunkline/internal/version"
	"trunkline/linecard"
	"trunkline/linecard/agent"
	"trunkline/linecard/local"
)

func main() {
	timerslack.Restart(timerslack.Idle)
	cfg, err := configure(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "vem:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	card, err := linecard.New(cfg)
	if err == nil {
		err = card.Run(ctx)
	}
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "vem:", err)
		stop()
		os.Exit(1)
	}
}

func configure(args []string) (linecard.Config, error) {
	fs := flag.NewFlagSet("vem", flag.ContinueOnError)
	var (
		state   = fs.String("state-dir", "/var/lib/trunkline/vem", "directory of identity, program and port numbers")
		vsm     = fs.String("vsm", "", "addresses of the supervisors, HOST[:PORT],…; the port is 4785")
		domain  = fs.Uint("domain", 0, "switch domain, 0 for that of the chassis")
		slot    = fs.Int("slot", 0, "slot to ask for, 0 for any")
		token   = fs.String("token-file", "", "file with a one-time enrolment token")
		conf    = fs.String("config", "/etc/trunkline/vem.conf", "host file; empty for none")
		uuid    = fs.String("host-uuid", "", "UUID of the host; empty: from the machine")
		socket  = fs.String("vem-socket", local.DefaultSocket, "socket of vemcmd; empty for none")
		lab     = fs.Bool("lab", false, "adopt eth1…ethN as ports by their numbers")
		workers = linecard.WorkerFlags(fs)
		level   = slog.LevelInfo
	)
	fs.TextVar(&level, "log-level", level, "least level to log: DEBUG, INFO, WARN, ERROR")
	if err := flagenv.Parse(fs, args, os.LookupEnv); err != nil {
		return linecard.Config{}, err
	}
	if fs.NArg() > 0 {
		return linecard.Config{}, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	debug.SetGCPercent(200)
	cfg := linecard.Config{
		StateDir: *state, Domain: uint32(*domain), Slot: *slot, Lab: *lab, Host: linecard.Hostname(),
		Socket: *socket, Version: version.String,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})),
	}
	if err := workers(&cfg); err != nil {
		return cfg, err
	}
	var c agent.Conf
	if *conf != "" {
		var err error
		if c, err = agent.ReadConf(*conf); err != nil && !errors.Is(err, os.ErrNotExist) {
			return cfg, err
		}
	}
	cfg.Phys = c.Phys
	cfg.Datapath.Driver = c.Datapath
	if len(cfg.Datapath.Cores) == 0 {
		cfg.Datapath.Cores = c.Cores
	}
	if c.Domain != 0 && cfg.Domain == 0 {
		cfg.Domain = c.Domain
	}
	if c.Mgmt != "" {
		cfg.Exclude = append(cfg.Exclude, c.Mgmt)
		cfg.Address = linecard.Address(c.Mgmt)
	}
	list := c.Supervisors
	if *vsm != "" {
		list = strings.Split(*vsm, ",")
	}
	for _, a := range list {
		cfg.Supervisors = append(cfg.Supervisors, withPort(a))
	}
	if *token != "" {
		b, err := os.ReadFile(*token)
		if err != nil {
			return cfg, fmt.Errorf("read the enrolment token: %w", err)
		}
		cfg.Token = strings.TrimSpace(string(b))
	}
	given := *uuid
	if given == "" {
		given = c.UUID
	}
	var err error
	cfg.UUID, err = agent.HostUUID(given, *state)
	return cfg, err
}

// withPort adds the default port of the session to an address without one.
func withPort(a string) string {
	if _, _, err := net.SplitHostPort(a); err == nil || strings.HasPrefix(a, "unix:") {
		return a
	}
	return net.JoinHostPort(strings.Trim(a, "[]"), "4785")
}
