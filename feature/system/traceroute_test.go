package system

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"regexp"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"trunkline/feature"
	"trunkline/testbed/netns"
	"trunkline/testbed/netns/nstest"
)

func TestMain(m *testing.M) { nstest.Main(m) }

func runTrace(t *testing.T, f family, values map[string]any) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out bytes.Buffer
	err := f.trace(ctx, feature.Query{Args: feature.Args{Values: values}}, nameless{}, &out)
	return out.String(), err
}

func TestTracerouteToItself(t *testing.T) {
	for host, f := range map[string]family{"127.0.0.1": ipv4Family, "::1": ipv6Family} {
		got, err := runTrace(t, f, map[string]any{"host": host, "address": netip.MustParseAddr(host)})
		if err != nil && f.v6 {
			t.Logf("no IPv6: %v", err)
			continue
		}
		h := regexp.QuoteMeta(host)
		want := regexp.MustCompile(`^traceroute to ` + h + ` \(` + h + `\), 30 hops max, 48 byte packets
 1  ` + h + ` \(` + h + `\)( [0-9.]+ ms){3}
$`)
		if err != nil || !want.MatchString(got) {
			t.Errorf("%v, got\n%s", err, got)
		}
	}
}

func TestTracerouteRefused(t *testing.T) {
	for host, want := range map[string]string{"::1": "ERROR: Invalid host ::1", "no..such": "ERROR: Invalid host no..such"} {
		if _, err := runTrace(t, ipv4Family, map[string]any{"host": host}); err == nil || err.Error() != want {
			t.Errorf("%s: %v", host, err)
		}
	}
	_, err := runTrace(t, ipv4Family, map[string]any{"host": "127.0.0.1", "address": netip.MustParseAddr("192.0.2.1")})
	if err == nil || err.Error() != "ERROR: Invalid source address 192.0.2.1" {
		t.Error(err)
	}
}

// message is a control message as the kernel makes it for an ICMP error.
func message(level, kind int32, origin, icmpType, code byte, offender []byte) []byte {
	body := make([]byte, extendedError)
	body[4], body[5], body[6] = origin, icmpType, code
	body = append(body, offender...)
	b := make([]byte, unix.CmsgSpace(len(body)))
	binary.NativeEndian.PutUint64(b, uint64(unix.CmsgLen(len(body))))
	binary.NativeEndian.PutUint32(b[8:], uint32(level))
	binary.NativeEndian.PutUint32(b[12:], uint32(kind))
	copy(b[unix.CmsgLen(0):], body)
	return b
}

func offender(family uint16, at int, a netip.Addr) []byte {
	b := make([]byte, 28)
	binary.NativeEndian.PutUint16(b, family)
	copy(b[at:], a.AsSlice())
	return b
}

func TestParseError(t *testing.T) {
	four, six := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	for _, c := range []struct {
		level, kind       int32
		origin, typ, code byte
		offender          []byte
		from              netip.Addr
		final             bool
		note              string
		foreign           bool
	}{
		{unix.IPPROTO_IP, unix.IP_RECVERR, unix.SO_EE_ORIGIN_ICMP, 11, 0, offender(unix.AF_INET, 4, four), four, false, "", false},
		{unix.IPPROTO_IP, unix.IP_RECVERR, unix.SO_EE_ORIGIN_ICMP, 3, 3, offender(unix.AF_INET, 4, four), four, true, "", false},
		{unix.IPPROTO_IP, unix.IP_RECVERR, unix.SO_EE_ORIGIN_ICMP, 3, 1, offender(unix.AF_INET, 4, four), four, true, "!H", false},
		{unix.IPPROTO_IPV6, unix.IPV6_RECVERR, unix.SO_EE_ORIGIN_ICMP6, 3, 0, offender(unix.AF_INET6, 8, six), six, false, "", false},
		{unix.IPPROTO_IPV6, unix.IPV6_RECVERR, unix.SO_EE_ORIGIN_ICMP6, 1, 4, offender(unix.AF_INET6, 8, six), six, true, "", false},
		{unix.IPPROTO_IP, unix.IP_RECVERR, unix.SO_EE_ORIGIN_LOCAL, 0, 0, offender(unix.AF_INET, 4, four), netip.Addr{}, false, "", true},
		{unix.IPPROTO_IP, unix.IP_RECVERR, unix.SO_EE_ORIGIN_ICMP, 11, 0, nil, netip.Addr{}, false, "", true},
	} {
		a, err := parseError(message(c.level, c.kind, c.origin, c.typ, c.code, c.offender))
		if (err != nil) != c.foreign || a.from != c.from || a.final != c.final || a.note != c.note {
			t.Errorf("%+v: got %+v, %v", c, a, err)
		}
	}
}

func FuzzError(f *testing.F) {
	f.Add(message(unix.IPPROTO_IP, unix.IP_RECVERR, unix.SO_EE_ORIGIN_ICMP, 11, 0, offender(unix.AF_INET, 4, netip.MustParseAddr("192.0.2.1"))))
	f.Add([]byte{16, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := parseError(b); err == nil && !a.from.IsValid() {
			t.Errorf("%x: %+v", b, a)
		}
	})
}

// TestTracerouteThroughRouter has a router between the host and what it looks
// for, each in a namespace.
func TestTracerouteThroughRouter(t *testing.T) {
	r := routed(t)
	got, err := "", error(nil)
	if e := r.Do(func() error { got, err = runTrace(t, ipv4Family, map[string]any{"host": "198.51.100.2"}); return nil }); e != nil {
		t.Fatal(e)
	}
	want := regexp.MustCompile(`(?s)^traceroute to 198\.51\.100\.2 .*\n 1  192\.0\.2\.1 \(192\.0\.2\.1\)( [0-9.]+ ms){3}\n 2  198\.51\.100\.2 \(198\.51\.100\.2\)( [0-9.]+ ms){3}\n$`)
	if err != nil || !want.MatchString(got) {
		t.Errorf("%v, got\n%s", err, got)
	}
}

// routed makes host, router and destination, and returns the host.
func routed(t *testing.T) netns.NS {
	t.Helper()
	nstest.Require(t)
	h, r, d := nstest.Create(t, "trace-h"), nstest.Create(t, "trace-r"), nstest.Create(t, "trace-d")
	wire := func(a netns.NS, dev, address string, b netns.NS, other, across string) {
		t.Helper()
		err := netns.Wire(netns.End{NS: a, Device: dev}, netns.End{NS: b, Device: other})
		if err == nil {
			err = errors.Join(a.Address(dev, netip.MustParsePrefix(address)), b.Address(other, netip.MustParsePrefix(across)), a.Up(dev), b.Up(other))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	wire(h, "eth0", "192.0.2.2/24", r, "to-h", "192.0.2.1/24")
	wire(d, "eth0", "198.51.100.2/24", r, "to-d", "198.51.100.1/24")
	if err := r.Sysctl("net/ipv4/ip_forward", "1"); err != nil {
		t.Fatal(err)
	}
	for n, via := range map[netns.NS]string{h: "192.0.2.1", d: "198.51.100.1"} {
		if err := n.Do(func() error { return netlink.RouteAdd(&netlink.Route{Gw: net.ParseIP(via)}) }); err != nil {
			t.Fatal(err)
		}
	}
	return h
}
