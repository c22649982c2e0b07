package dns

import (
	"fmt"
	"net/netip"
	"strings"

	"trunkline/feature"
)

var showHosts = feature.Show{
	Line: "show hosts", Help: "Names of hosts, domains and name servers",
	Run: func(q feature.Query) (feature.Screen, error) {
		s := Read(q.Running)
		lookup := "disabled"
		if s.Lookup {
			lookup = "enabled"
		}
		var b strings.Builder
		keys := []feature.Pair{{Key: "dns_lookup", Value: lookup}}
		fmt.Fprintf(&b, "DNS lookup %s\n", lookup)
		if s.Domain == "" {
			b.WriteString("Default domain is not set\n")
		} else {
			fmt.Fprintf(&b, "Default domain is %s\n", s.Domain)
			keys = append(keys, feature.Pair{Key: "default_domain", Value: s.Domain})
		}
		if len(s.Domains) > 0 {
			fmt.Fprintf(&b, "Domain list: %s\n", strings.Join(s.Domains, " "))
			keys = append(keys, feature.Pair{Key: "domain_list", Value: strings.Join(s.Domains, " ")})
		}
		if len(s.Servers) == 0 {
			b.WriteString("Name/address lookup uses the name servers of the machine\n")
		} else {
			vrf := s.VRF
			if vrf == "" {
				vrf = "default"
			}
			b.WriteString("Name/address lookup uses domain service\n")
			fmt.Fprintf(&b, "Name servers for vrf:%s are %s\n", vrf, texts(s.Servers))
			keys = append(keys, feature.Pair{Key: "name_servers", Value: texts(s.Servers)}, feature.Pair{Key: "vrf", Value: vrf})
		}
		b.WriteString("\nHost                    Address\n")
		return feature.Screen{{
			Name: "hosts", Heading: b.String(), Keys: keys,
			Rows: feature.Rows(s.Hosts,
				func(h Host) string { return fmt.Sprintf("%-23s %s\n", h.Name, texts(h.Addresses)) },
				func(h Host) []feature.Pair {
					return []feature.Pair{{Key: "host", Value: h.Name}, {Key: "address", Value: texts(h.Addresses)}}
				}),
		}}, nil
	},
}

func texts(all []netip.Addr) string {
	words := make([]string, len(all))
	for i, a := range all {
		words[i] = a.String()
	}
	return strings.Join(words, " ")
}
