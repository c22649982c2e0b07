package feature_test

import (
	"strings"
	"testing"

	"trunkline/cli/grammar/grammartest"
)

// TestEveryPlace walks the whole grammar of the product (cli.md §16, 3 to 5).
func TestEveryPlace(t *testing.T) {
	alone(t)
	cli, err := newCLI()
	if err != nil {
		t.Fatal(err)
	}
	places := 0
	for name, table := range cli.Tables() {
		n := grammartest.Walk(t, table)
		t.Logf("%s: %d places", name, n)
		places += n
	}
	if places < 900 {
		t.Errorf("only %d places", places)
	}
}

// TestWrongObjects names things that do not exist, or that must not be as the
// line says: each line is refused with the sentence of cli.md §4.3.
func TestWrongObjects(t *testing.T) {
	alone(t)
	const (
		veth     = "configure terminal ; interface vethernet 1 ; "
		eth      = "configure terminal ; interface ethernet 4/1 ; "
		profile  = "configure terminal ; port-profile type vethernet WEB ; "
		noVeth99 = "ERROR: Interface does not exist: Vethernet99"
	)
	for _, c := range []struct{ line, want string }{
		{veth + "inherit port-profile NONE", "ERROR: Port-profile NONE does not exist."},
		{veth + "inherit port-profile UP", "ERROR: Port-profile type mismatch ("},
		{eth + "inherit port-profile WEB", "ERROR: Port-profile type mismatch ("},
		{profile + "inherit port-profile WEB", "ERROR: Inheriting WEB would create a loop."},
		{profile + "inherit port-profile UPBASE", "ERROR: Port-profile type mismatch ("},
		{"configure terminal ; port-profile type ethernet WEB", "ERROR: The type of WEB is fixed when it is created."},
		{veth + "inherit port-profile WEB ; no port-profile WEB", "ERROR: Port-profile WEB is in use by Vethernet1; remove or move the ports first."},
		{"configure terminal ; interface ethernet 1/1", "ERROR: Interface does not exist: Ethernet1/1"},
		{veth + "mtu 9000", "% Invalid command"},
		{eth + "owner netns h1 ifname eth0 module 3", "% Invalid command"},
		{"configure terminal ; no vlan 1", "ERROR: "},
		{"show interface vethernet 99", noVeth99},
		{"show interface vethernet 99 counters", noVeth99},
		{"show interface vethernet 99 switchport", noVeth99},
		{"show interface vethernet 99 detail", noVeth99},
		{"show running-config interface vethernet 99", noVeth99},
		{"clear counters interface vethernet 99", noVeth99},
		{"detach vethernet 99", noVeth99},
		{"show vlan id 99", "ERROR: "},
		{"show vlan name NONE", "ERROR: "},
		{"show port-profile name NONE", "ERROR: "},
		{"show port-profile usage name NONE", "ERROR: "},
		{"show port-profile virtual usage name NONE", "ERROR: "},
		{"show port-profile expand-interface name NONE", "ERROR: "},
		{"show port-profile sync-status interface vethernet 99", noVeth99},
		{"show module 99", "ERROR: "},
		{"show module 99 datapath", "ERROR: "},
		{"module vem 99 execute vemcmd show port", "ERROR: "},
		{"show mac address-table module 99", "ERROR: "},
		{"show mac address-table interface vethernet 99", noVeth99},
		{"clear mac address-table dynamic interface vethernet 99", noVeth99},
		{"show clock | json | xml", "% Invalid command"},
		{"show running-config | json", "ERROR: No structured output for this command; use text."},
		{"show clock | include (", "% Invalid regular expression"},
	} {
		w := newWorld(t)
		lines := strings.Split(c.line, " ; ")
		out, failed := w.type1(lines...)
		if !failed || !strings.Contains(out, c.want) || !messages.MatchString(out) {
			t.Errorf("%q: failed %v, %q, want %q", c.line, failed, out, c.want)
		}
		if d := w.differs(); d != "" && len(lines) == 1 {
			t.Errorf("%q was refused and changed %s", c.line, d)
		}
	}
}
