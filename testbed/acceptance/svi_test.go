package acceptance

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestVLANInterface gives the switch addresses in VLAN 10 and has a host there
// reach them: with ping of both families, by SSH, over a static route, and not
// when the interface, its VLAN or the last port of that is down. It returns with
// its addresses after a crash, and leaves nothing behind.
func TestVLANInterface(t *testing.T) {
	needRoot(t)
	a := runAppliance(t, "tlt-sv", 3)
	did := func(lines string) {
		t.Helper()
		if r := vsh(t, a.socket, "configure terminal ; "+lines); r.code != 0 {
			t.Fatalf("%s: %s %s", lines, r.out, r.log)
		}
	}
	line := func(ns, address, command string) (string, error) { return sshLine(t, ns, address, command) }
	reaches := func(what string, answers bool) {
		t.Helper()
		eventually(t, 30*time.Second, what, func() error {
			err := ping(t, a.hosts[0], "10.9.0.254")
			if (err == nil) != answers {
				return fmt.Errorf("an answer: %v, %w", err == nil, errors.Join(err))
			}
			return nil
		})
	}
	shows := func(command string, want ...string) {
		t.Helper()
		eventually(t, 30*time.Second, command, func() error { return contains(vsh(t, a.socket, command).out, want...) })
	}
	did("vlan 10 ; interface ethernet 1/1-2 ; switchport access vlan 10")
	did("feature interface-vlan ; interface vlan 10 ; ip address 10.9.0.254/24 ; ip address 10.10.0.254/24 secondary ; ipv6 address fd00:9::254/64 ; mtu 1400")
	shows("show interface vlan 10", "Vlan10 is down (Administratively down)")
	if ping(t, a.hosts[0], "10.9.0.254") == nil {
		t.Fatal("an interface that is shut answers")
	}
	did("interface vlan 10 ; no shutdown")
	reaches("host 1 reaches the switch in VLAN 10", true)
	if ping(t, a.hosts[2], "10.9.0.254") == nil {
		t.Error("host 3 reaches the switch from VLAN 1")
	}
	mustIP(t, "-n "+a.hosts[1]+" addr add fd00:9::2/64 dev eth0 nodad")
	eventually(t, 30*time.Second, "host 2 reaches the switch by IPv6", func() error { return ping(t, a.hosts[1], "fd00:9::254") })
	shows("show interface vlan 10", "Vlan10 is up, line protocol is up", "MTU 1400 bytes", "Internet Address is 10.9.0.254/24")
	shows("show ip interface brief", "Vlan10               10.9.0.254      protocol-up/link-up/admin-up")
	shows("show mac address-table vlan 10", "Vlan10")
	shows("show ip arp", "10.9.0.1 ", "Vlan10")
	if r := vsh(t, a.socket, "ping 10.9.0.2 count 1"); r.code != 0 {
		t.Errorf("ping from the switch: %s %s", r.out, r.log)
	}

	// Operators come in by it.
	eventually(t, 30*time.Second, "SSH by the interface", func() error {
		out, err := line(a.hosts[0], "10.9.0.254", "show interface brief")
		if err != nil {
			return err
		}
		return contains(out, "Vlan10    --                                      up     --")
	})
	// From afar too: host 1 is the router to a network behind it.
	mustIP(t, "-n "+a.hosts[0]+" addr add 172.16.0.1/16 dev lo")
	did("ip route 172.16.0.0/16 10.9.0.1")
	eventually(t, 30*time.Second, "an answer over the static route", func() error {
		if r := run(t, 10*time.Second, "ip", "netns", "exec", a.hosts[0], "ping", "-c1", "-W1", "-I", "172.16.0.1", "10.9.0.254"); r.code != 0 {
			return errors.New(r.out + r.log)
		}
		return nil
	})
	// Though the machine has a better one elsewhere, a connection that came in by
	// the interface is answered by it.
	mustIP(t, "-n "+a.ns+" link add m0 type veth peer name m1")
	mustIP(t, "-n "+a.ns+" addr add 192.0.2.5/24 dev m0")
	mustIP(t, "-n "+a.ns+" link set m0 up")
	mustIP(t, "-n "+a.ns+" link set m1 up")
	mustIP(t, "-n "+a.ns+" route add 172.16.0.0/16 via 192.0.2.1")
	mustIP(t, "-n "+a.hosts[0]+" route replace 10.9.0.254/32 dev eth0 src 172.16.0.1")
	eventually(t, 30*time.Second, "SSH over the static route", func() error {
		out, err := line(a.hosts[0], "10.9.0.254", "show users")
		if err != nil {
			return err
		}
		return contains(out, "172.16.0.1")
	})
	mustIP(t, "-n "+a.hosts[0]+" route del 10.9.0.254/32")
	shows("show ip route", "172.16.0.0/16, ubest/mbest: 1/0", "*via 10.9.0.1, [1/0]")

	// Who shuts it over itself has his answer.
	if out, err := line(a.hosts[0], "10.9.0.254", "configure terminal ; interface vlan 10 ; shutdown"); err != nil {
		t.Errorf("shutdown over the interface: %s, %v", out, err)
	}
	reaches("a shut interface is silent", false)
	did("interface vlan 10 ; no shutdown")
	reaches("it answers again", true)
	did("no vlan 10")
	shows("show interface vlan 10", "Vlan10 is down (VLAN/BD does not exist)")
	reaches("without its VLAN it is silent", false)
	did("vlan 10")
	reaches("with its VLAN it answers", true)
	did("interface ethernet 1/1-2 ; shutdown")
	shows("show interface vlan 10", "Vlan10 is down (VLAN/BD is down)")
	did("interface ethernet 1/1-2 ; no shutdown")
	reaches("with a port in the VLAN it answers", true)

	// After a crash it is there again; somebody else's device is left alone.
	a.process.kill()
	device := func(name string) error {
		if r := run(t, 10*time.Second, "ip", "-n", a.ns, "link", "show", name); r.code != 0 {
			return errors.New(r.log)
		}
		return nil
	}
	eventually(t, 30*time.Second, "the device goes with the process", func() error {
		if device("vlan10") == nil {
			return errors.New("it is still there")
		}
		return nil
	})
	a.start(t)
	answers(t, a.socket, 30*time.Second)
	reaches("after a crash it answers", true)
	mustIP(t, "-n "+a.ns+" link add vlan20 type veth peer name other20")
	did("vlan 20 ; interface vlan 20 ; ip address 10.20.0.1/24 ; no shutdown")
	shows("show interface vlan 20", "device vlan20 of the host exists already, and is not the switch's")
	mustIP(t, "-n "+a.ns+" link del vlan20")
	shows("show interface vlan 20", "Vlan20 is down (VLAN/BD is down)") // nobody is in the VLAN

	did("no feature interface-vlan")
	for _, name := range []string{"vlan10", "vlan20"} {
		eventually(t, 30*time.Second, name+" goes", func() error {
			if device(name) == nil {
				return errors.New("it is still there")
			}
			return nil
		})
	}
	if r := vsh(t, a.socket, "show running-config"); strings.Contains(r.out, "Vlan") || strings.Contains(r.out, "ip route") {
		t.Errorf("what is left:\n%s", r.out)
	}
}

// TestVLANInterfaceDistributed: with daemons of their own the interface is on a
// card of the supervisor's host, reaches hosts of others, and outlives the
// supervisor.
func TestVLANInterfaceDistributed(t *testing.T) {
	needRoot(t)
	c := runChassis(t, "tlt-sx")
	did := func(lines string) {
		t.Helper()
		if r := vsh(t, c.socket, "configure terminal ; "+lines); r.code != 0 {
			t.Fatalf("%s: %s %s", lines, r.out, r.log)
		}
	}
	reaches := func(what string) {
		t.Helper()
		for _, h := range c.hosts {
			eventually(t, 30*time.Second, what+" from "+h, func() error { return ping(t, h, "10.9.0.254") })
		}
	}
	is := func(want ...string) {
		t.Helper()
		eventually(t, 30*time.Second, "show interface vlan 10", func() error {
			return contains(vsh(t, c.socket, "show interface vlan 10").out, want...)
		})
	}
	did("feature interface-vlan ; interface vlan 10 ; ip address 10.9.0.254/24 ; no shutdown")
	reaches("the switch is reached")
	is("Vlan10 is up", "10.9.0.254/24")
	c.vem[3].kill()
	c.vem[4].kill()
	is("Vlan10 is down (VEM absent)")
	c.startVEM(4)
	c.startVEM(3)
	reaches("the switch is reached after its cards have died")
	is("Vlan10 is up", "10.9.0.254/24")
	c.vsm.kill()
	reaches("the switch is reached without its supervisor")
	c.startVSM()
	answers(t, c.socket, 30*time.Second)
	is("Vlan10 is up", "10.9.0.254/24")
	reaches("the switch is reached with a supervisor again")
}
