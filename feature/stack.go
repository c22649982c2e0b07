package feature

import (
	"net/netip"
	"time"

	"trunkline/internal/ether"
)

// Stack is what the IP stack of an interface of the supervisor's own has in
// force beyond the addresses that Supervisor.Prefixes tell.
type Stack struct {
	LinkLocal netip.Addr // IPv6, zero for none
	Routes    []IPRoute  // through next hops; by prefix, IPv4 first
	Neighbors []Neighbor // by address, IPv4 first
}

// IPRoute is a route through a next hop.
type IPRoute struct {
	To     netip.Prefix
	Via    netip.Addr
	Source string // "static", "dhcp" or "nd"
	Metric int
	Since  time.Time // first seen
}

// Neighbor is an entry of the ARP (RFC 826) or neighbor cache (RFC 4861).
type Neighbor struct {
	IP  netip.Addr
	MAC ether.MAC // zero while it is not resolved
	// Static entries have no age; of others it is the time since the neighbor
	// was last known to answer.
	Static bool
	Age    time.Duration
}
