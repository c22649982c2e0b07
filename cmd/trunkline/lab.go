package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"trunkline/cli/remote"
	"trunkline/cli/term"
	"trunkline/feature"
	"trunkline/internal/flagenv"
	"trunkline/internal/version"
	"trunkline/linecard"
	"trunkline/supervisor"
	world "trunkline/testbed/lab"
)

// labConfig is what the lab's chassis boots from: two profiles for hosts, one
// for the uplinks, and a vEthernet in each host.
const labConfig = `hostname lab
vlan 10,20
vlan 10
  name BLUE
vlan 20
  name GREEN
port-profile type ethernet UPLINK
  switchport mode trunk
  no shutdown
  state enabled
port-profile type vethernet WEB
  switchport access vlan 10
  no shutdown
  state enabled
port-profile type vethernet DB
  switchport access vlan 10
  no shutdown
  state enabled
vem 3
  host uplink c3u1 profile UPLINK
vem 4
  host uplink c4u1 profile UPLINK
`

// lab runs the lab chassis in a private world.
func lab(args []string) (int, error) {
	fs := flag.NewFlagSet("trunkline lab", flag.ContinueOnError)
	exec := fs.String("exec", "", "run `COMMANDS` (separated by \" ; \") and exit 0 or 1")
	level := slog.LevelError
	fs.TextVar(&level, "log-level", level, "least level to log: DEBUG, INFO, WARN, ERROR")
	if err := flagenv.Parse(fs, args, os.LookupEnv); err != nil {
		return 2, err
	}
	if fs.NArg() > 0 {
		return 2, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	inside, exit, err := world.Enter(os.Args[1:])
	if !inside {
		return exit, err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	w, err := world.Build(ctx, world.Default())
	if err != nil {
		return 1, err
	}
	log := logger(level)
	config := filepath.Join(w.Dir(), "lab.cfg")
	if err := os.WriteFile(config, []byte(labConfig+hostPorts(w)), 0o600); err != nil {
		return 1, err
	}
	cards := "unix:" + filepath.Join(w.Dir(), "cards.sock")
	cfg := supervisor.Config{
		StateDir: filepath.Join(w.Dir(), "vsm"), StartupConfig: config, Socket: filepath.Join(w.Dir(), "vsm.sock"),
		Admin: supervisor.LabAdmin("", ""), Cards: []string{cards}, Extra: []feature.Feature{hostFeature(w)}, Log: log,
	}
	messages := &screen{out: os.Stdout}
	prompt := *exec == "" && term.Is(os.Stdin, os.Stdout)
	if prompt {
		cfg.Console = messages
	}
	var vems []linecard.Config
	for slot := 3; slot <= 4; slot++ {
		vems = append(vems, linecard.Config{
			StateDir: filepath.Join(w.Dir(), fmt.Sprintf("vem%d", slot)), Supervisors: []string{cards}, Slot: slot,
			UUID: fmt.Sprintf("7f0f7c0e-3b7a-4a55-9d55-00000000000%d", slot), Host: fmt.Sprintf("lab-%c", 'a'+slot-3),
			Address: "127.0.0.1", Socket: filepath.Join(w.Dir(), fmt.Sprintf("vem%d.sock", slot)),
			Version: version.String, Log: log,
		})
	}
	code := 0
	err = serve(ctx, cfg, vems, func(ctx context.Context, now *current) error {
		g, ctx := errgroup.WithContext(ctx)
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		g.Go(func() error { return w.Keep(ctx) })
		g.Go(func() error {
			defer cancel()
			if err := plugged(ctx, w, now.load()); err != nil {
				return err
			}
			if prompt {
				return interactive(ctx, now, messages, func(*supervisor.Supervisor) []string { return nil })
			}
			ok, err := script(ctx, now.load(), *exec)
			if !ok {
				code = 1
			}
			return err
		})
		if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	})
	return code, err
}

// hostPorts gives each host a vEthernet: the first half on card 3 with profile
// WEB, the others on card 4 with profile DB.
func hostPorts(w *world.World) string {
	var b strings.Builder
	hosts := w.Hosts()
	for i, h := range hosts {
		slot, profile := 3, "WEB"
		if i >= len(hosts)/2 {
			slot, profile = 4, "DB"
		}
		fmt.Fprintf(&b, "interface Vethernet%d\n  inherit port-profile %s\n  description host %s\n  owner netns %s ifname eth0 module %d\n",
			i+1, profile, h.Name, h.Name, slot)
	}
	return b.String()
}

// patience bounds the wait for the cards and the hosts' interfaces.
const patience = 5 * time.Second

// plugged waits until both cards are in and every host has its interface. What
// is missing after that shows in the lab itself.
func plugged(ctx context.Context, w *world.World, s *supervisor.Supervisor) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var g errgroup.Group
	for _, h := range w.Hosts() {
		g.Go(func() error { return w.Configure(ctx, h.Name) })
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !s.Ready(2, len(w.Hosts())+2) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			fmt.Fprintln(os.Stderr, "trunkline: not all of the lab is up yet; see show module and show interface brief")
			return g.Wait()
		}
	}
	return g.Wait()
}

// script runs commands without a terminal: those given, or else those of
// standard input.
func script(ctx context.Context, s *supervisor.Supervisor, commands string) (ok bool, err error) {
	client, _, wait, err := s.Sessions().Local(ctx, console0, remote.Hello{})
	if err != nil {
		return false, err
	}
	if commands != "" {
		ok, err = client.Script(strings.NewReader(commands), os.Stdout)
	} else {
		ok, err = client.Script(os.Stdin, os.Stdout)
	}
	_ = client.Close() // the session ends with it
	return ok, cmp.Or(err, wait())
}
