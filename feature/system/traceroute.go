package system

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/config/schema"
	"trunkline/feature"
)

// Numbers of traceroute.
const (
	traceHops   = 30
	traceProbes = 3     // to each hop
	tracePort   = 33434 // of the first probe
	traceSize   = 48    // octets of a packet, as it is said
	traceWait   = 3 * time.Second
	tracePoll   = 100 * time.Millisecond // how often it looks whether the operator gave up
)

// traceCommands are traceroute and traceroute6.
func traceCommands() []feature.Exec {
	var all []feature.Exec
	for _, f := range []family{ipv4Family, ipv6Family} {
		name := "traceroute"
		if f.v6 {
			name = "traceroute6"
		}
		all = append(all, feature.Exec{
			Line:  name + " <host> [source <address>|vrf <vrf>]*",
			Types: map[string]schema.AnyType{"host": schema.Word("host", "IP address or host name", 255), "vrf": stackVRF, "address": f.address},
			Words: schema.Words{name + " vrf": "VRF to send from", name + " source": "Source address of the packets"},
			Help:  "Trace the way to a host", Reads: true, Run: f.trace,
		})
	}
	return all
}

// trace sends UDP datagrams whose time to live ends ever later, to ports that
// nobody listens on, and prints who answers with an ICMP error (RFC 792, RFC
// 4443). The kernel hands these over with the socket (ip(7), IP_RECVERR), so no
// right is needed.
func (f family) trace(ctx context.Context, q feature.Query, by feature.Host, out feature.Output) error {
	host, _ := feature.Value[string](q.Args, "host")
	to, err := f.resolve(ctx, by, host)
	if err != nil {
		return feature.Error("ERROR: Invalid host " + host)
	}
	from, _ := feature.Value[netip.Addr](q.Args, "address")
	fmt.Fprintf(out, "traceroute to %s (%s), %d hops max, %d byte packets\n", host, to, traceHops, traceSize)
	port := uint16(tracePort)
	for hop := 1; hop <= traceHops && ctx.Err() == nil; hop++ {
		fmt.Fprintf(out, "%2d ", hop)
		var last netip.Addr
		done := false
		for range traceProbes {
			a, err := f.probe(ctx, from, netip.AddrPortFrom(to, port), hop)
			port++
			switch {
			case ctx.Err() != nil:
				fmt.Fprintln(out)
				return nil
			case errors.Is(err, unix.EADDRNOTAVAIL):
				fmt.Fprintln(out)
				return feature.Error("ERROR: Invalid source address " + from.String())
			case errors.Is(err, errSilence):
				fmt.Fprint(out, " *")
				continue
			case err != nil:
				fmt.Fprintln(out)
				return feature.Error("ERROR: Cannot send to " + to.String() + ": " + reason(err))
			}
			if a.from != last {
				fmt.Fprintf(out, " %s (%[1]s)", a.from)
				last = a.from
			}
			fmt.Fprintf(out, " %s ms", millis(a.took))
			if a.note != "" {
				fmt.Fprint(out, " "+a.note)
			}
			done = done || a.final
		}
		fmt.Fprintln(out)
		if done {
			return nil
		}
	}
	return nil
}

// answer is an ICMP error.
type answer struct {
	from  netip.Addr
	took  time.Duration
	final bool   // nothing comes after it
	note  string // "!H": what it says beyond that it got so far
}

var errSilence = errors.New("no answer")

// probe sends one datagram and waits for the error that it causes.
func (f family) probe(ctx context.Context, source netip.Addr, to netip.AddrPort, hops int) (answer, error) {
	domain, level, ttl, receive := unix.AF_INET, unix.IPPROTO_IP, unix.IP_TTL, unix.IP_RECVERR
	if f.v6 {
		domain, level, ttl, receive = unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, unix.IPV6_RECVERR
	}
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return answer{}, err
	}
	defer unix.Close(fd) //nolint:errcheck // nothing is buffered
	if err := errors.Join(unix.SetsockoptInt(fd, level, ttl, hops), unix.SetsockoptInt(fd, level, receive, 1)); err != nil {
		return answer{}, err
	}
	if source.IsValid() {
		if err := unix.Bind(fd, socketAddress(netip.AddrPortFrom(source, 0))); err != nil {
			return answer{}, err
		}
	}
	payload := traceSize - 28 // of IPv4 and UDP headers
	start := time.Now()
	if err := unix.Sendto(fd, make([]byte, payload), 0, socketAddress(to)); err != nil && !errors.Is(err, unix.ECONNREFUSED) && !errors.Is(err, unix.EHOSTUNREACH) {
		return answer{}, err
	}
	var data, control [512]byte
	for deadline := start.Add(traceWait); ctx.Err() == nil; {
		left := time.Until(deadline)
		if left <= 0 {
			return answer{}, errSilence
		}
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd)}}, int(min(left, tracePoll).Milliseconds())+1) // POLLERR is always told
		if err != nil && !errors.Is(err, unix.EINTR) {
			return answer{}, err
		}
		_, n, _, _, err := unix.Recvmsg(fd, data[:], control[:], unix.MSG_ERRQUEUE)
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return answer{}, err
		}
		a, err := parseError(control[:n])
		if err != nil {
			continue // of the machine itself
		}
		a.took = time.Since(start)
		return a, nil
	}
	return answer{}, errSilence
}

func socketAddress(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}
