package vethernet

import (
	"fmt"
	"iter"
	"strconv"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// VNIC is what an operator sets for a port of the host itself (cli.md §13.2).
// The supervisor makes a vEthernet of it whose owner is "internal NAME module
// N"; the line of the host decides, the owner follows.
type VNIC struct {
	Module  int    // slot of the card on the host
	Name    string // of the device on the host
	Profile string // of type vethernet
}

// Owner is that of the vEthernet which belongs to v.
func (v VNIC) Owner() Owner { return Owner{Kind: KindInternal, Device: v.Name, Module: v.Module} }

var vnic = without("/:", schema.ErrInterface, schema.Word("vnic", "Network device of the host, made by the switch", 15))

var vnicProfile = func() schema.Type[string] {
	t := schema.Word("profile-name", "Port profile name", 80)
	t.Syntax.Objects = "port-profiles/port-profile"
	return t
}()

var vnicBlock = schema.Block{
	Path: "vems/vem/vnic", Parent: "vems/vem",
	Keys: []schema.Key{{Name: "vnic", Type: vnic}},
	Help: "Port of the host itself",
}

var vnicLeaf = schema.Bind("vems/vem/vnic/profile", vnicProfile, func(c *VNIC) *string { return &c.Profile },
	"host vnic <vnic> profile <profile>", "Port profile of the host's port").With(func(l *schema.Leaf) {
	l.Mode = "vems/vem"
	l.Ref = "port-profiles/port-profile"
})

var vnicWords = schema.Words{
	"host":              "Host of the module",
	"host vnic":         "Port of the host itself, in a VLAN of the switch",
	"host vnic profile": "Port profile of the host's port",
}

func vnicPath(slot, name string) tree.Path {
	return tree.Path{{Name: "vems"}, {Name: "vem", Key: slot}, {Name: "vnic", Key: name}, {Name: "profile"}}
}

// VNICs yields the host ports that a configuration has, by module and name. An
// entry whose line was removed may remain; it is left out.
func VNICs(t tree.Tree) iter.Seq[VNIC] {
	return func(yield func(VNIC) bool) {
		for slot := range t.Keys(tree.Path{{Name: "vems"}, {Name: "vem"}}) {
			n, _ := strconv.Atoi(slot)
			for name := range t.Keys(tree.Path{{Name: "vems"}, {Name: "vem", Key: slot}, {Name: "vnic"}}) {
				v := VNIC{Module: n, Name: name, Profile: feature.Read(t, vnicPath(slot, name), "")}
				if v.Profile != "" && !yield(v) {
					return
				}
			}
		}
	}
}

// byKind finds vEthernets by the kind of their owners.
var byKind = tree.NewIndex(feature.InterfacesRoot.Child("interface"), func(port string, entry tree.Tree) string {
	return ownerIn(port, entry).Kind
})

// Internal yields the vEthernets that are ports of hosts, in order, with their
// owners.
func Internal(t tree.Tree) iter.Seq2[string, Owner] {
	return func(yield func(string, Owner) bool) {
		for _, port := range byKind.Members(t, KindInternal) {
			if !yield(port, ownerOf(t, port)) {
				return
			}
		}
	}
}

// hasVNIC reports whether the owner's module has its host port configured.
func hasVNIC(t tree.Tree, o Owner) bool {
	return feature.Read(t, vnicPath(fmt.Sprint(o.Module), o.Device), "") != ""
}

// checkVNICs checks the host ports themselves.
func checkVNICs(c feature.Candidate) []schema.Problem {
	var problems []schema.Problem
	for v := range VNICs(c.New) {
		slot := fmt.Sprint(v.Module)
		add := func(s schema.Severity, rule, format string, args ...any) {
			problems = append(problems, schema.Problem{
				Path: vnicPath(slot, v.Name), Severity: s, Rule: rule, Text: fmt.Sprintf(format, args...),
			})
		}
		if c.New.Exists(uplinkPath(v.Module, v.Name)) {
			add(schema.Error, "vnic-uplink", "ERROR: Device %s of module %d is an uplink.", v.Name, v.Module)
		}
		switch kind := feature.ProfileType(c.New, v.Profile); {
		case kind == "" && v.Profile != feature.Read(c.Old, vnicPath(slot, v.Name), ""):
			add(schema.Warning, "profile-missing", "Warning: Port-profile %s does not exist; the host's port is in no VLAN of it.", v.Profile)
		case kind == feature.Ethernet:
			add(schema.Error, "profile-type", "%s", feature.TypeMismatch(feature.Vethernet, kind))
		}
	}
	return problems
}
