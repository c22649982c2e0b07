package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// product prints the contract's numbers that need no peer: start to prompt,
// memory and idle processor time of an appliance with 8 ports.
func product(ctx context.Context, w *world, out io.Writer) error {
	const ns = "tlbench-p"
	defer func() { _, _ = sh(context.Background(), "ip", "netns", "del", ns) }()
	lines := []string{"ip netns add " + ns, "ip -n " + ns + " link set lo up"}
	for i := 1; i <= 8; i++ {
		lines = append(lines, fmt.Sprintf("ip -n %s link add eth%d type veth peer name peer%d", ns, i, i),
			fmt.Sprintf("ip -n %s link set peer%d up", ns, i))
	}
	if err := all(ctx, lines...); err != nil {
		return err
	}
	state := filepath.Join(w.dir, "appliance")
	sock := filepath.Join(state, "vsm.sock")
	if err := os.MkdirAll(state, 0o700); err != nil {
		return err
	}
	argv := in(ns, filepath.Join(w.bin, "trunkline"), "run", "--lab", "--state-dir", state, "--socket", sock)
	began := time.Now()
	d, err := w.start("appliance.log", nil, argv[0], argv[1:]...)
	if err != nil {
		return err
	}
	defer d.stop()
	vsh := func(line string) (string, error) {
		return sh(ctx, filepath.Join(w.bin, "vsh"), "--socket", sock, "-c", line)
	}
	if err := waitFor(ctx, 10*time.Second, func() error { _, err := vsh("show clock"); return err }); err != nil {
		return fmt.Errorf("appliance does not answer: %w", err)
	}
	started := time.Since(began)
	pid := d.cmd.Process.Pid
	// The work of the start, the last of which is a garbage collection, is over
	// when the measurement begins.
	const settle, measure = 5, 20 // seconds
	if err := pause(ctx, settle*time.Second); err != nil {
		return err
	}
	before := cpuTicks(pid)
	if err := pause(ctx, measure*time.Second); err != nil {
		return err
	}
	idle := float64(cpuTicks(pid)-before) / measure // USER_HZ is 100: ticks per second are percent
	fmt.Fprintf(out, "\n%-46s %10s %10s\n", "Appliance with 8 ports", "Measured", "Bound")
	fmt.Fprintln(out, strings.Repeat("-", 68))
	fmt.Fprintf(out, "%-46s %8.2f s %10s\n", "start to answer (polled every 0.1 s)", started.Seconds(), "<= 1 s")
	fmt.Fprintf(out, "%-46s %7d MB %10s\n", "resident memory, idle", rssMB(pid), "<= 100 MB")
	fmt.Fprintf(out, "%-46s %8.2f %% %10s\n", "idle processor time of one core", idle, "<= 1 %")
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func cpuTicks(pid int) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return user + system
}

func rssMB(pid int) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for l := range strings.Lines(string(b)) {
		if f := strings.Fields(l); len(f) > 1 && f[0] == "VmRSS:" {
			kb, _ := strconv.Atoi(f[1])
			return kb / 1024
		}
	}
	return 0
}
