package sshd

import (
	"fmt"
	"testing"

	"trunkline/internal/tcpsock"
)

// TestSite has a stranger with all addresses of a /64 take no more room than one.
func TestSite(t *testing.T) {
	d := newDoor(Limits{Strangers: 8, PerSource: 6, Clients: 1}.complete())
	for i := range 20 {
		d.knock(tcpsock.Site(fmt.Sprintf("2001:db8::%x", i)), func() {})
	}
	if k, _ := d.knock(tcpsock.Site("2001:db8:0:1::1"), func() {}); k == nil {
		t.Error("one site keeps others out")
	}
}
