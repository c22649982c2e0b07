package pipeline

import (
	"time"

	"trunkline/internal/ether"
	"trunkline/linecard/bridge"
	"trunkline/linecard/fdb"
	"trunkline/linecard/frame"
)

// rebuild makes the plan from the program and the state of the ports, and
// publishes it. Called with mu held.
func (e *Engine) rebuild() {
	facts := e.facts
	if facts == nil {
		facts = newBuilder()
	}
	old := e.plan.Load()
	top := 0
	for _, p := range e.ports {
		top = max(top, int(p.index))
	}
	plan := &Plan{Generation: old.Generation + 1, stages: make([]stages, top+1)}
	plan.Ports = make([]bridge.Port, top+1)
	for _, p := range e.ports {
		f := p.facts
		if f == nil {
			continue
		}
		up, _ := e.state(p)
		plan.Ports[p.index] = bridge.Port{
			Present: true, Up: up, Uplink: f.Uplink, Tunnel: f.Tunnel, Vethernet: f.Vethernet, Trunk: f.Trunk,
			PVID: uint16(f.PVID), Allowed: f.Allowed, MTU: p.mtu(), Punts: f.Punts,
		}
		plan.stages[p.index] = stages{guard: f.Guard, flood: f.Flood, egress: f.Egress}
	}
	plan.Compile(facts.active, func(index uint16) int { return e.index[index].facts.Number })
	e.plan.Store(plan)
	e.flush(old, plan)
	e.fdb.Statics(e.statics(facts))
	for _, p := range e.ports {
		e.track(p)
	}
}

// flush makes the MAC table forget what the new plan has made wrong. A worker
// that still has the old plan may learn a little more of it; lookup checks
// membership once more.
func (e *Engine) flush(old, new *Plan) {
	for i := range old.Ports {
		was := &old.Ports[i]
		if !was.Present || !was.Up {
			continue
		}
		if i < len(new.Ports) {
			if is := &new.Ports[i]; is.Up && was.Member.Minus(is.Member).Empty() && was.Uplink == is.Uplink && was.Tunnel == is.Tunnel {
				continue
			}
		}
		e.fdb.FlushHop(uint16(i))
	}
	for v, was := range old.Domains {
		if was == nil || was.Uplink == 0 {
			continue
		}
		if is := new.Domains[v]; is == nil || is.Uplink != was.Uplink {
			e.fdb.FlushBD(uint16(v))
		}
	}
}

// statics resolves the static entries against the ports there are.
func (e *Engine) statics(facts *Builder) []fdb.Entry {
	var list []fdb.Entry
	for _, p := range e.ports {
		if f := p.facts; f != nil && f.OwnMAC != (ether.MAC{}) && !f.OwnMAC.Group() && f.PVID.Valid() {
			list = append(list, fdb.Entry{BD: uint16(f.PVID), MAC: f.OwnMAC, Hop: p.index, Static: true, Own: true})
		}
	}
	for _, s := range facts.statics {
		entry := fdb.Entry{BD: uint16(s.vlan), MAC: s.mac, Hop: bridge.HopDiscard, Static: true}
		if s.port != "" {
			p := e.ports[s.port]
			if p == nil || p.facts == nil {
				continue
			}
			entry.Hop = p.index
		}
		list = append(list, entry)
	}
	return list
}

// track notes that a port went up or down.
func (e *Engine) track(p *cardPort) {
	up, reason := e.state(p)
	if up == p.up && reason == p.reason {
		return
	}
	if up != p.up {
		p.since = time.Now()
		if up {
			p.resets++
		}
	}
	p.up, p.reason = up, reason
	e.note(Event{Kind: EventState, Port: p.name})
}

// Words of cli.md §11.4 for why a port is down.
const (
	reasonUp     = "none"
	reasonAdmin  = "Administratively down"
	reasonLink   = "Link not connected"
	reasonAbsent = "nonParticipating"
	reasonVLAN   = "inactive"
	reasonErr    = "errDisabled"
	reasonNoPlan = "Initializing"
)

// state says whether a port forwards, and why not. Called with mu held.
func (e *Engine) state(p *cardPort) (up bool, reason string) {
	f := p.facts
	switch {
	case f == nil:
		return false, reasonNoPlan
	case !f.Up:
		return false, reasonAdmin
	case e.closed(p.index) != frame.Forward:
		return false, reasonErr
	case p.dev == nil || p.gone:
		if f.Vethernet {
			return false, reasonAbsent
		}
		return false, reasonLink
	case !p.info.Carrier:
		return false, reasonLink
	case !f.Trunk && !e.facts.active.Has(f.PVID):
		return false, reasonVLAN
	}
	return true, reasonUp
}
