package accounting

import (
	"slices"
	"testing"
	"time"

	"trunkline/config"
	"trunkline/config/tree"
	"trunkline/feature"
)

var t0 = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// leaves is an interface in a state tree: names of leaves below oper with their
// values, in turn.
func leaves(t tree.Tree, name string, values ...any) tree.Tree {
	for i := 0; i < len(values); i += 2 {
		p, err := tree.Parse("oper/" + values[i].(string))
		if err != nil {
			panic(err)
		}
		t = t.Set(feature.InterfacePath(name).Join(p), feature.Stamped{Value: values[i+1], At: t0})
	}
	return t
}

func TestStateEvents(t *testing.T) {
	const veth, eth = "Vethernet1", "Ethernet3/1"
	none := tree.Tree{}
	down := leaves(none, eth, "oper-status", "down", "oper-reason", "Link not connected")
	up := leaves(none, eth, "oper-status", "up", "oper-reason", "none", "speed", uint32(1000), "switchport/mode", "trunk")
	attached := leaves(none, veth, "oper-status", "down", "module", uint32(3), "owner", "netns h1")
	for _, c := range []struct {
		name     string
		old, now tree.Tree
		want     []string
	}{
		{"nothing", up, up, nil},
		{"a port that is down comes", none, down, nil},
		{"a port comes up", down, up, []string{"%ETHPORT-5-IF_UP: Interface Ethernet3/1 is up in mode trunk"}},
		{"a port that is up comes", none, up, []string{"%ETHPORT-5-IF_UP: Interface Ethernet3/1 is up in mode trunk"}},
		{"mgmt0 comes up", none, leaves(none, feature.Mgmt0, "oper-status", "up"), []string{"%ETHPORT-5-IF_UP: Interface mgmt0 is up"}},
		{"a link goes", up, down, []string{"%ETHPORT-5-IF_DOWN_LINK_FAILURE: Interface Ethernet3/1 is down (Link not connected)"}},
		{"a shutdown", up, leaves(up, eth, "oper-status", "down", "oper-reason", "Administratively down"),
			[]string{"%ETHPORT-5-IF_DOWN_ADMIN_DOWN: Interface Ethernet3/1 is down (Administratively down)"}},
		{"another reason", up, leaves(up, eth, "oper-status", "down", "oper-reason", "vlan suspended"),
			[]string{"%ETHPORT-5-IF_DOWN_VLAN_SUSPENDED: Interface Ethernet3/1 is down (vlan suspended)"}},
		{"still down", down, leaves(down, eth, "oper-reason", "VEM absent"), nil},
		{"a port that was up is removed", up, none, []string{"%ETHPORT-5-IF_DOWN_INTERFACE_REMOVED: Interface Ethernet3/1 is down (Interface removed)"}},
		{"speed", up, leaves(up, eth, "speed", uint32(10000)), []string{"%ETHPORT-5-SPEED: Interface Ethernet3/1, operational speed changed to 10000 Mbps"}},
		{"quarantine", up, leaves(up, eth, "fault", "no memory"), []string{"%PORT-PROFILE-2-INTERFACE_QUARANTINED: Interface Ethernet3/1 has been quarantined: no memory"}},
		{"attach", none, attached, []string{"%VIM-5-IF_ATTACHED: Interface Vethernet1 is attached to netns h1 on module 3"}},
		{"move", attached, leaves(attached, veth, "module", uint32(4)), []string{"%VIM-5-IF_MIGRATED: Interface Vethernet1 has moved from module 3 to module 4"}},
		{"detach", attached, attached.Delete(feature.InterfacePath(veth, "oper", "module")), []string{"%VIM-5-IF_DETACHED: Interface Vethernet1 is detached from module 3"}},
		{"delete", attached.Delete(feature.InterfacePath(veth, "oper", "module")), none, []string{"%VIM-5-IF_DELETE: Interface Vethernet1 is deleted"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, e := range StateEvents(c.old, c.now) {
				got = append(got, e.Name()+": "+e.Text)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if e := StateEvents(down, up)[0]; !e.At.Equal(t0) {
		t.Errorf("the time is %v, want that of the leaf", e.At)
	}
}

func TestCommitEvents(t *testing.T) {
	web := profile.Parent().Entry("port-profile", "WEB")
	old := tree.Tree{}.Set(web.Child("state"), "enabled").Set(profile.Parent().Entry("port-profile", "OLD"), nil)
	now := old.Set(web.Child("description"), "x").Set(profile.Parent().Entry("port-profile", "NEW").Child("state"), "enabled").
		Delete(profile.Parent().Entry("port-profile", "OLD"))
	commit := func(user, from string) config.Commit {
		return config.Commit{Snapshot: config.Snapshot{Tree: now, At: t0}, Meta: config.Meta{User: user, From: from}}
	}
	want := []string{
		"%VSHD-5-VSHD_SYSLOG_CONFIG_I: Configured from console0 by admin",
		"%VSHD-5-VSHD_SYSLOG_CONFIG_I: Configured from vty by admin on 192.0.2.99@pts/1",
		"%VSHD-5-VSHD_SYSLOG_CONFIG_I: Configured by nobody known",
		"%PORT-PROFILE-5-PROFILE_CHANGE: Port-profile NEW has been created",
		"%PORT-PROFILE-5-PROFILE_CHANGE: Port-profile OLD has been deleted",
		"%PORT-PROFILE-5-PROFILE_CHANGE: Port-profile WEB has been changed",
	}
	var got []string
	for _, e := range CommitEvents(old, []config.Commit{commit("", ""), commit("system", "inventory"), commit("admin", "192.0.2.99@pts/1"), commit("admin", "console0")}) {
		got = append(got, e.Name()+": "+e.Text)
		if !e.At.Equal(t0) {
			t.Errorf("%s: time %v", e.Text, e.At)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%q\nwant:\n%q", got, want)
	}
	if got := CommitEvents(old, nil); got != nil {
		t.Errorf("no commit: %v", got)
	}
}
