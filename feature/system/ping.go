package system

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"

	"trunkline/config/schema"
	"trunkline/feature"
)

// Defaults of ping.
const (
	pingCount   = 5
	pingSize    = 56
	pingSeconds = 1 // between requests
	pingTimeout = 2 // seconds
)

var pingCommand = feature.Exec{
	Reads: true,
	Line:  "ping <host> [count <count>] [packet-size <size>] [interval <seconds>] [timeout <limit>] [source <address>]",
	Types: map[string]schema.AnyType{
		"host":    schema.Word("host", "IP address or host name", 255),
		"count":   schema.Uint("ping-count", "Number of requests", 1, 655350),
		"size":    schema.Uint("ping-size", "Data bytes", 1, 65468),
		"seconds": schema.Uint("ping-interval", "Seconds between requests", 1, 60),
		"limit":   schema.Uint("ping-timeout", "Seconds to wait for a reply", 1, 60),
		"address": schema.IPv4,
	},
	Words: schema.Words{
		"ping count":       "Number of requests to send",
		"ping packet-size": "Data bytes of a request",
		"ping interval":    "Time between requests",
		"ping timeout":     "Time to wait for a reply",
		"ping source":      "Source address of the requests",
	},
	Help: "Test network reachability",
	Run:  ping,
}

// number returns a numeric argument, or def where it was not given.
func number(q feature.Query, name string, def uint32) int {
	if v, ok := feature.Value[uint32](q.Args, name); ok {
		return int(v)
	}
	return int(def)
}

// ping sends ICMP echo requests (RFC 792) from the supervisor's own network
// stack and prints what comes back, until it is done or ctx ends.
func ping(ctx context.Context, q feature.Query, by feature.Host, out feature.Output) error {
	host, _ := feature.Value[string](q.Args, "host")
	to, err := resolve(ctx, by, host)
	if err != nil {
		return feature.Error("ERROR: Invalid host " + host)
	}
	source := "0.0.0.0"
	if a, ok := feature.Value[netip.Addr](q.Args, "address"); ok {
		source = a.String()
	}
	conn, err := listen(source)
	if err != nil {
		if errors.Is(err, syscall.EADDRNOTAVAIL) {
			return feature.Error("ERROR: Invalid source address " + source)
		}
		return feature.Error("ERROR: Cannot send echo requests: " + err.Error())
	}
	defer conn.Close()
	// A read that waits for a reply ends at once when the operator gives up.
	defer context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })()

	count := number(q, "count", pingCount)
	size := number(q, "size", pingSize)
	interval := time.Duration(number(q, "seconds", pingSeconds)) * time.Second
	timeout := time.Duration(number(q, "limit", pingTimeout)) * time.Second

	fmt.Fprintf(out, "PING %s (%s): %d data bytes\n", host, to, size)
	var stats statistics
	for seq := 0; seq < count && ctx.Err() == nil; seq++ {
		sent := time.Now()
		stats.sent++
		reply, err := conn.echo(ctx, to, uint16(seq), size, timeout)
		switch {
		case err == nil:
			stats.add(reply.took)
			fmt.Fprintf(out, "%d bytes from %s: icmp_seq=%d ttl=%d time=%s ms\n", reply.bytes, reply.from, seq, reply.ttl, millis(reply.took))
		case errors.Is(err, os.ErrDeadlineExceeded):
			if ctx.Err() == nil {
				fmt.Fprintf(out, "Request %d timed out\n", seq)
			}
		default:
			fmt.Fprintf(out, "ping: sendto %s %d chars, %s\n", to, size+icmpHeader, reason(err))
			fmt.Fprintf(out, "Request %d timed out\n", seq)
		}
		if seq+1 < count {
			pause(ctx, interval-time.Since(sent))
		}
	}
	fmt.Fprintf(out, "\n--- %s ping statistics ---\n%s", host, stats)
	return nil
}

// resolve returns the first IPv4 address of a host.
func resolve(ctx context.Context, by feature.Host, host string) (netip.Addr, error) {
	all := []netip.Addr{}
	if a, err := netip.ParseAddr(host); err == nil {
		all = append(all, a)
	} else if all, err = by.Resolve(ctx, host); err != nil {
		return netip.Addr{}, err
	}
	for _, a := range all {
		if a.Is4() {
			return a, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("ping %s: no IPv4 address", host)
}

// reason is the innermost cause of a failed send, as the system words it.
func reason(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	return err.Error()
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// echoConn is a socket for echo requests.
type echoConn struct {
	*icmp.PacketConn
	raw bool
	id  uint16
}

// listen opens a raw socket, or without the right to it an ICMP datagram
// socket, whose identifier the kernel chooses.
func listen(source string) (echoConn, error) {
	c := echoConn{id: uint16(rand.Uint32()), raw: true}
	var err error
	if c.PacketConn, err = icmp.ListenPacket("ip4:icmp", source); errors.Is(err, syscall.EPERM) {
		c.raw = false
		c.PacketConn, err = icmp.ListenPacket("udp4", source)
	}
	if err != nil {
		return c, err
	}
	if err := c.IPv4PacketConn().SetControlMessage(ipv4.FlagTTL, true); err != nil {
		c.Close()
		return c, fmt.Errorf("ask for the time to live: %w", err)
	}
	return c, nil
}

const icmpHeader = 8 // bytes of an echo message before its data

// reply is an echo reply.
type reply struct {
	from  netip.Addr
	bytes int // of the ICMP message
	ttl   int
	took  time.Duration
}

// echo sends one request and waits for its reply.
func (c echoConn) echo(ctx context.Context, to netip.Addr, seq uint16, size int, timeout time.Duration) (reply, error) {
	request := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: int(c.id), Seq: int(seq), Data: make([]byte, size)}}
	b, err := request.Marshal(nil)
	if err != nil {
		return reply{}, fmt.Errorf("build echo request: %w", err)
	}
	var dst net.Addr = &net.IPAddr{IP: to.AsSlice()}
	if !c.raw {
		dst = &net.UDPAddr{IP: to.AsSlice()}
	}
	start := time.Now()
	if err := c.SetReadDeadline(start.Add(timeout)); err != nil {
		return reply{}, fmt.Errorf("limit the wait: %w", err)
	}
	if ctx.Err() != nil { // the deadline above may have replaced the one of a cancelled context
		return reply{}, os.ErrDeadlineExceeded
	}
	if _, err := c.WriteTo(b, dst); err != nil {
		return reply{}, err
	}
	buf := make([]byte, size+icmpHeader+128)
	for {
		n, control, from, err := c.IPv4PacketConn().ReadFrom(buf)
		if err != nil {
			return reply{}, err
		}
		took := time.Since(start)
		if !c.matches(buf[:n], seq) {
			continue
		}
		r := reply{bytes: n, took: took, from: address(from)}
		if control != nil {
			r.ttl = control.TTL
		}
		return r, nil
	}
}

// matches reports whether b is the reply to this socket's request seq. A raw
// socket hears the replies to everybody.
func (c echoConn) matches(b []byte, seq uint16) bool {
	m, err := icmp.ParseMessage(ipv4.ICMPTypeEchoReply.Protocol(), b)
	if err != nil || m.Type != ipv4.ICMPTypeEchoReply {
		return false
	}
	e, ok := m.Body.(*icmp.Echo)
	return ok && e.Seq == int(seq) && (!c.raw || e.ID == int(c.id))
}

func address(a net.Addr) netip.Addr {
	var ip net.IP
	switch a := a.(type) {
	case *net.IPAddr:
		ip = a.IP
	case *net.UDPAddr:
		ip = a.IP
	}
	addr, _ := netip.AddrFromSlice(ip)
	return addr.Unmap()
}

// statistics are what ping says at its end.
type statistics struct {
	sent, received int
	min, max, sum  time.Duration
}

func (s *statistics) add(took time.Duration) {
	if s.received == 0 || took < s.min {
		s.min = took
	}
	s.max = max(s.max, took)
	s.sum += took
	s.received++
}

func (s statistics) String() string {
	loss := 100 * float64(s.sent-s.received) / float64(cmp.Or(s.sent, 1))
	text := fmt.Sprintf("%d packets transmitted, %d packets received, %.2f%% packet loss\n", s.sent, s.received, loss)
	if s.received > 0 {
		text += fmt.Sprintf("round-trip min/avg/max = %s/%s/%s ms\n", millis(s.min), millis(s.sum/time.Duration(s.received)), millis(s.max))
	}
	return text
}

// millis prints a duration in milliseconds with microseconds.
func millis(d time.Duration) string {
	return fmt.Sprintf("%.3f", float64(d)/float64(time.Millisecond))
}
