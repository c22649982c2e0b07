package mgmt

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"trunkline/feature"
	"trunkline/feature/management"
	"trunkline/internal/ether"
)

// TestStack asks for routes and neighbors of a device as the kernel has them.
func TestStack(t *testing.T) {
	link := machine(t, "mg7")
	s := start(t, "mg7")
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 9}
	neigh := func(ip string, state int, mac net.HardwareAddr) {
		t.Helper()
		n := &netlink.Neigh{LinkIndex: link.Attrs().Index, IP: net.ParseIP(ip), State: state, HardwareAddr: mac}
		if err := netlink.NeighSet(n); err != nil {
			t.Fatal(err)
		}
	}
	neigh("192.0.2.77", netlink.NUD_PERMANENT, mac)
	neigh("192.0.2.78", netlink.NUD_REACHABLE, mac)
	neigh("2001:db8::77", netlink.NUD_STALE, mac)
	var st feature.Stack
	until(t, "what the kernel has", func() bool {
		var err error
		if st, err = s.Stack(); err != nil {
			t.Fatal(err)
		}
		return st.LinkLocal.IsValid() && len(st.Routes) == 1
	})
	r := st.Routes[0]
	if r.To != machineRoute.To || r.Via != machineRoute.Via || r.Source != "static" || time.Since(r.Since) < 0 || time.Since(r.Since) > time.Hour {
		t.Errorf("route: %+v", r)
	}
	again, err := s.Stack()
	if err != nil || again.Routes[0].Since != r.Since {
		t.Errorf("a route changes its age: %+v, %v", again.Routes, err)
	}
	for ip, static := range map[string]bool{"192.0.2.77": true, "192.0.2.78": false, "2001:db8::77": false} {
		i := slices.IndexFunc(st.Neighbors, func(n feature.Neighbor) bool { return n.IP == netip.MustParseAddr(ip) })
		if i < 0 {
			t.Errorf("no neighbor %s in %+v", ip, st.Neighbors)
			continue
		}
		if n := st.Neighbors[i]; n.MAC != ether.MAC(mac) || n.Static != static || n.Age < 0 {
			t.Errorf("%+v", n)
		}
	}
	if !slices.IsSortedFunc(st.Neighbors, func(a, b feature.Neighbor) int { return a.IP.Compare(b.IP) }) {
		t.Errorf("not in order: %+v", st.Neighbors)
	}
}

func TestSeen(t *testing.T) {
	var s seen
	r := management.Route{To: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr("192.0.2.1")}
	then := time.Unix(1000, 0)
	s.keep([]management.Route{r}, then)
	s.keep([]management.Route{r}, then.Add(time.Hour))
	if got := s.since(r, then.Add(2*time.Hour)); got != then {
		t.Errorf("since %v, want %v", got, then)
	}
	s.keep(nil, then.Add(3*time.Hour))
	if got := s.since(r, then.Add(4*time.Hour)); got != then.Add(4*time.Hour) {
		t.Errorf("a route that is gone is remembered: %v", got)
	}
}
