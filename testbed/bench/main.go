// Command bench measures Trunkline and its peers between the same two hosts in
// one run and prints ratios (make bench). Absolute figures of a shared machine
// mean little; a ratio within one run means something.
//
// Rounds go through all peers in turn, so that a slow minute hits them all. It
// needs root, iperf3, ethtool, and Open vSwitch for that peer.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	var (
		rounds = flag.Int("rounds", 3, "rounds through all peers")
		length = flag.Duration("length", 4*time.Second, "length of one measurement")
		only   = flag.String("only", "", "measure only peers of this name, or this kind of port (tap, veth)")
		flood  = flag.String("flood", "", "internal: flood 64-byte frames out of this interface")
		count  = flag.Int("frames", 0, "internal: with -flood, stop after this many frames")
		forth  = flag.Duration("for", time.Second, "internal: length of -flood and -ask")
		echo   = flag.String("echo", "", "internal: answer UDP at this address")
		ask    = flag.String("ask", "", "internal: measure round trips to this address")
	)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch {
	case *flood != "":
		err = floodFrames(ctx, *flood, *count, *forth)
	case *echo != "":
		err = echoUDP(ctx, *echo)
	case *ask != "":
		err = askUDP(ctx, *ask, *forth)
	default:
		err = run(ctx, *rounds, *length, *only)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds int, length time.Duration, only string) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("needs root: it makes network namespaces and starts the peers")
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
	raiseLimits()
	var results table
	for round := 1; round <= rounds; round++ {
		for _, p := range peers {
			if only != "" && only != p.name && only != p.ports {
				continue
			}
			if p.needs != "" {
				if _, err := exec.LookPath(p.needs); err != nil {
					fmt.Fprintf(os.Stderr, "skip %s: %s is not installed\n", p.name, p.needs)
					continue
				}
			}
			fmt.Fprintf(os.Stderr, "round %d: %s, %s\n", round, p.name, p.ports)
			if err := measure(ctx, w, p, length, &results); err != nil {
				return fmt.Errorf("%s on %s: %w", p.name, p.ports, err)
			}
		}
	}
	results.print(os.Stdout)
	if err := product(ctx, w, os.Stdout); err != nil {
		return err
	}
	return scale(ctx, w, os.Stdout)
}

func measure(ctx context.Context, w *world, p peer, length time.Duration, results *table) error {
	w.removeHosts()
	defer w.removeHosts()
	if err := w.makeHosts(ctx); err != nil {
		return err
	}
	down, err := p.up(ctx, w)
	if err != nil {
		return err
	}
	defer down()
	rate, err := tcp(ctx, w, length)
	if err != nil {
		return err
	}
	results.add(p, "TCP Gbit/s", rate)
	fps, err := frames(ctx, w, length)
	if err != nil {
		return err
	}
	results.add(p, "64 B Mframe/s", fps)
	p50, p99, err := roundTrip(ctx, w, length/2)
	if err != nil {
		return err
	}
	results.add(p, "RTT p50 us", p50)
	results.add(p, "RTT p99 us", p99)
	return nil
}
