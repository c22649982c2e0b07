package acceptance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"trunkline/internal/ether"
	"trunkline/testbed/traffic"
)

// lldpd is a real neighbour in a namespace.
type lldpd struct {
	*process
	socket string
}

// runLLDPD starts lldpd with flags on eth0 of a namespace. It has a /run of its
// own, where it keeps its pid; frames are sent every second and live four.
func runLLDPD(t *testing.T, ns string, flags ...string) lldpd {
	t.Helper()
	for _, tool := range []string{"lldpd", "lldpcli"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	dir, err := os.MkdirTemp("", "tlt-lldpd-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil { // lldpcli gives up root
		t.Fatal(err)
	}
	d := lldpd{socket: filepath.Join(dir, "sock")}
	// What a client configures while lldpd starts may be lost, or stop its timers:
	// lldpd reads a file before it begins.
	conf := filepath.Join(dir, "lldpd.conf")
	if err := os.WriteFile(conf, []byte("configure lldp tx-interval 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("mount -t tmpfs t /run; mkdir -p /run/lldpd; exec lldpd -d %s -O %s -u %s -I eth0", strings.Join(flags, " "), conf, d.socket)
	d.process = start(t, "ip", "netns", "exec", ns, "unshare", "-m", "bash", "-c", script)
	t.Cleanup(d.stop) // before the process is killed: its child goes with it
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(run(t, 5*time.Second, "lldpcli", "-u", d.socket, "show", "statistics").out)
		}
	})
	eventually(t, 10*time.Second, "lldpd sends every second", func() error {
		r := run(t, 5*time.Second, "lldpcli", "-u", d.socket, "show", "configuration")
		return contains(r.out+r.log, "Transmit delay: 1\n")
	})
	return d
}

// stop ends lldpd without a goodbye on the wire: what sends it goes first.
func (d lldpd) stop() {
	if d.running() {
		killBelow(d.Process.Pid)
		d.kill()
	}
}

// killBelow kills what a process has started, the youngest first.
func killBelow(pid int) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, f := range strings.Fields(string(b)) {
		if child, err := strconv.Atoi(f); err == nil {
			killBelow(child)
			_ = syscall.Kill(child, syscall.SIGKILL)
		}
	}
}

// sees is what lldpd knows of its neighbours.
func (d lldpd) sees(t *testing.T) string {
	t.Helper()
	return run(t, 5*time.Second, "lldpcli", "-u", d.socket, "show", "neighbors", "details").out
}

// TestLLDP has a real lldpd and the switch see each other, until one of them
// goes.
func TestLLDP(t *testing.T) {
	needRoot(t)
	a := runAppliance(t, "tlt-l", 2)
	show := func(line string) string { return vsh(t, a.socket, line).out }
	set := func(lines string) {
		t.Helper()
		if r := vsh(t, a.socket, "configure terminal ; "+lines); r.code != 0 {
			t.Fatalf("%s: %s %s", lines, r.out, r.log)
		}
	}
	set("no feature lldp ; hostname tlt-switch ; interface ethernet 1/1 ; description to the peer")
	d := runLLDPD(t, a.hosts[0], "-l")
	// Off: nothing is sent, what comes is link-local.
	eventually(t, 10*time.Second, "frames are counted", func() error {
		if n := count(show("show interface counters drops"), [3]string{"Eth1/1", "rx", "link-local"}); n < 2 {
			return fmt.Errorf("%d link-local", n)
		}
		return nil
	})
	if err := contains(d.sees(t), "tlt-switch"); err == nil {
		t.Error("the feature is off, and lldpd sees the switch")
	}
	set("feature lldp")
	eventually(t, 10*time.Second, "the switch sees lldpd", func() error {
		return contains(show("show lldp neighbors"), "Eth1/1          4 ", "Total entries displayed: 1")
	})
	eventually(t, 10*time.Second, "lldpd sees the switch", func() error {
		return contains(d.sees(t), "tlt-switch", "ifname Ethernet1/1", "to the peer", "TTL:          120", "Bridge, on", "pvid: yes")
	})
	if err := contains(show("show lldp neighbors detail | json"), "TABLE_nbor_detail", `"sys_desc": "`, `"vlan_id": "not advertised"`); err != nil {
		t.Error(err)
	}
	if n := count(show("show interface counters drops"), [3]string{"Eth1/1", "rx", "consumed"}); n < 1 {
		t.Error("no frame is counted as consumed")
	}
	// A port that is shut down says goodbye, and starts again.
	set("interface ethernet 1/1 ; shutdown")
	eventually(t, 5*time.Second, "lldpd forgets the switch", func() error {
		if out := d.sees(t); strings.Contains(out, "tlt-switch") {
			return errors.New(out)
		}
		return nil
	})
	set("interface ethernet 1/1 ; no shutdown")
	eventually(t, 10*time.Second, "they see each other again", func() error {
		return errors.Join(contains(d.sees(t), "tlt-switch"), contains(show("show lldp neighbors"), "Total entries displayed: 1"))
	})
	d.stop()
	eventually(t, 10*time.Second, "the switch forgets lldpd", func() error {
		return contains(show("show lldp neighbors ; show lldp traffic"), "Total entries displayed: 0", "Total entries aged: 1")
	})
}

// TestCDP does the same with CDP, which is on by default.
func TestCDP(t *testing.T) {
	needRoot(t)
	for name, c := range map[string]struct{ flag, version string }{"v1": {"-cc", "1"}, "v2": {"-ccccc", "2"}} {
		t.Run(name, func(t *testing.T) {
			a := runAppliance(t, "tlt-m", 1)
			show := func(line string) string { return vsh(t, a.socket, line).out }
			if r := vsh(t, a.socket, "configure terminal ; no feature lldp ; hostname tlt-switch ; cdp advertise "+name+" ; cdp timer 5"); r.code != 0 {
				t.Fatal(r.out, r.log)
			}
			d := runLLDPD(t, a.hosts[0], "-ll", c.flag)
			t.Cleanup(func() {
				if t.Failed() {
					t.Log(show("show cdp traffic ; show cdp global ; show interface ethernet 1/1 counters ; show interface counters drops"))
				}
			})
			eventually(t, 10*time.Second, "the switch sees lldpd", func() error {
				return contains(show("show cdp neighbors ; show cdp neighbors detail"), "Eth1/1         ", "Linux         eth0",
					"Advertisement Version: "+c.version, "Interface: Ethernet1/1, Port ID (outgoing port): eth0", "Total entries displayed: 1")
			})
			eventually(t, 15*time.Second, "lldpd sees the switch", func() error {
				return contains(d.sees(t), "via: CDPv"+c.version, "tlt-switch", "Ethernet1/1", "Trunkline", "TTL:          180")
			})
			d.stop()
			eventually(t, 15*time.Second, "the switch forgets lldpd", func() error {
				return contains(show("show cdp neighbors"), "Total entries displayed: 0")
			})
		})
	}
}

// TestDiscoveryQuiet listens where nothing of the kind may be sent: on the port
// of a guest, and on an Ethernet with everything off. What a guest sends is not
// taken.
func TestDiscoveryQuiet(t *testing.T) {
	needRoot(t)
	c := runChassis(t, "tlt-q")
	if r := vsh(t, c.socket, "configure terminal ; feature lldp ; lldp timer 5 ; cdp timer 5"); r.code != 0 {
		t.Fatal(r.out, r.log)
	}
	a := runAppliance(t, "tlt-p", 2)
	if r := vsh(t, a.socket, "configure terminal ; feature lldp ; lldp timer 5 ; cdp timer 5 ; interface ethernet 1/1 ; no lldp transmit ; no cdp enable"); r.code != 0 {
		t.Fatal(r.out, r.log)
	}
	guest, err := traffic.NewSender(c.hosts[0], "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer guest.Close()
	hello := append([]byte{1, 0x80, 0xc2, 0, 0, 0x0e, 2, 9, 9, 9, 9, 9, 0x88, 0xcc}, 2, 7, 4, 2, 9, 9, 9, 9, 9, 4, 2, 7, 'x', 6, 2, 0, 30, 0, 0)
	before := count(vsh(t, c.socket, "show interface counters drops").out, [3]string{"Veth1", "rx", "link-local"})
	for range 5 {
		if err := guest.Send(append(hello, make([]byte, 30)...)); err != nil {
			t.Fatal(err)
		}
	}
	results := make(chan [2]int, 3)
	for i, ns := range []string{c.hosts[0], a.hosts[0], a.hosts[1]} {
		go func() { results <- [2]int{i, discoveryFrames(t, ns, 7*time.Second)} }()
	}
	for range 3 {
		r := <-results
		switch {
		case r[0] < 2 && r[1] > 0:
			t.Errorf("%d frames where none may be", r[1])
		case r[0] == 2 && r[1] < 2:
			t.Errorf("%d frames on a port that sends", r[1])
		}
	}
	out := vsh(t, c.socket, "show interface counters drops ; show lldp neighbors").out
	if n := count(out, [3]string{"Veth1", "rx", "link-local"}); n < before+5 {
		t.Errorf("%d of a guest's 5 frames are counted:\n%s", n-before, out)
	}
	// The two cards, joined by a wire, see each other and nobody else.
	if err := contains(out, "Eth3/1          120        B           Ethernet4/1", "Total entries displayed: 2"); err != nil {
		t.Error(err)
	}
}

// discoveryFrames counts the LLDP and CDP frames that arrive for a while.
func discoveryFrames(t *testing.T, ns string, while time.Duration) (n int) {
	r, err := traffic.NewReceiver(ns, "eth0")
	if err != nil {
		t.Error(err)
		return -1
	}
	defer r.Close()
	ctx, cancel := context.WithTimeout(context.Background(), while)
	defer cancel()
	for {
		if _, err := r.Find(ctx, func(b []byte) bool {
			return len(b) > 14 && (ether.MAC(b[:6]) == ether.MAC{1, 0x80, 0xc2, 0, 0, 0x0e} || ether.MAC(b[:6]) == ether.MAC{1, 0, 0xc, 0xcc, 0xcc, 0xcc})
		}); err != nil {
			return n
		}
		n++
	}
}
