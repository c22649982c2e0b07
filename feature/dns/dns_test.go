package dns

import (
	"strings"
	"testing"

	"trunkline/feature"
)

// FuzzServers requires of every list of servers that it is in canonical form and
// can be joined and parted.
func FuzzServers(f *testing.F) {
	for _, s := range servers.Syntax.Samples {
		f.Add(s)
	}
	f.Add("192.0.2.1 192.0.2.1")
	f.Add("192.0.2.1 use-vrf nothing")
	f.Add("use-vrf default")
	f.Fuzz(func(t *testing.T, s string) {
		v, err := servers.Parse(s)
		if err != nil {
			return
		}
		if back, err := servers.Parse(v); err != nil || back != v {
			t.Fatalf("%q is %q, which is %q, %v", s, v, back, err)
		}
		if all, _ := split(v); len(all) == 0 || len(all) > maxStored {
			t.Fatalf("%q has %d addresses", v, len(all))
		}
		if joinServers("", v) != v || joinServers(v, v) != v || partServers(v, v) != "" {
			t.Fatalf("%q: joined %q and %q, parted %q", v, joinServers("", v), joinServers(v, v), partServers(v, v))
		}
	})
}

// FuzzHostName requires of every name of a host that it is one word and canonical.
func FuzzHostName(f *testing.F) {
	for _, s := range append(feature.HostName.Syntax.Samples, "300.1.1.1", "::", "::ffff:1.2.3.4", "fe80::1%eth0", "-a", "a..b", "") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := feature.ParseHostName(s)
		if err != nil {
			return
		}
		if back, err := feature.ParseHostName(v); err != nil || back != v || v == "" || len(v) > 253 || strings.ContainsAny(v, " %/\n") {
			t.Fatalf("%q is %q, which is %q, %v", s, v, back, err)
		}
	})
}
