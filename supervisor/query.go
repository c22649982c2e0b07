package supervisor

import (
	"time"

	"trunkline/config/effective"
	"trunkline/feature"
	"trunkline/internal/version"
)

// query takes the snapshots that a command sees.
func (s *Supervisor) query(args feature.Args, who feature.Session) feature.Query {
	now := s.config.Running()
	startup, _ := s.config.Startup()
	sch := s.config.Schema()
	return feature.Query{
		Args: args, Running: now.Tree, Startup: startup.Tree, Schema: sch, Changed: now.At,
		Effective: effective.New(sch, now.Tree).Port,
		State:     s.snapshot(), Now: time.Now(), Session: who, Module: s.modules.Query,
	}
}

// snapshot gathers what is known at this moment.
func (s *Supervisor) snapshot() *feature.State {
	sup := s.machine.facts()
	sup.Started, sup.GUID, sup.Version, sup.ResetReason = s.began, s.authority.Chassis(), version.String, s.cfg.Reset
	return &feature.State{Supervisor: sup, Modules: s.modules.Snapshot(), Ports: s.state.Ports()}
}

// owner names a port's owner for tables.
func (s *Supervisor) owner(port string) string {
	if b := feature.BindingOf(s.config.Running().Tree, port); b != nil {
		return b.Owner()
	}
	return ""
}
