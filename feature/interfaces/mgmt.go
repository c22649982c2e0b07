package interfaces

import (
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/ether"
)

// observeMgmt says of mgmt0, which no card has, what its device and
// configuration are.
func observeMgmt(s *feature.Supervisor, emit feature.Emit) {
	p := &s.Mgmt
	if p.Name == "" {
		return
	}
	set := belowMgmt(emit)
	up, reason := p.Up && !s.MgmtShutdown, p.Reason
	switch {
	case s.MgmtShutdown:
		reason = feature.AdminDown
	case up:
		reason = reasonNone
	}
	since := p.Since
	if since.IsZero() {
		since = s.Started
	}
	set(kindLeaf, feature.Management, s.Started)
	set(ifindexLeaf, feature.IfIndex(p.Name), s.Started)
	set(adminLeaf, upDown(!s.MgmtShutdown), time.Time{})
	set(statusLeaf, upDown(up), since)
	set(lastChangeLeaf, since.UTC().Round(0), since)
	set(reasonLeaf, reason, since)
	set(mtuLeaf, p.MTU, time.Time{})
	if p.Mbps != 0 && up {
		set(speedLeaf, p.Mbps, time.Time{})
	}
	if p.MAC != (ether.MAC{}) {
		set(macLeaf, p.MAC, time.Time{})
	}
	for _, l := range []struct {
		at   tree.Path
		text string
	}{{adapterLeaf, p.Adapter}, {adapterKind, p.Kind}, {faultLeaf, p.Error}} {
		if l.text != "" {
			set(l.at, l.text, time.Time{})
		}
	}
}

// sampleMgmt is samplePort for mgmt0.
func sampleMgmt(s *feature.Supervisor, now time.Time, emit feature.Emit) {
	if s.Mgmt.Name == "" {
		return
	}
	set := belowMgmt(emit)
	samplePort(&s.Mgmt, func(p tree.Path, value any, _ time.Time) { set(p, value, now) })
}

// belowMgmt emits below the entry of mgmt0.
func belowMgmt(emit feature.Emit) feature.Emit {
	entry := feature.InterfacePath(feature.Mgmt0)
	return func(p tree.Path, value any, at time.Time) { emit(entry.Join(p), value, at) }
}
