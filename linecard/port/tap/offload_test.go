package tap_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/inns"
	"trunkline/linecard/port/inns/innstest"
	"trunkline/linecard/port/patch"
	"trunkline/linecard/port/tap"
)

// TestOffloads sends a megabyte by TCP over IPv4 and IPv6, and trains of UDP
// datagrams, between two hosts, for every combination of what the sending host
// leaves to its device: checksums, TCP and UDP segmentation. What arrives is
// what was sent, and super-frames come just when they may.
func TestOffloads(t *testing.T) { drivers(t, testOffloads) }

func testOffloads(t *testing.T, noRing bool) {
	if _, err := exec.LookPath("ethtool"); err != nil {
		t.Skip("needs ethtool")
	}
	var hosts [2]string
	var ports [2]*tap.Port
	shared := &tap.Shared{}
	for i := range hosts {
		hosts[i] = innstest.New(t)
		ports[i] = open(t, tap.Config{Name: "eth0", Namespace: hosts[i], Up: true, NoRing: noRing, Shared: shared})
		innstest.Run(t, hosts[i], "sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6")
		innstest.IP(t, hosts[i], fmt.Sprintf("addr add 192.0.2.%d/24 dev eth0", i+1))
		innstest.IP(t, hosts[i], fmt.Sprintf("addr add 2001:db8::%d/64 dev eth0 nodad", i+1))
	}
	for set := range 8 {
		csum, tso, uso := set&1 != 0, set&2 != 0, set&4 != 0
		t.Run(fmt.Sprintf("csum=%v,tso=%v,uso=%v", csum, tso, uso), func(t *testing.T) {
			word := func(on bool) string {
				if on {
					return "on"
				}
				return "off"
			}
			innstest.Run(t, hosts[0], "ethtool", "-K", "eth0", "tx", word(csum), "tso", word(tso),
				"tx-udp-segmentation", word(uso), "gso", "on")
			for _, a := range []string{"192.0.2.2", "2001:db8::2"} {
				to := netip.MustParseAddr(a)
				stats := wired(t, ports, func() { stream(t, hosts, to) })
				if got, want := stats.Super > 0, csum && tso; got != want {
					t.Errorf("TCP to %v: %d super-frames of %d", to, stats.Super, stats.Frames)
				}
				stats = wired(t, ports, func() { train(t, hosts, to) })
				if got, want := stats.Super > 0, csum && uso; got != want && ports[0].Info().Offloads&port.USO != 0 {
					t.Errorf("UDP to %v: %d super-frames of %d", to, stats.Super, stats.Frames)
				}
			}
		})
	}
}

// wired runs work with the ports connected and returns what the wire saw.
func wired(t *testing.T, ports [2]*tap.Port, work func()) patch.Stats {
	t.Helper()
	w, err := patch.New(ports[0], ports[1])
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	work()
	cancel()
	running.Wait()
	for r, n := range w.Stats.Drops {
		if n != 0 && frame.Reason(r) != frame.Forward {
			t.Errorf("%d frames dropped: %v", n, frame.Reason(r))
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	return w.Stats
}

// pattern is data that shows where it was cut.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
}

func stream(t *testing.T, hosts [2]string, to netip.Addr) {
	t.Helper()
	data := pattern(1 << 20)
	var l net.Listener
	if err := inns.Do(hosts[1], func() (err error) {
		l, err = net.Listen("tcp", netip.AddrPortFrom(to, 0).String())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			got <- err
			return
		}
		defer c.Close()
		err = c.SetDeadline(time.Now().Add(20 * time.Second))
		b, e := io.ReadAll(c)
		if err = errors.Join(err, e); err == nil && !bytes.Equal(b, data) {
			err = fmt.Errorf("%d bytes came, of %d, and are not the same", len(b), len(data))
		}
		got <- err
	}()
	var c net.Conn
	err := inns.Do(hosts[0], func() (err error) {
		c, err = net.DialTimeout("tcp", l.Addr().String(), 10*time.Second)
		return err
	})
	if err == nil {
		err = c.SetDeadline(time.Now().Add(20 * time.Second))
		_, e := c.Write(data)
		err = errors.Join(err, e, c.Close())
	}
	if err != nil {
		t.Fatalf("send to %v: %v", to, err)
	}
	if err := <-got; err != nil {
		t.Errorf("receive at %v: %v", to, err)
	}
}

// train sends ten trains of seven datagrams, the last shorter.
func train(t *testing.T, hosts [2]string, to netip.Addr) {
	t.Helper()
	const trains, size, length = 10, 1000, 6*1000 + 123
	data := pattern(length)
	var far, near *net.UDPConn
	err := inns.Do(hosts[1], func() (err error) {
		far, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, 0)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	err = inns.Do(hosts[0], func() (err error) {
		near, err = net.DialUDP("udp", nil, far.LocalAddr().(*net.UDPAddr))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	raw, err := near.SyscallConn()
	if err == nil {
		e := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, size) })
		err = errors.Join(err, e)
	}
	if err != nil {
		t.Skipf("needs UDP_SEGMENT: %v", err)
	}
	if err := far.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64<<10)
	for i := range trains {
		if _, err := near.Write(data); err != nil {
			t.Fatalf("send train %d: %v", i, err)
		}
		for at := 0; at < length; {
			n, err := far.Read(buf)
			if err != nil {
				t.Fatalf("train %d, byte %d: %v", i, at, err)
			}
			if want := data[at:min(at+size, length)]; !bytes.Equal(buf[:n], want) {
				t.Fatalf("train %d, byte %d: %d bytes that are not the %d sent", i, at, n, len(want))
			}
			at += n
		}
	}
}
