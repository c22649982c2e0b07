package linecard

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"trunkline/linecard/pipeline"
)

// loadTime is the least time that the load of a worker is an average of; the
// most is twice that.
const loadTime = 5 * time.Second

// loads keeps readings of the workers' statistics, to tell what they do now from
// what they have done since the start.
type loads struct {
	at        time.Time
	old, last []pipeline.WorkerStats
}

// sample takes a reading, which counts once loadTime has passed.
func (l *loads) sample(now time.Time, workers []pipeline.WorkerStats) {
	if now.Sub(l.at) >= loadTime {
		l.at, l.old, l.last = now, l.last, workers
	}
}

// since returns what a worker has done since the reading before the last, or
// since the start when there is none.
func (l *loads) since(w pipeline.WorkerStats) (busyNs, elapsedNs, frames uint64) {
	busyNs, elapsedNs, frames = w.BusyNs, w.ElapsedNs, w.Frames
	if w.ID < len(l.old) {
		o := &l.old[w.ID]
		busyNs, elapsedNs, frames = busyNs-o.BusyNs, elapsedNs-o.ElapsedNs, frames-o.Frames
	}
	return busyNs, elapsedNs, frames
}

// showWorkers prints where the workers run, what they do now and what they have
// done since the start.
func (c *Card) showWorkers(_ context.Context, args []string, out io.Writer) error {
	if err := none(args); err != nil {
		return err
	}
	workers := c.engine.Workers()
	c.mu.Lock()
	now := c.loads
	c.mu.Unlock()
	mhz := clockMHz("/proc/cpuinfo")

	fmt.Fprintf(out, "%-6s %-4s %6s %-5s %8s %5s %10s %9s %12s\n", "Worker", "CPU", "Queues", "Wait", "Spin", "Load", "Frames/s", "ns/frame", "cycles/frame")
	for _, w := range workers {
		cpu := "--"
		if w.CPU >= 0 {
			cpu = strconv.Itoa(w.CPU)
		}
		spin := time.Duration(w.SpinNs).Round(time.Microsecond).String()
		if time.Duration(w.SpinNs) == pipeline.SpinForever {
			spin = "always"
		}
		busy, elapsed, frames := now.since(w)
		load, rate, cost, cycles := uint64(0), uint64(0), "--", "--"
		if elapsed > 0 {
			load = busy * 100 / elapsed
			rate = uint64(float64(frames) * 1e9 / float64(elapsed))
		}
		if frames > 0 {
			ns := float64(busy) / float64(frames)
			cost = strconv.FormatFloat(ns, 'f', 0, 64)
			if mhz > 0 {
				cycles = strconv.FormatFloat(ns*mhz/1000, 'f', 0, 64)
			}
		}
		fmt.Fprintf(out, "%-6d %-4s %6d %-5s %8s %4d%% %10d %9s %12s\n", w.ID, cpu, w.Queues, w.Wait, spin, load, rate, cost, cycles)
	}
	fmt.Fprintf(out, "Load and costs are of the last 5 to 10 seconds, system calls included.")
	if mhz > 0 {
		fmt.Fprintf(out, " Cycles are of %.0f MHz, as the kernel says.", mhz)
	}
	fmt.Fprintf(out, "\n\n%-6s %16s %16s %14s %14s %14s %8s\n", "Worker", "Frames", "Copies", "Rounds", "Polls", "Sleeps", "Busy")
	for _, w := range workers {
		busy := uint64(0)
		if w.ElapsedNs > 0 {
			busy = w.BusyNs * 100 / w.ElapsedNs
		}
		fmt.Fprintf(out, "%-6d %16d %16d %14d %14d %14d %7d%%\n", w.ID, w.Frames, w.Copies, w.Rounds, w.Polls, w.Sleeps, busy)
	}
	fmt.Fprintf(out, "\n%-6s %10s %10s %10s %10s %10s %10s %10s\n", "Batch", "1", "2-3", "4-7", "8-15", "16-31", "32-63", "64")
	for _, w := range workers {
		fmt.Fprintf(out, "%-6d", w.ID)
		for _, n := range w.Batches {
			fmt.Fprintf(out, " %10d", n)
		}
		fmt.Fprintln(out)
	}
	return nil
}

// clockMHz returns the clock frequency of the first processor, 0 when the file
// does not say it, as on arm64.
func clockMHz(file string) float64 {
	f, err := os.Open(file)
	if err != nil {
		return 0
	}
	defer f.Close() //nolint:errcheck // opened for reading
	lines := bufio.NewScanner(io.LimitReader(f, 64<<10))
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "cpu MHz" {
			mhz, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil || !(mhz > 0 && mhz < 1e5) {
				return 0
			}
			return mhz
		}
	}
	return 0
}

// showDatapath is what show module N datapath prints.
func (c *Card) showDatapath(out io.Writer) {
	ctx := context.Background() // nothing here waits
	fmt.Fprintf(out, "Datapath: %s\n", c.path)
	next, err := datapath(c.cfg)
	switch {
	case err != nil:
		fmt.Fprintf(out, "When the line card is started again: %v\n", err)
	case next.String() != c.path.String():
		fmt.Fprintf(out, "When the line card is started again: %s\n", next)
	}
	fmt.Fprintln(out)
	_ = c.showPorts(ctx, nil, out)
	fmt.Fprintln(out)
	_ = c.showWorkers(ctx, nil, out)
}
