package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Kinds of port. Peers are compared within a kind.
const (
	veth  = "veth"
	tap   = "tap"
	vhost = "vhost"
)

// CPUs of a pinned measurement: the endpoints on one, the switch on the other.
// The kernel bridge has no process: whoever sends does its work.
const (
	endpointCPU = 0
	switchCPU   = 1
)

// bed is a switch that is up between the hosts.
type bed struct {
	pids    []int     // to pin; empty when the switch pins itself or is the kernel
	sockets [2]string // of vhost-user ports
	down    func()
}

// peer is a switch to be measured.
type peer struct {
	name  string
	ports string
	needs []string // programs that must be installed
	main  bool     // measured also without -peers
	up    func(ctx context.Context, w *world) (*bed, error)
}

// Names that the results are compared by.
const (
	ours   = "Trunkline"
	bridge = "Linux bridge"
)

// dpdkSwitch is the Open vSwitch that Debian builds with DPDK: the one with
// userspace-tso and vhost-user ports.
const dpdkSwitch = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"

var peers = []peer{
	{bridge, veth, []string{"ip"}, true, bridgeUp},
	{"OVS netdev", veth, []string{"ovs-vswitchd"}, true, ovs{ports: veth}.up},
	{"OVS AF_XDP", veth, []string{"ovs-vswitchd"}, false, ovs{ports: veth, xdp: true}.up},
	{"OVS userspace-tso", veth, []string{dpdkSwitch}, false, ovs{ports: veth, tso: true}.up},
	{ours, veth, nil, true, appliance{ports: veth}.up},
	{"OVS netdev", tap, []string{"ovs-vswitchd"}, true, ovs{ports: tap}.up},
	{"OVS userspace-tso", tap, []string{dpdkSwitch}, false, ovs{ports: tap, tso: true}.up},
	{"VDE", tap, []string{"vde_switch", "vde_plug2tap"}, false, vdeUp},
	{ours, tap, nil, true, appliance{ports: tap}.up},
	{"OVS-DPDK", vhost, []string{dpdkSwitch, "dpdk-testpmd"}, false, ovs{ports: vhost}.up},
	{"testpmd io", vhost, []string{"dpdk-testpmd"}, false, testpmdUp},
	{ours, vhost, []string{"dpdk-testpmd"}, false, appliance{ports: vhost}.up},
}

// missing returns the first program a peer needs and does not find.
func (p peer) missing() string {
	for _, n := range p.needs {
		if _, err := exec.LookPath(n); err != nil {
			return n
		}
	}
	return ""
}

// pin keeps the threads of a switch on one CPU, or lets them go.
func (b *bed) pin(ctx context.Context, on bool) error {
	cpus := strconv.Itoa(switchCPU)
	if !on {
		cpus = fmt.Sprintf("%d,%d", endpointCPU, switchCPU)
	}
	for _, pid := range b.pids {
		if _, err := sh(ctx, "taskset", "-acp", cpus, strconv.Itoa(pid)); err != nil {
			return err
		}
	}
	return nil
}

// bridgeUp makes a kernel bridge in a namespace of its own, so that the
// machine's packet filter does not see it.
func bridgeUp(ctx context.Context, w *world) (*bed, error) {
	const ns = "tlbench-s"
	down := func() { _, _ = sh(context.Background(), "ip", "netns", "del", ns) }
	err := all(ctx, "ip netns add "+ns,
		"ip -n "+ns+" link add tlbr type bridge", "ip -n "+ns+" link set tlbr up",
		"ip link add "+swA+" netns "+ns+" type veth peer name "+ifaceA+" netns "+hostA,
		"ip link add "+swB+" netns "+ns+" type veth peer name "+ifaceB+" netns "+hostB,
		"ip -n "+ns+" link set "+swA+" master tlbr up", "ip -n "+ns+" link set "+swB+" master tlbr up")
	for i := range w.extra {
		if err == nil {
			err = all(ctx, fmt.Sprintf("ip link add %s netns %s type veth peer name %s netns %s", w.extraSwitch(i), ns, w.extraIface(i), hostB),
				fmt.Sprintf("ip -n %s link set %s master tlbr up", ns, w.extraSwitch(i)))
		}
	}
	if err == nil {
		err = w.address(ctx)
	}
	if err != nil {
		down()
		return nil, err
	}
	return &bed{down: down}, nil
}

// vdeUp starts a VDE switch with one plug process for each TAP.
func vdeUp(ctx context.Context, w *world) (*bed, error) {
	dir := filepath.Join(w.dir, "vde")
	if err := os.RemoveAll(dir); err != nil { // of an earlier round
		return nil, err
	}
	var started []*daemon
	b := &bed{down: func() {
		for _, d := range started {
			d.stop()
		}
	}}
	run := func(log, name string, args ...string) error {
		d, err := w.start(log, nil, name, args...)
		if err == nil {
			started = append(started, d)
			b.pids = append(b.pids, d.cmd.Process.Pid)
		}
		return err
	}
	err := run("vde.log", "vde_switch", "-s", dir)
	if err == nil {
		err = waitFor(ctx, setUp, func() error { _, err := os.Stat(filepath.Join(dir, "ctl")); return err })
	}
	for _, h := range []struct{ iface, host string }{{ifaceA, hostA}, {ifaceB, hostB}} {
		if err == nil {
			err = run("vde-"+h.iface+".log", "vde_plug2tap", "-s", dir, h.iface)
		}
		if err == nil {
			err = waitFor(ctx, setUp, func() error { return all(ctx, "ip link set "+h.iface+" netns "+h.host) })
		}
	}
	if err == nil {
		err = w.address(ctx)
	}
	if err != nil {
		b.down()
		return nil, err
	}
	return b, nil
}

// appliance is Trunkline: one process with supervisor and line card, as make
// run starts it.
type appliance struct{ ports string }

// up starts it with two vEthernets: TAPs that it creates in the hosts, the
// switch ends of two veth pairs, or two vhost-user sockets.
func (a appliance) up(ctx context.Context, w *world) (*bed, error) {
	state := filepath.Join(w.dir, "trunkline-"+a.ports)
	if err := os.RemoveAll(state); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, err
	}
	var sockets [2]string
	owners := []string{"netns " + hostA + " ifname " + ifaceA, "netns " + hostB + " ifname " + ifaceB}
	switch a.ports {
	case tap:
		for i := range w.extra {
			owners = append(owners, "netns "+hostB+" ifname "+w.extraIface(i))
		}
	case veth:
		if err := w.makeVeths(ctx); err != nil {
			return nil, err
		}
		owners = []string{"device " + swA, "device " + swB}
		for i := range w.extra {
			owners = append(owners, "device "+w.extraSwitch(i))
		}
	case vhost:
		sockets = [2]string{filepath.Join(state, "vh0"), filepath.Join(state, "vh1")}
		owners = []string{"vhost-user socket " + sockets[0], "vhost-user socket " + sockets[1]}
	}
	var text strings.Builder
	text.WriteString("version 1.0(1)\nhostname bench\n")
	for i, o := range owners {
		fmt.Fprintf(&text, "interface Vethernet%d\n  owner %s module 3\n", i+1, o)
	}
	file := filepath.Join(state, "startup.cfg")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		return nil, err
	}
	args := []string{"run", "--state-dir", state, "--startup-config", file, "--socket", filepath.Join(state, "vsm.sock")}
	if w.workers > 0 {
		args = append(args, "--workers", strconv.Itoa(w.workers))
	}
	d, err := w.start("trunkline-"+a.ports+".log", nil, filepath.Join(w.bin, "trunkline"), args...)
	if err != nil {
		return nil, err
	}
	b := &bed{pids: []int{d.cmd.Process.Pid}, sockets: sockets, down: d.stop}
	if a.ports == vhost {
		err = b.listening(ctx)
	} else {
		err = w.address(ctx)
	}
	if err != nil {
		d.stop()
		return nil, err
	}
	return b, nil
}
