package interfaces

import (
	"iter"
	"net/netip"
	"strings"

	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/ether"
)

// Down reasons that follow from configuration and the life of cards (cli.md
// §11.4); feature.AdminDown and feature.ProfileDisabled are the others.
const (
	reasonNone         = "none"
	reasonAbsent       = "VEM absent"
	reasonDetached     = "nonParticipating"
	reasonLink         = "Link not connected"
	reasonInitializing = "Initializing"
	reasonQuarantine   = "quarantine"
	reasonNoVLAN       = "inactive"
	reasonSuspended    = "vlan suspended"
	errDisable         = "errDisable" // in every reason of a port that a guard has shut
)

// view is one interface, configuration and report joined.
type view struct {
	name, kind  string
	port        feature.PortState // zero unless reported
	reported    bool
	slot        int // 0 while detached
	host        string
	admin       bool // no shutdown
	up          bool
	reason      string
	trunk       bool
	vlan        ether.VLANID // access VLAN, or native VLAN of a trunk
	mtu         uint32
	description string
	profile     string
	binding     feature.Binding // nil while detached, and for Ethernet

	// Of an SVI: whether it follows the ports in its VLAN, its addresses in force,
	// and what is wrong with its device.
	autostate bool
	prefixes  []netip.Prefix
	fault     string
}

var (
	modePath   = tree.Path{{Name: "switchport"}, {Name: "mode"}}
	accessPath = tree.Path{{Name: "switchport"}, {Name: "access-vlan"}}
	nativePath = tree.Path{{Name: "switchport"}, {Name: "trunk"}, {Name: "native-vlan"}}
	mtuPath    = tree.Path{{Name: "mtu"}}
)

const (
	defaultMTU  uint32       = 1500
	defaultVLAN ether.VLANID = 1
)

// views yields the interfaces a command is about, in the order of cli.md §1:
// the one it names, or all. They are made one by one, so that the first page
// of a large switch does not wait for the last.
func views(q feature.Query) (iter.Seq[view], error) {
	modules := map[int]feature.Module{}
	for _, m := range q.State.Modules {
		modules[m.Slot] = m
	}
	if name, ok := feature.Value[string](q.Args, "interface"); ok {
		if name == feature.Mgmt0 && hasMgmt(q) {
			return func(func(view) bool) {}, nil // its rows are not of this table
		}
		p := report(q.State, name)
		if p == nil && !q.Running.Exists(feature.InterfacePath(name)) {
			return nil, absent(name)
		}
		return func(yield func(view) bool) { yield(join(q, modules, name, p)) }, nil
	}
	return func(yield func(view) bool) {
		for name, p := range ports(q) {
			if !yield(join(q, modules, name, p)) {
				return
			}
		}
	}, nil
}

// report returns what a card says of a port, nil for nothing.
func report(s *feature.State, name string) *feature.PortState {
	for i := range s.Ports {
		if s.Ports[i].Name == name {
			return &s.Ports[i]
		}
	}
	return nil
}

// ports merges the interfaces of configuration with those that cards report,
// both of which are in order.
func ports(q feature.Query) iter.Seq2[string, *feature.PortState] {
	return func(yield func(string, *feature.PortState) bool) {
		reported := q.State.Ports
		for name := range feature.Configured(q.Running) {
			for len(reported) > 0 && feature.CompareNames(reported[0].Name, name) < 0 {
				if !yield(reported[0].Name, &reported[0]) {
					return
				}
				reported = reported[1:]
			}
			var p *feature.PortState
			if len(reported) > 0 && reported[0].Name == name {
				p, reported = &reported[0], reported[1:]
			}
			if !yield(name, p) {
				return
			}
		}
		for i := range reported {
			if !yield(reported[i].Name, &reported[i]) {
				return
			}
		}
	}
}

func join(q feature.Query, modules map[int]feature.Module, name string, p *feature.PortState) view {
	m := modules[feature.PlaceOf(q.Running, name, p)]
	v := see(q.Running, q.Effective(name), name, p, m.Status)
	v.host = m.Host
	for i := range q.State.Supervisor.SVIs {
		if s := &q.State.Supervisor.SVIs[i]; s.Name == name {
			if v.prefixes = s.Prefixes; v.fault == "" {
				v.fault = s.Error
			}
		}
	}
	return v
}

// see joins what configuration says of an interface, itself and with its
// profiles resolved, with what its card reports and where that card is in its
// life.
func see(t, effective tree.Tree, name string, p *feature.PortState, status feature.ModuleStatus) view {
	v := view{
		name: name, kind: feature.KindOf(name), slot: feature.PlaceOf(t, name, p),
		trunk:       feature.Read(effective, modePath, "access") == "trunk",
		mtu:         feature.Read(effective, mtuPath, defaultMTU),
		description: feature.Read(t, feature.InterfacePath(name, "description"), ""),
		profile:     feature.ProfileOf(t, name),
		binding:     feature.BindingOf(t, name),
	}
	path := accessPath
	if v.trunk {
		path = nativePath
	}
	v.vlan = feature.Read(effective, path, defaultVLAN)
	// A port that has moved is still reported by the card it left.
	if v.reported = p != nil && p.Module == v.slot; v.reported {
		v.port = *p
		if v.kind == feature.SVI {
			v.port = turned(*p)
		}
		if v.kind == feature.Vethernet && p.MTU != 0 {
			v.mtu = p.MTU // a vEthernet's is the adapter's
		}
	}
	config := feature.AdminState(t, effective, name)
	v.admin = config != feature.AdminDown
	if v.kind == feature.SVI {
		v.vlan, v.autostate, v.fault = feature.SVIVLAN(name), autostate(t, name), v.port.Error
		v.reason = sviReason(t, &v, config)
	} else {
		v.reason = reason(t, &v, config, status)
	}
	v.up = v.reason == reasonNone
	return v
}

// reason says why the port is down, "none" if it is up. Config is the reason
// by configuration, status the state of the port's card.
func reason(t tree.Tree, v *view, config string, status feature.ModuleStatus) string {
	switch {
	case v.slot != 0 && status == feature.ModuleAbsent, v.slot == 0 && v.kind == feature.Ethernet:
		return reasonAbsent
	case config != "":
		return config
	case v.slot == 0:
		return reasonDetached
	case v.port.Error != "" && !strings.Contains(v.port.Reason, errDisable):
		return reasonQuarantine
	case !v.trunk && !feature.VLANExists(t, v.vlan):
		return reasonNoVLAN
	case !v.trunk && !feature.VLANActive(t, v.vlan):
		return reasonSuspended
	case !v.reported && (status != feature.ModuleOK || v.kind == feature.Vethernet):
		return reasonInitializing
	case !v.reported:
		return reasonLink
	case v.port.Up:
		return reasonNone
	case v.port.Reason == "" || v.port.Reason == reasonNone:
		return reasonLink
	}
	return v.port.Reason
}

// speed is the speed in tables, "auto" while it is not known or the port is
// down; a vEthernet's is always auto.
func (v *view) speed() string {
	if v.kind != feature.Ethernet || !v.up || v.port.Mbps == 0 {
		return "auto"
	}
	return shortSpeed(v.port.Mbps)
}

// mode is the port mode in tables.
func (v *view) mode() string {
	if v.kind == feature.SVI {
		return "routed"
	}
	if v.trunk {
		return "trunk"
	}
	return "access"
}

// word is eth, virt or svi.
func (v *view) word() string {
	switch v.kind {
	case feature.Vethernet:
		return "virt"
	case feature.SVI:
		return "svi"
	}
	return "eth"
}

func (v *view) state() string {
	if v.up {
		return "up"
	}
	return "down"
}

// adapter is the device behind the port, "" while it is not known.
func (v *view) adapter() string {
	if v.binding != nil {
		return v.binding.Adapter()
	}
	return v.port.Adapter
}

// owner is the workload behind a vEthernet, "" for none.
func (v *view) owner() string {
	switch {
	case v.binding == nil:
		return ""
	case v.binding.Owner() == "":
		return "Host vnic"
	}
	return v.binding.Owner()
}

// rows makes a section's rows of interfaces. Text and keys may be nil.
func rows(all iter.Seq[view], text func(*view) string, keys func(*view) []feature.Pair) iter.Seq[feature.Row] {
	return func(yield func(feature.Row) bool) {
		for v := range all {
			var r feature.Row
			if text != nil {
				r.Text = text(&v)
			}
			if keys != nil {
				r.Keys = keys(&v)
			}
			if !yield(r) {
				return
			}
		}
	}
}

// or returns s, or the mark of an empty column.
func or(s string) string {
	if s == "" {
		return "--"
	}
	return s
}
