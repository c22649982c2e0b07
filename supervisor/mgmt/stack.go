package mgmt

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"trunkline/feature"
	"trunkline/internal/ether"
)

// maxNeighbors is how many neighbors are told; the kernel keeps 1024 before it
// forgets some.
const maxNeighbors = 8192

// Stack returns what the IP stack of the device has.
func (s *Service) Stack() (feature.Stack, error) { return s.dev.stack(&s.routes) }

// Stack returns what the IP stack of an interface has: nothing without its device.
func (s *SVIs) Stack(name string) (feature.Stack, error) {
	for _, i := range s.Snapshot() {
		if i.Name == name && i.Kind != "" {
			all, err := device(i.Adapter).stack(&s.seen)
			for n := range all.Routes {
				all.Routes[n].Metric = 0 // sviMetric is the machine's business
			}
			return all, err
		}
	}
	return feature.Stack{}, nil
}

func (d device) stack(known *seen) (feature.Stack, error) {
	link, err := netlink.LinkByName(string(d))
	if err != nil {
		return feature.Stack{}, fmt.Errorf("device %s: %w", d, err)
	}
	var out feature.Stack
	addresses, err := netlink.AddrList(link, netlink.FAMILY_V6)
	if err != nil {
		return out, fmt.Errorf("addresses of %s: %w", d, err)
	}
	for _, x := range addresses {
		if ip, ok := netip.AddrFromSlice(x.IP); ok && ip.Is6() && ip.IsLinkLocalUnicast() {
			out.LinkLocal = ip
			break
		}
	}
	routes, err := d.routes(link)
	if err != nil {
		return out, err
	}
	now := time.Now()
	for _, r := range routes {
		route := routeOf(r)
		out.Routes = append(out.Routes, feature.IPRoute{
			To: route.To, Via: route.Via, Source: source(r.Protocol), Metric: r.Priority, Since: known.since(route, now),
		})
	}
	slices.SortFunc(out.Routes, func(a, b feature.IPRoute) int {
		return cmp.Or(cmp.Compare(a.To.Addr().BitLen(), b.To.Addr().BitLen()), a.To.Addr().Compare(b.To.Addr()), cmp.Compare(a.To.Bits(), b.To.Bits()), a.Via.Compare(b.Via))
	})
	out.Neighbors, err = neighbors(link)
	return out, err
}

// source is the field's word for who made a route.
func source(p netlink.RouteProtocol) string {
	switch int(p) {
	case unix.RTPROT_DHCP:
		return "dhcp"
	case unix.RTPROT_RA:
		return "nd"
	}
	return "static"
}

// userHz is the unit of the kernel's ages, per second (time(7)).
const userHz = 100

func neighbors(link netlink.Link) ([]feature.Neighbor, error) {
	all, err := netlink.NeighList(link.Attrs().Index, netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("neighbors of %s: %w", link.Attrs().Name, err)
	}
	var out []feature.Neighbor
	for _, n := range all {
		ip, ok := netip.AddrFromSlice(n.IP)
		if ip = ip.Unmap(); !ok || ip.IsMulticast() || ip.IsUnspecified() || n.State == unix.NUD_NONE || n.State&unix.NUD_NOARP != 0 || len(out) == maxNeighbors {
			continue // an address that needs no resolution
		}
		x := feature.Neighbor{IP: ip, Static: n.State&unix.NUD_PERMANENT != 0, Age: time.Duration(n.Confirmed) * time.Second / userHz}
		if n.State&(unix.NUD_INCOMPLETE|unix.NUD_FAILED) == 0 && len(n.HardwareAddr) == len(x.MAC) {
			x.MAC = ether.MAC(n.HardwareAddr)
		}
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b feature.Neighbor) int { return a.IP.Compare(b.IP) })
	return out, nil
}
