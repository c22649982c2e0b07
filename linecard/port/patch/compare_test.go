package patch_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/internal/ether"
	"trunkline/linecard/port"
	"trunkline/linecard/port/ifctl"
	"trunkline/linecard/port/inns"
	"trunkline/linecard/port/inns/innstest"
	"trunkline/linecard/port/packet"
	"trunkline/linecard/port/patch"
	"trunkline/linecard/port/xdp"
	"trunkline/testbed/traffic"
)

var only = flag.String("only", "", "names of the drivers to compare")

// wireOf is a wire that runs while a measurement wants it.
type wireOf struct {
	name   string
	h1, h2 string
	wire   *patch.Wire
	ports  [2]port.Port
	cost   float64 // ns of the wire's thread per frame
	send   float64 // ns of the sender's thread per frame
}

// cpu returns the CPU time of the thread.
func cpu() int64 {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_THREAD, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

func pin(cpu int) {
	var set unix.CPUSet
	set.Set(cpu)
	_ = unix.SchedSetaffinity(0, &set)
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, -20)
}

// run runs the wire pinned to CPU 1 while f runs.
func (w *wireOf) run(t testing.TB, f func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		pin(1)
		before, frames := cpu(), w.wire.Stats.Frames
		err := w.wire.Run(ctx)
		w.cost = float64(cpu()-before) / float64(w.wire.Stats.Frames-frames)
		done <- err
	}()
	f()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("%s: %v", w.name, err)
	}
}

func (w *wireOf) small(t testing.TB, flows, size int) (delivered, offered float64) {
	t.Helper()
	s, err := traffic.NewSender(w.h1, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var list [][]byte
	for i := range flows {
		list = append(list, traffic.Build(traffic.Spec{
			Src: ether.MAC{2, 1, 0, 0, byte(i >> 8), byte(i)}, Dst: ether.MAC{2, 9, 9, 9, 9, 9},
			From: netip.MustParseAddrPort("192.0.2.1:1000"), To: netip.MustParseAddrPort("192.0.2.2:9"), Len: size}))
	}
	before, err := traffic.Count(w.h2, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	var took time.Duration
	var sent uint64
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		pin(0)
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		defer cancel()
		began, before := time.Now(), cpu()
		sent, err = s.Flood(ctx, list...)
		took = time.Since(began)
		w.send = float64(cpu()-before) / float64(sent)
	}()
	<-done
	if err != nil {
		t.Fatal(err)
	}
	after, err := traffic.Count(w.h2, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	return float64(after.RxFrames-before.RxFrames) / took.Seconds(), float64(sent) / took.Seconds()
}

// rtt is a UDP ping-pong; both ends on CPU 0.
func (w *wireOf) rtt(t testing.TB, n int) (p50, p99 float64) {
	t.Helper()
	open := func(ns string, a [4]byte) int {
		fd := -1
		if err := inns.Do(ns, func() (err error) {
			fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
			if err == nil {
				err = unix.Bind(fd, &unix.SockaddrInet4{Port: 7000, Addr: a})
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		limit := unix.NsecToTimeval(2e9)
		_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit)
		return fd
	}
	a, b := open(w.h1, [4]byte{192, 0, 2, 1}), open(w.h2, [4]byte{192, 0, 2, 2})
	defer unix.Close(a)
	defer unix.Close(b)
	echo := make(chan struct{})
	go func() {
		defer close(echo)
		runtime.LockOSThread()
		pin(0)
		buf := make([]byte, 64)
		for {
			k, from, err := unix.Recvfrom(b, buf, 0)
			if err == unix.EINTR {
				continue
			}
			if err != nil || k == 1 {
				return
			}
			_ = unix.Sendto(b, buf[:k], 0, from)
		}
	}()
	var times []float64
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		pin(0)
		to := &unix.SockaddrInet4{Port: 7000, Addr: [4]byte{192, 0, 2, 2}}
		buf := make([]byte, 64)
		for range n {
			began := time.Now()
			if err := unix.Sendto(a, buf[:22], 0, to); err != nil {
				done <- err
				return
			}
			_, _, err := unix.Recvfrom(a, buf, 0)
			for err == unix.EINTR {
				_, _, err = unix.Recvfrom(a, buf, 0)
			}
			if err != nil {
				done <- err
				return
			}
			times = append(times, float64(time.Since(began).Nanoseconds())/1e3)
		}
		done <- unix.Sendto(a, buf[:1], 0, to)
	}()
	if err := <-done; err != nil {
		t.Errorf("%s: rtt: %v", w.name, err)
		return 0, 0
	}
	<-echo
	slices.Sort(times)
	return times[len(times)/2], times[len(times)*99/100]
}

func (w *wireOf) tcp(t testing.TB) float64 {
	t.Helper()
	return iperf(t, w.h1, w.h2, "192.0.2.2", []string{"nice", "-n", "-20", "taskset", "-c", "0"}, "-t", "1")
}

// BenchmarkCompare measures each driver and the kernel's bridge in turn, a round
// for each iteration, and logs medians and spreads.
func BenchmarkCompare(t *testing.B) {
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, -20)
	_ = os.WriteFile("/proc/self/autogroup", []byte("-19"), 0)
	var wires []*wireOf
	bridge := &wireOf{name: "bridge", h1: innstest.New(t), h2: innstest.New(t)}
	{
		card := innstest.New(t)
		innstest.IP(t, card, "link add br0 type bridge")
		innstest.IP(t, card, "link set br0 up")
		for i, h := range []string{bridge.h1, bridge.h2} {
			name := fmt.Sprintf("p%d", i+1)
			innstest.Veth(t, h, "eth0", card, name)
			innstest.IP(t, h, fmt.Sprintf("addr add 192.0.2.%d/24 dev eth0", i+1))
			innstest.IP(t, card, "link set "+name+" master br0")
		}
	}
	for _, d := range drivers {
		if *only != "" && !strings.Contains(*only, d.name) {
			continue
		}
		w := &wireOf{name: d.name}
		card := innstest.New(t)
		w.h1, w.h2 = innstest.New(t), innstest.New(t)
		for i, h := range []string{w.h1, w.h2} {
			name := fmt.Sprintf("p%d", i+1)
			innstest.Veth(t, h, "eth0", card, name)
			innstest.IP(t, h, fmt.Sprintf("addr add 192.0.2.%d/24 dev eth0", i+1))
			p, err := d.open(t, card, name, h)
			if err != nil {
				t.Fatal(err)
			}
			w.ports[i] = p
		}
		var err error
		if w.wire, err = patch.New(w.ports[0], w.ports[1]); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := errors.Join(w.wire.Close(), w.ports[0].Close(), w.ports[1].Close()); err != nil {
				t.Error(err)
			}
		})
		wires = append(wires, w)
	}
	results := map[string][]float64{}
	note := func(name, what string, v float64) { results[name+" "+what] = append(results[name+" "+what], v) }
	one := func(w *wireOf, run func(f func())) {
		run(func() {
			p50, p99 := w.rtt(t, 1000)
			note(w.name, "rtt50", p50)
			note(w.name, "rtt99", p99)
		})
		run(func() {
			d, o := w.small(t, 1, 60)
			note(w.name, "64B", d/1e6)
			note(w.name, "offer", o/1e6)
		})
		note(w.name, "ns/64", w.cost)
		note(w.name, "send/64", w.send)
		run(func() {
			d, _ := w.small(t, 1, 1514)
			note(w.name, "1514B", d/1e6)
		})
		note(w.name, "ns/1514", w.cost)
		run(func() {
			note(w.name, "tcp", w.tcp(t))
		})
		note(w.name, "ns/tcp", w.cost)
	}
	for range t.N {
		one(bridge, func(f func()) { f() })
		for _, w := range wires {
			one(w, func(f func()) { w.run(t, f) })
		}
	}
	for _, w := range append([]*wireOf{bridge}, wires...) {
		line := fmt.Sprintf("%-12s", w.name)
		for _, what := range []string{"tcp", "64B", "offer", "1514B", "rtt50", "rtt99", "ns/64", "ns/1514", "ns/tcp", "send/64"} {
			v := results[w.name+" "+what]
			slices.Sort(v)
			line += fmt.Sprintf("  %s %.3f [%.3f..%.3f]", what, v[len(v)/2], v[0], v[len(v)-1])
		}
		t.Log(line)
	}
}

var drivers = []struct {
	name string
	open func(t testing.TB, card, device, host string) (port.Port, error)
}{
	{"mmsg", func(t testing.TB, card, device, _ string) (port.Port, error) {
		return packet.Open(packet.Config{Device: device, Namespace: card})
	}},
	{"ring", func(t testing.TB, card, device, _ string) (port.Port, error) {
		return packet.Open(packet.Config{Device: device, Namespace: card, Ring: true})
	}},
	{"xdp", func(t testing.TB, card, device, host string) (port.Port, error) {
		return openXDP(t, card, device, host, false)
	}},
	{"xdpgen", func(t testing.TB, card, device, host string) (port.Port, error) {
		return openXDP(t, card, device, host, true)
	}},
}

func openXDP(t testing.TB, card, device, host string, generic bool) (port.Port, error) {
	c, err := ifctl.Open(host)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetSendOffloads("eth0", false); err != nil {
		t.Fatal(err)
	}
	return xdp.Open(xdp.Config{Device: device, Namespace: card, Generic: generic})
}
