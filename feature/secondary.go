package feature

import (
	"net/netip"
	"slices"
	"strings"

	"trunkline/config/tree"
)

// Secondary are further IPv4 addresses of an interface with the lengths of their
// subnets, in order, joined by blanks.
type Secondary string

// Prefixes are the addresses one by one.
func (s Secondary) Prefixes() []netip.Prefix {
	var all []netip.Prefix
	for _, f := range strings.Fields(string(s)) {
		if p, err := netip.ParsePrefix(f); err == nil { // else not of the schema
			all = append(all, p)
		}
	}
	return all
}

// SecondaryOf joins addresses.
func SecondaryOf(all []netip.Prefix) Secondary {
	slices.SortFunc(all, netip.Prefix.Compare)
	var texts []string
	for _, p := range slices.Compact(all) {
		texts = append(texts, p.String())
	}
	return Secondary(strings.Join(texts, " "))
}

// Addresses are the addresses that configuration gives an interface with the
// lengths of their subnets: the primary and secondary IPv4 ones, then the IPv6 one.
func Addresses(t tree.Tree, port string) []netip.Prefix {
	var all []netip.Prefix
	add := func(p netip.Prefix) {
		if p.IsValid() {
			all = append(all, p)
		}
	}
	add(Read(t, InterfacePath(port, "ipv4"), netip.Prefix{}))
	for _, p := range Read(t, InterfacePath(port, "ipv4-secondary"), Secondary("")).Prefixes() {
		add(p)
	}
	add(Read(t, InterfacePath(port, "ipv6"), netip.Prefix{}))
	return all
}
