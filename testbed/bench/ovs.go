package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ovs is an Open vSwitch of our own with the userspace datapath. Ports other
// than those with userspace-tso carry no checksum metadata, so on veth the
// hosts' transmit offloads go off: with them on, nothing passes.
type ovs struct {
	ports string
	xdp   bool // veth by AF_XDP
	tso   bool // userspace-tso, which takes DPDK
}

func (o ovs) up(ctx context.Context, w *world) (*bed, error) {
	run := filepath.Join(w.dir, "ovs")
	if err := os.RemoveAll(run); err != nil { // of an earlier round
		return nil, err
	}
	if err := os.MkdirAll(run, 0o700); err != nil {
		return nil, err
	}
	env := []string{"OVS_RUNDIR=" + run, "OVS_LOGDIR=" + run, "OVS_DBDIR=" + run, "OVS_SYSCONFDIR=" + run}
	sock := "unix:" + run + "/db.sock"
	vsctl := func(args ...string) error {
		_, err := sh(ctx, "env", append(append(env, "ovs-vsctl", "--timeout=60", "--db="+sock), args...)...)
		return err
	}
	if _, err := sh(ctx, "ovsdb-tool", "create", run+"/conf.db", "/usr/share/openvswitch/vswitch.ovsschema"); err != nil {
		return nil, err
	}
	db, err := w.start("ovsdb.log", env, "ovsdb-server", run+"/conf.db", "--remote=punix:"+run+"/db.sock", "--unixctl="+run+"/db.ctl")
	if err != nil {
		return nil, err
	}
	var vs *daemon
	b := &bed{down: func() {
		_ = vsctl("--no-wait", "--if-exists", "del-br", "tlbr0")
		vs.stop()
		db.stop()
	}}
	if vs, err = o.start(ctx, w, run, env, sock, vsctl); err == nil {
		if !o.polls() {
			b.pids = []int{vs.cmd.Process.Pid}
		}
		err = o.addPorts(ctx, w, vsctl)
	}
	switch {
	case err != nil:
	case o.ports == vhost:
		b.sockets = [2]string{run + "/tlvh0", run + "/tlvh1"}
		err = b.listening(ctx)
	default:
		err = w.address(ctx)
	}
	if err != nil {
		b.down()
		return nil, fmt.Errorf("%w\n%s", err, tail(filepath.Join(run, "vs.log")))
	}
	return b, nil
}

// polls reports whether a thread of its own polls the ports; it is put on the
// switch's CPU by configuration.
func (o ovs) polls() bool { return o.xdp || o.ports == vhost }

func (o ovs) start(ctx context.Context, w *world, run string, env []string, sock string, vsctl func(...string) error) (*daemon, error) {
	if err := waitFor(ctx, setUp, func() error { return vsctl("--no-wait", "init") }); err != nil {
		return nil, err
	}
	program := "ovs-vswitchd"
	set := []string{"--no-wait", "set", "Open_vSwitch", ".", fmt.Sprintf("other_config:pmd-cpu-mask=%#x", 1<<switchCPU)}
	if o.tso || o.ports == vhost {
		program = dpdkSwitch
		set = append(set, "other_config:dpdk-init=true", "other_config:dpdk-lcore-mask=0x1",
			"other_config:dpdk-extra=--in-memory --no-pci -m 384")
	}
	if o.tso {
		set = append(set, "other_config:userspace-tso-enable=true")
	}
	if err := vsctl(set...); err != nil {
		return nil, err
	}
	vs, err := w.start("vswitchd.log", env, program, sock, "--unixctl="+run+"/vs.ctl", "-vconsole:off", "--log-file="+run+"/vs.log")
	if err != nil {
		return nil, err
	}
	return vs, vsctl("add-br", "tlbr0", "--", "set", "bridge", "tlbr0", "datapath_type=netdev")
}

// addPorts adds the ports in one call of ovs-vsctl, which takes a moment
// whatever it is asked.
func (o ovs) addPorts(ctx context.Context, w *world, vsctl func(...string) error) error {
	var add []string
	port := func(name string, settings ...string) {
		add = append(add, "--", "add-port", "tlbr0", name)
		if len(settings) > 0 {
			add = append(append(add, "--", "set", "interface", name), settings...)
		}
	}
	switch o.ports {
	case tap:
		hosts := map[string]string{ifaceA: hostA, ifaceB: hostB}
		for i := range w.extra {
			hosts[w.extraIface(i)] = hostB
		}
		for iface := range hosts {
			port(iface, "type=internal")
		}
		if err := vsctl(add...); err != nil {
			return err
		}
		for iface, host := range hosts {
			if err := waitFor(ctx, setUp, func() error { return all(ctx, "ip link set "+iface+" netns "+host) }); err != nil {
				return err
			}
		}
		return nil
	case vhost:
		port("tlvh0", "type=dpdkvhostuser")
		port("tlvh1", "type=dpdkvhostuser")
		return vsctl(add...)
	}
	if err := w.makeVeths(ctx); err != nil {
		return err
	}
	devices := []string{swA, swB}
	for i := range w.extra {
		devices = append(devices, w.extraSwitch(i))
	}
	for _, d := range devices {
		if o.xdp {
			port(d, "type=afxdp", "options:n_rxq=1", "options:xdp-mode=best-effort")
		} else {
			port(d)
		}
	}
	if err := vsctl(add...); err != nil {
		return err
	}
	if o.tso {
		return nil
	}
	return w.transmitOffload(ctx, "off")
}

// tail returns the last lines of a log.
func tail(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}
