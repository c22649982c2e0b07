package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// peer is a switch between the two hosts.
type peer struct {
	name  string
	ports string // "tap" or "veth": peers are compared within a kind
	needs string // program that must be installed
	// up starts the switch and returns how to stop it.
	up func(ctx context.Context, w *world) (down func(), err error)
}

var peers = []peer{
	{"Linux bridge", "veth", "ip", bridgeUp},
	{"Open vSwitch netdev", "veth", "ovs-vswitchd", func(ctx context.Context, w *world) (func(), error) { return ovsUp(ctx, w, "veth") }},
	{"Trunkline", "veth", "", func(ctx context.Context, w *world) (func(), error) { return trunklineUp(ctx, w, "veth") }},
	{"Open vSwitch netdev", "tap", "ovs-vswitchd", func(ctx context.Context, w *world) (func(), error) { return ovsUp(ctx, w, "tap") }},
	{"Trunkline", "tap", "", func(ctx context.Context, w *world) (func(), error) { return trunklineUp(ctx, w, "tap") }},
}

// bridgeUp makes a kernel bridge in a namespace of its own, so that the
// machine's packet filter does not see it.
func bridgeUp(ctx context.Context, w *world) (func(), error) {
	const ns = "tlbench-s"
	down := func() { _, _ = sh(context.Background(), "ip", "netns", "del", ns) }
	err := all(ctx, "ip netns add "+ns,
		"ip -n "+ns+" link add tlbr type bridge", "ip -n "+ns+" link set tlbr up",
		"ip link add "+swA+" netns "+ns+" type veth peer name "+ifaceA+" netns "+hostA,
		"ip link add "+swB+" netns "+ns+" type veth peer name "+ifaceB+" netns "+hostB,
		"ip -n "+ns+" link set "+swA+" master tlbr up", "ip -n "+ns+" link set "+swB+" master tlbr up")
	if err != nil {
		down()
		return nil, err
	}
	return down, w.address(ctx)
}

// ovsUp starts an Open vSwitch of our own with the userspace datapath. On veth
// its ports carry no checksum metadata, so the hosts' transmit offloads go off:
// with them on, nothing passes.
func ovsUp(ctx context.Context, w *world, kind string) (func(), error) {
	run := filepath.Join(w.dir, "ovs-"+kind)
	if err := os.RemoveAll(run); err != nil { // of an earlier round
		return nil, err
	}
	if err := os.MkdirAll(run, 0o700); err != nil {
		return nil, err
	}
	env := []string{"OVS_RUNDIR=" + run, "OVS_LOGDIR=" + run, "OVS_DBDIR=" + run, "OVS_SYSCONFDIR=" + run}
	sock := "unix:" + run + "/db.sock"
	vsctl := func(args ...string) error {
		_, err := sh(ctx, "env", append(append(env, "ovs-vsctl", "--db="+sock), args...)...)
		return err
	}
	if _, err := sh(ctx, "ovsdb-tool", "create", run+"/conf.db", "/usr/share/openvswitch/vswitch.ovsschema"); err != nil {
		return nil, err
	}
	db, err := w.start("ovsdb-"+kind+".log", env, "ovsdb-server", run+"/conf.db", "--remote=punix:"+run+"/db.sock", "--unixctl="+run+"/db.ctl")
	if err != nil {
		return nil, err
	}
	var vs *daemon
	down := func() {
		_ = vsctl("--no-wait", "--if-exists", "del-br", "tlbr0")
		vs.stop()
		db.stop()
	}
	steps := func() error {
		if err := waitFor(ctx, 5e9, func() error { return vsctl("--no-wait", "init") }); err != nil {
			return err
		}
		if vs, err = w.start("vswitchd-"+kind+".log", env, "ovs-vswitchd", sock, "--unixctl="+run+"/vs.ctl", "-vconsole:off", "--log-file="+run+"/vs.log"); err != nil {
			return err
		}
		if err := vsctl("--timeout=10", "add-br", "tlbr0", "--", "set", "bridge", "tlbr0", "datapath_type=netdev"); err != nil {
			return err
		}
		if kind == "tap" {
			if err := vsctl("--timeout=10", "add-port", "tlbr0", ifaceA, "--", "set", "interface", ifaceA, "type=internal",
				"--", "add-port", "tlbr0", ifaceB, "--", "set", "interface", ifaceB, "type=internal"); err != nil {
				return err
			}
			if err := waitFor(ctx, 5e9, func() error {
				return all(ctx, "ip link set "+ifaceA+" netns "+hostA, "ip link set "+ifaceB+" netns "+hostB)
			}); err != nil {
				return err
			}
			return w.address(ctx)
		}
		if err := w.makeVeths(ctx); err != nil {
			return err
		}
		if err := vsctl("--timeout=10", "add-port", "tlbr0", swA, "--", "add-port", "tlbr0", swB); err != nil {
			return err
		}
		if err := w.transmitOffload(ctx, "off"); err != nil {
			return err
		}
		return w.address(ctx)
	}
	if err := steps(); err != nil {
		down()
		return nil, err
	}
	return down, nil
}

// trunklineUp starts the appliance with two vEthernets: TAPs that it creates in
// the hosts, or the switch ends of two veth pairs.
func trunklineUp(ctx context.Context, w *world, kind string) (func(), error) {
	state := filepath.Join(w.dir, "trunkline-"+kind)
	if err := os.RemoveAll(state); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, err
	}
	owners := []string{"netns " + hostA + " ifname " + ifaceA, "netns " + hostB + " ifname " + ifaceB}
	if kind == "veth" {
		if err := w.makeVeths(ctx); err != nil {
			return nil, err
		}
		owners = []string{"device " + swA, "device " + swB}
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
	d, err := w.start("trunkline-"+kind+".log", nil, filepath.Join(w.bin, "trunkline"), "run",
		"--state-dir", state, "--startup-config", file, "--socket", filepath.Join(state, "vsm.sock"))
	if err != nil {
		return nil, err
	}
	if err := w.address(ctx); err != nil {
		d.stop()
		return nil, err
	}
	return d.stop, nil
}
