package mgmt

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"trunkline/feature/interfacevlan"
	"trunkline/testbed/netns/nstest"
)

// vlan is an interface that is wanted.
func vlan(n int, up bool, addresses ...string) SVI {
	i := SVI{Up: up}
	i.Name, i.Device = "Vlan10", interfacevlan.Device(10)
	if n != 10 {
		i.Name, i.Device = "Vlan20", interfacevlan.Device(20)
	}
	for _, a := range addresses {
		i.Addresses = append(i.Addresses, netip.MustParsePrefix(a))
	}
	return i
}

// TestSVI: a device that a card has marked has what is wanted, and nothing while
// it is down; one that is not the switch's is left alone, and subnets of the
// machine are not taken.
func TestSVI(t *testing.T) {
	nstest.Require(t)
	for _, name := range []string{"vlan10", "vlan20", "own0"} {
		if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: name + "p"}); err != nil {
			t.Fatal(err)
		}
		for _, n := range []string{name, name + "p"} {
			l, err := netlink.LinkByName(n)
			if err == nil && n != "vlan10" && n != "vlan20" {
				err = netlink.LinkSetUp(l)
			}
			if err == nil && n == "vlan10" {
				err = netlink.LinkSetAlias(l, mark+"Vlan10")
			}
			if err == nil && n == "own0" {
				err = netlink.AddrAdd(l, address(netip.MustParsePrefix("192.0.2.5/24")))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		t.Cleanup(func() {
			if l, err := netlink.LinkByName(name); err == nil {
				_ = netlink.LinkDel(l)
			}
		})
	}
	var w Watchers
	moved, stop := w.Subscribe()
	defer stop()
	s := NewSVIs(&w, nil, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { s.Run(ctx); close(ended) }()
	defer func() { cancel(); <-ended }()

	s.Set(WantedSVIs{SVIs: []SVI{
		vlan(10, true, "10.0.0.254/24", "10.9.0.1/24", "192.0.2.77/25", "fd00::254/64"), vlan(20, true, "10.20.0.1/24"),
	}, Routes: []interfacevlan.Route{
		{To: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr("10.9.0.7")},
		{To: netip.MustParsePrefix("172.16.0.0/16"), Via: netip.MustParseAddr("10.77.0.7")}, // in no subnet
	}})
	until(t, "addresses and a route", func() bool {
		now, has := s.Snapshot(), actualOf(t, "vlan10")
		return len(now) == 2 && now[0].Up && len(now[0].Prefixes) == 3 && len(has.routes) == 1 && has.routes[0].To.Bits() == 0
	})
	<-moved
	if now := s.Snapshot(); !strings.Contains(now[0].Error, "192.0.2.0/25 on device own0") || now[1].Up || now[1].Error != "" {
		t.Errorf("%+v", now)
	}
	if has := actualOf(t, "vlan20"); has.up || len(has.addresses) > 0 {
		t.Errorf("the machine's own device has %+v", has)
	}
	for file, want := range map[string]string{"ipv4/conf/vlan10/forwarding": "0", "ipv6/conf/vlan10/accept_ra": "0", "ipv4/conf/vlan10/arp_ignore": "1"} {
		if b, err := os.ReadFile("/proc/sys/net/" + file); err != nil || strings.TrimSpace(string(b)) != want {
			t.Errorf("%s: %q, %v", file, b, err)
		}
	}
	for to, want := range map[string]bool{"10.0.0.9": true, "198.51.100.1": true, "192.0.2.9": false, "10.0.0.254": false, "127.0.0.1": false} {
		if got := s.Lead(netip.MustParseAddr(to)); got != want { // 198.51.100.1 by the default route
			t.Errorf("%s is reached by an interface in a VLAN: %v", to, got)
		}
	}
	st, err := s.Stack("Vlan10")
	if err != nil || len(st.Routes) != 1 || st.Routes[0].Metric != 0 || st.Routes[0].Source != "static" {
		t.Errorf("stack %+v, %v", st, err)
	}

	// Somebody takes an address away.
	link, err := netlink.LinkByName("vlan10")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetDown(link); err != nil {
		t.Fatal(err)
	}
	until(t, "up again, with its route", func() bool {
		has := actualOf(t, "vlan10")
		return has.up && len(has.addresses) == 3 && len(has.routes) == 1
	})
	s.Set(WantedSVIs{SVIs: []SVI{vlan(10, false, "10.0.0.254/24")}})
	until(t, "nothing while it is down", func() bool {
		now, has := s.Snapshot(), actualOf(t, "vlan10")
		return len(now) == 1 && !now[0].Up && !has.up && len(has.addresses) == 0 && len(has.routes) == 0
	})
	// The card makes the device anew.
	s.Set(WantedSVIs{SVIs: []SVI{vlan(10, true, "10.0.0.254/24")}})
	until(t, "up", func() bool { return s.Snapshot()[0].Up })
	was := s.Snapshot()[0]
	if err := netlink.LinkDel(link); err != nil {
		t.Fatal(err)
	}
	until(t, "gone", func() bool { now := s.Snapshot()[0]; return !now.Up && len(now.Prefixes) == 0 && now.Index == 0 })
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "vlan10"}, PeerName: "vlan10p"}); err != nil {
		t.Fatal(err)
	}
	link, err = netlink.LinkByName("vlan10")
	if err == nil {
		err = netlink.LinkSetAlias(link, mark+"Vlan10")
	}
	if err != nil {
		t.Fatal(err)
	}
	until(t, "there again", func() bool {
		now := s.Snapshot()[0]
		return len(now.Prefixes) == 1 && now.Index != was.Index && now.Since.After(time.Time{})
	})
}

func actualOf(t *testing.T, name string) actual {
	t.Helper()
	_, has, err := device(name).read()
	if err != nil {
		t.Fatal(err)
	}
	return has
}
