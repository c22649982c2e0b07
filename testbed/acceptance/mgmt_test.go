package acceptance

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestManagement: the appliance takes the address over that its machine has, and
// SSH and gNMI are there and nowhere else; they follow it to another address and
// back.
func TestManagement(t *testing.T) {
	needRoot(t)
	t.Setenv("HOSTNAME", "leaf7")
	ns, host := namespace(t, "tlt-mg"), namespace(t, "tlt-mg-h")
	mustIP(t, fmt.Sprintf("-n %s link add eth0 type veth peer name eth0 netns %s", ns, host))
	mustIP(t, "-n "+ns+" link set lo up")
	for n, addresses := range map[string][]string{ns: {"192.0.2.5/24"}, host: {"192.0.2.1/24", "198.51.100.1/24"}} {
		mustIP(t, "-n "+n+" link set eth0 up")
		for _, a := range addresses {
			mustIP(t, "-n "+n+" addr add "+a+" dev eth0")
		}
	}
	mustIP(t, "-n "+ns+" link add eth1 type veth peer name eth2")
	p := start(t, "ip", "netns", "exec", ns, filepath.Join(bin, "trunkline"), "run", "--lab",
		"--state-dir", filepath.Join(t.TempDir(), "state"), "--socket", filepath.Join(t.TempDir(), "vsm.sock"))
	line := func(address, command string) (string, error) { return sshLine(t, host, address, command) }
	says := func(address, command string, want ...string) {
		t.Helper()
		eventually(t, 10*time.Second, command+" on "+address, func() error {
			out, err := line(address, command)
			if err != nil {
				return err
			}
			return contains(out, want...)
		})
	}
	programs := func(address string) {
		t.Helper()
		eventually(t, 5*time.Second, "gNMI on "+address, func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			d, err := gnmiDoor(host, address+":9339", "admin", "admin")(ctx)
			if err != nil {
				return err
			}
			defer d.close()
			return d.vlan(ctx, 77, "N"+strings.ReplaceAll(address, ".", "-"))
		})
	}
	says("192.0.2.5", "show interface mgmt0", "mgmt0 is up", "192.0.2.5/24")
	programs("192.0.2.5")
	says("192.0.2.5", "show running-config", "hostname leaf7")
	listeners := run(t, 5*time.Second, "ip", "netns", "exec", ns, "ss", "-Hltn")
	for _, l := range strings.Split(strings.TrimSpace(listeners.out), "\n") {
		if f := strings.Fields(l); len(f) > 3 && f[3] != "192.0.2.5:22" && f[3] != "192.0.2.5:9339" && f[3] != "192.0.2.5:443" {
			t.Errorf("something listens on %s", f[3])
		}
	}
	// The answer to who cuts himself off arrives.
	if out, err := line("192.0.2.5", "configure terminal ; interface mgmt0 ; ip address 198.51.100.5/24"); err != nil {
		t.Fatalf("%s, %v", out, err)
	}
	says("198.51.100.5", "show interface mgmt0", "198.51.100.5/24")
	programs("198.51.100.5")
	if out, err := line("198.51.100.5", "configure terminal ; vrf context management ; ip route 0.0.0.0/0 198.51.100.1"); err != nil {
		t.Fatalf("%s, %v", out, err)
	}
	eventually(t, 5*time.Second, "the default route", func() error {
		return contains(run(t, 5*time.Second, "ip", "-n", ns, "route").out, "default via 198.51.100.1 dev eth0")
	})
	if out, err := line("198.51.100.5", "configure terminal ; no vrf context management ; interface mgmt0 ; no ip address"); err != nil {
		t.Fatalf("%s, %v", out, err)
	}
	says("192.0.2.5", "show interface mgmt0", "192.0.2.5/24")
	programs("192.0.2.5")
	began := time.Now()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = p.Wait()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it ends after %v", took)
	}
}
