package session_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"trunkline/cli/session/sessiontest"
	"trunkline/config"
	"trunkline/config/tree"
)

// entries are the keys of a list in the running configuration.
func entries(store *config.Store, list, entry string) []string {
	var all []string
	for key := range store.Running().Tree.Keys(tree.Path{{Name: list}, {Name: entry}}) {
		all = append(all, key)
	}
	return all
}

// A mode does not bring back what another session removed.
func TestRemovedByAnother(t *testing.T) {
	cli, store := sessiontest.CLI(t)
	mine, theirs := cli.Session(admin(false)), cli.Session(admin(false))
	mine.Run(t.Context(), "configure ; port-profile type ethernet TMP", &recorder{})
	theirs.Run(t.Context(), "configure ; no port-profile TMP", &recorder{})
	before := store.Running().Generation
	for _, line := range []string{"shutdown", "no shutdown", "default shutdown", "switchport trunk allowed vlan add 7"} {
		c := &recorder{}
		if !mine.Run(t.Context(), line, c).Failed || c.String() != "ERROR: Port-profile does not exist: TMP\n" {
			t.Errorf("%s: %q", line, c.String())
		}
	}
	if now := store.Running().Generation; now != before {
		t.Errorf("generation %d became %d", before, now)
	}
	if mine.Prompt() != "switch(config-port-prof)# " {
		t.Errorf("prompt %q", mine.Prompt())
	}
	theirs.Run(t.Context(), "port-profile type ethernet TMP", &recorder{})
	c := &recorder{}
	if mine.Run(t.Context(), "no shutdown", c).Failed {
		t.Errorf("made again: %q", c.String())
	}
}

// A range of which a part is refused is one commit of the others.
func TestPartlyRefused(t *testing.T) {
	cli, store := sessiontest.CLI(t)
	s := cli.Session(admin(false))
	s.Run(t.Context(), "configure", &recorder{})
	start, before := time.Now(), store.Running().Generation
	c := &recorder{}
	if !s.Run(t.Context(), "vlan 1-4094", c).Failed {
		t.Error("too many VLANs are accepted")
	}
	t.Logf("4094 VLANs took %v", time.Since(start))
	// VLAN 1 is permanent and not in the list.
	if all := entries(store, "vlans", "vlan"); len(all) != sessiontest.MaxVLANs || all[len(all)-1] != "2001" {
		t.Errorf("%d VLANs up to %s", len(all), all[len(all)-1])
	}
	if n := store.Running().Generation - before; n != 1 {
		t.Errorf("%d commits", n)
	}
	lines := strings.Split(strings.TrimSuffix(c.String(), "\n"), "\n")
	if len(lines) != 4094-2001 {
		t.Fatalf("%d messages", len(lines))
	}
	for i, l := range lines {
		if want := fmt.Sprintf("%d: ERROR: Maximum number of VLANs (2000) reached.", 2002+i); l != want {
			t.Fatalf("message %d: %q, want %q", i, l, want)
		}
	}
	if s.Prompt() != "switch(config-vlan)# " {
		t.Errorf("prompt %q", s.Prompt())
	}
	c = &recorder{}
	if r := s.Run(t.Context(), "no name", c); r.Failed || c.String() != "" {
		t.Errorf("the mode is of others than were made: %q", c.String())
	}

	before = store.Running().Generation
	c = &recorder{}
	s.Run(t.Context(), "interface vethernet 1-9", &recorder{})
	s.Run(t.Context(), "switchport access vlan 666", c)
	if c.String() != "Veth2: ERROR: Not for this port.\n" {
		t.Errorf("interfaces: %q", c.String())
	}
	if n := store.Running().Generation - before; n != 2 {
		t.Errorf("%d commits of interfaces", n)
	}
	for _, key := range entries(store, "interfaces", "interface") {
		_, ok := store.Running().Tree.Get(tree.Path{{Name: "interfaces"}, {Name: "interface", Key: key}, {Name: "switchport"}, {Name: "access-vlan"}})
		if ok != (key != "Vethernet2") {
			t.Errorf("%s: set %t", key, ok)
		}
	}
}
