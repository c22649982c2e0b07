package names

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	dnswire "github.com/miekg/dns"

	"trunkline/feature/dns"
	"trunkline/internal/peertest"
)

func TestCandidates(t *testing.T) {
	for _, c := range []struct {
		host    string
		domains []string
		want    string
	}{
		{"a", nil, "a"},
		{"a", []string{"x.test", "y.test"}, "a.x.test a.y.test a"},
		{"a.b", []string{"x.test"}, "a.b a.b.x.test"},
		{"a.b.", []string{"x.test"}, "a.b"},
	} {
		if got := strings.Join(candidates(c.host, c.domains), " "); got != c.want {
			t.Errorf("%s in %v: %s, want %s", c.host, c.domains, got, c.want)
		}
	}
}

// dnsmasq runs Debian's with records of its own and returns its port on 127.0.0.1
// and ::1.
func dnsmasq(t *testing.T) uint16 {
	t.Helper()
	if _, err := exec.LookPath("dnsmasq"); err != nil {
		t.Skip("no dnsmasq: ", err)
	}
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := netip.MustParseAddrPort(l.LocalAddr().String()).Port()
	l.Close()
	args := []string{
		"--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces", "--user=root", "--pid-file=",
		"--listen-address=127.0.0.1", fmt.Sprintf("--port=%d", port), "--log-facility=-",
		"--host-record=log.x.test,192.0.2.1,2001:db8::1", "--host-record=four.test,192.0.2.4",
		"--cname=alias.test,four.test", "--local=/test/",
	}
	for i := range 200 { // too many for a datagram
		args = append(args, fmt.Sprintf("--host-record=many.test,192.0.2.%d", i+10))
	}
	out := peertest.Start(t, "dnsmasq", args...)
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port))
		if err == nil {
			conn.Close()
			return port
		}
		if time.Now().After(end) {
			t.Fatalf("dnsmasq does not listen: %s", out)
		}
	}
}

func addrs(texts ...string) (all []netip.Addr) {
	for _, t := range texts {
		all = append(all, netip.MustParseAddr(t))
	}
	return all
}

func TestLookup(t *testing.T) {
	port := dnsmasq(t)
	r := New(Config{Port: port, Timeout: 5 * time.Second})
	// 127.0.0.9 refuses: the next server is asked.
	r.Set(dns.Settings{
		Lookup: true, Domain: "y.test", Domains: []string{"nowhere.test", "x.test"}, Servers: addrs("127.0.0.9", "127.0.0.1"),
		Hosts: []dns.Host{{Name: "own", Addresses: addrs("198.51.100.1")}},
	})
	for host, want := range map[string][]netip.Addr{
		"log":         addrs("192.0.2.1", "2001:db8::1"),
		"LOG.x.test":  addrs("192.0.2.1", "2001:db8::1"),
		"four.test":   addrs("192.0.2.4"),
		"alias.test.": addrs("192.0.2.4"),
		"OWN":         addrs("198.51.100.1"),
		"192.0.2.77":  addrs("192.0.2.77"),
		"2001:db8::9": addrs("2001:db8::9"),
	} {
		if got, err := r.Lookup(t.Context(), host); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", host, got, err, want)
		}
	}
	if got, err := r.Lookup(t.Context(), "many.test"); err != nil || len(got) != maxAddresses {
		t.Errorf("many: %v, %v", got, err)
	}
	if got, err := r.Lookup(t.Context(), "none.x.test"); !errors.Is(err, errNone) {
		t.Errorf("none: %v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := r.Lookup(ctx, "log"); err == nil {
		t.Errorf("cancelled: %v", got)
	}
	r.Set(dns.Settings{Servers: addrs("127.0.0.1")})
	if got, err := r.Lookup(t.Context(), "four.test"); err == nil || !strings.Contains(err.Error(), "DNS lookup is disabled") {
		t.Errorf("disabled: %v, %v", got, err)
	}
}

// Dial goes on to the next address.
func TestDial(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := New(Config{})
	r.Set(dns.Settings{Hosts: []dns.Host{{Name: "h", Addresses: addrs("127.0.0.9", "127.0.0.1")}}})
	conn, err := r.Dial(t.Context(), "tcp", "h", netip.MustParseAddrPort(l.Addr().String()).Port())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if _, err := r.Dial(t.Context(), "tcp", "other", 1); err == nil {
		t.Error("a name that is not known")
	}
}

// FuzzAnswer reads answers: addresses are those of the name that was asked for,
// and few.
func FuzzAnswer(f *testing.F) {
	question := new(dnswire.Msg)
	question.SetQuestion("a.test.", dnswire.TypeA)
	for _, records := range []string{"a.test. 1 IN A 192.0.2.1", "a.test. 1 IN CNAME b.test.\nb.test. 1 IN AAAA 2001:db8::1", "a.test. 1 IN CNAME a.test.", "c.test. 1 IN A 192.0.2.9"} {
		m := new(dnswire.Msg)
		m.SetReply(question)
		for line := range strings.SplitSeq(records, "\n") {
			record, err := dnswire.NewRR(line)
			if err != nil {
				f.Fatal(err)
			}
			m.Answer = append(m.Answer, record)
		}
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m dnswire.Msg
		if m.Unpack(b) != nil {
			return
		}
		all, err := addresses(question, &m)
		if err != nil && all != nil || len(all) > maxAddresses {
			t.Fatalf("%v, %v", all, err)
		}
	})
}
