package mgmt

import (
	"net/netip"
	"slices"

	"trunkline/feature/management"
)

// actual is what a device has.
type actual struct {
	up        bool
	addresses []netip.Prefix // global ones
	routes    []management.Route
}

// owned is what the service has set and what it has replaced by that.
type owned struct {
	addresses, replacedAddresses []netip.Prefix
	routes, replacedRoutes       []management.Route
	down                         bool
}

// op is a kind of action.
type op uint8

const (
	removeAddress op = iota
	addAddress
	linkUp
	linkDown
	removeRoute
	addRoute
)

// action is one change of a device.
type action struct {
	op      op
	address netip.Prefix
	route   management.Route
}

// plan returns what makes a device what is wanted, and what is owned then.
// Addresses go before others come, because the kernel takes the addresses of a
// subnet away with the first of them.
func plan(w management.Wanted, a actual, o owned) ([]action, owned) {
	var all []action
	next := owned{down: w.Shutdown}
	switch {
	case w.Shutdown && a.up:
		all = append(all, action{op: linkDown})
	case !w.Shutdown && !a.up && (w.Any || o.down):
		all = append(all, action{op: linkUp})
	}
	for _, v4 := range []bool{true, false} {
		want := w.IPv6
		if v4 {
			want = w.IPv4
		}
		is := func(p netip.Prefix) bool { return p.Addr().Is4() == v4 }
		var wants []netip.Prefix
		if want.IsValid() {
			wants = append(wants, want)
		}
		gone, come, mine, replaced := settle(wants, filter(a.addresses, is), filter(o.addresses, is), filter(o.replacedAddresses, is))
		for _, p := range gone {
			all = append(all, action{op: removeAddress, address: p})
		}
		for _, p := range come {
			all = append(all, action{op: addAddress, address: p})
		}
		next.addresses = append(next.addresses, mine...)
		next.replacedAddresses = append(next.replacedAddresses, replaced...)
	}
	if w.Shutdown {
		// The kernel takes routes, and addresses of IPv6, away with the link;
		// those of the machine return with it.
		next.routes, next.replacedRoutes = o.routes, o.replacedRoutes
		for _, r := range a.routes {
			if !slices.Contains(o.routes, r) && !slices.Contains(next.replacedRoutes, r) {
				next.replacedRoutes = append(next.replacedRoutes, r)
			}
		}
		for _, p := range a.addresses {
			if p.Addr().Is6() && !slices.Contains(o.addresses, p) && !slices.Contains(next.replacedAddresses, p) {
				next.replacedAddresses = append(next.replacedAddresses, p)
			}
		}
		return all, next
	}
	var to []netip.Prefix
	for _, routes := range [][]management.Route{w.Routes, o.routes, o.replacedRoutes} {
		for _, r := range routes {
			if !slices.Contains(to, r.To) {
				to = append(to, r.To)
			}
		}
	}
	for _, dst := range to {
		is := func(r management.Route) bool { return r.To == dst }
		gone, come, mine, replaced := settle(filter(w.Routes, is), filter(a.routes, is), filter(o.routes, is), filter(o.replacedRoutes, is))
		for _, r := range gone {
			all = append(all, action{op: removeRoute, route: r})
		}
		for _, r := range come {
			all = append(all, action{op: addRoute, route: r})
		}
		next.routes = append(next.routes, mine...)
		next.replacedRoutes = append(next.replacedRoutes, replaced...)
	}
	return all, next
}

// settle compares what is wanted of one kind with what there is. If something
// is wanted, it takes the place of all there is; else what was set goes, and
// what was replaced returns. What the machine had itself is not mine, however
// much it is wanted.
func settle[T comparable](want, have, mine, replaced []T) (gone, come, nowMine, nowReplaced []T) {
	if len(want) == 0 {
		for _, t := range mine {
			if slices.Contains(have, t) {
				gone = append(gone, t)
			}
		}
		for _, t := range replaced {
			if !slices.Contains(have, t) {
				come = append(come, t)
			}
		}
		return gone, come, nil, nil
	}
	nowReplaced = replaced
	for _, t := range have {
		if slices.Contains(want, t) {
			continue
		}
		gone = append(gone, t)
		if !slices.Contains(mine, t) && !slices.Contains(nowReplaced, t) {
			nowReplaced = append(nowReplaced, t)
		}
	}
	for _, t := range want {
		has := slices.Contains(have, t)
		if !has {
			come = append(come, t)
		}
		if (!has || slices.Contains(mine, t)) && !slices.Contains(nowReplaced, t) {
			nowMine = append(nowMine, t)
		}
	}
	return gone, come, nowMine, nowReplaced
}

func filter[T any](all []T, is func(T) bool) []T {
	var some []T
	for _, t := range all {
		if is(t) {
			some = append(some, t)
		}
	}
	return some
}
