package feature

import (
	"net/netip"

	"trunkline/config/schema"
)

// prefixes returns a type of prefixes or, with host, of an interface's address
// with the length of its subnet.
func prefixes(name, notation, help string, v4, host bool, samples ...string) schema.Type[netip.Prefix] {
	invalid := schema.ErrIPv6
	if v4 {
		invalid = schema.ErrIPv4
	}
	return schema.Type[netip.Prefix]{
		Name:   name,
		Syntax: schema.Syntax{Notation: notation, Help: help, Samples: samples},
		Parse: func(s string) (netip.Prefix, error) {
			p, err := netip.ParsePrefix(s)
			switch a := p.Addr(); {
			case err != nil, a.Is4() != v4, a.Is4In6():
				return netip.Prefix{}, invalid
			case !host:
				return p.Masked(), nil
			case a.IsUnspecified(), a.IsMulticast(), a.Is6() && a.IsLinkLocalUnicast(), a.IsLoopback(), p.Bits() == 0, a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
				return netip.Prefix{}, invalid
			}
			return p, nil
		},
		Format: netip.Prefix.String,
	}
}

var (
	// Interface4 and Interface6 are types of an interface's address with the length
	// of its subnet, Prefix4 and Prefix6 of the destinations of routes.
	Interface4 = prefixes("ipv4-interface", "A.B.C.D/LEN", "IP address and length of the subnet", true, true, "192.0.2.10/24", "198.51.100.1/30")
	Interface6 = prefixes("ipv6-interface", "A:B::C:D/LEN", "IPv6 address and length of the subnet", false, true, "2001:db8::10/64", "2001:db8:1::1/48")
	Prefix4    = prefixes("ipv4-prefix", "A.B.C.D/LEN", "IP prefix; 0.0.0.0/0 for the default route", true, false, "0.0.0.0/0", "203.0.113.0/24")
	Prefix6    = prefixes("ipv6-prefix", "A:B::C:D/LEN", "IPv6 prefix; ::/0 for the default route", false, false, "::/0", "2001:db8:2::/48")
)
