package aaa

import (
	"testing"

	"trunkline/config/tree"
	"trunkline/feature"
)

// A server's answer gives roles that there are, and no other.
func TestShellRole(t *testing.T) {
	_, b, _ := newTest(t)
	b.role("priv-7")
	b.role("ops")
	for _, c := range []struct {
		granted []string
		want    feature.Role
	}{
		{nil, feature.NetworkOperator},
		{[]string{"service=shell", "cmd=", "shell:roles*"}, feature.NetworkOperator}, // as it was asked
		{[]string{`shell:roles="network-admin ops none-such"`}, "network-admin ops"},
		{[]string{"shell:roles*ops"}, "ops"},
		{[]string{`cisco-av-pair=shell:roles="ops"`}, "ops"},
		{[]string{`cisco-av-pair*shell:roles*"ops"`}, "ops"},
		{[]string{`shell:roles="none-such"`}, feature.NetworkOperator},
		{[]string{`shell:roles="none-such"`, "priv-lvl=15"}, feature.NetworkOperator},
		{[]string{"shell:roles=ops", "priv-lvl=15"}, "ops"},
		{[]string{"priv-lvl=15"}, feature.NetworkAdmin},
		{[]string{"priv-lvl*15"}, feature.NetworkAdmin},
		{[]string{"priv-lvl=7"}, "priv-7"},
		{[]string{"priv-lvl=6"}, feature.NetworkOperator},
		{[]string{"priv-lvl=-15"}, feature.NetworkOperator},
		{[]string{"priv-lvl=15 "}, feature.NetworkOperator},
		{[]string{"priv-lvl="}, feature.NetworkOperator},
		{[]string{"priv-lvl2=15"}, feature.NetworkOperator},
		{[]string{"shell:roles=network-admin\x00"}, feature.NetworkOperator},
	} {
		if got := shellRole(b.running(), c.granted); got != c.want {
			t.Errorf("%q: %q, want %q", c.granted, got, c.want)
		}
	}
}

// role makes a role.
func (b *box) role(name string) {
	now := b.running().Set(tree.Path{{Name: "roles"}, {Name: "role", Key: name}}, nil)
	b.t.Store(&now)
}
