package acceptance

import (
	"errors"
	"testing"
	"time"
)

// TestHostVNIC gives the host of the appliance a port of its own in VLAN 30: it
// reaches the workload there and no other, keeps its number and its address
// while the line is, and loses the device with the line.
func TestHostVNIC(t *testing.T) {
	needRoot(t)
	a := runAppliance(t, "tlt-n", 2)
	config := "configure terminal ; vlan 30 ; interface ethernet 1/1 ; switchport access vlan 30" +
		" ; port-profile type vethernet HOST ; switchport access vlan 30 ; no shutdown ; state enabled" +
		" ; interface vethernet 1 ; vem 3 ; host vnic host0 profile HOST"
	if r := vsh(t, a.socket, config); r.code != 0 {
		t.Fatalf("configure: %s %s", r.out, r.log)
	}
	device := func() error {
		if r := run(t, 5*time.Second, "ip", "-n", a.ns, "link", "show", "host0"); r.code != 0 {
			return errors.New(r.log)
		}
		return nil
	}
	eventually(t, 10*time.Second, "the host's device", device)
	mustIP(t, "-n "+a.ns+" addr add 10.9.0.99/24 dev host0")
	eventually(t, 10*time.Second, "the host reaches host 1 in VLAN 30", func() error { return ping(t, a.ns, "10.9.0.1") })
	if ping(t, a.ns, "10.9.0.2") == nil {
		t.Error("the host reaches VLAN 1")
	}
	// Vethernet1 was taken.
	out := vsh(t, a.socket, "show interface virtual ; show running-config interface vethernet 2 ; show mac address-table vlan 30").out
	if err := contains(out, "Veth2       host0          Host vnic                  3 ", "owner internal host0 module 3",
		"inherit port-profile HOST", "Veth2"); err != nil {
		t.Error(err)
	}
	a.process.kill()
	a.start(t)
	answers(t, a.socket, 10*time.Second)
	eventually(t, 10*time.Second, "the host reaches host 1 after a crash", func() error { return ping(t, a.ns, "10.9.0.1") })
	if err := contains(vsh(t, a.socket, "show interface virtual").out, "Veth2       host0 "); err != nil {
		t.Error(err)
	}
	if r := vsh(t, a.socket, "configure terminal ; vem 3 ; no host vnic host0"); r.code != 0 {
		t.Fatalf("no host vnic: %s %s", r.out, r.log)
	}
	eventually(t, 10*time.Second, "the device goes", func() error {
		if device() == nil {
			return errors.New("it is still there")
		}
		if r := vsh(t, a.socket, "show running-config"); contains(r.out, "interface Vethernet2") == nil {
			return errors.New("its interface is still there:\n" + r.out)
		}
		return nil
	})
}
