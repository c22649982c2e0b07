package listen

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// source is a mgmt0 whose addresses a test moves.
type source struct {
	loopback bool
	wake     chan struct{}
	mu       sync.Mutex
	all      []netip.Addr
	stranger netip.Addr // who is not admitted
}

func newSource(addresses ...string) *source {
	s := &source{wake: make(chan struct{}, 1)}
	s.move(addresses...)
	return s
}

func (s *source) move(addresses ...string) {
	s.mu.Lock()
	s.all = nil
	for _, a := range addresses {
		s.all = append(s.all, netip.MustParseAddr(a))
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *source) Addresses() []Address {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Address
	for _, a := range s.all {
		all = append(all, Address{Addr: a})
	}
	return all
}
func (s *source) HasManagement() bool                       { return !s.loopback }
func (s *source) Admits(client netip.Addr) bool             { return client != s.stranger }
func (s *source) WatchAddresses() (<-chan struct{}, func()) { return s.wake, func() {} }

// free returns a port that nobody has.
func free(t *testing.T) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // it is no more
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

func open(t *testing.T, w Where, s *source) *Listener {
	t.Helper()
	l, err := Open(Service{Name: "test", Patience: time.Minute}, w, s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// at waits until the listener is at these addresses and no others.
func at(t *testing.T, l *Listener, port uint16, addresses ...string) {
	t.Helper()
	var want []netip.AddrPort
	for _, a := range addresses {
		want = append(want, netip.AddrPortFrom(netip.MustParseAddr(a), port))
	}
	for deadline := time.Now().Add(10 * time.Second); !slices.Equal(l.Addrs(), want); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("listens on %v, want %v", l.Addrs(), want)
		}
	}
}

// echo serves a listener until it is closed: a line for a line.
func echo(t *testing.T, l net.Listener) {
	t.Helper()
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close() //nolint:errcheck // the client sees it
				for in := bufio.NewScanner(c); in.Scan(); {
					_, _ = fmt.Fprintln(c, in.Text())
				}
			})
		}
	})
	t.Cleanup(wg.Wait)
	t.Cleanup(func() { _ = l.Close() })
}

func dial(t *testing.T, address string, port uint16) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", netip.AddrPortFrom(netip.MustParseAddr(address), port).String(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func answers(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(c, "hello"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || line != "hello\n" {
		t.Fatalf("%q, %v", line, err)
	}
}

// TestFollow: sockets come and go with the addresses; connections stay.
func TestFollow(t *testing.T) {
	port := free(t)
	s := newSource("127.0.0.1")
	l := open(t, Follow(port, 1), s)
	echo(t, l)
	at(t, l, port, "127.0.0.1")
	old := dial(t, "127.0.0.1", port)
	answers(t, old)

	s.move("127.0.0.1", "127.0.0.2")
	at(t, l, port, "127.0.0.1", "127.0.0.2")
	answers(t, dial(t, "127.0.0.2", port))
	answers(t, old)

	s.move("127.0.0.2")
	at(t, l, port, "127.0.0.2")
	if c, err := net.Dial("tcp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port).String()); err == nil {
		_ = c.Close()
		t.Error("it listens on an address that has gone")
	}
	answers(t, old)

	s.move()
	at(t, l, port)
	s.move("127.0.0.3")
	at(t, l, port, "127.0.0.3")
	answers(t, dial(t, "127.0.0.3", port))
}

// TestStranger: who is not admitted is told nothing, and keeps nobody out.
func TestStranger(t *testing.T) {
	port := free(t)
	s := newSource("127.0.0.1")
	s.stranger = netip.MustParseAddr("127.0.0.9")
	l := open(t, Follow(port, 1), s)
	echo(t, l)
	at(t, l, port, "127.0.0.1")
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}}
	c, err := from.Dial("tcp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port).String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // it is closed by the other end
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	_, _ = fmt.Fprintln(c, "hello")
	if n, err := c.Read(make([]byte, 16)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("an answer of %d bytes, %v", n, err)
	}
	answers(t, dial(t, "127.0.0.1", port))
}

// TestTaken: a port that another has is had when it is free, and meanwhile the
// other addresses are.
func TestTaken(t *testing.T) {
	port := free(t)
	other, err := net.Listen("tcp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), port).String())
	if err != nil {
		t.Fatal(err)
	}
	var log logged
	l, err := Open(Service{Name: "test"}, Follow(port, 1), newSource("127.0.0.1", "127.0.0.2"), slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // the test is over
	at(t, l, port, "127.0.0.1")
	for range 3 {
		if l.settle() {
			t.Error("all is well with a port that is taken")
		}
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	at(t, l, port, "127.0.0.1", "127.0.0.2")
	if n := strings.Count(log.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings:\n%s", n, log.String())
	}
}

// logged keeps what is logged.
type logged struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestLoopback: without a mgmt0 the other port is used.
func TestLoopback(t *testing.T) {
	port := free(t)
	s := newSource("127.0.0.1")
	s.loopback = true
	at(t, open(t, Follow(1, port), s), port, "127.0.0.1")
}

// TestNamed: an address that is named is had or an error, whatever mgmt0 has.
func TestNamed(t *testing.T) {
	l := open(t, At("127.0.0.1:0"), newSource("127.0.0.2"))
	echo(t, l)
	a := l.Addrs()
	if len(a) != 1 || a[0].Addr().String() != "127.0.0.1" {
		t.Fatal(a)
	}
	answers(t, dial(t, "127.0.0.1", a[0].Port()))
	if _, err := Open(Service{Name: "test"}, At(l.Addr().String()), newSource(), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a taken address was had")
	}
	if off := open(t, At(""), newSource("127.0.0.1")); len(off.Addrs()) > 0 {
		t.Errorf("nowhere is %v", off.Addrs())
	}
}

// TestClose: Accept ends, the port is free, and nothing goes on.
func TestClose(t *testing.T) {
	port := free(t)
	s := newSource("127.0.0.1")
	l := open(t, Follow(port, 1), s)
	ended := make(chan error)
	go func() {
		_, err := l.Accept()
		ended <- err
	}()
	for range 2 { // as often as one likes
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), net.ErrClosed.Error()) {
		t.Errorf("Accept after Close: %v", err)
	}
	s.move("127.0.0.2")
	again, err := net.Listen("tcp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port).String())
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Close()
}

// TestHelp: the default of the flag is in words.
func TestHelp(t *testing.T) {
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	w := Follow(22, 2222)
	fs.Var(&w, "ssh", "`address`")
	var b strings.Builder
	fs.SetOutput(&b)
	fs.PrintDefaults()
	if want := "port 22 on the addresses of mgmt0, without one port 2222 on loopback"; !strings.Contains(b.String(), want) {
		t.Errorf("%s: no %q", b.String(), want)
	}
	for _, bad := range []string{"22", "localhost", "::1:22:x"} {
		if err := w.Set(bad); err == nil {
			t.Errorf("%q is an address: %+v", bad, w)
		}
	}
	if err := w.Set(""); err != nil || !w.Off() {
		t.Errorf("empty is %+v, %v", w, err)
	}
}
