package interfacevlan

import (
	"net/netip"
	"slices"
	"strings"

	"trunkline/config/schema"
	"trunkline/feature"
)

// Secondary are further IPv4 addresses of an interface with the lengths of their
// subnets, in order, joined by blanks.
type Secondary string

// maxSecondary is how many an interface takes.
const maxSecondary = 16

func (s Secondary) prefixes() []netip.Prefix {
	var all []netip.Prefix
	for _, f := range strings.Fields(string(s)) {
		if p, err := netip.ParsePrefix(f); err == nil { // else not of the schema
			all = append(all, p)
		}
	}
	return all
}

func secondaryOf(all []netip.Prefix) Secondary {
	slices.SortFunc(all, netip.Prefix.Compare)
	var texts []string
	for _, p := range slices.Compact(all) {
		texts = append(texts, p.String())
	}
	return Secondary(strings.Join(texts, " "))
}

var secondary = schema.Type[Secondary]{
	Name:   "ipv4-secondary",
	Syntax: feature.Interface4.Syntax,
	Parse: func(s string) (Secondary, error) {
		var all []netip.Prefix
		for _, f := range strings.Fields(s) {
			p, err := feature.Interface4.Parse(f)
			if err != nil {
				return "", err
			}
			all = append(all, p)
		}
		if len(all) == 0 {
			return "", schema.ErrIPv4
		}
		return secondaryOf(all), nil
	},
	Format: func(s Secondary) string { return string(s) },
}

func join(now, given any) any {
	return secondaryOf(append(now.(Secondary).prefixes(), given.(Secondary).prefixes()...))
}

func part(now, given any) any {
	gone := given.(Secondary).prefixes()
	return secondaryOf(slices.DeleteFunc(now.(Secondary).prefixes(), func(p netip.Prefix) bool { return slices.Contains(gone, p) }))
}

func lines(v any) []any {
	var all []any
	for _, p := range v.(Secondary).prefixes() {
		all = append(all, Secondary(p.String()))
	}
	return all
}
