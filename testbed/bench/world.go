package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// The two hosts between which everything is measured. Their interfaces have
// the same names and addresses whatever switch is between them.
const (
	hostA, hostB   = "tlbench-a", "tlbench-b"
	ifaceA, ifaceB = "tlba", "tlbb" // in the hosts
	swA, swB       = "tlbsa", "tlbsb"
	addrA, addrB   = "10.77.0.1", "10.77.0.2"
)

// world is one run of the bench: a directory for the peers' files and the
// commands that reach the hosts.
type world struct {
	dir     string
	bin     string // of the product's binaries
	pin     bool   // the endpoints run on endpointCPU
	extra   int    // ports beside those of A and B, all in host B
	workers int    // of Trunkline; 0: its default
}

// extraIface and extraSwitch name the two ends of an extra port.
func (w *world) extraIface(i int) string  { return fmt.Sprintf("tlbx%d", i) }
func (w *world) extraSwitch(i int) string { return fmt.Sprintf("tlbsx%d", i) }

// sh runs a command and returns its output; the error carries what it printed.
func sh(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}

// all runs command lines, blanks separating words, and stops at the first
// failure.
func all(ctx context.Context, lines ...string) error {
	for _, l := range lines {
		w := strings.Fields(l)
		if _, err := sh(ctx, w[0], w[1:]...); err != nil {
			return err
		}
	}
	return nil
}

func in(host string, argv ...string) []string {
	return append([]string{"ip", "netns", "exec", host}, argv...)
}

func (w *world) makeHosts(ctx context.Context) error {
	for _, h := range []string{hostA, hostB} {
		if err := all(ctx, "ip netns add "+h, "ip -n "+h+" link set lo up"); err != nil {
			return err
		}
		_, err := sh(ctx, "ip", "netns", "exec", h, "sh", "-c",
			"echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6")
		if err != nil {
			return err
		}
	}
	return nil
}

// put makes the hosts and starts a switch between them; down takes both away.
func (w *world) put(ctx context.Context, p peer) (b *bed, down func(), err error) {
	w.removeHosts() // of a run that was cut off
	if err = w.makeHosts(ctx); err == nil {
		b, err = p.up(ctx, w)
	}
	if err != nil {
		w.removeHosts()
		return nil, nil, err
	}
	return b, func() { b.down(); w.removeHosts() }, nil
}

func (w *world) removeHosts() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, h := range []string{hostA, hostB} {
		_, _ = sh(ctx, "ip", "netns", "del", h)
	}
	for _, d := range []string{swA, swB} {
		_, _ = sh(ctx, "ip", "link", "del", d)
	}
	for i := range w.extra {
		_, _ = sh(ctx, "ip", "link", "del", w.extraSwitch(i))
	}
}

// makeVeths joins each host to the switch by a veth pair.
func (w *world) makeVeths(ctx context.Context) error {
	for i := range w.extra {
		if err := all(ctx, "ip link add "+w.extraSwitch(i)+" type veth peer name "+w.extraIface(i)+" netns "+hostB,
			"ip link set "+w.extraSwitch(i)+" up promisc on"); err != nil {
			return err
		}
	}
	return all(ctx,
		"ip link add "+swA+" type veth peer name "+ifaceA+" netns "+hostA,
		"ip link add "+swB+" type veth peer name "+ifaceB+" netns "+hostB,
		"ip link set "+swA+" up promisc on", "ip link set "+swB+" up promisc on")
}

// address gives the hosts' interfaces their addresses and waits until one
// reaches the other.
func (w *world) address(ctx context.Context) error {
	for _, h := range []struct{ host, iface, addr string }{{hostA, ifaceA, addrA}, {hostB, ifaceB, addrB}} {
		if err := waitFor(ctx, 10*time.Second, func() error {
			_, err := sh(ctx, "ip", "-n", h.host, "link", "show", h.iface)
			return err
		}); err != nil {
			return err
		}
		_, _ = sh(ctx, "ip", "-n", h.host, "addr", "add", h.addr+"/24", "dev", h.iface)
		if err := all(ctx, "ip -n "+h.host+" link set "+h.iface+" up"); err != nil {
			return err
		}
	}
	for i := range w.extra {
		if err := waitFor(ctx, setUp, func() error { return all(ctx, "ip -n "+hostB+" link set "+w.extraIface(i)+" up") }); err != nil {
			return err
		}
	}
	return waitFor(ctx, 15*time.Second, func() error {
		_, err := sh(ctx, "ip", in(hostA, "ping", "-c1", "-W1", addrB)[1:]...)
		return err
	})
}

// transmitOffload switches the endpoints' checksum and segmentation offload.
func (w *world) transmitOffload(ctx context.Context, state string) error {
	for _, h := range []struct{ host, iface string }{{hostA, ifaceA}, {hostB, ifaceB}} {
		argv := in(h.host, "ethtool", "-K", h.iface, "tx", state, "tso", state, "gso", state)
		if _, err := sh(ctx, argv[0], argv[1:]...); err != nil {
			return err
		}
	}
	return nil
}

func waitFor(ctx context.Context, limit time.Duration, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// daemon is a process of a peer, ended by its own pid.
type daemon struct{ cmd *exec.Cmd }

func (w *world) start(logName string, env []string, name string, args ...string) (*daemon, error) {
	log, err := os.Create(filepath.Join(w.dir, logName))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), env...)
	// Standard input stays open until the end: VDE takes its end for a command.
	if _, err := cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &daemon{cmd}, nil
}

func (d *daemon) stop() {
	if d == nil {
		return
	}
	_ = d.cmd.Process.Signal(os.Interrupt)
	done := make(chan struct{})
	go func() { _ = d.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(3 * time.Second):
		_ = d.cmd.Process.Kill()
		<-done
	}
}
