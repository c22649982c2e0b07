package interfacevlan

import (
	"net/netip"
	"slices"
	"strings"

	"trunkline/config/schema"
	"trunkline/feature"
)

// maxSecondary is how many further addresses an interface takes.
const maxSecondary = 16

var secondary = schema.Type[feature.Secondary]{
	Name:   "ipv4-secondary",
	Syntax: feature.Interface4.Syntax,
	Parse: func(s string) (feature.Secondary, error) {
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
		return feature.SecondaryOf(all), nil
	},
	Format: func(s feature.Secondary) string { return string(s) },
}

func join(now, given any) any {
	return feature.SecondaryOf(append(now.(feature.Secondary).Prefixes(), given.(feature.Secondary).Prefixes()...))
}

func part(now, given any) any {
	gone := given.(feature.Secondary).Prefixes()
	return feature.SecondaryOf(slices.DeleteFunc(now.(feature.Secondary).Prefixes(), func(p netip.Prefix) bool { return slices.Contains(gone, p) }))
}

func lines(v any) []any {
	var all []any
	for _, p := range v.(feature.Secondary).Prefixes() {
		all = append(all, feature.Secondary(p.String()))
	}
	return all
}
