package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// pps pins the endpoints to CPU 0 and leaves CPU 1 to the switch, as the peers'
// published figures do; TCP and round trips run unpinned.
const endpointCPU = "0"

// tcp returns the rate of one iperf3 stream from A to B in Gbit/s.
func tcp(ctx context.Context, w *world, length time.Duration) (float64, error) {
	server := exec.CommandContext(ctx, "ip", in(hostB, "iperf3", "-s", "-1", "-p", "5301")[1:]...)
	if err := server.Start(); err != nil {
		return 0, err
	}
	defer func() { _ = server.Process.Kill(); _ = server.Wait() }()
	if err := waitFor(ctx, 3*time.Second, func() error {
		out, err := sh(ctx, "ip", in(hostB, "ss", "-Hltn", "sport", "=", ":5301")[1:]...)
		if err == nil && !strings.Contains(out, "5301") {
			err = fmt.Errorf("iperf3 server is not listening")
		}
		return err
	}); err != nil {
		return 0, err
	}
	secs := strconv.Itoa(int(length.Seconds()))
	out, err := sh(ctx, "ip", in(hostA, "timeout", strconv.Itoa(int(length.Seconds())+8),
		"iperf3", "-c", addrB, "-p", "5301", "-t", secs, "-O", "1", "-J")[1:]...)
	var r struct {
		End struct {
			Received struct {
				Rate float64 `json:"bits_per_second"`
			} `json:"sum_received"`
		} `json:"end"`
	}
	if jerr := json.Unmarshal([]byte(out), &r); jerr != nil {
		return 0, fmt.Errorf("iperf3: %w: %s", jerr, strings.TrimSpace(out))
	}
	return r.End.Received.Rate / 1e9, err
}

// frames returns the 64-byte frames per second that reach B's interface, in
// millions, while A's interface is flooded: throughput under overload.
func frames(ctx context.Context, w *world, length time.Duration) (float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	count := func() (uint64, error) {
		out, err := sh(ctx, "ip", in(hostB, "cat", "/sys/class/net/"+ifaceB+"/statistics/rx_packets")[1:]...)
		if err != nil {
			return 0, err
		}
		return strconv.ParseUint(strings.TrimSpace(out), 10, 64)
	}
	if _, err := sh(ctx, "ip", in(hostB, self, "-flood", ifaceB, "-frames", "1")[1:]...); err != nil {
		return 0, err // teaches the switch where B is
	}
	before, err := count()
	if err != nil {
		return 0, err
	}
	start := time.Now()
	if _, err := sh(ctx, "ip", in(hostA, "taskset", "-c", endpointCPU, self, "-flood", ifaceA, "-for", length.String())[1:]...); err != nil {
		return 0, err
	}
	took := time.Since(start)
	after, err := count()
	return float64(after-before) / took.Seconds() / 1e6, err
}

// roundTrip returns the median and 99th percentile of 64-byte UDP round trips
// between two processes that sleep in recv, in microseconds.
func roundTrip(ctx context.Context, w *world, length time.Duration) (p50, p99 float64, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, 0, err
	}
	server := exec.CommandContext(ctx, "ip", in(hostB, self, "-echo", addrB+":7001")[1:]...)
	if err := server.Start(); err != nil {
		return 0, 0, err
	}
	defer func() { _ = server.Process.Kill(); _ = server.Wait() }()
	out, err := sh(ctx, "ip", in(hostA, self, "-ask", addrB+":7001", "-for", length.String())[1:]...)
	if err != nil {
		return 0, 0, err
	}
	_, err = fmt.Sscan(out, &p50, &p99)
	return p50, p99, err
}

// quiet keeps the scheduler from grouping by session while measuring, so that
// all parties compete alike; the returned function restores it.
func quiet() func() {
	const knob = "/proc/sys/kernel/sched_autogroup_enabled"
	was, err := os.ReadFile(knob)
	if err != nil || os.WriteFile(knob, []byte("0"), 0o644) != nil {
		return func() {}
	}
	return func() { _ = os.WriteFile(knob, was, 0o644) }
}

func raiseLimits() { _ = unix.Setpriority(unix.PRIO_PROCESS, 0, -10) }
