package system

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"trunkline/feature"
)

// canPing skips where neither kind of socket may be opened.
func canPing(t *testing.T) {
	t.Helper()
	c, err := ipv4Family.listen("127.0.0.1", false)
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skipf("this user may not ping: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// nameless is a host that knows no names.
type nameless struct{ feature.Host }

func (nameless) Resolve(context.Context, string) ([]netip.Addr, error) {
	return nil, errors.New("no such host")
}

func runPing(t *testing.T, ctx context.Context, values map[string]any) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := ping(ipv4Family)(ctx, feature.Query{Args: feature.Args{Values: values}}, nameless{}, &out)
	return out.String(), err
}

func TestPing(t *testing.T) {
	canPing(t)
	got, err := runPing(t, t.Context(), map[string]any{
		"host": "127.0.0.1", "count": uint32(2), "size": uint32(100), "address": netip.MustParseAddr("127.0.0.1"),
	})
	want := regexp.MustCompile(`^PING 127\.0\.0\.1 \(127\.0\.0\.1\): 100 data bytes
108 bytes from 127\.0\.0\.1: icmp_seq=0 ttl=[0-9]+ time=[0-9.]+ ms
108 bytes from 127\.0\.0\.1: icmp_seq=1 ttl=[0-9]+ time=[0-9.]+ ms

--- 127\.0\.0\.1 ping statistics ---
2 packets transmitted, 2 packets received, 0\.00% packet loss
round-trip min/avg/max = [0-9.]+/[0-9.]+/[0-9.]+ ms
$`)
	if err != nil || !want.MatchString(got) {
		t.Errorf("ping: %v, got\n%s", err, got)
	}
}

func TestPingInterrupted(t *testing.T) {
	canPing(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	got, err := runPing(t, ctx, map[string]any{"host": "127.0.0.1", "count": uint32(1000), "seconds": uint32(60)})
	if err != nil || !strings.Contains(got, "1 packets transmitted, 1 packets received, 0.00% packet loss\n") {
		t.Errorf("ping: %v, got\n%s", err, got)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it went on for %v", took)
	}
}

func TestPingRefused(t *testing.T) {
	canPing(t)
	for name, c := range map[string]struct {
		values map[string]any
		want   string
	}{
		"not our address": {map[string]any{"host": "127.0.0.1", "address": netip.MustParseAddr("192.0.2.1")}, "ERROR: Invalid source address 192.0.2.1"},
		"IPv6":            {map[string]any{"host": "::1"}, "ERROR: Invalid host ::1"},
		"no such name":    {map[string]any{"host": "no..such"}, "ERROR: Invalid host no..such"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := runPing(t, t.Context(), c.values); err == nil || err.Error() != c.want {
				t.Errorf("ping: got %q, %v, want %s", got, err, c.want)
			}
		})
	}
}

func TestStatistics(t *testing.T) {
	s := statistics{sent: 3}
	if got := s.String(); got != "3 packets transmitted, 0 packets received, 100.00% packet loss\n" {
		t.Errorf("nothing came back: got %q", got)
	}
	s.add(3 * time.Millisecond)
	s.add(time.Millisecond)
	want := "3 packets transmitted, 2 packets received, 33.33% packet loss\nround-trip min/avg/max = 1.000/2.000/3.000 ms\n"
	if got := s.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPing6(t *testing.T) {
	canPing(t)
	var out bytes.Buffer
	q := feature.Query{Args: feature.Args{Words: []string{"ping6", "df-bit"}, Values: map[string]any{"host": "::1", "count": uint32(1)}}}
	err := ping(ipv6Family)(t.Context(), q, nil, &out)
	want := regexp.MustCompile(`^PING6 ::1 \(::1\): 56 data bytes
64 bytes from ::1: icmp_seq=0 time=[0-9.]+ ms

--- ::1 ping6 statistics ---
1 packets transmitted, 1 packets received, 0\.00% packet loss
`)
	if err != nil && strings.Contains(err.Error(), "address family not supported") {
		t.Skip("no IPv6")
	}
	if err != nil || !want.MatchString(out.String()) {
		t.Errorf("ping6: %v, got\n%s", err, out.String())
	}
}

// TestPingWhole sends more than a link takes, with the don't fragment bit and
// without.
func TestPingWhole(t *testing.T) {
	h := routed(t)
	for _, df := range []bool{false, true} {
		q := feature.Query{Args: feature.Args{Values: map[string]any{"host": "192.0.2.1", "count": uint32(1), "size": uint32(2000)}}}
		want := " 0.00% packet loss"
		if df {
			q.Args.Words, want = []string{"ping", "df-bit"}, "ping: sendto 192.0.2.1 2008 chars, message too long\nRequest 0 timed out\n"
		}
		var out bytes.Buffer
		err := h.Do(func() error { return ping(ipv4Family)(t.Context(), q, nil, &out) })
		if err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("don't fragment %t: %v, got\n%s", df, err, out.String())
		}
	}
}
