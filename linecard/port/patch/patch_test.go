package patch_test

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"slices"
	"testing"
	"time"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/ifctl"
	"trunkline/linecard/port/inns"
	"trunkline/linecard/port/inns/innstest"
	"trunkline/linecard/port/packet"
	"trunkline/linecard/port/patch"
	"trunkline/linecard/port/tap"
	"trunkline/linecard/port/xdp"
	"trunkline/testbed/traffic"
)

// side makes the device of one host and the port behind it.
type side func(t testing.TB, card, host, name, address string) port.Port

func vethSide(plain bool) side {
	return packetSide(packet.Config{Plain: plain})
}

func packetSide(c packet.Config) side {
	return func(t testing.TB, card, host, name, address string) port.Port {
		t.Helper()
		innstest.Veth(t, host, "eth0", card, name)
		innstest.IP(t, host, "addr add "+address+" dev eth0")
		if c.Plain {
			if out, err := innstest.Try(host, "ethtool", "-K", "eth0", "tx", "off", "gso", "off", "tso", "off"); err != nil {
				t.Skipf("needs ethtool: %v %s", err, out)
			}
		}
		c.Device, c.Namespace = name, card
		p, err := packet.Open(c)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
}

// xdpSide has the host finish its frames itself, as AF_XDP needs it.
func xdpSide(generic bool) side {
	return func(t testing.TB, card, host, name, address string) port.Port {
		t.Helper()
		innstest.Veth(t, host, "eth0", card, name)
		innstest.IP(t, host, "addr add "+address+" dev eth0")
		c, err := ifctl.Open(host)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.SetSendOffloads("eth0", false); err != nil {
			t.Fatal(err)
		}
		p, err := xdp.Open(xdp.Config{Device: name, Namespace: card, Generic: generic})
		if err != nil {
			t.Skipf("needs AF_XDP: %v", err)
		}
		return p
	}
}

// jumbo gives the device of a side the MTU of containerlab's links.
func jumbo(make side) side {
	return func(t testing.TB, card, host, name, address string) port.Port {
		t.Helper()
		p := make(t, card, host, name, address)
		innstest.IP(t, host, "link set eth0 mtu 9500")
		if p.Info().Device == name {
			innstest.IP(t, card, "link set "+name+" mtu 9500")
		}
		return p
	}
}

func tapSide(t testing.TB, _, host, _, address string) port.Port {
	t.Helper()
	innstest.TUN(t)
	p, err := tap.Open(tap.Config{Name: "eth0", Namespace: host, Up: true})
	if err != nil {
		t.Fatal(err)
	}
	innstest.IP(t, host, "addr add "+address+" dev eth0")
	return p
}

func inbandSide(t testing.TB, _, host, _, address string) port.Port {
	t.Helper()
	innstest.TUN(t)
	p, err := tap.OpenInband(tap.Config{Name: "eth0", Namespace: host, Up: true})
	if err != nil {
		t.Fatal(err)
	}
	innstest.IP(t, host, "addr add "+address+" dev eth0")
	return p
}

// wired starts a wire between two hosts and returns their namespaces.
func wired(t testing.TB, a, b side) (h1, h2 string, stop func() patch.Stats) {
	t.Helper()
	card := innstest.New(t)
	h1, h2 = innstest.New(t), innstest.New(t)
	p, q := a(t, card, h1, "p1", "192.0.2.1/24"), b(t, card, h2, "p2", "192.0.2.2/24")
	t.Logf("%s <-> %s", p.Info().Driver, q.Info().Driver)
	w, err := patch.New(p, q)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	stop = func() patch.Stats {
		if cancel == nil {
			return w.Stats
		}
		cancel()
		cancel = nil
		if err := <-done; err != nil && !errors.Is(err, port.ErrGone) {
			t.Errorf("wire: %v", err)
		}
		for _, c := range []interface{ Close() error }{w, p, q} {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		return w.Stats
	}
	t.Cleanup(func() { stop() })
	return h1, h2, stop
}

func TestWire(t *testing.T) {
	veth := vethSide(false)
	for _, c := range []struct {
		name  string
		a, b  side
		super bool
	}{
		{"veth-veth", veth, veth, true},
		{"tap-tap", tapSide, tapSide, true},
		{"tap-veth", tapSide, veth, true},
		{"jumbo", jumbo(tapSide), jumbo(veth), true},
		{"plain-plain", vethSide(true), vethSide(true), false},
		{"ring-ring", packetSide(packet.Config{Ring: true}), packetSide(packet.Config{Ring: true}), true},
		{"ring-tap", packetSide(packet.Config{Ring: true}), tapSide, true},
		{"xdp-xdp", xdpSide(false), xdpSide(false), false},
		{"xdp-generic", xdpSide(false), xdpSide(true), false},
		{"inband-inband", inbandSide, inbandSide, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h1, h2, stop := wired(t, c.a, c.b)
			innstest.Ping(t, h1, "192.0.2.2")
			gbps := iperf(t, h1, h2, "192.0.2.2", nil, "-n", "40M")
			s := stop()
			t.Logf("TCP %.2f Gbit/s, %+v", gbps, s)
			if c.super && s.Super == 0 {
				t.Errorf("no super-frame passed in %d frames", s.Frames)
			}
			if !c.super && s.Super != 0 {
				t.Errorf("%d super-frames on ports without offloads", s.Super)
			}
			if s.Drops[frame.Forward] != s.Frames {
				t.Errorf("%d frames received, %d forwarded", s.Frames, s.Drops[frame.Forward])
			}
			if gbps == 0 {
				t.Errorf("no TCP passed")
			}
		})
	}
}

// BenchmarkSmall floods 64-byte frames through a wire and reports what the
// receiving device counted.
func BenchmarkSmall(b *testing.B) {
	veth := vethSide(false)
	for _, c := range []struct {
		name string
		a, b side
	}{{"veth-veth", veth, veth}, {"tap-tap", tapSide, tapSide}, {"tap-veth", tapSide, veth}, {"veth-tap", veth, tapSide}} {
		b.Run(c.name, func(b *testing.B) {
			h1, h2, stop := wired(b, c.a, c.b)
			s, err := traffic.NewSender(h1, "eth0")
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			before, err := traffic.Count(h2, "eth0")
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			began := time.Now()
			sent, err := s.Flood(ctx, traffic.Build(traffic.Spec{Src: ether.MAC{2, 1}, Dst: ether.Broadcast}))
			if err != nil {
				b.Fatal(err)
			}
			took := time.Since(began).Seconds()
			after, err := traffic.Count(h2, "eth0")
			if err != nil {
				b.Fatal(err)
			}
			stop()
			b.ReportMetric(float64(after.RxFrames-before.RxFrames)/took, "frames/s")
			b.ReportMetric(float64(sent)/took, "offered/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// iperf sends by TCP from h1 to h2, as much or as long as amount says, and returns Gbit/s. The
// words of before precede both commands.
func iperf(t testing.TB, h1, h2, address string, before []string, amount ...string) float64 {
	t.Helper()
	if _, err := exec.LookPath("iperf3"); err != nil {
		t.Log("iperf3 is not installed: bulk TCP not tested")
		return -1
	}
	line := slices.Concat(before, []string{"iperf3", "-s", "-1"})
	server := exec.Command(line[0], line[1:]...)
	if err := inns.Do(h2, server.Start); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}()
	var r struct {
		Error string `json:"error"` // also when the exit code is 0
		End   struct {
			Received struct {
				Bits float64 `json:"bits_per_second"`
			} `json:"sum_received"`
		}
	}
	line = slices.Concat(before, []string{"iperf3", "-c", address, "-J"}, amount)
	for deadline := time.Now().Add(30 * time.Second); ; {
		out, err := innstest.Try(h1, line[0], line[1:]...)
		r.Error = ""
		if e := json.Unmarshal([]byte(out), &r); err == nil {
			err = e
		}
		if err == nil && r.Error == "" {
			return r.End.Received.Bits / 1e9
		}
		if time.Now().After(deadline) {
			t.Fatalf("iperf3: %v %s", err, out)
		}
	}
}
