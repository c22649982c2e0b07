package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// at returns the command line of a program in a host, on the endpoints' CPU
// while a measurement is pinned.
func (w *world) at(host string, argv ...string) []string {
	if w.pin {
		argv = append([]string{"taskset", "-c", strconv.Itoa(endpointCPU)}, argv...)
	}
	return in(host, argv...)[1:]
}

// Congestion control of the streams. The machine's own setting says what they
// measure: BBR paces itself by the round trips it has seen, and its rate is the
// switch's latency as much as what the switch can carry.
const (
	cubic = "cubic" // the default of Linux
	bbr   = "bbr"
)

// controls returns whether the kernel has a congestion control.
func controls(name string) bool {
	have, err := os.ReadFile("/proc/sys/net/ipv4/tcp_available_congestion_control")
	return err == nil && slices.Contains(strings.Fields(string(have)), name)
}

// tcp returns the rate of iperf3 streams from A to B in Gbit/s and the
// retransmitted segments per second.
func tcp(ctx context.Context, w *world, control string, streams int, length time.Duration) (rate, retransmits float64, err error) {
	server := exec.CommandContext(ctx, "ip", w.at(hostB, "iperf3", "-s", "-1", "-p", "5301")...)
	if err := server.Start(); err != nil {
		return 0, 0, err
	}
	defer func() { _ = server.Process.Kill(); _ = server.Wait() }()
	if err := waitFor(ctx, 3*time.Second, func() error {
		out, err := sh(ctx, "ip", in(hostB, "ss", "-Hltn", "sport", "=", ":5301")[1:]...)
		if err == nil && !strings.Contains(out, "5301") {
			err = errors.New("iperf3 server is not listening")
		}
		return err
	}); err != nil {
		return 0, 0, err
	}
	secs := max(1, int(length.Seconds()))
	out, err := sh(ctx, "ip", w.at(hostA, "timeout", strconv.Itoa(secs+8),
		"iperf3", "-c", addrB, "-p", "5301", "-C", control, "-P", strconv.Itoa(streams), "-t", strconv.Itoa(secs), "-O", "1", "-J")...)
	var r struct {
		End struct {
			Received struct {
				Rate float64 `json:"bits_per_second"`
			} `json:"sum_received"`
			Sent struct {
				Seconds     float64 `json:"seconds"`
				Retransmits float64 `json:"retransmits"`
			} `json:"sum_sent"`
		} `json:"end"`
	}
	if jerr := json.Unmarshal([]byte(out), &r); jerr != nil {
		return 0, 0, fmt.Errorf("iperf3: %w: %s", jerr, strings.TrimSpace(out))
	}
	return r.End.Received.Rate / 1e9, r.End.Sent.Retransmits / max(r.End.Sent.Seconds, 1), err
}

// received returns a receive counter of B's interface: rx_packets, rx_bytes.
func received(ctx context.Context, counter string) (uint64, error) {
	out, err := sh(ctx, "ip", in(hostB, "cat", "/sys/class/net/"+ifaceB+"/statistics/"+counter)[1:]...)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(out), 10, 64)
}

// frames returns the frames per second that reach B's interface, in millions,
// while A's interface is flooded: throughput under overload. size is in bytes
// without FCS.
func frames(ctx context.Context, w *world, size, flows int, length time.Duration) (float64, error) {
	rate, err := flooding(ctx, w, "rx_packets", length, "-size", strconv.Itoa(size), "-flows", strconv.Itoa(flows))
	return rate / 1e6, err
}

// supers returns the Gbit/s that reach B's interface while A sends TCP
// super-frames of 64 KiB that nobody acknowledges.
func supers(ctx context.Context, w *world, length time.Duration) (float64, error) {
	rate, err := flooding(ctx, w, "rx_bytes", length, "-super")
	return rate * 8 / 1e9, err
}

// flooding floods from A and returns by how much a counter of B's interface
// grows in a second.
func flooding(ctx context.Context, w *world, counter string, length time.Duration, how ...string) (float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	if _, err := sh(ctx, "ip", w.at(hostB, self, "-flood", ifaceB, "-frames", "1")...); err != nil {
		return 0, err // teaches the switch where B is
	}
	flood := func(length time.Duration) error {
		_, err := sh(ctx, "ip", w.at(hostA, append([]string{self, "-flood", ifaceA, "-for", length.String()}, how...)...)...)
		return err
	}
	const warm = 200 * time.Millisecond // sources are learned, caches filled
	if err := flood(warm); err != nil {
		return 0, err
	}
	before, err := received(ctx, counter)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	if err := flood(length); err != nil {
		return 0, err
	}
	took := time.Since(start)
	after, err := received(ctx, counter)
	return float64(after-before) / took.Seconds(), err
}

// roundTrip returns the median and 99th percentile of 64-byte UDP round trips
// between two processes that sleep in recv, in microseconds.
func roundTrip(ctx context.Context, w *world, length time.Duration) (p50, p99 float64, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, 0, err
	}
	server := exec.CommandContext(ctx, "ip", w.at(hostB, self, "-echo", addrB+":7001")...)
	if err := server.Start(); err != nil {
		return 0, 0, err
	}
	defer func() { _ = server.Process.Kill(); _ = server.Wait() }()
	out, err := sh(ctx, "ip", w.at(hostA, self, "-ask", addrB+":7001", "-for", length.String())...)
	if err != nil {
		return 0, 0, err
	}
	_, err = fmt.Sscan(out, &p50, &p99)
	return p50, p99, err
}

// loadedRoundTrip is roundTrip while half of the frames per second that the
// switch can carry pass from A to B.
func loadedRoundTrip(ctx context.Context, w *world, length time.Duration) (p50, p99 float64, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, 0, err
	}
	full, err := frames(ctx, w, 60, 1, time.Second)
	if err != nil {
		return 0, 0, err
	}
	load := exec.CommandContext(ctx, "ip", w.at(hostA, self, "-flood", ifaceA, "-rate", strconv.Itoa(int(full*1e6/2)), "-for", (length+time.Minute).String())...)
	if err := load.Start(); err != nil {
		return 0, 0, err
	}
	defer func() { _ = load.Process.Kill(); _ = load.Wait() }()
	return roundTrip(ctx, w, length)
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

// urgent gives all threads of the process the highest priority, and with them
// every process it starts: peers, hosts and product compete alike, and before
// whatever else the machine does.
func urgent() {
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, t := range tasks {
		if tid, err := strconv.Atoi(t.Name()); err == nil {
			_ = unix.Setpriority(unix.PRIO_PROCESS, tid, -20)
		}
	}
}
