package acceptance

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// appliance is `trunkline run --lab` in a namespace with eth1…ethN, each joined
// to a host of its own.
type appliance struct {
	ns, socket string
	hosts      []string
	args       []string
	process    *process
}

// start starts the appliance, again after it was killed.
func (a *appliance) start(t *testing.T) {
	t.Helper()
	a.process = start(t, "ip", a.args...)
}

// signal sends a signal to the appliance, which ip netns exec has become.
func (a *appliance) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := a.process.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func runAppliance(t *testing.T, name string, hosts int, extra ...string) *appliance {
	t.Helper()
	a := &appliance{ns: namespace(t, name), socket: filepath.Join(t.TempDir(), "vsm.sock")}
	for i := 1; i <= hosts; i++ {
		h := namespace(t, fmt.Sprintf("%s-h%d", name, i))
		mustIP(t, fmt.Sprintf("-n %s link add eth%d type veth peer name eth0 netns %s", a.ns, i, h))
		mustIP(t, fmt.Sprintf("-n %s addr add 10.9.0.%d/24 dev eth0", h, i))
		mustIP(t, fmt.Sprintf("-n %s link set eth0 up", h))
		mustIP(t, fmt.Sprintf("-n %s link set eth%d up", a.ns, i))
		a.hosts = append(a.hosts, h)
	}
	a.args = append([]string{"netns", "exec", a.ns, filepath.Join(bin, "trunkline"), "run", "--lab",
		"--state-dir", filepath.Join(t.TempDir(), "state"), "--socket", a.socket}, extra...)
	a.start(t)
	answers(t, a.socket, 10*time.Second)
	return a
}

// ping pings an address from a namespace once.
func ping(t *testing.T, ns, addr string) error {
	t.Helper()
	r := run(t, 10*time.Second, "ip", "netns", "exec", ns, "ping", "-c1", "-W1", addr)
	if r.code != 0 {
		return errors.New(strings.TrimSpace(r.out + r.log))
	}
	return nil
}

func TestApplianceFourHosts(t *testing.T) {
	needRoot(t)
	a := runAppliance(t, "tlt-a", 4)
	for i, from := range a.hosts {
		for j := range a.hosts {
			if i != j {
				eventually(t, 10*time.Second, fmt.Sprintf("host %d reaches host %d", i+1, j+1), func() error {
					return ping(t, from, fmt.Sprintf("10.9.0.%d", j+1))
				})
			}
		}
	}
	r := vsh(t, a.socket, "show interface status")
	if err := contains(r.out, "Eth1/1", "Eth1/4", "connected"); err != nil {
		t.Error(err)
	}
}

// TestApplianceInterfaceReturns removes an interface at run time and adds it
// again: it comes back with its configuration and disturbs no other port.
func TestApplianceInterfaceReturns(t *testing.T) {
	needRoot(t)
	a := runAppliance(t, "tlt-r", 3)
	if r := vsh(t, a.socket, "configure terminal ; vlan 20 ; interface ethernet 1/1 , ethernet 1/2 ; switchport access vlan 20"); r.code != 0 {
		if r = vsh(t, a.socket, "configure terminal ; vlan 20 ; interface ethernet 1/1-2 ; switchport access vlan 20"); r.code != 0 {
			t.Fatalf("configure: %s %s", r.out, r.log)
		}
	}
	eventually(t, 10*time.Second, "1 reaches 2 in VLAN 20", func() error { return ping(t, a.hosts[0], "10.9.0.2") })
	if ping(t, a.hosts[2], "10.9.0.1") == nil {
		t.Fatal("VLAN 1 reaches VLAN 20")
	}
	mustIP(t, "-n "+a.ns+" link del eth1")
	eventually(t, 5*time.Second, "the port is down", func() error {
		return contains(vsh(t, a.socket, "show interface ethernet 1/1").out, "Ethernet1/1 is down")
	})
	mustIP(t, "-n "+a.ns+" link add eth1 type veth peer name eth0 netns "+a.hosts[0])
	mustIP(t, "-n "+a.hosts[0]+" addr add 10.9.0.1/24 dev eth0")
	mustIP(t, "-n "+a.hosts[0]+" link set eth0 up")
	mustIP(t, "-n "+a.ns+" link set eth1 up")
	eventually(t, 10*time.Second, "1 reaches 2 again", func() error { return ping(t, a.hosts[0], "10.9.0.2") })
	if ping(t, a.hosts[2], "10.9.0.1") == nil {
		t.Fatal("the returned port is in VLAN 1")
	}
}

// TestTrunkBetweenAppliances joins two appliances by a trunk that carries
// three VLANs, each with a host on either side.
func TestTrunkBetweenAppliances(t *testing.T) {
	needRoot(t)
	left, right := runAppliance(t, "tlt-l", 3), runAppliance(t, "tlt-m", 3)
	mustIP(t, fmt.Sprintf("-n %s link add eth9 type veth peer name eth9 netns %s", left.ns, right.ns))
	for _, a := range []*appliance{left, right} {
		mustIP(t, "-n "+a.ns+" link set eth9 up")
		config := "configure terminal ; vlan 10,20,30"
		for i := 1; i <= 3; i++ {
			config += fmt.Sprintf(" ; interface ethernet 1/%d ; switchport access vlan %d0", i, i)
		}
		config += " ; interface ethernet 1/9 ; switchport mode trunk ; switchport trunk allowed vlan 10,20,30"
		if r := vsh(t, a.socket, config); r.code != 0 {
			t.Fatalf("configure: %s %s", r.out, r.log)
		}
	}
	for i, h := range right.hosts {
		mustIP(t, fmt.Sprintf("-n %s addr flush dev eth0", h))
		mustIP(t, fmt.Sprintf("-n %s addr add 10.9.0.%d/24 dev eth0", h, 11+i))
	}
	for i := range 3 {
		eventually(t, 10*time.Second, fmt.Sprintf("VLAN %d0 crosses the trunk", i+1), func() error {
			return ping(t, left.hosts[i], fmt.Sprintf("10.9.0.%d", 11+i))
		})
		if ping(t, left.hosts[i], fmt.Sprintf("10.9.0.%d", 11+(i+1)%3)) == nil {
			t.Errorf("VLAN %d0 reaches another VLAN", i+1)
		}
	}
}

// TestStartupConfigFile boots from a file, and refuses a truncated one with the
// line that is wrong.
func TestStartupConfigFile(t *testing.T) {
	needRoot(t)
	file := filepath.Join(t.TempDir(), "startup.cfg")
	good := "version 1.0(1)\nhostname leaf7\nvlan 20\ninterface Ethernet1/1\n  description to rack 4\n  switchport access vlan 20\n"
	if err := os.WriteFile(file, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	a := runAppliance(t, "tlt-s", 1, "--startup-config", file)
	out := vsh(t, a.socket, "show running-config").out
	if err := contains(out, "hostname leaf7", "description to rack 4", "switchport access vlan 20"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(good+"  switchport acc"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := runAppliance(t, "tlt-b", 1, "--startup-config", file)
	if err := contains(vsh(t, b.socket, "show running-config").out, "hostname leaf7"); err != nil {
		t.Error(err)
	}
}
