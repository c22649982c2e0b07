// Package switchport is the feature of ports in VLANs: access or trunk, and
// which VLANs (cli.md §9.6, §11.8). It mounts on interfaces and port-profiles
// alike; what a member port gets is resolved by config/effective.
//
// The list of allowed VLANs is one value. The words add, remove and except
// edit what is effective and store the result whole (cli.md §7.6).
package switchport

import (
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/ether"
)

// Modes of a port.
const (
	Access = "access"
	Trunk  = "trunk"
)

// Config is what an operator sets on a port or in a port-profile.
type Config struct {
	Mode    string // Access or Trunk
	Access  ether.VLANID
	Native  ether.VLANID
	Allowed ether.VLANSet
}

// Feature is the switchport feature.
var Feature = feature.Feature{
	Name: "switchport",
	Schema: schema.Group{
		Leaves: schema.Augment(feature.Port,
			schema.Bind("switchport/mode", modes, func(c *Config) *string { return &c.Mode },
				"switchport mode <mode>", "Choose the switchport operating mode").
				With(func(l *schema.Leaf) { l.Default, l.Kinds = Access, feature.Switched }),
			schema.Bind("switchport/access-vlan", schema.VLAN, func(c *Config) *ether.VLANID { return &c.Access },
				"switchport access vlan <vlan-id>", "Set VLAN when interface is in access mode").
				With(vlanRef),
			schema.Bind("switchport/trunk/native-vlan", schema.VLAN, func(c *Config) *ether.VLANID { return &c.Native },
				"switchport trunk native vlan <vlan-id>", "Set the native VLAN of the trunk").
				With(vlanRef),
			schema.Bind("switchport/trunk/allowed-vlans", allowed, func(c *Config) *ether.VLANSet { return &c.Allowed },
				"switchport trunk allowed vlan <vlans>", "Set the VLANs that the trunk carries").
				With(func(l *schema.Leaf) { l.Default, l.Kinds = ether.AllVLANs(), feature.Switched }),
		),
		Aliases: []schema.Alias{
			edit("add", "Add VLANs to the current list", ether.VLANSet.Union),
			edit("remove", "Remove VLANs from the current list", ether.VLANSet.Minus),
			edit("except", "All VLANs except the following", func(_, list ether.VLANSet) ether.VLANSet {
				return ether.AllVLANs().Minus(list)
			}),
		},
		Words: schema.Words{
			"switchport":                    "Configure switchport parameters",
			"switchport access":             "Set access mode characteristics of the port",
			"switchport mode":               "Choose the switchport operating mode",
			"switchport trunk":              "Set trunk characteristics of the port",
			"switchport trunk native":       "Set trunking native characteristics",
			"switchport trunk allowed":      "Set the VLANs that the trunk carries",
			"switchport access vlan":        "Set VLAN when interface is in access mode",
			"switchport trunk native vlan":  "Set the native VLAN of the trunk",
			"switchport trunk allowed vlan": "Set the VLANs that the trunk carries",
		},
	},
	State:   operational,
	Observe: feature.Observe{Port: observe},
	Check:   check,
	Compile: compile,
	Reads:   feature.PortsOnly,
	Show:    shows,
}

func vlanRef(l *schema.Leaf) {
	l.Default = ether.VLANID(1)
	l.Ref = "vlans/vlan"
	l.Kinds = feature.Switched
}

var modes = schema.Enum("switchport-mode",
	schema.Keyword{Text: Access, Help: "Port mode access"},
	schema.Keyword{Text: Trunk, Help: "Port mode trunk"},
)

// allowed is a list of VLANs, or one of the words all and none.
var allowed = schema.Type[ether.VLANSet]{
	Name: "allowed-vlans",
	Syntax: schema.Syntax{
		Forms: []string{"<vlan-list>", "all", "none"},
		Types: map[string]schema.AnyType{"vlan-list": schema.VLANList},
		Words: schema.Words{"all": "All VLANs", "none": "No VLANs"},
	},
	Parse:  schema.VLANList.Parse,
	Format: schema.VLANList.Format,
}

// edit is an alias that combines the effective list with another.
func edit(word, help string, combine func(now, list ether.VLANSet) ether.VLANSet) schema.Alias {
	return schema.Alias{
		Line: "switchport trunk allowed vlan " + word + " <vlan-list>", Help: help,
		Leaf: "switchport/trunk/allowed-vlans", Mounts: feature.Port, Kinds: feature.Switched, Type: schema.VLANList,
		Apply: func(now, arg any) (any, error) {
			set, ok := now.(ether.VLANSet)
			if !ok {
				set = ether.AllVLANs() // nothing is set: the default
			}
			return combine(set, arg.(ether.VLANSet)), nil
		},
	}
}

var (
	modePath    = tree.Path{{Name: "switchport"}, {Name: "mode"}}
	accessPath  = tree.Path{{Name: "switchport"}, {Name: "access-vlan"}}
	nativePath  = tree.Path{{Name: "switchport"}, {Name: "trunk"}, {Name: "native-vlan"}}
	allowedPath = tree.Path{{Name: "switchport"}, {Name: "trunk"}, {Name: "allowed-vlans"}}
)

// read returns the settings of an effective port, with defaults filled in.
func read(effective tree.Tree) Config {
	return Config{
		Mode:    feature.Read(effective, modePath, Access),
		Access:  feature.Read(effective, accessPath, ether.VLANID(1)),
		Native:  feature.Read(effective, nativePath, ether.VLANID(1)),
		Allowed: feature.Read(effective, allowedPath, ether.AllVLANs()),
	}
}

// VLANs are the VLANs of a port, given its tree with its profiles resolved.
func VLANs(effective tree.Tree) ether.VLANSet {
	c := read(effective)
	if c.Mode == Trunk {
		return c.Allowed
	}
	return ether.VLANs(c.Access)
}

func compile(in feature.Input) (any, error) {
	p := Program{Ports: make([]Port, 0, len(in.Ports))}
	for _, name := range in.Ports {
		if vlan := feature.SVIVLAN(name); vlan != 0 {
			p.Ports = append(p.Ports, Port{Name: name, Access: vlan})
			continue
		}
		c := read(in.Effective(name))
		if c.Mode == Trunk {
			p.Ports = append(p.Ports, Port{Name: name, Trunk: true, Native: c.Native, Allowed: c.Allowed})
		} else {
			p.Ports = append(p.Ports, Port{Name: name, Access: c.Access})
		}
	}
	return p, nil
}
