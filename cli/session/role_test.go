package session_test

import (
	"strings"
	"testing"

	"trunkline/cli/session"
	"trunkline/cli/session/sessiontest"
	"trunkline/feature"
)

// A role that may only read is refused whatever changes anything, in the one
// sentence of cli.md §4.1 and before a question is asked. A session without a
// role may not even read.
func TestRoles(t *testing.T) {
	const refusal = "% Permission denied for the role\n"
	for _, role := range []feature.Role{feature.NetworkOperator, "", "network-Admin"} {
		cli, store := sessiontest.CLI(t)
		before := store.Running()
		reads := role == feature.NetworkOperator
		for line, want := range map[string]bool{ // whether it is allowed
			"show running-config": reads, "show vlan": reads, "show running-config | include vlan": reads, "terminal length 0": true,
			"terminal no dont-ask": true, "enable": true, "where": true, "end": true, "show cli list": reads, "exit": true,
			"configure": false, "configure terminal": false, "conf t ; vlan 77": false, "copy running-config startup-config": false,
			"write": false, "write memory": false, "write erase": false, "reload": false, "reload module 3": false,
			"show vlan ; conf t": false,
			"dir":                reads, "pwd": reads, "cd volatile:": true,
			"show file x": false, "show file x md5sum": false, "tail x": false, "tar list x": false, "copy x y": false, "copy http://there/vlans.cfg x": false,
			"copy running-config scp://there/x": false, "copy http://there/vlans.cfg running-config": false, "show vlan > scp://there/x": false,
			"show vlan > x": false, "gzip x": false, "gunzip x.gz": false, "tar create x y": false, "tar append x y": false, "tar extract x": false,
			"mkdir d": false, "rmdir d": false, "delete x": false, "move x y": false, "clear ssh hosts": false,
		} {
			s := cli.Session(session.Options{Who: feature.Session{User: "eve", Role: role}, Interactive: true, Width: 80, Height: 24})
			c := &recorder{answers: []string{"y", "y"}}
			failed := s.Run(t.Context(), line, c).Failed
			if failed == want || strings.HasSuffix(c.String(), refusal) == want || strings.Contains(c.String(), "(y/n)") {
				t.Errorf("role %q: %q: failed %v, printed %q", role, line, failed, c)
			}
			if s.Configuring() {
				t.Errorf("role %q: %q leads into a configuration mode", role, line)
			}
		}
		if now := store.Running(); now.Generation != before.Generation {
			t.Errorf("role %q has changed the configuration", role)
		}
		if _, saved := store.Startup(); saved {
			t.Errorf("role %q has saved the configuration", role)
		}
	}
}
