package acceptance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"trunkline/testbed/guest"
	"trunkline/testbed/netns"
)

// machines are virtual machines on the ports of a chassis, in one VLAN with its
// hosts:
//
//	module 3                              module 4
//	Veth1 host 1  10.9.0.1   u3 ── u4     Veth2 host 2  10.9.0.2
//	Veth3 v       10.9.0.11  (vhost-user) Veth4 t       10.9.0.12 (TAP)
//	                                      Veth5 the place v migrates to (vhost-user)
type machines struct {
	*chassis
	image guest.Image
	dir   string // of sockets: their paths are short
	v, t  *guest.Guest
}

const (
	macV, macT = "52:54:00:00:09:11", "52:54:00:00:09:12"
	addrV      = "10.9.0.11"
	addrT      = "10.9.0.12"
	tapT       = "gt0"
)

// guestMiB is the length of each transfer, of which the whole product is held to
// 100.
func guestMiB(t *testing.T) int {
	t.Helper()
	text := os.Getenv("TRUNKLINE_GUEST_MB")
	if text == "" {
		return 10
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 10000 {
		t.Fatalf("TRUNKLINE_GUEST_MB=%q is no number of megabytes", text)
	}
	return n
}

// within is the context of what a guest does, which shares its processor with
// others.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func runMachines(t *testing.T, name string) *machines {
	t.Helper()
	needRoot(t)
	if err := guest.Find(); err != nil {
		t.Skip(err)
	}
	m := &machines{chassis: runChassis(t, name)}
	var err error
	if m.dir, err = os.MkdirTemp("", "tlt-guest-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(m.dir) })
	if m.image, err = guest.Make(within(t, time.Minute), m.dir); err != nil {
		t.Fatal(err)
	}
	mustIP(t, fmt.Sprintf("-n %s tuntap add %s mode tap vnet_hdr", m.ns, tapT))
	config := "configure terminal"
	for i, owner := range []string{
		"vhost-user socket " + m.path("a") + " module 3",
		"device " + tapT + " module 4",
		"vhost-user socket " + m.path("b") + " module 4",
	} {
		config += fmt.Sprintf(" ; interface vethernet %d ; switchport access vlan 10 ; owner %s", i+3, owner)
	}
	if r := vsh(t, m.socket, config); r.code != 0 {
		t.Fatalf("configure: %s %s", r.out, r.log)
	}
	m.v = m.boot(guest.Config{Name: "v", Socket: m.path("a"), MAC: macV, Address: addrV + "/24"})
	m.t = m.boot(guest.Config{Name: "t", TAP: tapT, MAC: macT, Address: addrT + "/24"})
	for _, g := range []*guest.Guest{m.v, m.t} {
		if err := g.Ready(within(t, 2*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	for _, addr := range []string{addrV, addrT} {
		eventually(t, 15*time.Second, "host 1 reaches "+addr, func() error { return ping(t, m.hosts[0], addr) })
	}
	return m
}

// path returns the path of a vhost-user socket.
func (m *machines) path(name string) string { return filepath.Join(m.dir, name+".sock") }

// boot starts a machine; it ends with the test.
func (m *machines) boot(c guest.Config) *guest.Guest {
	m.chassis.t.Helper()
	t := m.chassis.t
	c.Dir, c.NS, c.Image = m.dir, netns.Named(m.ns), m.image
	g, err := guest.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(g.Log())
		}
		g.Stop()
	})
	return g
}

// in runs a line in a guest.
func in(t *testing.T, g *guest.Guest, line string) string {
	t.Helper()
	out, err := g.Run(within(t, time.Minute), line)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// beside runs a line of a guest in the background.
func beside(t *testing.T, g *guest.Guest, line string) {
	t.Helper()
	in(t, g, "( "+line+" ) </dev/null >/dev/null 2>&1 &")
}

// taking has a guest receive a stream, for taken.
func taking(t *testing.T, g *guest.Guest, port int) {
	t.Helper()
	beside(t, g, fmt.Sprintf("take %d", port))
	eventually(t, 20*time.Second, "the guest listens", func() error {
		return contains(in(t, g, "netstat -ltn"), fmt.Sprintf(":%d ", port))
	})
}

// taken waits until a guest has received a stream, and compares its digest.
func taken(t *testing.T, g *guest.Guest, port, n int) {
	t.Helper()
	file := fmt.Sprintf("took.%d", port)
	eventually(t, patience(n), "the stream has come", func() error {
		if in(t, g, "[ ! -e /tmp/"+file+" ] || echo there") == "" {
			return errors.New(in(t, g, "cat /proc/net/dev; netstat -tn"))
		}
		return nil
	})
	if got, want := in(t, g, "cat /tmp/"+file+"; rm /tmp/"+file), guest.Digest(n); got != want {
		t.Errorf("a stream of %d MiB came with the digest %s, want %s", n, got, want)
	}
}

// patience is how long a stream may take.
func patience(n int) time.Duration { return time.Duration(60+2*n) * time.Second }

// given sends a stream from a host.
func given(ns, addr string, n int) error {
	var conn net.Conn
	err := netns.Named(ns).Do(func() (err error) {
		to, err := netip.ParseAddrPort(addr)
		if err == nil {
			conn, err = net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(to))
		}
		return err
	})
	if err == nil {
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience(n)))
		err = guest.Stream(conn, n)
	}
	if err != nil {
		return fmt.Errorf("send a stream to %s: %w", addr, err)
	}
	return nil
}

// took receives a stream from a guest at a host.
func took(t *testing.T, g *guest.Guest, ns, addr string, n int) {
	t.Helper()
	var l *net.TCPListener
	err := netns.Named(ns).Do(func() (err error) {
		l, err = net.ListenTCP("tcp", &net.TCPAddr{IP: net.ParseIP(addr)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	limit := time.Now().Add(patience(n))
	_ = l.SetDeadline(limit)
	beside(t, g, fmt.Sprintf("give %d %s %d", n, addr, l.Addr().(*net.TCPAddr).Port))
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(limit)
	want, stream := io.Pipe()
	go func() { _ = stream.CloseWithError(guest.Stream(stream, n)) }()
	defer want.Close()
	if at, err := differ(conn, want); err != nil {
		t.Errorf("the stream from the guest to %s, after %d bytes: %v", addr, at, err)
	}
}

// differ compares two streams.
func differ(got, want io.Reader) (at int64, err error) {
	a, b := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, errGot := io.ReadFull(got, a)
		k, errWant := io.ReadFull(want, b)
		switch {
		case string(a[:min(n, k)]) != string(b[:min(n, k)]):
			return at, errors.New("it is another")
		case errWant == nil && errGot == nil:
		case n != k:
			return at + int64(n), fmt.Errorf("it ends: %w", errGot)
		default:
			return at + int64(n), nil
		}
		at += int64(n)
	}
}

// TestGuests boots Linux on a vhost-user port and on a TAP.
func TestGuests(t *testing.T) {
	m := runMachines(t, "tlt-g")
	n := guestMiB(t)
	t.Run("streams", func(t *testing.T) { m.streams(t, n) })
	t.Run("restart", func(t *testing.T) { m.restart(t, n) })
	t.Run("migrate", func(t *testing.T) { m.migrate(t, n) })
}

// streams sends streams between all kinds of ports in both directions.
func (m *machines) streams(t *testing.T, n int) {
	pass := func(what string, send func()) {
		began := time.Now()
		send()
		t.Logf("%s: %d MiB in %v", what, n, time.Since(began).Round(10*time.Millisecond))
	}
	for _, p := range []struct {
		what     string
		from, to *guest.Guest
		addr     string
	}{{"vhost-user to TAP", m.v, m.t, addrT}, {"TAP to vhost-user", m.t, m.v, addrV}} {
		pass(p.what, func() {
			taking(t, p.to, 5001)
			beside(t, p.from, fmt.Sprintf("give %d %s 5001", n, p.addr))
			taken(t, p.to, 5001, n)
		})
	}
	for _, p := range []struct {
		what string
		g    *guest.Guest
		addr string
		host int
	}{{"vhost-user", m.v, addrV, 1}, {"TAP", m.t, addrT, 0}} {
		// The host is on the other module.
		pass("host to "+p.what, func() {
			taking(t, p.g, 5002)
			if err := given(m.hosts[p.host], p.addr+":5002", n); err != nil {
				t.Error(err)
			}
			taken(t, p.g, 5002, n)
		})
		pass(p.what+" to host", func() { took(t, p.g, m.hosts[p.host], fmt.Sprintf("10.9.0.%d", p.host+1), n) })
	}
}

// restart kills the card of the vhost-user port, again and again, while streams
// run through it in both directions.
func (m *machines) restart(t *testing.T, n int) {
	const kills = 3
	taking(t, m.v, 5003)
	taking(t, m.t, 5003)
	came := func(g *guest.Guest) int {
		bytes, err := strconv.Atoi(in(t, g, "cat /sys/class/net/eth0/statistics/rx_bytes"))
		if err != nil {
			t.Fatal(err)
		}
		return bytes
	}
	beside(t, m.t, fmt.Sprintf("give %d %s 5003", n, addrV))
	beside(t, m.v, fmt.Sprintf("give %d %s 5003", n, addrT))
	var sending guest.Ring
	for range kills {
		had := came(m.v)
		eventually(t, time.Minute, "the streams go on", func() error {
			if now := came(m.v); now < had+n*guest.MiB/8 {
				return fmt.Errorf("%d bytes more", now-had)
			}
			return nil
		})
		began := time.Now()
		m.vem[3].kill()
		carrier := func(want string) {
			t.Helper()
			eventually(t, 20*time.Second, "the guest's carrier is "+want, func() error {
				return contains(in(t, m.v, "cat /sys/class/net/eth0/carrier"), want)
			})
		}
		if sending.Used == 0 {
			carrier("0")
			var err error
			if sending, err = m.v.Ring(within(t, 20*time.Second), 1); err != nil {
				t.Fatal(err)
			}
		}
		m.startVEM(3)
		carrier("1")
		t.Logf("the guest has carrier %v after the kill", time.Since(began).Round(time.Millisecond))
	}
	taken(t, m.v, 5003, n)
	taken(t, m.t, 5003, n)
	// What the guest has sent is done with, all of it.
	eventually(t, 10*time.Second, "the guest's buffers are given back", func() error {
		n, err := m.v.Pending(within(t, 10*time.Second), sending)
		if err == nil && n != 0 {
			err = fmt.Errorf("%d descriptors are missing", n)
		}
		return err
	})
	if !m.v.Running() || !m.t.Running() {
		t.Error("a guest has ended")
	}
}

// outages bounds how long a machine may not answer when it migrates, there and
// back. More migrations follow, up to migrations, where it was longer: the
// processor may be somebody else's.
const (
	outages    = 300 * time.Millisecond
	migrations = 8
)

// migrate moves the machine of the vhost-user port to the other card and back,
// each time with a stream on the way to it and one from it, and measures how long
// it does not answer. Its memory arrives as it was.
func (m *machines) migrate(t *testing.T, n int) {
	in(t, m.v, "dd if=/dev/urandom of=/tmp/memory bs=1M count=16 2>/dev/null")
	memory := in(t, m.v, "md5sum /tmp/memory")
	here, there := m.path("a"), m.path("b")
	var met, all []time.Duration
	for round := 1; len(met) < 2 && round <= migrations; round++ {
		next := m.boot(guest.Config{Name: fmt.Sprintf("v%d", round), Socket: there, MAC: macV, Incoming: true})
		taking(t, m.v, 5004)
		taking(t, m.t, 5005)
		outage := watch(t, m.hosts[0], addrV)
		sent := make(chan error, 1)
		go func() { sent <- given(m.hosts[1], addrV+":5004", n) }()
		beside(t, m.v, fmt.Sprintf("give %d %s 5005", n, addrT))
		report, err := m.v.Migrate(within(t, 2*time.Minute), next)
		if err != nil {
			t.Fatal(err)
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
		was := outage()
		m.v.Stop()
		m.v = next
		taken(t, m.v, 5004, n)
		taken(t, m.t, 5005, n)
		if now := in(t, m.v, "md5sum /tmp/memory"); now != memory {
			t.Errorf("memory was %s and is %s", memory, now)
		}
		t.Logf("migration %d: outage %v; QEMU says downtime %d ms of %d ms, %d rounds",
			round, was.Round(time.Millisecond), report.Downtime, report.Total, report.RAM.Rounds)
		here, there = there, here
		all = append(all, was)
		if was < outages {
			met = append(met, was)
		}
	}
	if len(met) < 2 {
		t.Errorf("outages of %v, want two below %v", all, outages)
	}
}

// watch pings an address every 10 ms until the function it returns is called,
// which returns the longest time without an answer.
func watch(t *testing.T, ns, addr string) func() time.Duration {
	t.Helper()
	p := start(t, "ip", "netns", "exec", ns, "ping", "-D", "-n", "-i", "0.01", "-W", "2", addr)
	answers := func() []string {
		b, err := os.ReadFile(p.log)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, m := range answered.FindAllStringSubmatch(string(b), -1) {
			all = append(all, m[1])
		}
		return all
	}
	more := func(than int) {
		t.Helper()
		eventually(t, 20*time.Second, "echoes come", func() error {
			if n := len(answers()); n < than {
				return fmt.Errorf("%d of %d", n, than)
			}
			return nil
		})
	}
	more(20)
	return func() (longest time.Duration) {
		t.Helper()
		more(len(answers()) + 20)
		p.kill()
		last := 0.0
		for _, text := range answers() {
			at, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			if last > 0 {
				longest = max(longest, time.Duration((at-last)*float64(time.Second)))
			}
			last = at
		}
		return longest
	}
}

// answered finds the time of each answer in what ping prints.
var answered = regexp.MustCompile(`(?m)^\[([0-9.]+)\] \d+ bytes from`)
