package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Numbers of ports of the growth measurements, those of A and B included.
var (
	fanOut    = []int{2, 10, 100}
	portSteps = []int{2, 10, 100, 1000}
)

// growers are the peers whose cost by ports is measured: more would only take
// longer.
func growers() []peer {
	var chosen []peer
	for _, p := range peers {
		if p.main && p.ports != vhost && p.missing() == "" {
			chosen = append(chosen, p)
		}
	}
	return chosen
}

// grows reports whether growth is measured on a kind of port.
func (o options) grows(ports string) bool {
	return o.only == "" || slices.Contains(strings.Split(o.only, ","), ports)
}

// growth measures what does not fit between two hosts: the cost of more ports,
// of a broadcast to all of them, and of more workers. One round.
func growth(ctx context.Context, w *world, o options, results *table) error {
	defer func() { w.extra, w.workers = 0, 0 }()
	for _, n := range portSteps {
		w.extra = n - 2
		for _, p := range growers() {
			if !o.grows(p.ports) {
				continue
			}
			fmt.Fprintf(os.Stderr, "%s on %s with %d ports\n", p.name, p.ports, n)
			if err := grown(ctx, w, p, n, o.length, results); err != nil {
				if ctx.Err() != nil {
					return err
				}
				fmt.Fprintf(os.Stderr, "%s on %s with %d ports: %v\n", p.name, p.ports, n, err)
			}
		}
	}
	w.extra = 0
	for _, n := range []int{1, 2} {
		w.workers = n
		for _, ports := range kernelPorts {
			if !o.grows(ports) {
				continue
			}
			p := peer{name: fmt.Sprintf("%s, %d workers", ours, n), ports: ports, up: appliance{ports: ports}.up}
			fmt.Fprintf(os.Stderr, "%s on %s\n", p.name, p.ports)
			if err := worked(ctx, w, p, o.length, results); err != nil {
				return fmt.Errorf("%s on %s: %w", p.name, p.ports, err)
			}
		}
	}
	return nil
}

func grown(ctx context.Context, w *world, p peer, ports int, length time.Duration, results *table) error {
	b, down, err := w.put(ctx, p)
	if err != nil {
		return err
	}
	defer down()
	if err := b.pin(ctx, true); err != nil {
		return err
	}
	w.pin = true
	defer func() { w.pin = false }()
	rate, err := frames(ctx, w, 60, 1, length)
	if err != nil {
		return err
	}
	results.add(p, fmt.Sprintf("64 B with %d ports, Mframe/s", ports), rate)
	if !slices.Contains(fanOut, ports) {
		return nil
	}
	rate, err = broadcasts(ctx, w, length)
	if err != nil {
		return err
	}
	results.add(p, fmt.Sprintf("broadcast to %d ports, copies, Mframe/s", ports-1), rate)
	return nil
}

// broadcasts returns the copies per second that reach the ports of host B, in
// millions, while A floods broadcasts.
func broadcasts(ctx context.Context, w *world, length time.Duration) (float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	count := func() (uint64, error) {
		out, err := sh(ctx, "ip", in(hostB, "sh", "-c", "cat /sys/class/net/tlb*/statistics/rx_packets")[1:]...)
		if err != nil {
			return 0, err
		}
		var sum uint64
		for f := range strings.FieldsSeq(out) {
			n, err := strconv.ParseUint(f, 10, 64)
			if err != nil {
				return 0, err
			}
			sum += n
		}
		return sum, nil
	}
	before, err := count()
	if err != nil {
		return 0, err
	}
	start := time.Now()
	if _, err := sh(ctx, "ip", w.at(hostA, self, "-flood", ifaceA, "-broadcast", "-for", length.String())...); err != nil {
		return 0, err
	}
	took := time.Since(start)
	after, err := count()
	return float64(after-before) / took.Seconds() / 1e6, err
}

func worked(ctx context.Context, w *world, p peer, length time.Duration, results *table) error {
	_, down, err := w.put(ctx, p)
	if err != nil {
		return err
	}
	defer down()
	rate, _, err := tcp(ctx, w, cubic, 8, length)
	if err != nil {
		return err
	}
	results.add(p, "TCP, 8 streams, by workers, Gbit/s", rate)
	fps, err := frames(ctx, w, 60, 1000, length)
	if err != nil {
		return err
	}
	results.add(p, "64 B, 1,000 flows, by workers, Mframe/s", fps)
	return nil
}
