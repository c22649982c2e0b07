package mgmt

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"trunkline/feature"
	"trunkline/feature/management"
	"trunkline/internal/ether"
)

// device is a network device by name; it is looked up for every call, because
// it may be replaced by another of that name.
type device string

// read returns the device's state as a port and what it has.
func (d device) read() (feature.PortState, actual, error) {
	p := feature.PortState{Name: feature.Mgmt0, Adapter: string(d), Reason: "hardware failure"}
	link, err := netlink.LinkByName(string(d))
	if err != nil {
		return p, actual{}, fmt.Errorf("device %s: %w", d, err)
	}
	at := link.Attrs()
	p.Kind, p.MTU = link.Type(), uint32(at.MTU)
	if len(at.HardwareAddr) == len(p.MAC) {
		p.MAC = ether.MAC(at.HardwareAddr)
	}
	a := actual{up: at.Flags&net.FlagUp != 0}
	p.Up = a.up && at.OperState != netlink.OperDown && at.OperState != netlink.OperLowerLayerDown
	switch {
	case p.Up:
		p.Reason = "none"
	case !a.up:
		p.Reason = feature.AdminDown
	default:
		p.Reason = "Link not connected"
	}
	p.Counters = countersOf(link)
	addresses, err := netlink.AddrList(link, netlink.FAMILY_ALL)
	if err != nil {
		return p, a, fmt.Errorf("addresses of %s: %w", d, err)
	}
	for _, x := range addresses {
		ip, ok := netip.AddrFromSlice(x.IP)
		if ip = ip.Unmap(); !ok || ip.IsLinkLocalUnicast() && ip.Is6() {
			continue // every device has one
		}
		bits, _ := x.Mask.Size()
		a.addresses = append(a.addresses, netip.PrefixFrom(ip, bits))
	}
	slices.SortStableFunc(a.addresses, func(a, b netip.Prefix) int { return a.Addr().BitLen() - b.Addr().BitLen() })
	routes, err := d.routes(link)
	for _, r := range routes {
		a.routes = append(a.routes, routeOf(r))
	}
	return p, a, err
}

// counters returns the device's counters.
func (d device) counters() (feature.Counters, error) {
	link, err := netlink.LinkByName(string(d))
	if err != nil {
		return feature.Counters{}, fmt.Errorf("device %s: %w", d, err)
	}
	return countersOf(link), nil
}

func countersOf(link netlink.Link) feature.Counters {
	st := link.Attrs().Statistics
	if st == nil {
		return feature.Counters{}
	}
	return feature.Counters{
		RxUnicast: st.RxPackets - min(st.RxPackets, st.Multicast), RxMulticast: st.Multicast, RxOctets: st.RxBytes,
		TxUnicast: st.TxPackets, TxOctets: st.TxBytes,
	}
}

// routes returns the routes over the device that go through a next hop.
func (d device) routes(link netlink.Link) ([]netlink.Route, error) {
	filter := &netlink.Route{LinkIndex: link.Attrs().Index, Table: unix.RT_TABLE_MAIN}
	all, err := netlink.RouteListFiltered(netlink.FAMILY_ALL, filter, netlink.RT_FILTER_OIF|netlink.RT_FILTER_TABLE)
	if err != nil {
		return nil, fmt.Errorf("routes of %s: %w", d, err)
	}
	return slices.DeleteFunc(all, func(r netlink.Route) bool { return r.Gw == nil }), nil
}

func routeOf(r netlink.Route) management.Route {
	via, _ := netip.AddrFromSlice(r.Gw)
	via = via.Unmap()
	to := netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	if via.Is4() {
		to = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	if r.Dst != nil {
		if ip, ok := netip.AddrFromSlice(r.Dst.IP); ok {
			bits, _ := r.Dst.Mask.Size()
			to = netip.PrefixFrom(ip.Unmap(), bits)
		}
	}
	return management.Route{To: to, Via: via}
}

// apply makes one change.
func (d device) apply(x action) error {
	link, err := netlink.LinkByName(string(d))
	if err != nil {
		return fmt.Errorf("device %s: %w", d, err)
	}
	what := x.address.String()
	switch x.op {
	case linkUp:
		what, err = "up", netlink.LinkSetUp(link)
	case linkDown:
		what, err = "down", netlink.LinkSetDown(link)
	case addAddress:
		err = netlink.AddrReplace(link, address(x.address))
	case removeAddress:
		if err = netlink.AddrDel(link, address(x.address)); errors.Is(err, unix.EADDRNOTAVAIL) {
			err = nil // gone with another of its subnet
		}
	case addRoute, removeRoute:
		what = fmt.Sprintf("route %s %s", x.route.To, x.route.Via)
		err = d.route(link, x)
	}
	if errors.Is(err, unix.EPERM) {
		err = errors.New("operation not permitted: the supervisor needs NET_ADMIN")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func address(p netip.Prefix) *netlink.Addr {
	a := &netlink.Addr{IPNet: ipNet(p)}
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD // services listen on it at once
	}
	return a
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func (d device) route(link netlink.Link, x action) error {
	if x.op == removeRoute {
		all, err := d.routes(link)
		for _, r := range all {
			if routeOf(r) == x.route {
				err = errors.Join(err, netlink.RouteDel(&r))
			}
		}
		return err
	}
	err := netlink.RouteAdd(&netlink.Route{
		LinkIndex: link.Attrs().Index, Dst: ipNet(x.route.To), Gw: x.route.Via.AsSlice(), Protocol: unix.RTPROT_STATIC,
	})
	if errors.Is(err, unix.EEXIST) {
		return errors.New("the machine has such a route over another device")
	}
	return err
}
