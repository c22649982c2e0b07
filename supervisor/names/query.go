package names

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// payload is the size of datagrams that answers may have (RFC 9715: one that no
// network cuts into fragments).
const payload = 1232

// askServer asks one server for the addresses of a name: errNone if it knows that
// there are none.
func (r *Resolver) askServer(ctx context.Context, server netip.AddrPort, name string) ([]netip.Addr, error) {
	v4, err := r.exchange(ctx, server, name, dns.TypeA)
	if err != nil {
		return nil, err
	}
	v6, err := r.exchange(ctx, server, name, dns.TypeAAAA)
	if err != nil && len(v4) == 0 { // servers that know nothing of IPv6 are no hindrance to IPv4
		return nil, err
	}
	all := append(v4, v6...)
	if len(all) == 0 {
		return nil, errNone
	}
	return all[:min(len(all), maxAddresses)], nil
}

// exchange asks for the records of one type. An answer that a datagram has no
// room for is asked for over TCP.
func (r *Resolver) exchange(ctx context.Context, server netip.AddrPort, name string, kind uint16) ([]netip.Addr, error) {
	question := new(dns.Msg)
	question.SetQuestion(dns.Fqdn(name), kind)
	question.SetEdns0(payload, false)
	for _, network := range []string{"udp", "tcp"} {
		client := dns.Client{Net: network, Timeout: r.cfg.Timeout}
		answer, _, err := client.ExchangeContext(ctx, question, server.String())
		if err != nil {
			return nil, fmt.Errorf("ask %s: %w", server, err)
		}
		if answer.Truncated && network == "udp" {
			continue
		}
		all, err := addresses(question, answer)
		if err != nil {
			return nil, fmt.Errorf("ask %s: %w", server, err)
		}
		return all, nil
	}
	return nil, fmt.Errorf("ask %s: %w", server, errors.New("the answer is cut"))
}

// maxAliases is how many aliases a name may lead over.
const maxAliases = 8

// addresses are those that an answer has for the name that was asked for, or for
// what that is an alias of. Records of other names are not looked at.
func addresses(question, answer *dns.Msg) ([]netip.Addr, error) {
	switch {
	case answer.Rcode == dns.RcodeNameError:
		return nil, errNone
	case answer.Rcode != dns.RcodeSuccess:
		return nil, errors.New(strings.ToLower(dns.RcodeToString[answer.Rcode]))
	case len(answer.Question) != 1 || !strings.EqualFold(answer.Question[0].Name, question.Question[0].Name):
		return nil, errors.New("the answer is to another question")
	}
	name := question.Question[0].Name
	for range maxAliases {
		next := ""
		for _, record := range answer.Answer {
			if alias, ok := record.(*dns.CNAME); ok && strings.EqualFold(alias.Hdr.Name, name) {
				next = alias.Target
			}
		}
		if next == "" {
			break
		}
		name = next
	}
	var all []netip.Addr
	for _, record := range answer.Answer {
		if !strings.EqualFold(record.Header().Name, name) || len(all) == maxAddresses {
			continue
		}
		var raw []byte
		switch record := record.(type) {
		case *dns.A:
			raw = record.A
		case *dns.AAAA:
			raw = record.AAAA
		}
		if a, ok := netip.AddrFromSlice(raw); ok {
			all = append(all, a.Unmap())
		}
	}
	return all, nil
}
