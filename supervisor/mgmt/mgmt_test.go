package mgmt

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"trunkline/feature/management"
	"trunkline/testbed/netns/nstest"
)

// machine makes a device with an address and a default route, as a container
// has it.
func machine(t *testing.T, name string) netlink.Link {
	t.Helper()
	nstest.Require(t)
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: name + "-peer"}); err != nil {
		t.Fatal(err)
	}
	link, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := netlink.LinkDel(link); err != nil {
			t.Error(err)
		}
	})
	peer, err := netlink.LinkByName(name + "-peer")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []netlink.Link{link, peer} {
		if err := netlink.LinkSetUp(l); err != nil {
			t.Fatal(err)
		}
	}
	if err := netlink.AddrAdd(link, address(own)); err != nil {
		t.Fatal(err)
	}
	if err := device(name).apply(action{op: addRoute, route: machineRoute}); err != nil {
		t.Fatal(err)
	}
	return link
}

func start(t *testing.T, name string) *Service {
	t.Helper()
	s := New(Config{Device: name, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { s.Run(ctx); close(ended) }()
	t.Cleanup(func() { cancel(); <-ended })
	return s
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func has(name string, prefix netip.Prefix, route management.Route) bool {
	_, a, err := device(name).read()
	return err == nil && slices.Equal(a.addresses, []netip.Prefix{prefix}) && slices.Equal(a.routes, []management.Route{route})
}

func TestDevice(t *testing.T) {
	link := machine(t, "mg0")
	s := start(t, "mg0")
	if now := s.Snapshot(); !slices.Equal(now.Prefixes, []netip.Prefix{own}) || !now.Port.Up || now.Port.Reason != "none" || now.Port.MTU != 1500 {
		t.Errorf("taken over: %+v", now)
	}
	wake, cancel := s.Subscribe()
	defer cancel()
	s.Set(management.Wanted{Any: true, IPv4: set})
	until(t, "the configured address in place of the machine's", func() bool { return has("mg0", set, machineRoute) })
	until(t, "the service knows", func() bool { return slices.Equal(s.Snapshot().Prefixes, []netip.Prefix{set}) })
	select {
	case <-wake:
	default:
		t.Error("subscriber not told of the change")
	}

	s.Set(management.Wanted{Any: true, IPv4: set, Routes: []management.Route{wantedRoute}})
	until(t, "the configured route", func() bool { return has("mg0", set, wantedRoute) })

	// Somebody else's changes do not last.
	if err := netlink.AddrDel(link, address(set)); err != nil {
		t.Fatal(err)
	}
	until(t, "the address again", func() bool { return has("mg0", set, wantedRoute) })

	s.Set(management.Wanted{Any: true, Shutdown: true, IPv4: set, Routes: []management.Route{wantedRoute}})
	until(t, "down", func() bool { return s.Snapshot().Port.Reason == "Administratively down" })
	s.Set(management.Wanted{Any: true, IPv4: set2})
	until(t, "up with another address", func() bool {
		return s.Snapshot().Port.Up && slices.Equal(s.Snapshot().Prefixes, []netip.Prefix{set2})
	})
	s.Set(management.Wanted{})
	until(t, "the machine's", func() bool { return has("mg0", own, machineRoute) })
	if e := s.Snapshot().Port.Error; e != "" {
		t.Errorf("error: %s", e)
	}
}

// TestOtherDevice: a default route over another device is not touched, and the
// operator is told.
func TestOtherDevice(t *testing.T) {
	machine(t, "mg1")
	link := machine2(t)
	s := start(t, link)
	s.Set(management.Wanted{Any: true, IPv4: set2, Routes: []management.Route{{To: all4, Via: netip.MustParseAddr("198.51.100.254")}}})
	until(t, "an error", func() bool { return strings.Contains(s.Snapshot().Port.Error, "over another device") })
	if !has("mg1", own, machineRoute) {
		t.Error("the other device has changed")
	}
}

// machine2 makes a device without anything.
func machine2(t *testing.T) string {
	t.Helper()
	const name = "mg2"
	link := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: name + "-peer"}
	if err := netlink.LinkAdd(link); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := netlink.LinkDel(link); err != nil {
			t.Error(err)
		}
	})
	peer, err := netlink.LinkByName(name + "-peer")
	if err == nil {
		err = netlink.LinkSetUp(peer)
	}
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// TestNoDevice: without the device mgmt0 is down, and taken up when it comes.
func TestNoDevice(t *testing.T) {
	nstest.Require(t)
	s := start(t, "mg2")
	s.Set(management.Wanted{Any: true, IPv4: set2})
	if p := s.Snapshot().Port; p.Up || p.Name != "mgmt0" || p.Reason != "hardware failure" {
		t.Errorf("%+v", p)
	}
	until(t, "an error", func() bool { return strings.Contains(s.Snapshot().Port.Error, "device mg2") })
	machine2(t)
	until(t, "up", func() bool {
		return s.Snapshot().Port.Up && slices.Equal(s.Snapshot().Prefixes, []netip.Prefix{set2})
	})
}
