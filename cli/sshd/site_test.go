package sshd

import (
	"fmt"
	"testing"
)

// TestSite has a stranger with all addresses of a /64 take no more room than one.
func TestSite(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "2001:db8::7": "2001:db8::/64", "2001:db8::ff:1": "2001:db8::/64", "2001:db8:0:1::1": "2001:db8:0:1::/64",
		"/run/x": "/run/x",
	} {
		if got := site(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
	d := newDoor(Limits{Strangers: 8, PerSource: 6, Clients: 1}.complete())
	for i := range 20 {
		d.knock(site(fmt.Sprintf("2001:db8::%x", i)), func() {})
	}
	if k, _ := d.knock(site("2001:db8:0:1::1"), func() {}); k == nil {
		t.Error("one site keeps others out")
	}
}
