package supervisor

import (
	"fmt"
	"slices"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/aaa"
	"trunkline/feature/alias"
	"trunkline/feature/cdp"
	"trunkline/feature/chassis"
	"trunkline/feature/clock"
	"trunkline/feature/dns"
	"trunkline/feature/ethernet"
	"trunkline/feature/grpc"
	"trunkline/feature/interfaces"
	"trunkline/feature/interfacevlan"
	"trunkline/feature/lldp"
	"trunkline/feature/logging"
	"trunkline/feature/login"
	"trunkline/feature/mactable"
	"trunkline/feature/management"
	"trunkline/feature/module"
	"trunkline/feature/ntp"
	"trunkline/feature/nve"
	"trunkline/feature/nxapi"
	"trunkline/feature/portprofile"
	"trunkline/feature/scheduler"
	"trunkline/feature/svsdomain"
	"trunkline/feature/switchport"
	"trunkline/feature/system"
	"trunkline/feature/vethernet"
	"trunkline/feature/vlan"
	"trunkline/feature/vnsegment"
)

// Features is THE list of features. Its order breaks ties between lines of one
// section of show running-config, and between lines of one mode.
func Features() []feature.Feature {
	return []feature.Feature{
		system.Feature,
		chassis.Feature,
		aaa.Feature,
		aaa.TacacsFeature,
		login.Feature,
		dns.Feature,
		ntp.Feature,
		clock.Feature,
		grpc.Feature,
		module.Feature,
		vlan.Feature,
		vnsegment.Feature,
		portprofile.Feature,
		interfaces.Feature,
		switchport.Feature,
		ethernet.Feature,
		vethernet.Feature,
		nve.Feature,
		mactable.Feature,
		cdp.Feature,
		lldp.Feature,
		svsdomain.Feature,
		nxapi.Feature,
		logging.Feature,
		management.Feature,
		interfacevlan.Feature,
		alias.Feature,
		scheduler.Feature,
	}
}

// Schemas compiles what features declare: the schema of configuration and that of
// operational state.
func Schemas(features []feature.Feature) (config, state *schema.Schema, err error) {
	var groups, operational []schema.Group
	for _, f := range features {
		groups, operational = append(groups, f.Schema), append(operational, f.State)
	}
	if config, err = schema.Compile(groups...); err != nil {
		return nil, nil, err
	}
	if state, err = schema.CompileState(config, operational...); err != nil {
		return nil, nil, err
	}
	return config, state, nil
}

// versions are those of the features' sections; see module.Config.
func versions(features []feature.Feature) map[string]uint32 {
	v := map[string]uint32{}
	for _, f := range features {
		if f.Compile != nil {
			v[f.Name] = max(f.Version, 1)
		}
	}
	return v
}

// compile makes programs of a candidate and returns what is wrong, with a
// warning for every setting that an attached card cannot apply.
func (s *Supervisor) compile(t tree.Tree) []schema.Problem {
	all := s.compiler.Problems(t)
	if s.modules == nil {
		return all
	}
	for _, m := range s.modules.Snapshot() {
		if m.Status == feature.ModuleAbsent {
			continue
		}
		for _, name := range s.compiler.Changed(t, m.Slot, m.Unsupported) {
			all = append(all, schema.Problem{
				Path: vemPath(m.Slot), Severity: schema.Warning, Rule: "unsupported",
				Text: fmt.Sprintf("Warning: Feature %s is not supported on module %d.", name, m.Slot),
			})
		}
	}
	return all
}

// online reports whether the line card of a slot has a session.
func (s *Supervisor) online(slot int) bool {
	if s.modules == nil {
		return false
	}
	return slices.ContainsFunc(s.modules.Snapshot(), func(m feature.Module) bool {
		return m.Slot == slot && m.Status != feature.ModuleAbsent
	})
}

// factory is the configuration of a new chassis.
func factory() []feature.Edit { return portprofile.Factory() }
