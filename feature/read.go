package feature

import (
	"fmt"
	"net/netip"
	"slices"

	"trunkline/config/schema"
	"trunkline/config/tree"
)

// Read returns the value of a leaf, or def where the tree holds nothing there
// or the no form (schema.No).
func Read[T any](t tree.Tree, path tree.Path, def T) T {
	v, _ := t.Get(path)
	if v, ok := v.(T); ok {
		return v
	}
	return def
}

// DefaultHostname is the name of a chassis without a configured one.
const DefaultHostname = "switch"

var hostnamePath = tree.Path{{Name: "system"}, {Name: "hostname"}}

// Hostname returns the name of the chassis.
func Hostname(t tree.Tree) string { return Read(t, hostnamePath, DefaultHostname) }

// ManagementAddresses are those that configuration gives mgmt0, IPv4 first; none
// while it is shut down.
func ManagementAddresses(t tree.Tree) []string {
	if Read(t, InterfacePath(Mgmt0, "shutdown"), false) {
		return nil
	}
	var all []string
	for _, leaf := range []string{"ipv4", "ipv6"} {
		if p := Read(t, InterfacePath(Mgmt0, leaf), netip.Prefix{}); p.IsValid() {
			all = append(all, p.Addr().String())
		}
	}
	return all
}

// Changed reports whether the candidate differs from what it replaces at or
// below one of the paths. What was committed has passed every check, so a Check
// need not look at what has not changed.
func (c Candidate) Changed(paths ...tree.Path) bool {
	for _, p := range paths {
		if !c.Old.Sub(p).Equal(c.New.Sub(p)) {
			return true
		}
	}
	return false
}

// ChangedPorts reports whether an interface of a kind (KindOf) came or went, or
// changed at or below one of the named leaves or containers.
func (c Candidate) ChangedPorts(kind string, below ...string) bool {
	for change := range tree.Diff(c.Old.Sub(InterfacesRoot), c.New.Sub(InterfacesRoot)) {
		if KindOf(change.Path[0].Key) == kind && (len(change.Path) == 1 || slices.Contains(below, change.Path[1].Name)) {
			return true
		}
	}
	return false
}

// Parts of the tree that checks of several features look at.
var (
	InterfacesRoot = tree.Path{{Name: "interfaces"}}
	ModulesRoot    = tree.Path{{Name: "vems"}}
	ProfilesRoot   = tree.Path{{Name: "port-profiles"}}
)

// Why a port is kept down by configuration (cli.md §11.4).
const (
	AdminDown       = "Administratively down"
	ProfileDisabled = "Port profile disabled"
)

var shutdownPath = tree.Path{{Name: "shutdown"}}

// AdminState says whether configuration lets a port forward: it is not shut
// down, by itself or through its port-profile, and that profile is enabled.
// The result is "" if so, else the reason of cli.md §11.4. Effective is the
// port's own tree with its profiles resolved.
func AdminState(t, effective tree.Tree, port string) string {
	if Read(t, InterfacePath(port, "shutdown"), KindOf(port) == SVI) {
		return AdminDown
	}
	profile := ProfileOf(t, port)
	if profile != "" && !ProfileEnabled(t, profile) {
		return ProfileDisabled
	}
	switch v, set := effective.Get(shutdownPath); {
	case v == true:
		return AdminDown
	case !set && profile != "":
		return AdminDown // the members' default under a profile is shutdown
	}
	return ""
}

// ProfileOf returns the port-profile a port inherits, "" for none.
func ProfileOf(t tree.Tree, port string) string {
	return Read(t, InterfacePath(port, "inherit"), "")
}

// ProfileEnabled reports whether the port-profile exists and is enabled.
func ProfileEnabled(t tree.Tree, profile string) bool {
	state, ok := t.Get(profilePath(profile, "state"))
	return ok && state != schema.No && fmt.Sprint(state) == "enabled"
}

// ProfileType returns the type of a port-profile, Ethernet or Vethernet; "" if
// there is no such profile.
func ProfileType(t tree.Tree, profile string) string {
	if profile == "" || !t.Exists(profilePath(profile)) {
		return ""
	}
	return Read(t, profilePath(profile, "type"), Vethernet)
}

func profilePath(profile string, below ...string) tree.Path {
	p := tree.Path{{Name: "port-profiles"}, {Name: "port-profile", Key: profile}}
	for _, b := range below {
		p = append(p, tree.Elem{Name: b})
	}
	return p
}
