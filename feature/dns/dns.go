// Package dns is the feature of names of hosts (cli.md §9.1, §11.23): the name
// servers that the switch asks, the domains that it looks short names up in, and
// names of its own. What they say is done by supervisor/names for everything that
// takes the name of a host.
//
// A switch without a name server asks those of its machine.
package dns

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// Settings are what configuration says of names.
type Settings struct {
	Lookup  bool   // names are looked up at all
	Domain  string // "" for none
	Domains []string
	Servers []netip.Addr
	VRF     string // of the servers, "" where none is configured
	Hosts   []Host // by name
}

// Host is a name of the switch's own.
type Host struct {
	Name      string
	Addresses []netip.Addr
}

// Search returns the domains that short names are looked up in, in turn. A list
// of domains takes the place of the one domain.
func (s *Settings) Search() []string {
	if len(s.Domains) > 0 {
		return s.Domains
	}
	if s.Domain != "" {
		return []string{s.Domain}
	}
	return nil
}

// Config is what an operator sets; HostConfig what he sets of a name.
type (
	Config struct {
		Lookup          bool
		Domain, Domains string
		Servers         string
	}
	HostConfig struct{ Addresses string }
)

// Limits.
const (
	maxDomains   = 6 // as on NX-OS
	maxServers   = 6 // likewise
	maxHosts     = 128
	maxAddresses = 6 // of one name
)

const (
	section  = 5
	hostList = "dns/host"
)

// Feature is the feature.
var Feature = feature.Feature{
	Name: "dns",
	Schema: schema.Group{
		Blocks: []schema.Block{{
			Path: hostList, Keys: []schema.Key{{Name: "host", Type: hostKey}}, Help: "Name of a host",
		}},
		Leaves: slices.Concat([]schema.Leaf{
			schema.Bind("dns/domain-lookup", schema.Flag, func(c *Config) *bool { return &c.Lookup },
				"ip domain-lookup", "Look up names of hosts").With(at(2, true)),
			schema.Bind("dns/domain-name", feature.Domain, func(c *Config) *string { return &c.Domain },
				"ip domain-name <domain>", "Domain that short names are looked up in").With(at(3, nil)),
			schema.Bind("dns/domain-list", domains, func(c *Config) *string { return &c.Domains },
				"ip domain-list <domain>", "Domains that short names are looked up in, in turn").With(at(4, nil)).
				With(func(l *schema.Leaf) { l.Join, l.Part, l.Lines = join, part, words }),
			schema.Bind("dns/name-server", servers, func(c *Config) *string { return &c.Servers },
				"ip name-server <servers>", "Name servers, in turn").With(at(5, nil)).
				With(func(l *schema.Leaf) { l.Join, l.Part = joinServers, partServers }),
		}, schema.Augment([]string{hostList},
			schema.Bind("addresses", addresses, func(c *HostConfig) *string { return &c.Addresses },
				"ip host <host> <addresses>", "Name of a host and its addresses").
				With(func(l *schema.Leaf) { l.Section, l.Order = section, 6 }))),
		Words: schema.Words{
			"ip": "IP features", "ip domain-name": "Domain that short names are looked up in",
			"ip domain-list": "Domains that short names are looked up in, in turn",
			"ip name-server": "Name servers, in turn", "ip host": "Name of a host and its addresses",
		},
	},
	Check: check,
	Show:  []feature.Show{showHosts},
}

func at(order int, def any) func(*schema.Leaf) {
	return func(l *schema.Leaf) { l.Default, l.Section, l.Order = def, section, order }
}

var root = tree.Path{{Name: "dns"}}

// Read returns what a configuration says of names.
func Read(t tree.Tree) Settings {
	s := Settings{
		Lookup:  feature.Read(t, root.Child("domain-lookup"), true),
		Domain:  feature.Read(t, root.Child("domain-name"), ""),
		Domains: strings.Fields(feature.Read(t, root.Child("domain-list"), "")),
	}
	s.Servers, s.VRF = split(feature.Read(t, root.Child("name-server"), ""))
	for name := range t.Keys(root.Child("host")) {
		all, _ := split(feature.Read(t, root.Entry("host", name).Child("addresses"), ""))
		s.Hosts = append(s.Hosts, Host{name, all})
	}
	slices.SortFunc(s.Hosts, func(a, b Host) int { return tree.Compare(a.Name, b.Name) })
	return s
}

// check holds the limits.
func check(c feature.Candidate) []schema.Problem {
	if !c.Changed(root) {
		return nil
	}
	var all []schema.Problem
	limit := func(leaf, what string, n, most int) {
		if n > most {
			all = append(all, schema.Problem{
				Path: root.Child(leaf), Rule: "scale", Text: fmt.Sprintf("ERROR: Maximum number of %s (%d) reached.", what, most),
			})
		}
	}
	s := Read(c.New)
	limit("domain-list", "domains", len(s.Domains), maxDomains)
	limit("name-server", "name servers", len(s.Servers), maxServers)
	limit("host", "hosts", len(s.Hosts), maxHosts)
	return all
}
