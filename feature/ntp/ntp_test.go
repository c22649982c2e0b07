package ntp

import (
	"strings"
	"testing"

	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/featuretest"
)

// FuzzKey requires of every key that its printed form is the same key and does
// not have its text.
func FuzzKey(f *testing.F) {
	for _, s := range []string{"aNiceKey", "aNiceKey 0", "094D60001A003C1712 7", "x 7", "******** 7", "key 5", "a b 0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k, err := parseKey(s)
		if err != nil {
			return
		}
		if back, err := parseKey(k.String()); err != nil || back != k || len(k.Clear) < minKey || len(k.Clear) > maxKey {
			t.Fatalf("%q is %+v, printed %q, which is %+v, %v", s, k, k, back, err)
		}
		if text, _, _ := strings.Cut(k.String(), " "); strings.Contains(text, k.Clear) {
			t.Fatalf("%q is printed as %q", k.Clear, k)
		}
	})
}

func TestShow(t *testing.T) {
	config := tree.Tree{}.
		Set(root.Entry("server", "192.0.2.10"), nil).
		Set(root.Entry("server", "192.0.2.10").Child("use-vrf"), "management").
		Set(root.Entry("peer", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"), nil)
	state := &feature.State{Clock: feature.Clock{
		Synced: true, Offset: -123456, Stratum: 4, Sets: true,
		Sources: []feature.TimeSource{{
			Host: "192.0.2.10", Local: "198.51.100.1", Selected: true, Stratum: 3, Poll: 64e9, Reach: 0o377, Delay: 1710000,
		}, {Host: "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Stratum: 16, Poll: 16e9, Error: "timeout"}},
	}}
	for name, q := range map[string]feature.Query{
		"none": {State: &feature.State{Clock: feature.Clock{Reason: "told so"}}}, "two": {Running: config, State: state},
	} {
		for _, line := range []string{"show ntp peers", "show ntp peer-status", "show ntp status"} {
			s, err := featuretest.Show(t, Feature, q, line)
			if err != nil {
				t.Fatal(err)
			}
			featuretest.Golden(t, name+"-"+strings.ReplaceAll(line, " ", "-"), s)
		}
	}
}
