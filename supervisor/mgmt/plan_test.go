package mgmt

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"trunkline/feature/management"
)

var (
	own  = netip.MustParsePrefix("192.0.2.5/24")
	set  = netip.MustParsePrefix("192.0.2.10/24")
	set2 = netip.MustParsePrefix("198.51.100.1/24")
	own6 = netip.MustParsePrefix("2001:db8::5/64")
	set6 = netip.MustParsePrefix("2001:db8::10/64")
	all4 = netip.MustParsePrefix("0.0.0.0/0")

	machineRoute = management.Route{To: all4, Via: netip.MustParseAddr("192.0.2.1")}
	wantedRoute  = management.Route{To: all4, Via: netip.MustParseAddr("192.0.2.2")}
)

// perform makes a device what actions say.
func perform(a actual, actions []action) actual {
	a.addresses, a.routes = slices.Clone(a.addresses), slices.Clone(a.routes)
	for _, x := range actions {
		switch x.op {
		case linkUp:
			a.up = true
		case linkDown:
			a.up, a.routes = false, nil
			a.addresses = slices.DeleteFunc(a.addresses, func(p netip.Prefix) bool { return p.Addr().Is6() })
		case addAddress:
			a.addresses = append(a.addresses, x.address)
		case removeAddress:
			a.addresses = slices.DeleteFunc(a.addresses, func(p netip.Prefix) bool { return p == x.address })
		case addRoute:
			a.routes = append(a.routes, x.route)
		case removeRoute:
			a.routes = slices.DeleteFunc(a.routes, func(r management.Route) bool { return r == x.route })
		}
	}
	return a
}

// TestPlan: whatever is configured one after the other, the device has it, what
// is not configured is the machine's, and in the end all is as it was. A second
// look at a device that is as wanted changes nothing.
func TestPlan(t *testing.T) {
	machine := actual{up: true, addresses: []netip.Prefix{own, own6}, routes: []management.Route{machineRoute}}
	pick := func(r *rand.Rand, all ...netip.Prefix) netip.Prefix { return all[r.IntN(len(all))] }
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		a, o := machine, owned{}
		for step := range 8 {
			var w management.Wanted
			if step < 7 {
				w = management.Wanted{
					Any: true, Shutdown: r.IntN(4) == 0,
					IPv4: pick(r, netip.Prefix{}, set, set2, own), IPv6: pick(r, netip.Prefix{}, set6, own6),
				}
				if r.IntN(2) == 0 {
					w.Routes = []management.Route{wantedRoute}
				}
			}
			for range 2 { // what follows from a change of the link takes another look
				actions, next := plan(w, a, o)
				a, o = perform(a, actions), next
			}
			if again, _ := plan(w, a, o); len(again) > 0 {
				t.Fatalf("seed %d: %+v: still %v", seed, w, again)
			}
			want4, want6 := own, own6
			if w.IPv4.IsValid() {
				want4 = w.IPv4
			}
			if w.IPv6.IsValid() {
				want6 = w.IPv6
			}
			slices.SortFunc(a.addresses, netip.Prefix.Compare)
			if !slices.Equal(a.addresses, []netip.Prefix{want4, want6}) {
				t.Fatalf("seed %d: %+v: %v", seed, w, a.addresses)
			}
			want := machine.routes
			if w.Routes != nil {
				want = w.Routes
			}
			if a.up == w.Shutdown || a.up && !slices.Equal(a.routes, want) {
				t.Fatalf("seed %d: %+v: up %t, routes %v", seed, w, a.up, a.routes)
			}
		}
	}
}

// TestNothingWanted: a device that is not configured is left as it is, down too.
func TestNothingWanted(t *testing.T) {
	for _, a := range []actual{{}, {up: true, addresses: []netip.Prefix{own}, routes: []management.Route{machineRoute}}} {
		if actions, _ := plan(management.Wanted{}, a, owned{}); len(actions) > 0 {
			t.Errorf("%+v: %v", a, actions)
		}
	}
}
