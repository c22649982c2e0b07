package ntp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/feature"
	"trunkline/feature/ntp"
	"trunkline/internal/peertest"
)

func TestChoose(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		all  []candidate
		want int
	}{
		"none":                     {nil, -1},
		"one":                      {[]candidate{{source: 4, bound: ms}}, 4},
		"two that differ":          {[]candidate{{source: 0, bound: ms}, {source: 1, offset: 10 * ms, bound: ms}}, -1},
		"nearest to the reference": {[]candidate{{source: 0, bound: ms, stratum: 3}, {source: 1, bound: 2 * ms, stratum: 2}}, 1},
		"the surest":               {[]candidate{{source: 0, bound: 3 * ms, stratum: 2}, {source: 1, bound: 2 * ms, stratum: 2}}, 1},
		"preferred":                {[]candidate{{source: 0, bound: ms, stratum: 1}, {source: 1, bound: 5 * ms, stratum: 9, prefer: true}}, 1},
		"preferred and false": {[]candidate{
			{source: 0, offset: ms, bound: ms, stratum: 4}, {source: 1, offset: 2 * ms, bound: ms, stratum: 3},
			{source: 2, offset: 90 * ms, bound: ms, stratum: 1, prefer: true},
		}, 1},
	} {
		if got := choose(c.all); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// chrony runs Debian's chronyd, which leaves the clock of the machine alone, on a
// port of the loopback and returns that.
func chrony(t *testing.T, address string) uint16 {
	t.Helper()
	if _, err := exec.LookPath("chronyd"); err != nil {
		t.Skip("no chronyd: ", err)
	}
	l, err := net.ListenPacket("udp", address+":0")
	if err != nil {
		t.Fatal(err)
	}
	port := netip.MustParseAddrPort(l.LocalAddr().String()).Port()
	l.Close()
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	keys := write("keys", "42 MD5 ASCII:aNiceKey\n")
	conf := write("conf", fmt.Sprintf("port %d\nbindaddress %s\nallow 127.0.0.0/8\nlocal stratum 3\ncmdport 0\nbindcmdaddress /\npidfile %s/pid\nkeyfile %s\n", port, address, dir, keys))
	peertest.Start(t, "chronyd", "-x", "-d", "-U", "-f", conf, "-u", "root")
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		l, err := net.ListenPacket("udp", fmt.Sprint(address, ":", port))
		if err != nil {
			return port // it has it
		}
		l.Close()
		if time.Now().After(end) {
			t.Fatal("chronyd does not listen")
		}
	}
}

func dial(ctx context.Context, host string, port uint16, local netip.Addr) (net.Conn, error) {
	var d net.Dialer
	if local.IsValid() {
		d.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	return d.DialContext(ctx, "udp", net.JoinHostPort(host, strconv.Itoa(int(port))))
}

// hand is a clock that a test sets.
type hand struct {
	mu    sync.Mutex
	slews []time.Duration
	steps []time.Duration
	err   error
}

func (h *hand) Step(by time.Duration) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.steps = append(h.steps, by)
	return h.err
}

func (h *hand) Slew(by time.Duration) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.slews = append(h.slews, by)
	return h.err
}

func (h *hand) times() (slews, steps int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.slews), len(h.steps)
}

func running(t *testing.T, c Config, settings ntp.Settings) *Service {
	t.Helper()
	c.Dial, c.First, c.Log = dial, 20*time.Millisecond, slog.New(slog.DiscardHandler)
	c.Management = func() netip.Addr { return netip.MustParseAddr("127.0.0.5") }
	s := New(c)
	s.Set(settings)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return s
}

func until(t *testing.T, what string, s *Service, is func(feature.Clock) bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(s.Snapshot()); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: did not happen: %+v", what, s.Snapshot())
		}
	}
}

// A real server is followed, over the address of mgmt0, and the clock that is
// passed is slewed by the little that is wrong with it.
func TestChrony(t *testing.T) {
	port := chrony(t, "127.0.0.1")
	clock := &hand{}
	s := running(t, Config{Port: port, Clock: clock}, ntp.Settings{
		Sources: []ntp.Source{{Host: "127.0.0.1"}, {Host: "127.0.0.77", Prefer: true}}, SourceMgmt: true,
	})
	until(t, "synchronised", s, func(c feature.Clock) bool { slews, _ := clock.times(); return c.Synced && c.Sets && slews > 0 })
	c := s.Snapshot()
	good, bad := c.Sources[0], c.Sources[1]
	if c.Stratum != 4 || c.Offset.Abs() > stepLimit || !good.Selected || good.Stratum != 3 || good.Local != "127.0.0.5" || good.Address != "127.0.0.1" || good.Reach&1 == 0 {
		t.Errorf("%+v", c)
	}
	if bad.Selected || bad.Reach != 0 || bad.Error == "" || bad.Stratum != 16 {
		t.Errorf("%+v", bad)
	}
	if _, steps := clock.times(); steps != 0 {
		t.Errorf("%d steps", steps)
	}
	s.Set(ntp.Settings{})
	until(t, "not synchronised", s, func(c feature.Clock) bool { return !c.Synced && !c.Sets && len(c.Sources) == 0 })
}

// Only a source that proves itself by a trusted key is believed.
func TestAuthentication(t *testing.T) {
	port := chrony(t, "127.0.0.1")
	keys := map[uint16]string{42: "aNiceKey", 43: "another"}
	for name, c := range map[string]struct {
		key      uint16
		settings ntp.Settings
		want     string
	}{
		"trusted":        {42, ntp.Settings{Keys: keys, Trusted: map[uint16]bool{42: true}}, ""},
		"not trusted":    {42, ntp.Settings{Keys: keys}, "key 42 is not trusted"},
		"no key":         {0, ntp.Settings{Keys: keys}, "has no key, and sources have to prove themselves"},
		"not configured": {42, ntp.Settings{Trusted: map[uint16]bool{42: true}}, "key 42 is not configured"},
		"wrong":          {42, ntp.Settings{Keys: map[uint16]string{42: "aWrongKey"}, Trusted: map[uint16]bool{42: true}}, "*"},
	} {
		t.Run(name, func(t *testing.T) {
			c.settings.Authenticate = true
			c.settings.Sources = []ntp.Source{{Host: "127.0.0.1", Key: c.key}}
			s := running(t, Config{Port: port, Reason: "test"}, c.settings)
			if c.want == "" {
				until(t, "synchronised", s, func(c feature.Clock) bool { return c.Synced })
				if got := s.Snapshot(); got.Sets || got.Reason != "test" {
					t.Errorf("%+v", got)
				}
				return
			}
			until(t, "refused", s, func(now feature.Clock) bool {
				e := now.Sources[0].Error
				return e == c.want || c.want == "*" && e != ""
			})
			if s.Snapshot().Synced {
				t.Error("believed")
			}
		})
	}
}

// The clock is stepped by much, not believed to be wrong by too much once it was
// right, and what it refuses is told.
func TestDiscipline(t *testing.T) {
	clock := &hand{}
	s := New(Config{Clock: clock, Log: slog.New(slog.DiscardHandler)})
	s.Set(ntp.Settings{Sources: []ntp.Source{{Host: "a"}}})
	src := s.sources[0]
	tell := func(offset time.Duration, n int) {
		for range n {
			s.took(src, answer{sample: sample{offset: offset, delay: time.Millisecond, distance: time.Millisecond, stratum: 1}}, 0)
		}
	}
	tell(time.Hour, enough-1)
	if slews, steps := clock.times(); slews+steps != 0 {
		t.Fatal("set by too few answers")
	}
	tell(time.Hour, 1)
	if len(clock.steps) != 1 || clock.steps[0] != time.Hour || !s.Snapshot().Sets {
		t.Fatalf("%v, %+v", clock.steps, s.Snapshot())
	}
	tell(time.Millisecond, enough)
	if len(clock.slews) == 0 || clock.slews[0] != time.Millisecond {
		t.Fatalf("%v", clock.slews)
	}
	tell(time.Hour, 8)
	if len(clock.steps) != 1 || !strings.Contains(s.Snapshot().Reason, "too great to believe") {
		t.Fatalf("%v, %+v", clock.steps, s.Snapshot())
	}
	clock.err = errors.New("operation not permitted")
	tell(time.Millisecond, 8)
	if now := s.Snapshot(); now.Sets || now.Reason != "cannot set the clock: operation not permitted" {
		t.Fatalf("%+v", now)
	}
	// What is not answered any more is not followed.
	for range 8 {
		s.took(src, answer{err: errors.New("timeout")}, 0)
	}
	if now := s.Snapshot(); now.Synced || now.Sources[0].Reach != 0 || now.Sources[0].Error != "timeout" {
		t.Fatalf("%+v", now)
	}
}

// The best sample of eight is used once, however long it stays the best.
func TestSampleOnce(t *testing.T) {
	clock := &hand{}
	s := New(Config{Clock: clock, Log: slog.New(slog.DiscardHandler)})
	s.Set(ntp.Settings{Sources: []ntp.Source{{Host: "a"}}})
	tell := func(offset, delay time.Duration) {
		s.took(s.sources[0], answer{sample: sample{offset: offset, delay: delay, distance: time.Millisecond, stratum: 1}}, 0)
	}
	for range enough {
		tell(100*time.Millisecond, 9*time.Millisecond)
	}
	slews, _ := clock.times()
	tell(50*time.Millisecond, time.Millisecond)
	for range 7 {
		tell(10*time.Millisecond, 5*time.Millisecond)
	}
	if got, _ := clock.times(); got != slews+1 {
		t.Errorf("%d slews by one sample", got-slews)
	}
}
