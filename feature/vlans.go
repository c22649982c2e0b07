package feature

import (
	"fmt"
	"slices"
	"strconv"

	"trunkline/config/tree"
	"trunkline/internal/ether"
)

// VLANPath returns the path of a VLAN, or of a leaf below it when names are
// given.
func VLANPath(id ether.VLANID, below ...string) tree.Path {
	p := tree.Path{{Name: "vlans"}, {Name: "vlan", Key: strconv.Itoa(int(id))}}
	for _, b := range below {
		p = append(p, tree.Elem{Name: b})
	}
	return p
}

// VLANExists reports whether the VLAN is there; VLAN 1 always is.
func VLANExists(t tree.Tree, id ether.VLANID) bool {
	return id == 1 || t.Exists(VLANPath(id))
}

// VLANName returns the name of a VLAN, which without a configured one is
// "VLAN0020", and "default" for VLAN 1 (cli.md §9.4).
func VLANName(t tree.Tree, id ether.VLANID) string {
	def := fmt.Sprintf("VLAN%04d", id)
	if id == 1 {
		def = "default"
	}
	return Read(t, VLANPath(id, "name"), def)
}

// VLANActive reports whether the VLAN exists and is neither suspended nor shut
// down, and so forwards.
func VLANActive(t tree.Tree, id ether.VLANID) bool {
	return VLANExists(t, id) && Read(t, VLANPath(id, "state"), "active") == "active" &&
		!Read(t, VLANPath(id, "shutdown"), false)
}

// Ports returns the names of all interfaces that configuration or a module
// knows, in the order of cli.md §1.
func (q Query) Ports() []string {
	var names []string
	seen := map[string]bool{}
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	for name := range Configured(q.Running) {
		add(name)
	}
	if q.State != nil {
		for _, p := range q.State.Ports {
			add(p.Name)
		}
	}
	slices.SortFunc(names, CompareNames)
	return names
}
