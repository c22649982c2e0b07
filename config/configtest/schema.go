package configtest

import (
	"fmt"
	"strings"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/internal/ether"
)

// Schema returns a small schema that uses everything declarations can say. It
// is made after the product's, but is not it.
func Schema() *schema.Schema {
	s, err := schema.Compile(Groups()...)
	if err != nil {
		panic(err)
	}
	return s
}

// Mounts of the test schema.
var (
	Interfaces = []string{"interfaces/interface"}
	Profiles   = []string{"port-profiles/port-profile"}
	Port       = []string{Interfaces[0], Profiles[0]}
)

// PortConfig is what the leaves mounted on ports are bound to.
type PortConfig struct {
	Shutdown bool
	Mode     string
	Access   ether.VLANID
	Allowed  ether.VLANSet
	MTU      uint32
}

// VLANConfig is what the leaves of a VLAN are bound to.
type VLANConfig struct {
	Name, State string
	Shutdown    bool
}

// Owner is a value that is written as several words.
type Owner struct {
	Kind, Device string
	Module       uint32
}

type other struct {
	Text, Enum string
	On         bool
	Number     uint32
	MAC        ether.MAC
	Owner      Owner
}

// Groups returns the declarations of Schema.
func Groups() []schema.Group {
	return []schema.Group{system(), vlans(), profiles(), ports(), modules(), table()}
}

func system() schema.Group {
	name := schema.Word("hostname", "Name", 20)
	return schema.Group{
		Blocks: []schema.Block{{
			Path: "svs-domain", Line: "svs-domain", Mode: "config-svs-domain", Section: 24, Help: "Domain",
		}},
		Leaves: append([]schema.Leaf{
			schema.Bind("system/hostname", name, func(c *other) *string { return &c.Text }, "hostname <name>", "Name of the switch").
				With(func(l *schema.Leaf) { l.Default, l.Section = "switch", 1 }),
			schema.Bind("system/beep", schema.Flag, func(c *other) *bool { return &c.On }, "system beep", "Beep").
				With(func(l *schema.Leaf) { l.Default, l.Section, l.Order = true, 1, 2 }),
			schema.Bind("system/serial", name, func(c *other) *string { return &c.Text }, "system serial <serial>", "Serial number").
				With(func(l *schema.Leaf) { l.ReadOnly, l.Section, l.Order = true, 1, 1 }),
			schema.Bind("system/secret", name, func(c *other) *string { return &c.Text }, "", "Kept to itself").
				With(func(l *schema.Leaf) { l.Hidden = true }),
		}, schema.Augment([]string{"svs-domain"},
			schema.Bind("domain-id", schema.Uint("domain-id", "Domain", 1, 4095), func(c *other) *uint32 { return &c.Number }, "domain id <id>", "Id of the domain"),
			schema.Bind("heartbeat/loss", schema.Uint("loss", "Heartbeats", 3, 30), func(c *other) *uint32 { return &c.Number }, "heartbeat loss <n>", "Lost heartbeats").
				With(func(l *schema.Leaf) { l.Default = uint32(15) }),
			schema.Bind("auto", schema.Flag, func(c *other) *bool { return &c.On }, "vem auto", "Admit line cards").
				With(func(l *schema.Leaf) { l.Default = true }),
		)...),
		Aliases: []schema.Alias{{
			Line: "switchname <name>", Help: "Name of the switch", Leaf: "system/hostname", Type: name,
			Apply: func(_, arg any) (any, error) { return arg, nil },
		}},
		Words: schema.Words{"system": "System", "domain": "Domain", "heartbeat": "Heartbeats", "vem": "Line cards"},
	}
}

func vlans() schema.Group {
	state := schema.Enum("vlan-state", schema.Keyword{Text: "active", Help: "In service"}, schema.Keyword{Text: "suspend", Help: "Out of service"})
	return schema.Group{
		Blocks: []schema.Block{{
			Path: "vlans/vlan", Keys: []schema.Key{{Name: "id", Type: schema.VLAN}}, Line: "vlan <id>", Mode: "config-vlan",
			Range: true, Summary: true, Permanent: []string{"1"}, Section: 15, Help: "VLANs",
		}},
		Leaves: schema.Augment([]string{"vlans/vlan"},
			schema.Bind("name", schema.Word("vlan-name", "Name", 32), func(c *VLANConfig) *string { return &c.Name }, "name <name>", "Name of the VLAN"),
			schema.Bind("state", state, func(c *VLANConfig) *string { return &c.State }, "state <state>", "State of the VLAN").
				With(func(l *schema.Leaf) { l.Default = "active" }),
			schema.Bind("shutdown", schema.Flag, func(c *VLANConfig) *bool { return &c.Shutdown }, "shutdown", "Shut the VLAN down"),
		),
	}
}

func profiles() schema.Group {
	kind := schema.Enum("profile-type", schema.Keyword{Text: "ethernet", Help: "Uplinks"}, schema.Keyword{Text: "vethernet", Help: "Workloads"})
	state := schema.Enum("profile-state", schema.Keyword{Text: "disabled", Help: "Off"}, schema.Keyword{Text: "enabled", Help: "On"})
	name := schema.Word("profile-name", "Name", 80)
	inherit := func(l *schema.Leaf) { l.NoInherit, l.Ref, l.Hard = true, Profiles[0], true }
	return schema.Group{
		Blocks: []schema.Block{{
			Path: Profiles[0], Keys: []schema.Key{{Name: "name", Type: name}},
			Line: "port-profile [type <type>] <name>", Mode: "config-port-prof", Options: []string{"type"},
			Section: 17, Less: less, Kind: profileKind, Help: "Port-profiles",
		}},
		Leaves: append(schema.Augment(Port,
			schema.Bind("inherit", name, func(c *other) *string { return &c.Text }, "inherit port-profile <profile>", "Port-profile").With(inherit)),
			schema.Augment(Profiles,
				schema.Bind("type", kind, func(c *other) *string { return &c.Enum }, "", "Kind of ports").
					With(func(l *schema.Leaf) { l.Default, l.NoInherit = "vethernet", true }),
				schema.Bind("state", state, func(c *other) *string { return &c.Enum }, "state <state>", "In force or not").
					With(func(l *schema.Leaf) { l.Default, l.NoInherit = "disabled", true }))...),
		Words: schema.Words{"port-profile type": "Kind of ports", "inherit": "Inherit settings"},
	}
}

func profileKind(t tree.Tree, key string) string {
	v, ok := t.Get(tree.Path{{Name: "port-profiles"}, {Name: "port-profile", Key: key}, {Name: "type"}})
	if !ok {
		return "vethernet"
	}
	return fmt.Sprint(v)
}

// less puts ethernet before vethernet and parents before children.
func less(t tree.Tree, a, b string) bool {
	if ka, kb := profileKind(t, a), profileKind(t, b); ka != kb {
		return ka < kb
	}
	return depth(t, a) < depth(t, b)
}

func depth(t tree.Tree, profile string) int {
	for d := range 10 {
		v, ok := t.Get(tree.Path{{Name: "port-profiles"}, {Name: "port-profile", Key: profile}, {Name: "inherit"}})
		if !ok {
			return d
		}
		profile = fmt.Sprint(v)
	}
	return 10
}

func ports() schema.Group {
	number := schema.Uint("port-number", "Number", 1, 9999)
	name := schema.Type[string]{
		Name: "port",
		Syntax: schema.Syntax{
			Forms: []string{"Ethernet~<number>", "Vethernet~<number>"}, Types: map[string]schema.AnyType{"number": number},
			Words: schema.Words{"Ethernet": "Uplink", "Vethernet": "Workload"},
		},
		Parse: func(s string) (string, error) {
			for _, kind := range []string{"Ethernet", "Vethernet"} {
				if n, ok := strings.CutPrefix(s, kind); ok {
					v, err := number.Parse(n)
					return kind + number.Format(v), err
				}
			}
			return "", schema.ErrInterface
		},
		Format: func(s string) string { return s },
	}
	mode := schema.Enum("port-mode", schema.Keyword{Text: "access", Help: "One VLAN"}, schema.Keyword{Text: "trunk", Help: "Many"})
	return schema.Group{
		Blocks: []schema.Block{{
			Path: Interfaces[0], Keys: []schema.Key{{Name: "interface", Type: name}}, Line: "interface <interface>",
			Mode: "config-if", RangeMode: "config-if-range", Range: true, Section: 19, Help: "Interfaces",
			Kind: func(_ tree.Tree, key string) string {
				return strings.ToLower(strings.TrimRight(key, "0123456789"))
			},
			NoCreate: func(_ tree.Tree, key string) string {
				if key == "Ethernet1" {
					return "ERROR: Interface does not exist: Ethernet1"
				}
				return ""
			},
		}},
		Leaves: append(schema.Augment(Port,
			schema.Bind("shutdown", schema.Flag, func(c *PortConfig) *bool { return &c.Shutdown }, "shutdown", "Take out of service").
				With(func(l *schema.Leaf) { l.Default, l.DefaultAt = false, map[string]any{Profiles[0]: true} }),
			schema.Bind("switchport/mode", mode, func(c *PortConfig) *string { return &c.Mode }, "switchport mode <mode>", "Mode of the port").
				With(func(l *schema.Leaf) { l.Default = "access" }),
			schema.Bind("switchport/access-vlan", schema.VLAN, func(c *PortConfig) *ether.VLANID { return &c.Access }, "switchport access vlan <vlan>", "VLAN of the port").
				With(func(l *schema.Leaf) { l.Default, l.Ref = ether.VLANID(1), "vlans/vlan" }),
			schema.Bind("switchport/trunk/allowed", schema.VLANList, func(c *PortConfig) *ether.VLANSet { return &c.Allowed }, "switchport trunk allowed vlan <vlans>", "VLANs of the trunk").
				With(func(l *schema.Leaf) { l.Default = ether.AllVLANs() }),
			schema.Bind("mtu", schema.Uint("mtu", "Bytes", 576, 9216), func(c *PortConfig) *uint32 { return &c.MTU }, "mtu <mtu>", "MTU of the port").
				With(func(l *schema.Leaf) { l.Default, l.Kinds = uint32(1500), []string{"ethernet"} }),
		), schema.Augment(Interfaces,
			schema.Bind("description", schema.Line("description", "Text", 80), func(c *other) *string { return &c.Text }, "description <text>", "Description").
				With(func(l *schema.Leaf) { l.NoInherit = true }),
			schema.Bind("owner", ownerType, func(c *other) *Owner { return &c.Owner }, "owner <owner>", "Workload").
				With(func(l *schema.Leaf) { l.NoInherit, l.Inventory, l.Kinds = true, true, []string{"vethernet"} }),
		)...),
		Aliases: []schema.Alias{{
			Line: "switchport trunk allowed vlan add <vlans>", Help: "Add VLANs", Leaf: "switchport/trunk/allowed", Mounts: Port,
			Type:  schema.VLANList,
			Apply: func(now, arg any) (any, error) { return now.(ether.VLANSet).Union(arg.(ether.VLANSet)), nil },
		}},
		Words: schema.Words{
			"switchport": "Switching", "switchport access": "Access port", "switchport trunk": "Trunk",
			"switchport trunk allowed": "VLANs of the trunk", "switchport trunk allowed vlan": "VLANs of the trunk",
		},
	}
}

var moduleNumber = schema.Uint("module", "Module", 3, 258)

var ownerType = schema.Type[Owner]{
	Name: "owner",
	Syntax: schema.Syntax{
		Forms: []string{"tap <device> module <module>", "none"},
		Types: map[string]schema.AnyType{"device": schema.Word("device", "Device", 15), "module": moduleNumber},
		Words: schema.Words{"tap": "TAP device", "tap module": "Its module", "none": "Nothing"},
	},
	Parse: func(s string) (Owner, error) {
		w := strings.Split(s, " ")
		if s == "none" {
			return Owner{Kind: s}, nil
		}
		if len(w) != 4 || w[0] != "tap" || w[2] != "module" {
			return Owner{}, schema.ErrInvalid
		}
		m, err := moduleNumber.Parse(w[3])
		return Owner{w[0], w[1], m}, err
	},
	Format: func(o Owner) string {
		if o.Kind == "none" {
			return o.Kind
		}
		return fmt.Sprintf("%s %s module %d", o.Kind, o.Device, o.Module)
	},
}

func modules() schema.Group {
	return schema.Group{
		Blocks: []schema.Block{
			{Path: "vems/vem", Keys: []schema.Key{{Name: "slot", Type: moduleNumber}}, Line: "vem <slot>", Mode: "config-vem-slot", Section: 6, Help: "Line cards"},
			{Path: "vems/vem/uplink", Keys: []schema.Key{{Name: "device", Type: schema.Word("device", "Device", 15)}}, Parent: "vems/vem", Help: "Uplink"},
			{
				Path: "vems/vem/disk", Keys: []schema.Key{{Name: "disk", Type: schema.Word("disk", "Disk", 15)}}, Parent: "vems/vem",
				Line: "disk <disk>", Mode: "config-vem-disk", Help: "Disk of the line card",
			},
		},
		Leaves: append(schema.Augment([]string{"vems/vem/uplink"},
			schema.Bind("profile", schema.Word("profile-name", "Name", 80), func(c *other) *string { return &c.Text }, "host uplink <device> profile <profile>", "Port-profile").
				With(func(l *schema.Leaf) { l.Ref = Profiles[0] })),
			schema.Augment([]string{"vems/vem/disk"},
				schema.Bind("size", schema.Uint("size", "Megabytes", 1, 1000000), func(c *other) *uint32 { return &c.Number }, "size <megabytes>", "Size"))...),
		Words: schema.Words{"host": "Host", "host uplink": "Uplink of the host"},
	}
}

func table() schema.Group {
	return schema.Group{
		Blocks: []schema.Block{{
			Path: "mac-table/static", Keys: []schema.Key{{Name: "vlan", Type: schema.VLAN}, {Name: "mac", Type: schema.MAC}},
			Section: 16, Order: 3, Help: "Static entry",
		}},
		Leaves: append([]schema.Leaf{
			schema.Bind("mac-table/aging-time", schema.Uint("aging-time", "Seconds", 0, 918000), func(c *other) *uint32 { return &c.Number }, "mac address-table aging-time <seconds>", "Aging time").
				With(func(l *schema.Leaf) { l.Default, l.Section = uint32(1800), 16 }),
		}, schema.Augment([]string{"mac-table/static"},
			schema.Bind("target", schema.Word("target", "Port", 40), func(c *other) *string { return &c.Text },
				"mac address-table static <mac> vlan <vlan> to <target>", "Port").
				With(func(l *schema.Leaf) { l.Section, l.Order = 16, 3 }))...),
		Words: schema.Words{
			"mac": "MAC addresses", "mac address-table": "MAC address table", "mac address-table static": "Static entry",
			"mac address-table static vlan": "VLAN of the entry",
		},
	}
}
