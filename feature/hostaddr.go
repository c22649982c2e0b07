package feature

import (
	"net/netip"
	"strings"

	"trunkline/config/schema"
)

// maxHost is the length of a DNS name in text (RFC 1035 §2.3.4, without the dot
// at its end).
const maxHost = 253

// HostName is the type of what names another machine: an IPv4 or IPv6 address, or
// a DNS name. An address is kept in its canonical text, a name as it was typed.
var HostName = schema.Type[string]{
	Name: "host",
	Syntax: schema.Syntax{
		Notation: "WORD", Help: "IP address or host name (Max Size 253)",
		Samples: []string{"192.0.2.50", "198.51.100.7", "2001:db8::50", "log.example.com", "ntp1", "a-b.c_d.example"},
	},
	Parse:  ParseHostName,
	Format: func(s string) string { return s },
	Yang:   `string { length "1..253"; }`,
}

// ParseHostName reads an address or a DNS name: labels of letters, digits, - and _
// of at most 63 bytes. What looks like an IPv4 address is one or nothing.
func ParseHostName(s string) (string, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		switch {
		case a.Zone() != "", a.Is4In6():
			return "", schema.ErrIPv6
		case a.IsUnspecified(), a.IsMulticast(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
			return "", schema.ErrIPv4
		}
		return a.String(), nil
	}
	if strings.Contains(s, ":") {
		return "", schema.ErrIPv6
	}
	return ParseDomain(s)
}

// Domain is the type of DNS names.
var Domain = schema.Type[string]{
	Name: "domain",
	Syntax: schema.Syntax{
		Notation: "WORD", Help: "Domain name (Max Size 253)",
		Samples: []string{"example.com", "lab.example.net", "corp"},
	},
	Parse:  ParseDomain,
	Format: func(s string) string { return s },
	Yang:   `string { length "1..253"; }`,
}

// ParseDomain reads a DNS name without a dot at its end.
func ParseDomain(s string) (string, error) {
	if len(s) > maxHost {
		return "", schema.ErrTooLong(maxHost)
	}
	digits := true
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "", schema.ErrInvalid
		}
		for _, c := range []byte(label) {
			switch {
			case c >= '0' && c <= '9':
			case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-', c == '_':
				digits = false
			default:
				return "", schema.ErrInvalid
			}
		}
	}
	if digits { // 10.1.1 and 300.1.1.1 are addresses mistyped
		return "", schema.ErrIPv4
	}
	return s, nil
}

// UseVRF is the type of the VRF that a service of the switch itself goes out by.
// The supervisor has one network stack, with mgmt0 in it: both names lead there.
var UseVRF = schema.Enum("use-vrf",
	schema.Keyword{Text: "default", Help: "The network stack of the supervisor"},
	schema.Keyword{Text: "management", Help: "The network stack of the supervisor, which mgmt0 is in"},
)
