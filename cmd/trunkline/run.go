package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"trunkline/cli/remote"
	"trunkline/cli/term"
	"trunkline/feature"
	"trunkline/internal/flagenv"
	"trunkline/internal/version"
	"trunkline/linecard"
	"trunkline/linecard/agent"
	"trunkline/linecard/local"
	"trunkline/supervisor"
)

// run is the appliance: a supervisor and the line card of slot 3.
func run(args []string) (int, error) {
	fs := flag.NewFlagSet("trunkline run", flag.ContinueOnError)
	var (
		state   = fs.String("state-dir", "/var/lib/trunkline", "directory of configuration, keys and port numbers")
		startup = fs.String("startup-config", "", "file that a new chassis boots from")
		socket  = fs.String("socket", remote.DefaultSocket, "socket of vsh")
		vemcmd  = fs.String("vem-socket", "", "socket of vemcmd; empty: vem.sock beside the socket of vsh")
		labMode = fs.Bool("lab", false, "eth1…ethN are Ethernet1/1…1/N, up in VLAN 1; host name from HOSTNAME")
		workers = linecard.WorkerFlags(fs)
		ssh     = supervisor.SSHFlag(fs)
		gnmi    = supervisor.GNMIFlags(fs)
		nxapi   = supervisor.NXAPIFlag(fs)
		mgmt    = fs.String("mgmt", "", "network device that is mgmt0; empty for none, with --lab eth0 where there is one")
		clock   = fs.Bool("set-clock", false, "set the clock of the machine by NTP and clock set; takes CAP_SYS_TIME")
		admin   = supervisor.AdminFlags(fs, os.Stderr)
		level   = slog.LevelWarn
	)
	fs.TextVar(&level, "log-level", level, "least level to log: DEBUG, INFO, WARN, ERROR")
	if err := flagenv.Parse(fs, args, os.LookupEnv); err != nil {
		return 2, err
	}
	if fs.NArg() > 0 {
		return 2, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	if *vemcmd == "" {
		*vemcmd = filepath.Join(filepath.Dir(*socket), "vem.sock")
		if *socket == remote.DefaultSocket {
			*vemcmd = local.DefaultSocket
		}
	}
	log := logger(level)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := os.MkdirAll(*state, 0o700); err != nil {
		return 1, fmt.Errorf("state directory: %w", err)
	}
	cards := "unix:" + filepath.Join(*state, "cards.sock")
	cfg := supervisor.Config{StateDir: *state, StartupConfig: *startup, Socket: *socket, SSH: *ssh, NXAPI: *nxapi, Cards: []string{cards}, Log: log}
	card := linecard.Config{
		StateDir: filepath.Join(*state, "vem"), Supervisors: []string{cards}, Slot: feature.FirstCard,
		Host: linecard.Hostname(), Lab: *labMode, Socket: *vemcmd, Version: version.String, Log: log,
	}
	if err := workers(&card); err != nil {
		return 2, err
	}
	cfg.Console = os.Stderr
	messages := &screen{out: os.Stdout}
	if term.Is(os.Stdin, os.Stdout) {
		cfg.Console = messages
	}
	cfg.GNMI, cfg.Mgmt, cfg.SetClock = gnmi(), *mgmt, *clock
	if _, err := net.InterfaceByName("eth0"); *labMode && *mgmt == "" && err == nil {
		cfg.Mgmt = "eth0"
	}
	if cfg.Mgmt != "" {
		card.Exclude = append(card.Exclude, cfg.Mgmt)
		card.Address = linecard.Address(cfg.Mgmt)
	}
	var err error
	if cfg.Admin, err = admin(); err != nil {
		return 2, err
	}
	if *labMode {
		cfg.Admin = supervisor.LabAdmin(os.Getenv("TRUNKLINE_USER"), cmp.Or(cfg.Admin.Password, os.Getenv("TRUNKLINE_PASSWORD")))
		cfg.Base = labBase(os.Getenv("HOSTNAME"))
		waitInterfaces(ctx, log)
	}
	if card.UUID, err = agent.HostUUID("", card.StateDir); err != nil {
		return 1, err
	}
	// The terminal may go; the appliance stays.
	signal.Ignore(syscall.SIGHUP)
	return 0, serve(ctx, cfg, []linecard.Config{card}, func(ctx context.Context, now *current) error {
		if term.Is(os.Stdin, os.Stdout) {
			// Who has said how a new chassis is to be is not asked.
			return console(ctx, now, messages, !*labMode && *startup == "" && cfg.Admin.Password == "")
		}
		<-ctx.Done()
		return nil
	})
}

// current is the supervisor that runs: another one after each reload.
type current struct {
	mu      sync.Mutex
	s       *supervisor.Supervisor
	changed chan struct{} // closed when s changes
}

func (c *current) set(s *supervisor.Supervisor) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s = s
	close(c.changed)
	c.changed = make(chan struct{})
}

// load returns the supervisor, nil before the first is open.
func (c *current) load() *supervisor.Supervisor {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.s
}

// after waits for a supervisor other than old and returns it, nil when ctx ends
// first.
func (c *current) after(ctx context.Context, old *supervisor.Supervisor) *supervisor.Supervisor {
	for {
		c.mu.Lock()
		s, changed := c.s, c.changed
		c.mu.Unlock()
		if s != old {
			return s
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// serve runs a supervisor and its line cards in this process until ctx ends, a
// part fails or main returns. Main starts when the supervisor is open.
func serve(ctx context.Context, cfg supervisor.Config, cards []linecard.Config,
	main func(context.Context, *current) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	now := &current{changed: make(chan struct{})}
	for _, c := range cards {
		card, err := linecard.New(c)
		if err != nil {
			return err
		}
		g.Go(func() error { return card.Run(ctx) })
	}
	g.Go(func() error { return supervisor.Serve(ctx, cfg, now.set) })
	g.Go(func() error {
		defer cancel()
		if now.after(ctx, nil) == nil {
			return nil
		}
		return main(ctx, now)
	})
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

var console0 = feature.Session{User: "admin", From: "console0", Role: feature.NetworkAdmin}

// console serves the terminal until ctx ends or the terminal goes. Logging out
// leaves the appliance running; Enter logs in again. With dialogue, the first
// session on a chassis that had nothing stored begins with setup.
func console(ctx context.Context, now *current, messages *screen, dialogue bool) error {
	asked := (*supervisor.Supervisor)(nil)
	begin := func(s *supervisor.Supervisor) []string {
		if !dialogue || s == asked || !s.Fresh() {
			return nil
		}
		asked = s
		return []string{"setup"}
	}
	for ctx.Err() == nil {
		if err := interactive(ctx, now, messages, begin); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		fmt.Println("\nLogged out. Enter opens the console again, Ctrl-C stops the appliance.")
		if !enter(ctx) { // the terminal has gone: the appliance stays
			<-ctx.Done()
		}
	}
	return nil
}

// enter waits for a line of the terminal. It reports whether there was one.
func enter(ctx context.Context) bool {
	for ctx.Err() == nil {
		fds := []unix.PollFd{{Fd: int32(os.Stdin.Fd()), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, 100) // ms: how soon the end of ctx is seen
		if err != nil && !errors.Is(err, unix.EINTR) {
			return false
		}
		if n > 0 {
			var line [4096]byte // the terminal hands over whole lines
			got, err := unix.Read(int(os.Stdin.Fd()), line[:])
			return err == nil && got > 0
		}
	}
	return false
}

// interactive runs sessions on the terminal, with the next supervisor after a
// reload, until the operator logs out. Begin has the lines that a session begins
// with.
func interactive(ctx context.Context, now *current, messages *screen, begin func(*supervisor.Supervisor) []string) error {
	for s := now.load(); s != nil; s = now.after(ctx, s) {
		if err := terminal(ctx, s, messages, begin(s)...); err != nil && !s.Reloading() {
			return err
		}
		if !s.Reloading() || ctx.Err() != nil {
			return nil
		}
		fmt.Println("The system is reloading.")
	}
	return nil
}

// terminal runs one interactive session on the process's terminal, the lines
// first.
func terminal(ctx context.Context, s *supervisor.Supervisor, messages *screen, lines ...string) error {
	client, first, wait, err := s.Sessions().Local(ctx, console0, term.Hello(os.Stdin, os.Stdout))
	if err != nil {
		return err
	}
	leave := messages.enter(client)
	defer leave()
	err = term.Run(ctx, os.Stdin, os.Stdout, client, first, lines...)
	_ = client.Close() // the session ends with it
	if werr := wait(); werr != nil && err == nil && ctx.Err() == nil {
		err = werr
	}
	return err
}

var hostname = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$`)

// labBase is the configuration of a new appliance in lab mode.
func labBase(name string) string {
	text := "system compat front-panel\nfeature lldp\nfeature nxapi\n"
	if hostname.MatchString(name) {
		text += "hostname " + name + "\n"
	}
	return text
}

// waitInterfaces waits for the data interfaces that containerlab has announced
// in CLAB_INTFS, TRUNKLINE_WAIT_INTFS seconds at most (10; gnmi.md §4).
func waitInterfaces(ctx context.Context, log *slog.Logger) {
	want, err := strconv.Atoi(os.Getenv("CLAB_INTFS"))
	if err != nil || want <= 0 {
		return
	}
	limit := 10 * time.Second
	if s, err := strconv.Atoi(os.Getenv("TRUNKLINE_WAIT_INTFS")); err == nil && s >= 0 {
		limit = time.Duration(s) * time.Second
	}
	deadline := time.After(limit)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		have := 0
		entries, err := os.ReadDir("/sys/class/net")
		if err == nil {
			for _, e := range entries {
				if n := e.Name(); n != "lo" && n != "eth0" && !strings.HasPrefix(n, "tunl") {
					have++
				}
			}
		}
		if have >= want {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			log.Warn("not all data interfaces are there", "announced", want, "present", have)
			return
		case <-ctx.Done():
			return
		}
	}
}
