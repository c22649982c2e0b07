package mgmt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"trunkline/feature"
	"trunkline/feature/interfacevlan"
	"trunkline/feature/management"
)

// SVI is what is wanted of one of the switch's interfaces in VLANs.
type SVI struct {
	interfacevlan.Interface
	// Up says that it carries traffic: no shutdown, and its VLAN and a port of it
	// are up.
	Up bool
}

// WantedSVIs are all of them, and the static routes of their VRF.
type WantedSVIs struct {
	SVIs   []SVI
	Routes []interfacevlan.Route
}

// SVIs keeps the devices of the switch's interfaces in VLANs, which a line card
// in the same network namespace makes: addresses, routes, up and down. A device
// that is not there, or that the card has not marked as the interface's, is left
// alone. While an interface is down its device has no addresses.
//
// A device of an SVI is a host's, not a router's: it does not forward, takes no
// router advertisements from guests, and answers ARP for its own addresses only.
// It stays down, with the reason, where the kernel cannot be told so.
//
// Run is the one writer; all other methods may be called from any goroutine.
type SVIs struct {
	log      *slog.Logger
	changed  func()
	watchers *Watchers
	wake     chan struct{} // of one
	wanted   atomic.Pointer[WantedSVIs]
	now      atomic.Pointer[[]feature.VLANInterface]
	seen     seen

	prepared map[string]prepared // of Run: by device
	lacking  map[string]string   // of Run: by device, what was logged to fail in preparing it
	saying   map[string]saying   // of Run: by interface, what it has to announce
}

// prepared is which device was made a host's, and whether with IPv6.
type prepared struct {
	index int
	ipv6  bool
}

// NewSVIs returns the service; watchers are told when addresses change, and
// changed is called when anything but counters has.
func NewSVIs(watchers *Watchers, changed func(), log *slog.Logger) *SVIs {
	s := &SVIs{log: log, changed: changed, watchers: watchers, wake: make(chan struct{}, 1), prepared: map[string]prepared{}, lacking: map[string]string{}, saying: map[string]saying{}}
	s.wanted.Store(&WantedSVIs{})
	s.now.Store(&[]feature.VLANInterface{})
	return s
}

// Set says what is wanted. It does not block.
func (s *SVIs) Set(w WantedSVIs) {
	if reflect.DeepEqual(*s.wanted.Load(), w) {
		return
	}
	s.wanted.Store(&w)
	s.Poke()
}

// Poke has the devices looked at.
func (s *SVIs) Poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Snapshot returns the interfaces as they were last seen; nobody changes it.
func (s *SVIs) Snapshot() []feature.VLANInterface { return *s.now.Load() }

// Lead reports whether what is sent to an address leaves by one of the interfaces.
func (s *SVIs) Lead(to netip.Addr) bool {
	all := s.Snapshot()
	if !slices.ContainsFunc(all, func(i feature.VLANInterface) bool { return i.Index != 0 }) {
		return false
	}
	routes, err := netlink.RouteGet(to.AsSlice())
	if err != nil {
		return false // nothing can be sent there
	}
	return slices.ContainsFunc(routes, func(r netlink.Route) bool {
		return slices.ContainsFunc(all, func(i feature.VLANInterface) bool { return i.Index != 0 && i.Index == r.LinkIndex })
	})
}

// Run keeps the devices as is wanted until ctx ends. They are left as they are
// then, until their card ends too.
func (s *SVIs) Run(ctx context.Context) {
	links := make(chan netlink.LinkUpdate, 64)
	done := make(chan struct{})
	defer close(done)
	if err := netlink.LinkSubscribe(links, done); err != nil {
		s.log.Warn("watch links", "error", err) // devices are looked at now and then
		links = nil
	}
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		var again <-chan time.Time
		if s.keep() {
			again = time.After(announceAgain)
		}
		if !sleep(ctx, pause) { // nobody may make it busy
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-again:
		case <-s.wake:
			if s.cuts() && !sleep(ctx, grace) {
				return
			}
		case _, ok := <-links:
			if !ok {
				links = nil
			}
			drain(links)
		}
	}
}

// cuts reports whether what is wanted takes an address away that there is.
func (s *SVIs) cuts() bool {
	w := s.wanted.Load()
	for _, now := range s.Snapshot() {
		n := slices.IndexFunc(w.SVIs, func(i SVI) bool { return i.Name == now.Name })
		for _, p := range now.Prefixes {
			if n < 0 || !w.SVIs[n].Up || !slices.Contains(w.SVIs[n].Addresses, p) {
				return true
			}
		}
	}
	return false
}

// keep makes the devices what is wanted, and the snapshot of them. It reports
// whether some are to announce themselves again.
func (s *SVIs) keep() (again bool) {
	w := s.wanted.Load()
	was := *s.now.Load()
	var routed []management.Route
	all := make([]feature.VLANInterface, 0, len(w.SVIs))
	for _, i := range w.SVIs {
		x := feature.VLANInterface{PortState: feature.PortState{Name: i.Name, Adapter: i.Device}}
		has, err := s.one(i, w.Routes, &x)
		routed = append(routed, has...)
		n := slices.IndexFunc(was, func(o feature.VLANInterface) bool { return o.Name == x.Name })
		if err != nil {
			x.Error = err.Error()
			if n < 0 || was[n].Error != x.Error {
				s.log.Warn("vlan interface", "interface", i.Name, "device", i.Device, "error", err)
			}
		}
		x.Since = time.Now()
		if n >= 0 && was[n].Up == x.Up {
			x.Since = was[n].Since
		}
		all = append(all, x)
	}
	s.seen.keep(routed, time.Now())
	s.now.Store(&all)
	differ, moved := len(was) != len(all), len(was) != len(all)
	for n := range min(len(was), len(all)) {
		a, b := was[n], all[n]
		moved = moved || a.Name != b.Name || a.Index != b.Index || !slices.Equal(a.Prefixes, b.Prefixes)
		differ = differ || moved || a.Up != b.Up || a.MTU != b.MTU || a.MAC != b.MAC || a.Error != b.Error
	}
	if moved {
		s.watchers.wake()
	}
	if differ && s.changed != nil {
		s.changed()
	}
	return s.announce(was, all)
}

// mark is how the line card marks the device of an interface.
const mark = "trunkline "

// one makes one device what is wanted, says what it is, and returns its routes.
func (s *SVIs) one(want SVI, routes []interfacevlan.Route, x *feature.VLANInterface) (routed []management.Route, err error) {
	d := device(want.Device)
	link, err := netlink.LinkByName(want.Device)
	if errors.As(err, new(netlink.LinkNotFoundError)) || err == nil && link.Attrs().Alias != mark+want.Name {
		return nil, nil // the card has not made it, and says why
	}
	if err != nil {
		return nil, fmt.Errorf("device %s: %w", d, err)
	}
	_, has, err := d.read()
	if err != nil {
		return nil, err
	}
	var errs []error
	is := prepared{link.Attrs().Index, slices.ContainsFunc(want.Addresses, func(p netip.Prefix) bool { return p.Addr().Is6() })}
	if want.Up && s.prepared[want.Device] != is {
		required, others := prepare(procNet, want.Device, is.ipv6)
		if required == nil && others == nil {
			s.prepared[want.Device] = is
		}
		want.Up = required == nil
		errs = append(errs, required)
		if others != nil && s.lacking[want.Device] != others.Error() {
			s.lacking[want.Device] = others.Error()
			s.log.Warn("vlan interface is less than it should be", "interface", want.Name, "error", others)
		}
	}
	var addresses []netip.Prefix
	if want.Up {
		addresses = want.Addresses
	}
	for _, a := range actions(want.Up, addresses, has) {
		if a.op == addAddress {
			if other := taken(a.address, link.Attrs().Index); other != "" {
				errs = append(errs, fmt.Errorf("the machine has %s on device %s", a.address.Masked(), other))
				continue
			}
		}
		errs = append(errs, d.apply(a))
	}
	if want.Up {
		errs = append(errs, d.keepStatic(addresses, routes))
	}
	p, has, err := d.read()
	p.Name = want.Name
	x.PortState, x.Prefixes, x.Index = p, has.addresses, link.Attrs().Index
	return has.routes, errors.Join(append(errs, err)...)
}

// actions are the changes that make a device what is wanted.
func actions(up bool, wanted []netip.Prefix, has actual) []action {
	var all []action
	for _, p := range has.addresses {
		if !slices.Contains(wanted, p) {
			all = append(all, action{op: removeAddress, address: p})
		}
	}
	switch {
	case up && !has.up:
		all = append(all, action{op: linkUp})
	case !up && has.up:
		all = append(all, action{op: linkDown})
	}
	for _, p := range wanted {
		if !slices.Contains(has.addresses, p) {
			all = append(all, action{op: addAddress, address: p})
		}
	}
	return all
}

// taken returns the device of the machine that has an address in the same subnet:
// one of the switch there would cut the machine off.
func taken(p netip.Prefix, except int) string {
	all, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return "" // the kernel decides
	}
	for _, a := range all {
		ip, ok := netip.AddrFromSlice(a.IP)
		bits, _ := a.Mask.Size()
		if !ok || a.LinkIndex == except || !netip.PrefixFrom(ip.Unmap(), bits).Overlaps(p) {
			continue
		}
		if link, err := netlink.LinkByIndex(a.LinkIndex); err == nil {
			return link.Attrs().Name
		}
	}
	return ""
}

// sviMetric is the metric of static routes over SVIs: those of the machine and of
// mgmt0 to the same place go before them, so nobody is cut off from mgmt0 by a
// default route in-band.
const sviMetric = 4785

// keepStatic keeps the static routes whose next hop is in a subnet of the device.
func (d device) keepStatic(own []netip.Prefix, wanted []interfacevlan.Route) error {
	link, err := netlink.LinkByName(string(d))
	if err != nil {
		return fmt.Errorf("device %s: %w", d, err)
	}
	all, err := d.routes(link)
	if err != nil {
		return err
	}
	var want []management.Route
	for _, r := range wanted {
		if slices.ContainsFunc(own, func(p netip.Prefix) bool { return p.Contains(r.Via) && p.Addr() != r.Via }) {
			want = append(want, management.Route(r))
		}
	}
	var errs []error
	for _, r := range all {
		if n := slices.Index(want, routeOf(r)); n >= 0 && r.Priority == sviMetric {
			want = slices.Delete(want, n, n+1)
		} else {
			errs = append(errs, netlink.RouteDel(&r))
		}
	}
	for _, r := range want {
		err := netlink.RouteAppend(&netlink.Route{
			LinkIndex: link.Attrs().Index, Dst: ipNet(r.To), Gw: r.Via.AsSlice(), Protocol: unix.RTPROT_STATIC, Priority: sviMetric,
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("route %s %s: %w", r.To, r.Via, err))
		}
	}
	return errors.Join(errs...)
}
