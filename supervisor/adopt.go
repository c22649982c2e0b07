package supervisor

import (
	"cmp"
	"context"
	"errors"

	"trunkline/config"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/portprofile"
	"trunkline/linecard/api"
)

// place is a device of a host that a host uplink line names.
type place struct {
	slot   int
	device string
}

// gift is the port-profile that an interface has from such a line.
type gift struct{ port, profile string }

// refusal is why an interface is not as its device asks for. It is tried again
// when the device or the configuration has changed.
type refusal struct {
	nic  api.NIC
	seen tree.Tree
	text string
}

// adopt makes interfaces of the devices that cards have adopted, each by its
// own commit. What is refused is logged once and is no error.
func (s *Supervisor) adopt(ctx context.Context, inv *inventory) error {
	err := s.takeBack(ctx, inv)
	for _, m := range s.modules.Snapshot() {
		for _, nic := range s.state.NICs(m.Slot) {
			err = errors.Join(err, s.adoptNIC(ctx, inv, m.Slot, nic))
		}
	}
	return err
}

func (s *Supervisor) adoptNIC(ctx context.Context, inv *inventory, slot int, nic api.NIC) error {
	t := s.config.Running().Tree
	name := feature.EthernetName(t, slot, nic.Number)
	if last, ok := inv.refused[name]; ok && last.nic == nic && last.seen.Equal(t) {
		return nil
	}
	line := uplinkProfile(t, slot, nic.Device)
	var why error
	for _, edits := range wishes(t, name, line, nic.Profile) {
		if edits = changes(t, edits); len(edits) == 0 {
			break
		}
		err := s.edit(ctx, edits)
		if err == nil {
			break
		}
		if !errors.As(err, new(config.Problems)) {
			return err // the store's trouble
		}
		if why == nil {
			why = err
		}
	}
	now := s.config.Running().Tree
	if line != "" {
		inv.given[place{slot, nic.Device}] = gift{name, feature.ProfileOf(now, name)}
	}
	if why == nil {
		delete(inv.refused, name)
		return nil
	}
	if inv.refused[name].text != why.Error() {
		s.log.Warn("an interface is not as its device asks for", "interface", name, "device", nic.Device, "error", why)
	}
	inv.refused[name] = refusal{nic, now, why.Error()}
	return nil
}

// takeBack takes the profiles of host uplink lines that are gone away from
// their interfaces, unless an operator has given them others.
func (s *Supervisor) takeBack(ctx context.Context, inv *inventory) error {
	var all error
	for at, g := range inv.given {
		t := s.config.Running().Tree
		if uplinkProfile(t, at.slot, at.device) != "" {
			continue
		}
		var err error
		if g.profile != "" && feature.ProfileOf(t, g.port) == g.profile {
			edit := config.Edit{Op: config.Delete, Path: feature.InterfacePath(g.port, "inherit")}
			for _, nic := range s.state.NICs(at.slot) {
				if nic.Device == at.device && nic.Profile != "" { // the card has adopted it all the same
					edit.Op, edit.Value = config.Set, available(t, nic.Profile)
				}
			}
			err = s.edit(ctx, []config.Edit{edit})
		}
		if err == nil || errors.As(err, new(config.Problems)) {
			delete(inv.given, at)
		}
		all = errors.Join(all, err)
	}
	return all
}

// wishes are the edits, best first, that give a device its interface. The
// profile of a host uplink line is followed; that of the card's own
// configuration is for a new interface, one that is there is left as the
// operator made it. A device that is to have a profile and cannot gets the one
// for uplinks in quarantine, or is shut down: without a profile it would be an
// edge port.
func wishes(t tree.Tree, name, line, own string) [][]config.Edit {
	entry := config.Edit{Op: config.Set, Path: feature.InterfacePath(name)}
	inherit := feature.InterfacePath(name, "inherit")
	profile, there := cmp.Or(line, own), t.Exists(feature.InterfacePath(name))
	switch {
	case there && line == "" && feature.ProfileOf(t, name) != portprofile.UnusedUplink:
		return nil
	case profile == "":
		return [][]config.Edit{{entry}}
	}
	return [][]config.Edit{
		{entry, {Op: config.Set, Path: inherit, Value: available(t, profile)}},
		{entry, {Op: config.Set, Path: inherit, Value: portprofile.UnusedUplink}},
		{entry, {Op: config.Set, Path: feature.InterfacePath(name, "shutdown"), Value: true}},
	}
}

// changes are the edits that change something.
func changes(t tree.Tree, edits []config.Edit) []config.Edit {
	var out []config.Edit
	for _, e := range edits {
		if v, _ := t.Get(e.Path); e.Value != nil && v != e.Value || !t.Exists(e.Path) {
			out = append(out, e)
		}
	}
	return out
}

// available returns the profile if there is such a one for uplinks, else the
// one for uplinks in quarantine.
func available(t tree.Tree, profile string) string {
	if feature.ProfileType(t, profile) == feature.Ethernet {
		return profile
	}
	return portprofile.UnusedUplink
}

// uplinkProfile is the profile that a host uplink line gives a device, "" when
// there is no such line.
func uplinkProfile(t tree.Tree, slot int, device string) string {
	return feature.Read(t, vemPath(slot, tree.Elem{Name: "uplink", Key: device}, tree.Elem{Name: "profile"}), "")
}
