package vxlan_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
	"trunkline/linecard/pipeline"
	"trunkline/linecard/port"
	"trunkline/linecard/port/inns"
	"trunkline/linecard/port/inns/innstest"
	"trunkline/linecard/port/packet"
	"trunkline/linecard/port/vxlan"
	"trunkline/testbed/traffic"
)

// fabric makes n namespaces on one network with an MTU of 1600, the i-th with
// address 192.0.2.i.
func fabric(t testing.TB, n int) []string {
	t.Helper()
	if n == 2 {
		a, b := underlay(t)
		return []string{a, b}
	}
	core := innstest.New(t)
	innstest.IP(t, core, "link add br0 mtu 1600 type bridge")
	innstest.IP(t, core, "link set br0 up")
	var all []string
	for i := range n {
		ns, device := innstest.New(t), fmt.Sprintf("p%d", i+1)
		innstest.Veth(t, ns, "u0", core, device)
		innstest.IP(t, core, "link set "+device+" mtu 1600 master br0")
		innstest.IP(t, ns, "link set u0 mtu 1600")
		innstest.IP(t, ns, fmt.Sprintf("addr add 192.0.2.%d/24 dev u0", i+1))
		all = append(all, ns)
	}
	return all
}

func vtep(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}) }

// card is a line card with a host in VLAN 100 (address 10.0.0.i) and one in VLAN
// 200 (the same), and tunnels.
type card struct {
	*pipeline.Engine
	host, other string
}

// start starts card i in a namespace, with hosts on veth devices.
func start(t testing.TB, ns string, i int, c vxlan.Config, peers ...int) card {
	t.Helper()
	return startWith(t, veth, ns, i, c, peers...)
}

// veth joins device eth0 of a host to the card by a veth pair.
func veth(t testing.TB, ns, name, host string) port.Port {
	t.Helper()
	innstest.Veth(t, host, "eth0", ns, name)
	p, err := packet.Open(packet.Config{Device: name, Namespace: ns})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// startWith starts card i in a namespace, with hosts that plug connects to it:
// their device is eth0.
func startWith(t testing.TB, plug func(t testing.TB, ns, name, host string) port.Port, ns string, i int, c vxlan.Config, peers ...int) card {
	t.Helper()
	x := card{Engine: pipeline.New(pipeline.Config{}), host: innstest.New(t), other: innstest.New(t)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- x.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	if err := x.Apply(func(b *pipeline.Builder) error {
		b.Activate(ether.VLANs(100, 200))
		for name, vlan := range map[string]ether.VLANID{"host": 100, "other": 200} {
			f, err := b.AddPort(name)
			if err != nil {
				return err
			}
			f.Up, f.Vethernet, f.PVID, f.Allowed = true, true, vlan, ether.VLANs(vlan)
		}
		for _, p := range peers {
			f, err := b.AddPort(fmt.Sprintf("nve1(%v)", vtep(p)))
			if err != nil {
				return err
			}
			f.Up, f.Tunnel, f.Trunk, f.PVID, f.Allowed = true, true, true, 0, ether.VLANs(100, 200)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]string{"host": x.host, "other": x.other} {
		p := plug(t, ns, name, h)
		innstest.IP(t, h, "link set eth0 mtu 1450 up")
		innstest.IP(t, h, fmt.Sprintf("addr add 10.0.0.%d/24 dev eth0", i))
		if err := x.SetPort(name, p); err != nil {
			t.Fatal(err)
		}
	}
	c.Namespace, c.Name, c.Local, c.Shared = ns, "nve1", vtep(i), &vxlan.Shared{}
	for _, p := range peers {
		c.Peer = vtep(p)
		c.Table = table(t, vxlan.Segment{VLAN: 100, VNI: 5001}, vxlan.Segment{VLAN: 200, VNI: 5002})
		dev, err := vxlan.Open(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := x.SetPort(fmt.Sprintf("nve1(%v)", c.Peer), dev); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(time.Minute); slices.ContainsFunc(x.Ports(), func(p pipeline.PortStatus) bool { return !p.Up }); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("card %d: not all of its ports came up: %+v", i, x.Ports())
		}
	}
	return x
}

// drops says what a card dropped, by port and reason.
func (c card) drops() string {
	var list []string
	for _, p := range c.Ports() {
		for r := range frame.Reasons {
			if n := p.Counters.RxDrops[r]; n != 0 {
				list = append(list, fmt.Sprintf("%s rx %v %d", p.Name, r, n))
			}
			if n := p.Counters.TxDrops[r]; n != 0 {
				list = append(list, fmt.Sprintf("%s tx %v %d", p.Name, r, n))
			}
		}
	}
	return strings.Join(list, ", ")
}

// cubic asks iperf3 for the congestion control that Linux comes with, where the
// machine has it: others, such as BBR, send no faster than they believe they may.
func cubic() []string {
	have, err := os.ReadFile("/proc/sys/net/ipv4/tcp_available_congestion_control")
	if err == nil && slices.Contains(strings.Fields(string(have)), "cubic") {
		return []string{"-C", "cubic"}
	}
	return nil
}

// bulk returns the Gbit/s of TCP, over some connections, from one namespace to
// another that a server is in, backwards with reverse.
func bulk(t testing.TB, from, to, address string, seconds, streams int, reverse bool) (gbps float64, retransmits int) {
	t.Helper()
	if _, err := exec.LookPath("iperf3"); err != nil {
		t.Skip("needs iperf3")
	}
	server := exec.Command("iperf3", "-s", "-1", "-B", address, "--forceflush")
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := inns.Do(to, server.Start); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}()
	buf := make([]byte, 64) // it says so when it listens
	if _, err := out.Read(buf); err != nil {
		t.Fatal(err)
	}
	args := []string{"-c", address, "-t", fmt.Sprint(seconds), "-P", fmt.Sprint(streams), "-J", "--connect-timeout", "5000"}
	args = append(args, cubic()...)
	if reverse {
		args = append(args, "-R")
	}
	text, err := innstest.Try(from, "timeout", append([]string{fmt.Sprint(seconds + 15), "iperf3"}, args...)...)
	if err != nil {
		t.Fatalf("iperf3: %v\n%s", err, text)
	}
	var r struct {
		End struct {
			Sent struct {
				Retransmits int `json:"retransmits"`
			} `json:"sum_sent"`
			Received struct {
				Bits float64 `json:"bits_per_second"`
			} `json:"sum_received"`
		} `json:"end"`
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	return r.End.Received.Bits / 1e9, r.End.Sent.Retransmits
}

// TestKernelPeer has Linux's own VTEP at the other end.
func TestKernelPeer(t *testing.T) {
	ns := fabric(t, 2)
	if out, err := innstest.Try(ns[1], "ip", strings.Fields("link add vx0 type vxlan id 5001 local 192.0.2.2 remote 192.0.2.1 dstport 4789")...); err != nil {
		t.Skipf("needs the kernel's vxlan device: %v %s", err, out)
	}
	innstest.IP(t, ns[1], "link set vx0 mtu 1450 up")
	innstest.IP(t, ns[1], "addr add 10.0.0.2/24 dev vx0")
	c := start(t, ns[0], 1, vxlan.Config{}, 2)
	innstest.Ping(t, c.host, "10.0.0.2")
	innstest.Ping(t, ns[1], "10.0.0.1")
	if out, err := innstest.Try(c.host, "ping", "-c", "3", "-i", "0.01", "-w", "5", "-s", "1400", "-M", "do", "10.0.0.2"); err != nil {
		t.Errorf("long ping: %v\n%s", err, out)
	}
	for _, reverse := range []bool{false, true} {
		gbps, again := bulk(t, c.host, ns[1], "10.0.0.2", 1, 1, reverse)
		t.Logf("reverse %v: %.2f Gbit/s, %d retransmits", reverse, gbps, again)
		if gbps < 0.05 {
			t.Errorf("reverse %v: %.3f Gbit/s: frames do not get through whole", reverse, gbps)
		}
	}
	t.Log(c.drops())
	if t.Failed() {
		for _, p := range c.Ports() {
			t.Logf("%+v", p)
		}
	}
}

// TestThreeCards has tunnels between each two of three cards: everybody hears a
// broadcast once, and segments are apart.
func TestThreeCards(t *testing.T) {
	ns := fabric(t, 3)
	var cards []card
	for i := 1; i <= 3; i++ {
		var peers []int
		for p := 1; p <= 3; p++ {
			if p != i {
				peers = append(peers, p)
			}
		}
		cards = append(cards, start(t, ns[i-1], i, vxlan.Config{}, peers...))
	}
	var ears []*traffic.Receiver
	for _, h := range []string{cards[1].host, cards[2].host, cards[0].other, cards[1].other} {
		r, err := traffic.NewReceiver(h, "eth0")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		ears = append(ears, r)
	}
	s, err := traffic.NewSender(cards[0].host, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	shout := func(n byte) []byte {
		b := ethernet(1, 200, 0x88b5)
		copy(b, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0x11})
		b[20] = n
		return b
	}
	const shouts = 5
	for n := range byte(shouts) {
		if err := s.Send(shout(n)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ours := func(b []byte) bool { return len(b) == 200 && b[12] == 0x88 && b[13] == 0xb5 }
	for i, r := range ears[:2] {
		for n := range byte(shouts) { // each once, in order
			if b, err := r.Find(ctx, ours); err != nil || b[20] != n {
				t.Fatalf("ear %d: want shout %d, got %x, %v", i, n, b, err)
			}
		}
	}
	// What goes round would come with or before these.
	innstest.Ping(t, cards[0].host, "10.0.0.2")
	innstest.Ping(t, cards[1].host, "10.0.0.3")
	innstest.Ping(t, cards[2].other, "10.0.0.1")
	for i, r := range ears {
		quiet, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		if b, err := r.Find(quiet, ours); err == nil {
			t.Errorf("ear %d hears shout %d that is not for it, or once more", i, b[20])
		}
		cancel()
	}
	for _, c := range cards {
		if d := c.drops(); strings.Contains(d, "unknown-vni") || strings.Contains(d, "bad-encap") || strings.Contains(d, "tx-error") {
			t.Error(d)
		}
	}
}

// TestGiant checks that what does not fit the way to a peer is counted.
func TestGiant(t *testing.T) {
	ns := fabric(t, 2)
	c := start(t, ns[0], 1, vxlan.Config{}, 2)
	innstest.IP(t, c.host, "link set eth0 mtu 2000")
	innstest.IP(t, ns[0], "link set host mtu 2000")
	s, err := traffic.NewSender(c.host, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, n := range []int{1550 + 14, 1551 + 14} {
		b := ethernet(1, n, 0x88b5)
		b[0] = 0xff
		if err := s.Send(b); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		n, ok := c.Counters(fmt.Sprintf("nve1(%v)", vtep(2)))
		if ok && n.TxDrops[frame.Giant] == 1 && n.TxMulticast > 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("want one giant: %s", c.drops())
		}
	}
}
