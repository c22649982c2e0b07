// Package names finds the addresses of hosts for the switch itself: for ping, and
// for the servers of its logs and its clock. Everything that takes the name of a
// host asks one Resolver.
//
// A name is looked for among the switch's own (ip host), then at the name servers
// in turn: the next one is asked when one does not answer or cannot say. Without
// configured servers the machine's resolver is asked, whatever that is. Short
// names are looked up in the configured domains first, names with a dot last
// (RFC 1535).
//
// A Resolver is safe for concurrent use and keeps nothing: who wants to know
// again asks again.
package names

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"trunkline/feature/dns"
)

// Config is of a Resolver. The zero value is that of the product.
type Config struct {
	// Port is that of name servers, 0 for 53.
	Port uint16
	// Timeout is how long one server has for an answer, 0 for 2 s.
	Timeout time.Duration
}

const (
	dnsPort       = 53
	answerTimeout = 2 * time.Second
	// maxAddresses is how many addresses of one host are looked at.
	maxAddresses = 16
)

// Resolver finds addresses.
type Resolver struct {
	cfg      Config
	settings atomic.Pointer[dns.Settings]
}

// New returns a resolver that asks the machine's.
func New(cfg Config) *Resolver {
	if cfg.Port == 0 {
		cfg.Port = dnsPort
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = answerTimeout
	}
	r := &Resolver{cfg: cfg}
	r.Set(dns.Settings{Lookup: true})
	return r
}

// Set has it do as configuration says from now on.
func (r *Resolver) Set(s dns.Settings) { r.settings.Store(&s) }

// errNone is the answer to a name that does not exist or has no address.
var errNone = errors.New("no such host")

// Lookup returns the addresses of a host by name or address: at least one, or an
// error.
func (r *Resolver) Lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	s := r.settings.Load()
	for _, h := range s.Hosts {
		if strings.EqualFold(h.Name, host) {
			return h.Addresses, nil
		}
	}
	if !s.Lookup {
		return nil, fmt.Errorf("look up %s: DNS lookup is disabled", host)
	}
	err := errNone
	for _, name := range candidates(host, s.Search()) {
		var all []netip.Addr
		if all, err = r.ask(ctx, s, name); err == nil {
			return all, nil
		}
		if !errors.Is(err, errNone) {
			break // whether that name exists is not known, so no other is taken for it
		}
	}
	return nil, fmt.Errorf("look up %s: %w", host, err)
}

// candidates are the names that are looked up for a host, in turn.
func candidates(host string, domains []string) []string {
	if name, whole := strings.CutSuffix(host, "."); whole {
		return []string{name}
	}
	var all []string
	for _, d := range domains {
		all = append(all, host+"."+d)
	}
	if strings.Contains(host, ".") {
		return append([]string{host}, all...)
	}
	return append(all, host)
}

// ask looks up one name.
func (r *Resolver) ask(ctx context.Context, s *dns.Settings, name string) ([]netip.Addr, error) {
	if len(s.Servers) == 0 {
		return askMachine(ctx, name)
	}
	err := errors.New("no answer")
	for _, server := range s.Servers {
		var all []netip.Addr
		if all, err = r.askServer(ctx, netip.AddrPortFrom(server, r.cfg.Port), name); err == nil || errors.Is(err, errNone) {
			return all, err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

// askMachine asks the machine's resolver, which does not search domains for a
// name with a dot at its end.
func askMachine(ctx context.Context, name string) ([]netip.Addr, error) {
	if strings.Contains(name, ".") {
		name += "."
	}
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound {
		return nil, errNone
	}
	if err != nil {
		return nil, err
	}
	all = all[:min(len(all), maxAddresses)]
	for i := range all {
		all[i] = all[i].Unmap()
	}
	return all, nil
}

// Dial connects to a host by name or address; network is "udp" or "tcp". Its
// addresses are tried in turn, each with its share of the time that is left.
func (r *Resolver) Dial(ctx context.Context, network, host string, port uint16) (net.Conn, error) {
	return r.DialFrom(ctx, network, host, port, netip.Addr{})
}

// DialFrom is Dial from an address of the switch, any if it is not valid.
func (r *Resolver) DialFrom(ctx context.Context, network, host string, port uint16, local netip.Addr) (net.Conn, error) {
	all, err := r.Lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
	if local.IsValid() {
		if d.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0)); network == "tcp" {
			d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
		}
	}
	var errs []error
	for i, a := range all {
		one, cancel := ctx, func() {}
		if end, ok := ctx.Deadline(); ok {
			one, cancel = context.WithTimeout(ctx, time.Until(end)/time.Duration(len(all)-i))
		}
		conn, err := d.DialContext(one, network, net.JoinHostPort(a.String(), strconv.Itoa(int(port))))
		cancel()
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}
