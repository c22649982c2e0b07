package aaa

import (
	"testing"

	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/ether"
)

// role returns the rights of a role with rules, the first with the highest number.
func role(t *testing.T, rules ...string) feature.Rights {
	t.Helper()
	var tr tree.Tree
	tr = tr.Set(rolePath("r"), nil)
	for i, text := range rules {
		key := []string{"250", "100", "30", "9", "1"}[i]
		tr = tr.Set(rolePath("r").Entry("rule", key).Child("what"), text)
	}
	return Rights(tr, "r")
}

func TestRules(t *testing.T) {
	exec := func(line, f string, write bool) feature.Command {
		return feature.Command{Lines: []string{line}, Feature: f, Write: write}
	}
	config := func(f string, lines ...string) feature.Command {
		return feature.Command{Lines: lines, Config: true, Feature: f, Write: true}
	}
	show := exec("show vlan", "vlan", false)
	shut := config("interfaces", "interface Ethernet3/1", "shutdown")
	for _, c := range []struct {
		name    string
		rules   []string
		command feature.Command
		want    feature.Verdict
	}{
		{"no rule", nil, show, feature.Unruled},
		{"reading", []string{"permit read"}, show, feature.Permitted},
		{"reading is not writing", []string{"permit read"}, shut, feature.Unruled},
		{"writing is reading", []string{"permit read-write"}, show, feature.Permitted},
		{"another feature", []string{"permit read-write feature vlan"}, shut, feature.Unruled},
		{"the highest rule decides", []string{"deny read feature vlan", "permit read-write"}, show, feature.Denied},
		{"and is first", []string{"permit read feature vlan", "deny read-write"}, show, feature.Permitted},
		{"who may not read does not write", []string{"deny read feature interfaces", "permit read-write"}, shut, feature.Denied},
		{"a command", []string{"permit command show vlan"}, show, feature.Permitted},
		{"a longer one", []string{"permit command show vlan"}, exec("show vlan brief", "vlan", false), feature.Unruled},
		{"any", []string{"permit command show *"}, exec("show vlan brief", "vlan", false), feature.Permitted},
		{"no abbreviation permits", []string{"permit command sh vl"}, show, feature.Unruled},
		{"an abbreviation denies", []string{"deny command sh vl", "permit read"}, show, feature.Denied},
		{"the beginning denies", []string{"deny command show vlan", "permit read"}, exec("show vlan brief", "vlan", false), feature.Denied},
		{"of whole words with digits", []string{"deny command interface ethernet 3/1", "permit read-write"}, config("interfaces", "interface Ethernet3/10"), feature.Permitted},
		{"a number", []string{"deny command interface ethernet 3/1", "permit read-write"}, config("interfaces", "interface Ethernet3/1"), feature.Denied},
		{"in modes below", []string{"deny command interface ethernet 3/1", "permit read-write"}, shut, feature.Denied},
		{"in any mode", []string{"deny command shutdown", "permit read-write"}, shut, feature.Denied},
		{"no form", []string{"deny command shutdown", "permit read-write"}, config("interfaces", "interface Ethernet3/1", "no shutdown"), feature.Denied},
		{"default form", []string{"deny command interface *", "permit read-write"}, config("interfaces", "default interface Ethernet3/1"), feature.Denied},
		{"in a mode", []string{"permit command config t ; interface * ; shutdown"}, shut, feature.Permitted},
		{"no form in a mode", []string{"permit command config t ; interface * ; shutdown"}, config("interfaces", "interface Ethernet3/1", "no shutdown"), feature.Permitted},
		{"not in another", []string{"permit command config t ; vlan * ; shutdown"}, shut, feature.Unruled},
		{"a mode and what is in it", []string{"permit command interface *"}, shut, feature.Permitted},
		{"a mode alone", []string{"permit command interface ethernet 3/1"}, shut, feature.Unruled},
		{"not below a longer way", []string{"permit command interface * ; shutdown"}, config("nve", "interface nve1", "member vni 1", "shutdown"), feature.Unruled},
		{"the way to configuration", []string{"permit command configure terminal"}, exec("configure terminal", "cli", true), feature.Permitted},
		{"and no further", []string{"permit command configure terminal"}, shut, feature.Unruled},
		{"closed to all", []string{"deny command conf t", "permit read-write"}, shut, feature.Denied},
		{"a rule of configuration is not of exec", []string{"permit command config t ; show *"}, show, feature.Unruled},
		{"no permission of a part", []string{"permit command vlan *"}, config("aaa", "role name x", "vlan policy deny"), feature.Unruled},
	} {
		if got := role(t, c.rules...).Judge(c.command, feature.Touched{}); got != c.want {
			t.Errorf("%s: %q on %q: verdict %d, want %d", c.name, c.rules, c.command.Lines, got, c.want)
		}
	}
	if r := role(t, "permit read"); r.Configures() || !r.Reads("vlan") {
		t.Error("a role that reads configures, or does not read")
	}
	if r := role(t, "permit read feature vlan"); r.Reads("aaa") || !r.Reads("vlan") {
		t.Error("a role that reads one feature reads another")
	}
}

// An act is allowed by one role with all that it touches, not by two with half of
// it each.
func TestUnionAndLimits(t *testing.T) {
	var tr tree.Tree
	a, b := rolePath("a"), rolePath("b")
	tr = tr.Set(a.Entry("rule", "1").Child("what"), "permit read-write feature vlan")
	tr = tr.Set(a.Entry("vlan-policy", "deny").Entry("vlan", "10"), nil)
	tr = tr.Set(b.Entry("rule", "1").Child("what"), "permit read-write feature interfaces")
	tr = tr.Set(b.Entry("interface-policy", "deny").Entry("interface", "Vethernet1"), nil)
	r := Rights(tr, "a b gone")
	vlan := feature.Command{Lines: []string{"vlan 10"}, Config: true, Feature: "vlan", Write: true}
	veth := feature.Command{Lines: []string{"interface Vethernet1"}, Config: true, Feature: "interfaces", Write: true}
	for _, c := range []struct {
		command feature.Command
		touched feature.Touched
		want    feature.Verdict
	}{
		{vlan, feature.Touched{VLANs: ether.VLANs(10)}, feature.Permitted},
		{vlan, feature.Touched{VLANs: ether.VLANs(10, 11)}, feature.Unruled},
		{veth, feature.Touched{Interfaces: []string{"Vethernet1"}}, feature.Permitted},
		{veth, feature.Touched{Interfaces: []string{"Vethernet1", "Vethernet2"}}, feature.Unruled},
		{veth, feature.Touched{VLANs: ether.VLANs(11)}, feature.Permitted},
	} {
		if got := r.Judge(c.command, c.touched); got != c.want {
			t.Errorf("%v touching %v: verdict %d, want %d", c.command.Lines, c.touched, got, c.want)
		}
	}
	if Rights(tr, "gone").Judge(vlan, feature.Touched{}) != feature.Denied {
		t.Error("a role that there is not allows something")
	}
}
