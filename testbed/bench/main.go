// Command bench measures Trunkline and its peers between the same two hosts in
// one run and prints ratios (make bench; make bench PEERS=1 for all peers and
// workloads). Absolute figures of a shared machine mean little; a ratio within
// one run means something.
//
// Rounds go through all peers in turn, so that a slow minute hits them all. It
// needs root, iperf3, ethtool, and the peers' packages for the peers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// setUp bounds each step of a peer's start.
const setUp = 8 * time.Second

type options struct {
	rounds int
	length time.Duration
	all    bool   // every peer and workload
	bars   bool   // every peer, but only the workloads that the bars are about
	only   string // peers whose name or kind of port contains it
	docs   string // directory for the report, "" for none
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 3, "rounds through all peers")
	flag.DurationVar(&o.length, "length", 3*time.Second, "length of one measurement")
	flag.BoolVar(&o.all, "peers", false, "all peers and workloads")
	flag.BoolVar(&o.bars, "bars", false, "all peers, and only the workloads that the project's bars are about")
	flag.StringVar(&o.only, "only", "", "measure only peers whose name or kind of port (veth, tap, vhost) contains one of these words (a,b)")
	flag.StringVar(&o.docs, "docs", "", "write the tables and charts to this directory")
	var (
		device = flag.String("flood", "", "internal: flood frames out of this interface")
		s      stream
		forth  = flag.Duration("for", time.Second, "internal: length of -flood and -ask")
		echo   = flag.String("echo", "", "internal: answer UDP at this address")
		ask    = flag.String("ask", "", "internal: measure round trips to this address")
	)
	flag.IntVar(&s.size, "size", 60, "internal: with -flood, bytes of a frame")
	flag.IntVar(&s.flows, "flows", 1, "internal: with -flood, number of flows")
	flag.IntVar(&s.rate, "rate", 0, "internal: with -flood, frames per second")
	flag.IntVar(&s.count, "frames", 0, "internal: with -flood, stop after this many frames, which go the other way")
	flag.BoolVar(&s.super, "super", false, "internal: with -flood, TCP super-frames")
	flag.BoolVar(&s.broadcast, "broadcast", false, "internal: with -flood, to everybody")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch {
	case *device != "":
		err = flood(ctx, *device, s, *forth)
	case *echo != "":
		err = echoUDP(ctx, *echo)
	case *ask != "":
		err = askUDP(ctx, *ask, *forth)
	default:
		err = run(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if os.Geteuid() != 0 {
		return errors.New("needs root: it makes network namespaces and starts the peers")
	}
	dir, err := os.MkdirTemp("", "trunkline-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bin := os.Getenv("TRUNKLINE_BIN")
	if bin == "" {
		bin = "bin"
	}
	if bin, err = filepath.Abs(bin); err != nil {
		return err
	}
	w := &world{dir: dir, bin: bin}
	defer quiet()()
	urgent()
	if o.all || o.bars {
		restore, err := reserveHuge()
		if err != nil {
			return err
		}
		defer restore()
	}
	var results table
	chosen := choose(o)
	for round := 1; round <= o.rounds; round++ {
		for _, p := range chosen {
			fmt.Fprintf(os.Stderr, "round %d of %d: %s on %s, load %s\n", round, o.rounds, p.name, p.ports, load())
			if err := measure(ctx, w, p, o, &results); err != nil {
				if ctx.Err() != nil || p.name == ours {
					return fmt.Errorf("%s on %s: %w", p.name, p.ports, err)
				}
				fmt.Fprintf(os.Stderr, "%s on %s: %v\n", p.name, p.ports, err)
			}
		}
	}
	results.print(os.Stdout)
	if o.all {
		if err := growth(ctx, w, o, &results); err != nil {
			return err
		}
	}
	if o.docs != "" {
		if err := report(o.docs, &results, o); err != nil {
			return err
		}
	}
	if o.only != "" || o.bars {
		return nil
	}
	if err := product(ctx, w, os.Stdout); err != nil {
		return err
	}
	return scale(ctx, w, os.Stdout)
}

// choose returns the peers to measure; it says which are left out for want of a
// program.
func choose(o options) []peer {
	var chosen []peer
	for _, p := range peers {
		wanted := o.all || o.bars || p.main
		if o.only != "" {
			wanted = slices.ContainsFunc(strings.Split(o.only, ","), func(s string) bool {
				return strings.Contains(p.name, s) || p.ports == s
			})
		}
		if !wanted {
			continue
		}
		if n := p.missing(); n != "" {
			fmt.Fprintf(os.Stderr, "skip %s on %s: %s is not installed\n", p.name, p.ports, n)
			continue
		}
		chosen = append(chosen, p)
	}
	return chosen
}

// measure runs the workloads on one peer. A workload that fails on a peer is
// reported and leaves the others be.
func measure(ctx context.Context, w *world, p peer, o options, results *table) error {
	b, down, err := w.put(ctx, p)
	if err != nil {
		return err
	}
	defer down()
	var errs []error
	for _, l := range workloads {
		if !slices.Contains(l.ports, p.ports) || !o.all && !(o.bars && l.bar || !o.bars && l.main) {
			continue
		}
		figures, err := l.run(ctx, w, b, o.length)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, f := range figures {
			results.add(p, f.metric, f.value)
		}
	}
	return errors.Join(errs...)
}

// load returns the load average of the last minute.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(b), " ")
	return one
}
