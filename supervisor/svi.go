package supervisor

import (
	"context"

	"trunkline/config/effective"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/interfacevlan"
	"trunkline/feature/switchport"
	"trunkline/internal/ether"
	"trunkline/supervisor/mgmt"
)

// inbandOn takes notice of a card that attaches in the supervisor's own network
// namespace. The switch's interfaces in VLANs are on the first of them, until
// another comes while that one is gone.
func (s *Supervisor) inbandOn(slot int) {
	s.inbandMu.Lock()
	defer s.inbandMu.Unlock()
	if s.inband != 0 && s.inband != slot && s.online(s.inband) {
		return
	}
	s.inband = slot
	s.compiler.SetInband(slot)
}

// inbandSlot is the slot of the card that the switch's own interfaces are on, 0
// for none yet.
func (s *Supervisor) inbandSlot() int {
	s.inbandMu.Lock()
	defer s.inbandMu.Unlock()
	return s.inband
}

// keepSVIs tells the switch's own interfaces what configuration wants of them and
// whether their VLANs are up, whenever either changes, until ctx ends.
func (s *Supervisor) keepSVIs(ctx context.Context) {
	changed, stop := s.state.Subscribe()
	defer stop()
	for {
		s.setSVIs()
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// setSVIs tells the switch's own interfaces what is wanted of them now.
func (s *Supervisor) setSVIs() {
	t := s.config.Running().Tree
	var w mgmt.WantedSVIs
	if interfacevlan.Feature.Enabled(t) {
		w.Routes = interfacevlan.Routes(t)
		all := interfacevlan.Read(t)
		var up ether.VLANSet
		if len(all) > 0 {
			up = s.vlansUp(t)
		}
		for _, i := range all {
			w.SVIs = append(w.SVIs, mgmt.SVI{
				Interface: i, Up: i.Up && feature.VLANActive(t, i.VLAN) && (!i.Autostate || up.Has(i.VLAN)),
			})
		}
	}
	s.svis.Set(w)
}

// vlansUp are the VLANs in which a port is up that is not the switch's own.
func (s *Supervisor) vlansUp(t tree.Tree) ether.VLANSet {
	resolve := effective.New(s.config.Schema(), t).Port
	var up ether.VLANSet
	for _, p := range s.state.Ports() {
		if p.Up && feature.KindOf(p.Name) != feature.SVI && t.Exists(feature.InterfacePath(p.Name)) {
			up = up.Union(switchport.VLANs(resolve(p.Name)))
		}
	}
	return up
}
