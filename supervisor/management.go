package supervisor

import (
	"net/netip"

	"trunkline/feature/management"
	"trunkline/supervisor/listen"
)

// manage tells mgmt0 what configuration wants.
func (s *Supervisor) manage() {
	if s.mgmt != nil {
		s.mgmt.Set(management.Of(s.config.Running().Tree))
	}
}

// HasManagement reports whether there is a mgmt0.
func (s *Supervisor) HasManagement() bool { return s.mgmt != nil }

// Addresses returns where services listen that are not told: the addresses of
// mgmt0, IPv4 first, of which there may be none yet, without a mgmt0 those of
// the loopback; and those of the interfaces in VLANs, on their devices alone: who
// comes in by one is answered over its routes, whatever others the machine has.
func (s *Supervisor) Addresses() []listen.Address {
	var all []listen.Address
	for _, a := range s.ofManagement() {
		all = append(all, listen.Address{Addr: a})
	}
	if s.mgmt == nil {
		all = append(all, listen.Address{Addr: netip.AddrFrom4([4]byte{127, 0, 0, 1})}, listen.Address{Addr: netip.IPv6Loopback()})
	}
	for _, i := range s.svis.Snapshot() {
		if i.Up {
			for _, p := range i.Prefixes {
				all = append(all, listen.Address{Addr: p.Addr(), Device: i.Adapter, Index: i.Index})
			}
		}
	}
	return all
}

// ofManagement are the addresses of mgmt0, IPv4 first.
func (s *Supervisor) ofManagement() []netip.Addr {
	if s.mgmt == nil {
		return nil
	}
	var all []netip.Addr
	for _, p := range s.mgmt.Snapshot().Prefixes {
		all = append(all, p.Addr())
	}
	return all
}

// Admits implements listen.Source. The kernel takes packets for the address of
// mgmt0 on any device; who is reached by an interface in a VLAN comes in at the
// address of that.
func (s *Supervisor) Admits(client netip.Addr) bool { return !s.svis.Lead(client) }

// WatchAddresses returns a channel that holds a token once Addresses may have
// changed since it was last taken from; cancel ends it.
func (s *Supervisor) WatchAddresses() (wake <-chan struct{}, cancel func()) {
	return s.watchers.Subscribe()
}
