package supervisor

import (
	"slices"
	"strings"
	"time"

	"trunkline/config/effective"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/aaa"
	"trunkline/internal/version"
)

// query takes the snapshots that a command sees.
func (s *Supervisor) query(args feature.Args, who feature.Session) feature.Query {
	now := s.config.Running()
	startup, _ := s.config.Startup()
	sch, zone := s.config.Schema(), feature.Location(now.Tree)
	q := feature.Query{
		Args: args, Running: now.Tree, Startup: startup.Tree, Schema: sch, Changed: now.At.In(zone),
		Effective: effective.New(sch, now.Tree).Port,
		State:     s.snapshot(), Now: time.Now().In(zone), Session: who, Module: s.modules.Query, Messages: s.messages, Monitor: s.remote.Monitor,
	}
	q.Stack, q.SchedulerLog = s.stack, s.jobs.LogFile
	return q
}

// stack returns what the IP stack of one of the supervisor's own interfaces has.
func (s *Supervisor) stack(name string) (feature.Stack, error) {
	if name != feature.Mgmt0 {
		return s.svis.Stack(name)
	}
	if s.mgmt == nil {
		return feature.Stack{}, nil
	}
	return s.mgmt.Stack()
}

// snapshot gathers what is known at this moment.
func (s *Supervisor) snapshot() *feature.State {
	return &feature.State{Supervisor: s.facts(), Modules: s.modules.Snapshot(), Hosts: s.hostKeys(), Ports: s.state.Ports(), Reports: s.state.Reports(), Down: s.down(), NXAPI: s.nxapi.facts(), Logins: s.remote.Logins(), Blocked: s.users.Blocked(), Servers: s.users.Counters(), LogServers: s.syslog.Snapshot(), Clock: s.time.Snapshot(), Schedules: s.jobs.Snapshot()}
}

// facts are what the supervisor says of itself.
func (s *Supervisor) facts() feature.Supervisor {
	sup := s.machine.facts()
	zone := feature.Location(s.config.Running().Tree)
	sup.Boot = sup.Boot.In(zone)
	sup.Started, sup.GUID, sup.Version, sup.ResetReason = s.began.In(zone), s.authority.Chassis(), version.String, s.cfg.Reset
	sup.Fingerprint = s.authority.Fingerprint()
	if s.mgmt != nil {
		now := s.mgmt.Snapshot()
		sup.MgmtShutdown = feature.Read(s.config.Running().Tree, feature.InterfacePath(feature.Mgmt0, "shutdown"), false)
		if sup.Mgmt, sup.Prefixes = now.Port, now.Prefixes; len(now.Prefixes) > 0 {
			sup.Address = now.Prefixes[0].Addr().String()
		}
	}
	sup.SVIs = s.svis.Snapshot()
	return sup
}

// down are the features whose server does not run.
func (s *Supervisor) down() map[string]bool {
	return map[string]bool{"ssh": !s.ssh.serves(), "grpc": !s.gnmi.open(), "nxapi": !s.nxapi.serves()}
}

// running is the running configuration as features observe it.
func (s *Supervisor) running() feature.Running {
	now := s.config.Running()
	return feature.Running{Tree: now.Tree, At: now.At, Effective: effective.New(s.config.Schema(), now.Tree).Port}
}

// hostKeys are the hosts that have enrolled, with those that were refused.
func (s *Supervisor) hostKeys() []feature.HostKey {
	refused := s.modules.Refused()
	var all []feature.HostKey
	for _, c := range s.authority.Cards() {
		all = append(all, feature.HostKey{UUID: c.Host, Fingerprint: c.Fingerprint, Since: c.Since, Refused: refused[c.Host]})
		delete(refused, c.Host)
	}
	for host, why := range refused {
		all = append(all, feature.HostKey{UUID: host, Refused: why})
	}
	slices.SortFunc(all, func(a, b feature.HostKey) int { return strings.Compare(a.UUID, b.UUID) })
	return all
}

// rights are what roles allow now.
func (s *Supervisor) rights(r feature.Role) feature.Rights {
	return aaa.Rights(s.config.Running().Tree, r)
}

// rightsIn are what roles allow under a configuration.
func rightsIn(t tree.Tree, r feature.Role) feature.Rights { return aaa.Rights(t, r) }
