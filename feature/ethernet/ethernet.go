// Package ethernet is the feature of Ethernet ports: the MTU, and which devices
// of a host become uplinks.
//
// An Ethernet exists on a card when the card has adopted a device, and in
// configuration when an operator or the attach of its card made the entry; the
// two meet by name. A port that inherits a port-profile of type ethernet is an
// uplink, any other switches like an edge port. A device that a host uplink line
// names always inherits one: that of the line, or the one for quarantine.
package ethernet

import (
	"fmt"
	"iter"
	"strings"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// DefaultMTU is the MTU of a port in bytes of payload when none is configured.
const DefaultMTU = 1500

// Limits of the number of Ethernet ports (cli.md §15).
const (
	PerSwitch = 2048
	PerModule = 32
)

// Config is what an operator sets on an Ethernet port or in a port-profile of
// type ethernet.
type Config struct{ MTU uint32 }

// Uplink is what an operator sets for a device of a host.
type Uplink struct{ Profile string }

var (
	mtuType = schema.Uint("mtu", "MTU in bytes", 576, 9216)
	profile = func() schema.Type[string] {
		t := schema.Word("profile-name", "Port profile name", 80)
		t.Syntax.Objects = "port-profiles/port-profile"
		return t
	}()
	device = deviceType()
)

// deviceType is that of the names of devices: what the kernel takes, less the
// signs of patterns, so that a line names one device.
func deviceType() schema.Type[string] {
	t := schema.Word("device", "Network device of the host", 15) // IFNAMSIZ less the NUL
	word := t.Parse
	t.Parse = func(s string) (string, error) {
		s, err := word(s)
		if err == nil && (strings.ContainsAny(s, `/:*?[\`) || s == "." || s == "..") {
			return "", schema.ErrInterface
		}
		return s, err
	}
	return t
}

// quarantine is the port-profile of uplinks whose own does not exist
// (portprofile.UnusedUplink): they stay down, whatever their lines say.
const quarantine = "Unused_Or_Quarantine_Uplink"

// Feature is the feature.
var Feature = feature.Feature{
	Name: "ethernet",
	Schema: schema.Group{
		Blocks: []schema.Block{{
			Path: "vems/vem/uplink", Parent: "vems/vem",
			Keys: []schema.Key{{Name: "device", Type: device}},
			Help: "Network device of the host",
		}},
		Leaves: append(
			schema.Augment(feature.Port,
				schema.Bind("mtu", mtuType, func(c *Config) *uint32 { return &c.MTU },
					"mtu <mtu>", "Maximum transmission unit of the port").With(func(l *schema.Leaf) {
					l.Default = uint32(DefaultMTU)
					l.Kinds = []string{feature.Ethernet, feature.SVI}
				})),
			schema.Bind("vems/vem/uplink/profile", profile, func(c *Uplink) *string { return &c.Profile },
				"host uplink <device> profile <profile>", "Port profile of the uplink").With(func(l *schema.Leaf) {
				l.Mode = "vems/vem"
				l.Ref = "port-profiles/port-profile"
			}),
		),
		Words: schema.Words{
			"mtu":                 "Maximum transmission unit of the port",
			"host":                "Host of the module",
			"host uplink":         "Network device to use as an uplink",
			"host uplink profile": "Port profile of the uplink",
		},
	},
	Check:   check,
	Compile: compile,
	Reads:   []tree.Path{feature.ModulesRoot},
}

func check(c feature.Candidate) []schema.Problem {
	problems := checkUplinks(c)
	if !c.ChangedPorts(feature.Ethernet) {
		return problems
	}
	total, perModule := 0, map[int]int{}
	for _, port := range feature.PortsByKind.Members(c.New, feature.Ethernet) {
		add := func(rule, format string, args ...any) {
			problems = append(problems, schema.Problem{
				Path: feature.InterfacePath(port), Rule: rule, Text: fmt.Sprintf(format, args...),
			})
		}
		slot := feature.SlotOf(c.New, port)
		total++
		perModule[slot]++
		if !c.Old.Exists(feature.InterfacePath(port)) && c.Attached != nil && c.Attached(port) == 0 && c.Online != nil && c.Online(slot) {
			problems = append(problems, schema.Problem{
				Path: feature.InterfacePath(port), Severity: schema.Warning, Rule: "device-missing",
				Text: fmt.Sprintf("Warning: Module %d has no device for interface %s; it is inactive.", slot, port),
			})
		}
		if total == PerSwitch+1 {
			add("scale", "ERROR: Maximum number of Ethernet interfaces (%d) reached.", PerSwitch)
		}
		if perModule[slot] == PerModule+1 {
			add("scale", "ERROR: Maximum number of Ethernet interfaces per module (%d) reached.", PerModule)
		}
	}
	return problems
}

func checkUplinks(c feature.Candidate) []schema.Problem {
	if !c.Changed(feature.ModulesRoot, feature.ProfilesRoot) {
		return nil
	}
	var problems []schema.Problem
	for slot := range c.New.Keys(vemsPath) {
		for dev, name := range uplinks(c.New, slot) {
			path := profilePath(slot, dev)
			switch kind := feature.ProfileType(c.New, name); {
			case name == "":
			case kind == "" && name != feature.Read(c.Old, path, ""):
				problems = append(problems, schema.Problem{Path: path, Severity: schema.Warning, Rule: "profile-missing",
					Text: fmt.Sprintf("Warning: Port-profile %s does not exist; the uplink is inactive.", name)})
			case kind == feature.Vethernet:
				problems = append(problems, schema.Problem{Path: path, Rule: "profile-type",
					Text: feature.TypeMismatch(feature.Ethernet, kind)})
			}
		}
	}
	return problems
}

var vemsPath = tree.Path{{Name: "vems"}, {Name: "vem"}}

func profilePath(slot, dev string) tree.Path {
	return tree.Path{{Name: "vems"}, {Name: "vem", Key: slot}, {Name: "uplink", Key: dev}, {Name: "profile"}}
}

// uplinks yields the devices of a slot with their profiles. An entry whose line
// was removed may remain; its profile is "".
func uplinks(t tree.Tree, slot string) iter.Seq2[string, string] {
	return func(yield func(dev, profile string) bool) {
		for dev := range t.Keys(tree.Path{{Name: "vems"}, {Name: "vem", Key: slot}, {Name: "uplink"}}) {
			if !yield(dev, feature.Read(t, profilePath(slot, dev), "")) {
				return
			}
		}
	}
}

func compile(in feature.Input) (any, error) {
	var p Program
	for _, name := range in.Ports {
		if feature.KindOf(name) != feature.Ethernet {
			continue
		}
		effective := in.Effective(name)
		_, number := feature.NamePort(name)
		port := Port{
			Name: name, Number: number,
			Up:     feature.AdminState(in.Config, effective, name) == "" && feature.ProfileOf(in.Config, name) != quarantine,
			MTU:    feature.Read(effective, mtuPath, uint32(DefaultMTU)),
			Uplink: feature.ProfileType(in.Config, feature.ProfileOf(in.Config, name)) == feature.Ethernet,
		}
		if port.MTU != DefaultMTU {
			port.Lines = map[string]string{"mtu": fmt.Sprintf("mtu %d", port.MTU)}
		}
		p.Ports = append(p.Ports, port)
	}
	for dev, profile := range uplinks(in.Config, fmt.Sprint(in.Module)) {
		if profile != "" {
			p.Uplinks = append(p.Uplinks, dev)
		}
	}
	return p, nil
}

var mtuPath = tree.Path{{Name: "mtu"}}
