package main

import (
	"context"
	"errors"
	"time"
)

// workload is one thing that is measured of a switch. It may yield several
// figures.
type workload struct {
	ports []string // kinds of port it is run on
	main  bool     // measured also without -peers
	bar   bool     // a bar of the project is about it
	run   func(ctx context.Context, w *world, b *bed, length time.Duration) ([]figure, error)
}

// figure is one result.
type figure struct {
	metric string
	value  float64
}

var kernelPorts = []string{veth, tap}

var workloads = []workload{
	{kernelPorts, true, true, transfer("TCP", cubic)},
	{kernelPorts, false, true, transfer("TCP BBR", bbr)},
	{kernelPorts, false, false, func(ctx context.Context, w *world, b *bed, length time.Duration) ([]figure, error) {
		rate, _, err := tcp(ctx, w, cubic, 8, length)
		return []figure{{"TCP, 8 streams, Gbit/s", rate}}, err
	}},
	{kernelPorts, true, true, flooded("64 B Mframe/s", 60, 1)},
	{kernelPorts, false, false, flooded("64 B, 10,000 flows, Mframe/s", 60, 10_000)},
	{kernelPorts, false, false, flooded("512 B Mframe/s", 508, 1)},
	{kernelPorts, false, false, flooded("1514 B Mframe/s", 1514, 1)},
	{kernelPorts, false, false, pinned(func(ctx context.Context, w *world, b *bed, length time.Duration) ([]figure, error) {
		rate, err := supers(ctx, w, length)
		return []figure{{"64 KiB super-frames Gbit/s", rate}}, err
	})},
	{kernelPorts, true, false, func(ctx context.Context, w *world, b *bed, length time.Duration) ([]figure, error) {
		p50, p99, err := roundTrip(ctx, w, length)
		return []figure{{"RTT p50 us", p50}, {"RTT p99 us", p99}}, err
	}},
	{kernelPorts, false, true, pinned(func(ctx context.Context, w *world, b *bed, length time.Duration) ([]figure, error) {
		p50, p99, err := roundTrip(ctx, w, length)
		return []figure{{"RTT pinned p50 us", p50}, {"RTT pinned p99 us", p99}}, err
	})},
	{kernelPorts, false, false, pinned(func(ctx context.Context, w *world, b *bed, length time.Duration) ([]figure, error) {
		p50, p99, err := loadedRoundTrip(ctx, w, length)
		return []figure{{"RTT at half load p50 us", p50}, {"RTT at half load p99 us", p99}}, err
	})},
	{[]string{vhost}, false, true, driven("60 B Mframe/s", 60, false)},
	{[]string{vhost}, false, false, driven("60 B, many flows, Mframe/s", 60, true)},
	{[]string{vhost}, false, true, driven("1514 B Mframe/s", 1514, false)},
}

// transfer is one TCP stream, where the kernel has the congestion control.
func transfer(name, control string) func(context.Context, *world, *bed, time.Duration) ([]figure, error) {
	return func(ctx context.Context, w *world, _ *bed, length time.Duration) ([]figure, error) {
		if !controls(control) {
			return nil, nil
		}
		rate, retransmits, err := tcp(ctx, w, control, 1, length)
		return []figure{{name + " Gbit/s", rate}, {name + " retransmits", retransmits}}, err
	}
}

// pinned runs a workload with the switch on its own CPU.
func pinned(run func(context.Context, *world, *bed, time.Duration) ([]figure, error)) func(context.Context, *world, *bed, time.Duration) ([]figure, error) {
	return func(ctx context.Context, w *world, b *bed, length time.Duration) ([]figure, error) {
		if err := b.pin(ctx, true); err != nil {
			return nil, err
		}
		w.pin = true
		figures, err := run(ctx, w, b, length)
		w.pin = false
		if perr := b.pin(ctx, false); err == nil {
			err = perr
		}
		return figures, err
	}
}

func flooded(metric string, size, flows int) func(context.Context, *world, *bed, time.Duration) ([]figure, error) {
	return pinned(func(ctx context.Context, w *world, b *bed, length time.Duration) ([]figure, error) {
		rate, err := frames(ctx, w, size, flows, length)
		return []figure{{metric, rate}}, err
	})
}

func driven(metric string, size int, many bool) func(context.Context, *world, *bed, time.Duration) ([]figure, error) {
	return pinned(func(ctx context.Context, w *world, b *bed, length time.Duration) ([]figure, error) {
		rate, err := drive(ctx, b, size, many, length)
		for range 2 { // a switch that was slow to see the ports has dropped what goes round
			if !errors.Is(err, errNothingBack) {
				break
			}
			rate, err = drive(ctx, b, size, many, length)
		}
		return []figure{{metric, rate}}, err
	})
}
