package system

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"trunkline/config/schema"
	"trunkline/feature"
)

// family is a version of IP as commands that test reachability use it.
type family struct {
	v6             bool
	command        string // ping or ping6
	any            string // the unspecified address
	raw            string // network of package net
	request, reply icmp.Type
	address        schema.AnyType
}

var (
	ipv4Family = family{
		command: "ping", any: "0.0.0.0", raw: "ip4:icmp",
		request: ipv4.ICMPTypeEcho, reply: ipv4.ICMPTypeEchoReply, address: schema.IPv4,
	}
	ipv6Family = family{
		v6: true, command: "ping6", any: "::", raw: "ip6:ipv6-icmp",
		request: ipv6.ICMPTypeEchoRequest, reply: ipv6.ICMPTypeEchoReply, address: schema.IPv6,
	}
)

// resolve returns the address of a host in the family.
func (f family) resolve(ctx context.Context, by feature.Host, host string) (netip.Addr, error) {
	all := []netip.Addr{}
	if a, err := netip.ParseAddr(host); err == nil {
		all = append(all, a)
	} else if all, err = by.Resolve(ctx, host); err != nil {
		return netip.Addr{}, fmt.Errorf("resolve %s: %w", host, err)
	}
	for _, a := range all {
		if a = a.Unmap(); a.Is4() != f.v6 {
			return a, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("%s is of another family", host)
}

// echoConn is a socket for echo requests.
type echoConn struct {
	net.PacketConn
	family family
	raw    bool
	id     uint16
	read   func(b []byte) (n, ttl int, from net.Addr, err error)
}

// listen opens a raw socket, or without the right to it an ICMP datagram
// socket, whose identifier the kernel chooses.
func (f family) listen(source string, df bool) (echoConn, error) {
	c := echoConn{family: f, id: uint16(rand.Uint32()), raw: true}
	var set error
	config := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
		if err := rc.Control(func(fd uintptr) { set = f.options(int(fd), df) }); err != nil {
			return err
		}
		return set
	}}
	var err error
	if c.PacketConn, err = config.ListenPacket(context.Background(), f.raw, source); errors.Is(err, syscall.EPERM) {
		c.raw = false
		c.PacketConn, err = f.datagram(source, df)
	}
	if err != nil {
		return c, err
	}
	if f.v6 {
		p := ipv6.NewPacketConn(c.PacketConn)
		err = p.SetControlMessage(ipv6.FlagHopLimit, true)
		c.read = func(b []byte) (int, int, net.Addr, error) {
			n, control, from, err := p.ReadFrom(b)
			if control == nil {
				control = &ipv6.ControlMessage{}
			}
			return n, control.HopLimit, from, err
		}
	} else {
		p := ipv4.NewPacketConn(c.PacketConn)
		err = p.SetControlMessage(ipv4.FlagTTL, true)
		c.read = func(b []byte) (int, int, net.Addr, error) {
			n, control, from, err := p.ReadFrom(b)
			if control == nil {
				control = &ipv4.ControlMessage{}
			}
			return n, control.TTL, from, err
		}
	}
	if err != nil {
		c.Close() //nolint:errcheck // the first error counts
		return c, fmt.Errorf("ask for the time to live: %w", err)
	}
	return c, nil
}

// options are set on a socket before it is bound.
func (f family) options(fd int, df bool) error {
	switch {
	case !df:
		return nil
	case f.v6:
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_DONTFRAG, 1)
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO)
}

// datagram opens an ICMP datagram socket, which users may in the groups of the
// machine's net.ipv4.ping_group_range (icmp(7)).
func (f family) datagram(source string, df bool) (net.PacketConn, error) {
	domain, protocol := unix.AF_INET, unix.IPPROTO_ICMP
	from, err := netip.ParseAddr(source)
	if err != nil {
		return nil, err
	}
	var at unix.Sockaddr = &unix.SockaddrInet4{}
	if f.v6 {
		domain, protocol = unix.AF_INET6, unix.IPPROTO_ICMPV6
		at = &unix.SockaddrInet6{Addr: from.As16()}
	} else {
		at.(*unix.SockaddrInet4).Addr = from.As4()
	}
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	file := os.NewFile(uintptr(fd), "icmp")
	defer file.Close() //nolint:errcheck // FilePacketConn has a copy
	if err := f.options(fd, df); err != nil {
		return nil, os.NewSyscallError("setsockopt", err)
	}
	if err := unix.Bind(fd, at); err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	return net.FilePacketConn(file)
}
