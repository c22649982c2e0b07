package supervisor

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"path/filepath"
	"slices"

	"trunkline/cli/transfer"
	"trunkline/feature"
	"trunkline/feature/management"
)

// transfers is how sessions copy files from and to other machines.
func (s *Supervisor) transfers() *transfer.Client {
	return transfer.New(transfer.Config{KnownHosts: filepath.Join(s.cfg.StateDir, "ssh", "known_hosts"), Dial: s.dial})
}

// dial connects to "host:port". In the VRF management the connection comes from an
// address of mgmt0; else from where the routes of the machine lead.
func (s *Supervisor) dial(ctx context.Context, network, address, vrf string) (net.Conn, error) {
	name, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addrs, err := host{s}.Resolve(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, a := range addrs {
		var conn net.Conn
		if conn, err = s.dialOne(ctx, network, net.JoinHostPort(a.String(), port), vrf); err == nil || ctx.Err() != nil {
			return conn, err
		}
	}
	return nil, err
}

// dialOne is dial to an address.
func (s *Supervisor) dialOne(ctx context.Context, network, address, vrf string) (net.Conn, error) {
	if vrf != management.VRF {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	if s.mgmt == nil {
		return nil, feature.Error("ERROR: There is no mgmt0.")
	}
	// The name of a host may have addresses of a family that mgmt0 has none of.
	var last error = feature.Error("ERROR: mgmt0 has no address for the host.")
	for _, from := range s.sources() {
		d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
		conn, err := d.DialContext(ctx, network, address)
		if err == nil || ctx.Err() != nil {
			return conn, err
		}
		if unsuitable := (*net.AddrError)(nil); !errors.As(err, &unsuitable) {
			last = err
		}
	}
	return nil, last
}

// sources are the first IPv4 and the first IPv6 address of mgmt0, as far as there
// are any.
func (s *Supervisor) sources() []netip.Addr {
	var all []netip.Addr
	for _, a := range s.ofManagement() {
		if !slices.ContainsFunc(all, func(b netip.Addr) bool { return b.Is4() == a.Is4() }) {
			all = append(all, a)
		}
	}
	return all
}
