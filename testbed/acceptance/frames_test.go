package acceptance

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"trunkline/internal/ether"
	"trunkline/testbed/traffic"
)

// bench3 is a switch with three hosts in a VLAN: the first two ping each other,
// the third sends what it should not.
type bench3 struct {
	ns             string // of the switch
	socket, vemcmd string
	ports, hosts   [3]string // ports by their short names
}

// vethBench is an appliance, whose ports are veth.
func vethBench(t *testing.T) bench3 {
	a := runAppliance(t, "tlt-f", 3)
	// The hosts before the third keep MTU 1500.
	mustIP(t, fmt.Sprintf("-n %s link set eth3 mtu 9700", a.ns))
	mustIP(t, fmt.Sprintf("-n %s link set eth0 mtu 9700", a.hosts[2]))
	return bench3{
		ns: a.ns, socket: a.socket, vemcmd: filepath.Join(filepath.Dir(a.socket), "vem.sock"),
		ports: [3]string{"Eth1/1", "Eth1/2", "Eth1/3"}, hosts: [3]string(a.hosts),
	}
}

// tapBench is a chassis with the third host on the card of the first; the ports
// are TAP.
func tapBench(t *testing.T) bench3 {
	c := runChassis(t, "tlt-g")
	third := namespace(t, "tlt-g-h3")
	if r := vsh(t, c.socket, "configure terminal ; interface vethernet 3 ; switchport access vlan 10 ; owner netns "+third+" ifname eth0 module 3"); r.code != 0 {
		t.Fatal(r.out, r.log)
	}
	eventually(t, 10*time.Second, "the third host's interface", func() error {
		if r := run(t, 5*time.Second, "ip", "-n", third, "link", "set", "eth0", "up", "mtu", "9700"); r.code != 0 {
			return fmt.Errorf("%s", r.log)
		}
		return nil
	})
	mustIP(t, "-n "+third+" addr add 10.9.0.3/24 dev eth0")
	return bench3{
		ns: c.ns, socket: c.socket, vemcmd: filepath.Join(c.dir, "vem3.sock"),
		ports: [3]string{"Veth1", "Veth2", "Veth3"}, hosts: [3]string{c.hosts[0], c.hosts[1], third},
	}
}

// count reads one count, of port, direction and reason, from show interface
// counters drops.
func count(shown string, k [3]string) int {
	m := regexp.MustCompile(`(?m)^` + k[0] + ` +` + k[1] + ` +` + k[2] + ` +(\d+)$`).FindStringSubmatch(shown)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1]) // digits
	return n
}

// card runs a command of vemcmd.
func (b bench3) card(t *testing.T, words ...string) string {
	t.Helper()
	r := run(t, 10*time.Second, filepath.Join(bin, "vemcmd"), append([]string{"--vem-socket", b.vemcmd}, words...)...)
	if r.code != 0 {
		t.Fatalf("vemcmd %v: %s", words, r.log)
	}
	return r.out
}

// TestBadFrames sends frames that a host must not send: each is dropped under
// its reason, which the supervisor and the card show alike, and the other hosts
// lose nothing.
func TestBadFrames(t *testing.T) {
	needRoot(t)
	for name, world := range map[string]func(*testing.T) bench3{"veth": vethBench, "tap": tapBench} {
		t.Run(name, func(t *testing.T) { badFrames(t, world(t)) })
	}
}

func badFrames(t *testing.T, b bench3) {
	eventually(t, 10*time.Second, "host 3 reaches host 1", func() error { return ping(t, b.hosts[2], "10.9.0.1") })
	echo := pinging(t, b.hosts[0], "10.9.0.2")
	s, err := traffic.NewSender(b.hosts[2], "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	src, all := ether.MAC{2, 9, 9, 9, 9, 9}, ether.Broadcast
	const times = 7
	want := map[[3]string]int{} // port, direction, reason
	for _, c := range []struct {
		port              int
		direction, reason string
		frame             []byte
	}{
		{2, "rx", "tagged-on-access", traffic.Build(traffic.Spec{Src: src, Dst: all, Tags: []ether.VLANID{1, 10}})},
		{2, "rx", "bad-source", traffic.Build(traffic.Spec{Src: ether.Broadcast, Dst: all})},
		{2, "rx", "bad-source", traffic.Build(traffic.Spec{Dst: all})},
		{2, "rx", "bad-source", traffic.Build(traffic.Spec{Src: ether.MAC{1, 0, 0x5e, 0, 0, 1}, Dst: all})},
		{2, "rx", "giant", traffic.Build(traffic.Spec{Src: src, Dst: all, Len: 9600})},
		{0, "tx", "giant", traffic.Build(traffic.Spec{Src: src, Dst: all, Len: 9000})}, // MTU 1500
		{2, "rx", "link-local", traffic.Build(traffic.Spec{Src: src, Dst: ether.MAC{1, 0x80, 0xc2, 0, 0, 3}})},
	} {
		for range times {
			if err := s.Send(c.frame); err != nil {
				t.Fatalf("%s: %v", c.reason, err)
			}
		}
		want[[3]string{b.ports[c.port], c.direction, c.reason}] += times
	}
	eventually(t, 10*time.Second, "every frame is counted under its reason", func() error {
		r := vsh(t, b.socket, "show interface counters drops")
		for k, n := range want {
			if got := count(r.out, k); got != n {
				return fmt.Errorf("%v: %d, want %d:\n%s", k, got, n, r.out)
			}
		}
		return nil
	})
	shown := b.card(t, "show", "drops")
	for k, n := range want {
		if !regexp.MustCompile(fmt.Sprintf(`(?m) %s +%s +%d$`, k[1], k[2], n)).MatchString(shown) {
			t.Errorf("the card does not show %d of %v:\n%s", n, k, shown)
		}
	}
	// Linux lets nobody send less than an Ethernet header, or fills it up; the
	// card has seen neither if the host cannot send it.
	for _, n := range []int{1, 10, 14, 15} {
		if err := s.Send(traffic.Build(traffic.Spec{Src: src, Dst: all})[:n]); err != nil && n > 14 {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	time.Sleep(time.Second) // echoes that could be lost, however quick the rest was
	if sent, got := echo(); sent < 10 || got != sent {
		t.Errorf("%d of %d echoes came back", got, sent)
	}
	if err := ping(t, b.hosts[2], "10.9.0.1"); err != nil {
		t.Errorf("host 3 is cut off: %v", err)
	}
}

// TestMillionAddresses floods a switch with a million source addresses from one
// port: the port's share of the table is filled and no more, every frame is
// accounted for, and the other hosts' entries and traffic stay.
func TestMillionAddresses(t *testing.T) {
	needRoot(t)
	b := vethBench(t)
	eventually(t, 10*time.Second, "host 1 reaches host 2", func() error { return ping(t, b.hosts[0], "10.9.0.2") })
	entry := func(host int) string {
		r := run(t, 5*time.Second, "ip", "netns", "exec", b.hosts[host], "cat", "/sys/class/net/eth0/address")
		m, err := ether.ParseMAC(strings.TrimSpace(r.out))
		if err != nil {
			t.Fatal(err)
		}
		return m.String()
	}
	others := []string{entry(0), entry(1)}
	s, err := traffic.NewSender(b.hosts[2], "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const frames = 1_000_000
	received := func() (n int) {
		r := vsh(t, b.socket, "show interface ethernet 1/3 counters detailed")
		if m := regexp.MustCompile(`Rx Packets: +(\d+)`).FindStringSubmatch(r.out); m != nil {
			n, _ = strconv.Atoi(m[1])
		}
		return n
	}
	before := received()
	echo := pinging(t, b.hosts[0], "10.9.0.2")
	f := traffic.Build(traffic.Spec{})
	for i := range frames {
		copy(f[0:], []byte{2, 0x66, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)})
		copy(f[6:], []byte{2, 0x77, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)})
		if err := s.Send(f); err != nil {
			t.Fatal(err)
		}
	}
	const limit = 4096 // of one port
	eventually(t, 10*time.Second, "every frame is counted", func() error {
		drops := vsh(t, b.socket, "show interface counters drops").out
		n := received() - before
		refused, lost := count(drops, [3]string{b.ports[2], "rx", "mac-limit"}), count(drops, [3]string{b.ports[2], "rx", "overrun"})
		if n+lost < frames || refused+lost < frames-limit {
			return fmt.Errorf("%d received, %d overruns, %d refused of %d\n%s", n, lost, refused, frames, drops)
		}
		t.Logf("%d received, %d overruns, %d refused", n, lost, refused)
		return nil
	})
	r := vsh(t, b.socket, "show mac address-table")
	if err := contains(r.out, others...); err != nil {
		t.Errorf("an entry of another port is gone: %v", tail(err.Error(), 500))
	}
	if n := strings.Count(r.out, b.ports[2]+"\n"); n > limit {
		t.Errorf("%d entries of the port, more than %d", n, limit)
	}
	if sent, got := echo(); sent < 20 || got != sent {
		t.Errorf("%d of %d echoes came back", got, sent)
	}
	if r := vsh(t, b.socket, "clear mac address-table dynamic interface ethernet 1/3"); r.code != 0 {
		t.Error(r.out, r.log)
	}
	eventually(t, 10*time.Second, "host 3 reaches host 1", func() error { return ping(t, b.hosts[2], "10.9.0.1") })
}
