package feature_test

import (
	"bytes"
	"strings"
	"testing"

	"trunkline/cli/session"
	"trunkline/feature"
)

// caret is the two lines of a refused line without a terminal: the caret under
// the column of at in the line, or past its end for "".
func caret(line, at, text string) string {
	col := len(line)
	if at != "" {
		col = strings.LastIndex(line, at)
	}
	return strings.Repeat(" ", col) + "^\n% " + text + " at '^' marker.\n"
}

// TestCatalogue provokes every message of cli.md §4.1 and §4.3 that a feature of
// the tree has, to the letter and the column.
func TestCatalogue(t *testing.T) {
	const conf = "configure terminal"
	long := strings.Repeat("x", 81)
	w := newWorld(t)
	parser := func(name string, before []string, line, at, text string) {
		t.Helper()
		if out, failed := w.type1(append(before, line)...); !failed || out != caret(line, at, text) {
			t.Errorf("%s: %q prints\n%swant\n%s", name, line, out, caret(line, at, text))
		}
	}
	parser("matches nothing", nil, "show cox", "x", "Invalid command")
	parser("matches nothing of a mode", []string{conf}, "vlaz 3", "z", "Invalid command")
	parser("matches several keywords", nil, "show interface s", "s", "Ambiguous command")
	parser("ends too early", []string{conf}, "interface vethernet", "", "Incomplete command")
	parser("ends too early in exec mode", nil, "show vlan id", "", "Incomplete command")
	parser("number too large", nil, "show vlan id 4095", "4095", "Invalid number, range is (1:4094)")
	parser("number too small", nil, "show vlan id 0", "0", "Invalid number, range is (1:4094)")
	parser("number of a range", []string{conf, "interface vethernet 1"}, "switchport access vlan 5000", "5000", "Invalid number, range is (1:4094)")
	parser("bad list", []string{conf, "interface vethernet 1"}, "switchport trunk allowed vlan 10-5", "10-5", "Invalid value/range")
	parser("bad IPv4", []string{conf, "vrf context management"}, "ip route 0.0.0.0/0 300.1.1.1", "300.1.1.1", "Invalid ip address")
	parser("bad IPv6", []string{conf, "vrf context management"}, "ipv6 route ::/0 2001:::1", "2001:::1", "Invalid ipv6 address")
	parser("bad MAC", nil, "show mac address-table address 0200.0000.000g", "0200", "Invalid mac address")
	parser("bad interface", nil, "show interface ethernet 3", "3", "Invalid interface format")
	parser("string too long", []string{conf}, "port-profile "+long, long, "String exceeded max length of (80)")
	parser("bad filter", nil, "show vlan | zz", "zz", "Invalid command")
	parser("a feature that is not there", []string{conf}, "router bgp 65000", "uter", "Invalid command")

	semantic := func(name string, lines []string, want string, refused bool) {
		t.Helper()
		before := w.p.Store.Running().Tree
		out, failed := w.type1(lines...)
		if failed != refused || out != want+"\n" {
			t.Errorf("%s: %q failed %t and prints %q, want %q", name, lines, failed, out, want)
		}
		if refused && !w.p.Store.Running().Tree.Equal(before) {
			t.Errorf("%s: what is refused changes %s", name, differ(before, w.p.Store.Running().Tree))
		}
	}
	w.run(conf, "interface vethernet 3", "inherit port-profile WEB")
	semantic("access VLAN not created", []string{conf, "interface vethernet 1", "switchport access vlan 77"},
		"Warning: Access VLAN does not exist. Creating is not automatic; configure vlan 77.", false)
	semantic("deleting a profile in use", []string{conf, "no port-profile WEB"},
		"ERROR: Port-profile WEB is in use by Vethernet3; remove or move the ports first.", true)
	semantic("inherit loop", []string{conf, "port-profile WEB", "inherit port-profile WEB"}, "ERROR: Inheriting WEB would create a loop.", true)
	semantic("inherit type mismatch", []string{conf, "port-profile UP", "inherit port-profile WEB"},
		"ERROR: Port-profile type mismatch (ethernet vs vethernet).", true)
	w.run(conf, "port-profile P1", "port-profile P2", "inherit port-profile P1", "port-profile P3", "inherit port-profile P2",
		"port-profile P4", "inherit port-profile P3", "port-profile P5")
	semantic("inherit more than 4 levels", []string{conf, "port-profile P5", "inherit port-profile P4"},
		"ERROR: Port-profile inheritance depth exceeds 4.", true)
	w.run(conf, "port-profile WEB", "max-ports 1")
	semantic("max-ports exceeded", []string{conf, "interface vethernet 1", "inherit port-profile WEB"},
		"ERROR: Port-profile WEB has reached max-ports 1.", true)
	semantic("interface absent", []string{"show interface vethernet 99"}, "ERROR: Interface does not exist: Vethernet99", true)
	w.run(conf, "vlan 1-4000")
	semantic("scale limit", []string{conf, "vlan 4001"}, "ERROR: Maximum number of VLANs (4000) reached.", true)
}

// TestRoleForbids has an operator type what only administrators may.
func TestRoleForbids(t *testing.T) {
	cli, err := newCLI()
	if err != nil {
		t.Fatal(err)
	}
	s := cli.Session(session.Options{Who: feature.Session{User: "eve", Role: feature.NetworkOperator}})
	for line, want := range map[string]string{
		"configure terminal": "% Permission denied for the role\n", "write erase": "% Permission denied for the role\n",
		"terminal length 0": "",
	} {
		var b bytes.Buffer
		if failed := s.Run(t.Context(), line, console{&b}).Failed; failed != (want != "") || b.String() != want {
			t.Errorf("%q: failed %t, prints %q, want %q", line, failed, b.String(), want)
		}
	}
}

// TestLock: while a commit waits for its confirmation, others are refused with
// the name of who made it.
func TestLock(t *testing.T) {
	w := newWorld(t)
	w.run("configure session new", "vlan 50", "commit confirmed 5")
	out, failed := w.type1("configure terminal", "vlan 60")
	if want := "ERROR: Another configuration session holds the lock (user admin, console0).\n"; !failed || out != want {
		t.Errorf("failed %t, prints %q, want %q", failed, out, want)
	}
}
