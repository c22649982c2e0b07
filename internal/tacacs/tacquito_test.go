package tacacs_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/internal/tacacs"
	"trunkline/internal/tacacs/tacacstest"
)

// Tacquito proves users by both ways, says what they may, and keeps records.
func TestTacquito(t *testing.T) {
	p := tacacstest.Start(t, "sesame",
		tacacstest.User{
			Name: "tina", Password: "remote-1A", Shell: []string{`shell:roles="network-admin ops"`, "priv-lvl=15"},
			Commands: map[string][]string{"show": {".*"}, "vlan": {"[0-9]+"}},
		},
		tacacstest.User{Name: "paul", Password: "remote-2A"})
	kept := p.Server
	kept.Kept = &tacacs.Kept{}
	defer kept.Kept.Close()
	who := tacacs.Who{User: "tina", Port: "pts/1", Remote: "192.0.2.1"}
	for name, s := range map[string]tacacs.Server{"one each": p.Server, "kept": kept} {
		for _, ascii := range []bool{false, true} {
			for password, want := range map[string]bool{"remote-1A": true, "wrong": false} {
				if ok, err := s.Login(t.Context(), who, password, ascii); ok != want || err != nil {
					t.Errorf("%s, ascii %v, password %q: %v, %v", name, ascii, password, ok, err)
				}
			}
		}
		ok, granted, err := s.Authorize(t.Context(), who, []string{"service=shell", "cmd=", "shell:roles*"})
		if roles, _ := tacacs.Value(granted, "shell:roles"); !ok || err != nil || roles != `"network-admin ops"` {
			t.Errorf("%s: shell: %v, %q, %v", name, ok, granted, err)
		}
		if !slices.Contains(granted, "priv-lvl=15") {
			t.Errorf("%s: granted %q", name, granted)
		}
		for line, want := range map[string]bool{"show version": true, "vlan 7": true, "vlan x": false, "reload": false} {
			if ok, _, err := s.Authorize(t.Context(), who, tacacs.Command(line)); ok != want || err != nil {
				t.Errorf("%s: %s: %v, %v", name, line, ok, err)
			}
		}
		if ok, _, err := s.Authorize(t.Context(), tacacs.Who{User: "paul"}, []string{"service=shell", "cmd="}); ok || err != nil {
			t.Errorf("%s: a shell for paul: %v, %v", name, ok, err)
		}
		for _, r := range []tacacs.Record{tacacs.Start, tacacs.Stop} {
			if err := s.Account(t.Context(), r, who, tacacs.Done("configure terminal ; vlan 7")); err != nil {
				t.Errorf("%s: account: %v", name, err)
			}
		}
	}
	if got := p.Accounts(t); strings.Count(got, "configure terminal ; vlan 7") != 4 {
		t.Errorf("accounts:\n%s", got)
	}
	other := p.Server
	other.Secret, other.Timeout = "another", time.Second
	if ok, err := other.Login(t.Context(), who, "remote-1A", false); ok || err == nil || errors.Is(err, t.Context().Err()) {
		t.Errorf("with another secret: %v, %v", ok, err)
	}
}
