package dns

import (
	"net/netip"
	"slices"
	"strings"

	"trunkline/config/schema"
	"trunkline/feature"
)

// hostKey is the type of names of the switch's own, which are no addresses.
var hostKey = func() schema.Type[string] {
	t := feature.Domain
	t.Name, t.Syntax.Help = "host-name", "Name of a host (Max Size 253)"
	t.Syntax.Samples = []string{"server1", "log.example.com"}
	return t
}()

// maxStored bounds lists as they are read; that of what is in force is check's, so
// that its message is told.
const maxStored = 4 * maxAddresses

// domains is the type of one domain on a line, and of several in what is stored.
var domains = func() schema.Type[string] {
	t := feature.Domain
	t.Name = "domain-list"
	t.Parse = func(s string) (string, error) {
		names := strings.Split(s, " ")
		if len(names) > maxStored {
			return "", schema.ErrInvalid
		}
		for _, d := range names {
			if _, err := feature.ParseDomain(d); err != nil {
				return "", err
			}
		}
		return s, nil
	}
	return t
}()

// join adds what is not there yet to a list of words.
func join(now, given any) any {
	all := strings.Fields(now.(string))
	for _, w := range strings.Fields(given.(string)) {
		if !slices.Contains(all, w) {
			all = append(all, w)
		}
	}
	return strings.Join(all, " ")
}

// part takes words away from a list.
func part(now, given any) any {
	gone := strings.Fields(given.(string))
	return strings.Join(slices.DeleteFunc(strings.Fields(now.(string)), func(w string) bool { return slices.Contains(gone, w) }), " ")
}

func words(v any) []any {
	var all []any
	for _, w := range strings.Fields(v.(string)) {
		all = append(all, w)
	}
	return all
}

// ip is the type of an address of either version.
var ip = schema.Type[netip.Addr]{
	Name:   "ip-address",
	Syntax: schema.Syntax{Notation: "A.B.C.D|A:B::C:D", Help: "IP or IPv6 address", Samples: []string{"192.0.2.53", "2001:db8::53"}},
	Parse: func(s string) (netip.Addr, error) {
		text, err := feature.ParseHostName(s)
		if err != nil {
			return netip.Addr{}, err
		}
		a, err := netip.ParseAddr(text)
		if err != nil {
			return a, schema.ErrIPv4
		}
		return a, nil
	},
	Format: netip.Addr.String,
}

// useVRF begins the VRF of a list of servers.
const useVRF = "use-vrf"

var list = "<address> [<second> [<third> [<fourth> [<fifth> [<sixth>]]]]]"

var listTypes = map[string]schema.AnyType{
	"address": ip, "second": ip, "third": ip, "fourth": ip, "fifth": ip, "sixth": ip, "use-vrf": feature.UseVRF,
}

// addresses is the type of up to six addresses.
var addresses = schema.Type[string]{
	Name:   "ip-addresses",
	Syntax: schema.Syntax{Help: "Addresses", Forms: []string{list}, Types: listTypes, Samples: []string{"192.0.2.1", "192.0.2.1 2001:db8::1"}},
	Parse:  func(s string) (string, error) { return parseAddresses(s, false) },
	Format: func(s string) string { return s },
}

// servers is the type of name servers: up to six addresses and their VRF.
var servers = schema.Type[string]{
	Name: "name-servers",
	Syntax: schema.Syntax{
		Help: "Name servers", Forms: []string{list + " [use-vrf <use-vrf>]"}, Types: listTypes,
		Words:   schema.Words{useVRF: "VRF that the servers are in"},
		Samples: []string{"192.0.2.53", "192.0.2.53 2001:db8::53 use-vrf management", "198.51.100.53 use-vrf default"},
	},
	Parse:  func(s string) (string, error) { return parseAddresses(s, true) },
	Format: func(s string) string { return s },
}

// parseAddresses reads addresses and, with vrf, the VRF that they are in.
func parseAddresses(s string, vrf bool) (string, error) {
	list, name, has := strings.Cut(s, " "+useVRF+" ")
	if has && !vrf {
		return "", schema.ErrInvalid
	}
	if has {
		var err error
		if name, err = feature.UseVRF.Parse(name); err != nil {
			return "", err
		}
	}
	w := strings.Split(list, " ")
	if len(w) > maxStored {
		return "", schema.ErrInvalid
	}
	for i := range w {
		a, err := ip.Parse(w[i])
		if err != nil {
			return "", err
		}
		w[i] = a.String()
		if slices.Contains(w[:i], w[i]) {
			return "", schema.ErrInvalid
		}
	}
	return withVRF(strings.Join(w, " "), name), nil
}

// split returns the addresses and the VRF of a value.
func split(text string) (all []netip.Addr, vrf string) {
	text, vrf, _ = strings.Cut(text, " "+useVRF+" ")
	for w := range strings.FieldsSeq(text) {
		if a, err := netip.ParseAddr(w); err == nil { // else not of the schema
			all = append(all, a)
		}
	}
	return all, vrf
}

// joinServers adds servers; the VRF that is given last is that of all.
func joinServers(now, given any) any {
	old, vrf, _ := strings.Cut(now.(string), " "+useVRF+" ")
	more, newVRF, ok := strings.Cut(given.(string), " "+useVRF+" ")
	if ok {
		vrf = newVRF
	}
	return withVRF(join(old, more).(string), vrf)
}

func partServers(now, given any) any {
	old, vrf, _ := strings.Cut(now.(string), " "+useVRF+" ")
	gone, _, _ := strings.Cut(given.(string), " "+useVRF+" ")
	return withVRF(part(old, gone).(string), vrf)
}

func withVRF(list, vrf string) string {
	if list == "" || vrf == "" {
		return list
	}
	return list + " " + useVRF + " " + vrf
}
