package tap_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/internal/ether"
	"trunkline/linecard/port/inns"
	"trunkline/linecard/port/inns/innstest"
	"trunkline/linecard/port/patch"
	"trunkline/linecard/port/tap"
	"trunkline/testbed/traffic"
)

// party is a way to connect two hosts.
type party struct {
	name string
	a, b string // namespaces of the hosts, with eth0
	wire *patch.Wire
}

// parties are the driver with and without io_uring, and the kernel's bridge.
func parties(b *testing.B) []*party {
	b.Helper()
	var list []*party
	for _, name := range []string{"read/write", "io_uring", "bridge"} {
		p := &party{name: name, a: innstest.New(b), b: innstest.New(b)}
		if name == "bridge" {
			card := innstest.New(b)
			innstest.IP(b, card, "link add br0 type bridge")
			innstest.IP(b, card, "link set br0 up")
			for i, host := range []string{p.a, p.b} {
				port := "sw" + strconv.Itoa(i)
				innstest.Veth(b, host, "eth0", card, port)
				innstest.IP(b, card, "link set "+port+" master br0 up")
			}
		} else {
			shared, noRing := &tap.Shared{}, name == "read/write"
			one := open(b, tap.Config{Name: "eth0", Namespace: p.a, Up: true, Shared: shared, NoRing: noRing})
			two := open(b, tap.Config{Name: "eth0", Namespace: p.b, Up: true, Shared: shared, NoRing: noRing})
			w, err := patch.New(one, two)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = w.Close() })
			p.wire = w
		}
		innstest.IP(b, p.a, "addr add 192.0.2.1/24 dev eth0")
		innstest.IP(b, p.b, "addr add 192.0.2.2/24 dev eth0")
		list = append(list, p)
	}
	return list
}

// during runs work with the wire of a party going, on a processor of its own
// where there are two, and returns the processor time of the wire in ns.
func (p *party) during(b *testing.B, work func()) (cpu int64) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	if p.wire != nil {
		running.Go(func() {
			runtime.LockOSThread() // and not unlocked: the thread is pinned
			pin(1)
			from := threadTime()
			if err := p.wire.Run(ctx); err != nil {
				b.Error(err)
			}
			cpu = threadTime() - from
		})
	}
	work()
	cancel()
	running.Wait()
	return cpu
}

func pin(cpu int) {
	var set unix.CPUSet
	set.Set(cpu)
	_ = unix.SchedSetaffinity(0, &set)
}

func threadTime() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)
	return t.Nano()
}

// rounds lets the parties take turns b.N times and reports the median of each,
// and its ratio to the first and to the last party.
func rounds(b *testing.B, unit string, measure func(p *party) float64) {
	list := parties(b)
	got := make([][]float64, len(list))
	for b.Loop() {
		for i, p := range list {
			got[i] = append(got[i], measure(p))
		}
	}
	median := make([]float64, len(list))
	for i, v := range got {
		slices.Sort(v)
		median[i] = v[len(v)/2]
		b.ReportMetric(median[i], list[i].name+"-"+unit)
	}
	b.ReportMetric(median[1]/median[0], "ratio")
	b.ReportMetric(median[1]/median[2], "to-bridge")
	b.ReportMetric(0, "ns/op")
}

// turn is how long a party works in one round.
const turn = 300 * time.Millisecond

// BenchmarkFlood floods one host with 64-byte frames from the other:
//
//	go test -run - -bench Flood -benchtime 7x ./linecard/port/tap
func BenchmarkFlood(b *testing.B) {
	cost := map[string][]float64{}
	rounds(b, "frames/s", func(p *party) float64 {
		s, err := traffic.NewSender(p.a, "eth0")
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		small := traffic.Build(traffic.Spec{Src: ether.MAC{2, 1}, Dst: ether.MAC{2, 2}})
		var before, after traffic.Counters
		took := time.Duration(0)
		cpu := p.during(b, func() {
			ctx, cancel := context.WithTimeout(context.Background(), turn)
			defer cancel()
			before, _ = traffic.Count(p.b, "eth0")
			from := time.Now()
			done := make(chan struct{})
			go func() {
				defer close(done)
				runtime.LockOSThread()
				pin(0)
				if _, err := s.Flood(ctx, small); err != nil {
					b.Error(err)
				}
			}()
			<-done
			took = time.Since(from)
			after, _ = traffic.Count(p.b, "eth0")
		})
		n := float64(after.RxFrames - before.RxFrames)
		if p.wire != nil {
			cost[p.name] = append(cost[p.name], float64(cpu)/n)
		}
		return n / took.Seconds()
	})
	for name, v := range cost {
		slices.Sort(v)
		b.ReportMetric(v[len(v)/2], name+"-cpu-ns/frame")
	}
}

// BenchmarkTCP runs one iperf3 stream for a second, the ends on one processor.
func BenchmarkTCP(b *testing.B) {
	cost := map[string][]float64{}
	rounds(b, "Gbit/s", func(p *party) float64 {
		var bits float64
		cpu := p.during(b, func() { bits = iperf(b, p) })
		if p.wire != nil {
			cost[p.name] = append(cost[p.name], float64(cpu)/(bits/8/65536))
		}
		return bits / 1e9
	})
	for name, v := range cost {
		slices.Sort(v)
		b.ReportMetric(v[len(v)/2], name+"-cpu-ns/64K")
	}
}

func iperf(b *testing.B, p *party) float64 {
	b.Helper()
	server := exec.Command("taskset", "1", "iperf3", "-s", "-1")
	if err := inns.Do(p.b, server.Start); err != nil {
		b.Skipf("needs iperf3: %v", err)
	}
	defer func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}()
	client := func() (string, error) {
		return innstest.Try(p.a, "taskset", "1", "iperf3", "-J", "-c", "192.0.2.2", "-t", "1")
	}
	var out string
	var err error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) { // until the server is up
		var report struct {
			End struct {
				Received struct {
					BitsPerSecond float64 `json:"bits_per_second"`
				} `json:"sum_received"`
			}
		}
		if out, err = client(); err == nil {
			err = json.Unmarshal([]byte(out), &report)
		}
		if err == nil && report.End.Received.BitsPerSecond > 0 {
			return report.End.Received.BitsPerSecond
		}
	}
	b.Skipf("needs iperf3: %v %s", err, out)
	return 0
}

// BenchmarkRTT bounces a datagram of 64 bytes between the hosts, whose
// processor is the same, and reports the median in us.
func BenchmarkRTT(b *testing.B) {
	tail := map[string][]float64{}
	rounds(b, "p50-us", func(p *party) float64 {
		var times []float64
		p.during(b, func() { times = bounce(b, p, 1000) })
		slices.Sort(times)
		tail[p.name] = append(tail[p.name], times[len(times)*99/100])
		return times[len(times)/2]
	})
	for name, v := range tail {
		slices.Sort(v)
		b.ReportMetric(v[len(v)/2], name+"-p99-us")
	}
}

// bounce returns the round trip times in us of n datagrams.
func bounce(b *testing.B, p *party, n int) []float64 {
	b.Helper()
	socket := func(namespace string, own, peer byte) int {
		var fd int
		err := inns.Do(namespace, func() (err error) {
			if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
				return os.NewSyscallError("socket", err)
			}
			t := unix.Timeval{Sec: 1}
			if err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &t); err == nil {
				err = unix.Bind(fd, &unix.SockaddrInet4{Port: 7, Addr: [4]byte{192, 0, 2, own}})
			}
			if err == nil {
				err = unix.Connect(fd, &unix.SockaddrInet4{Port: 7, Addr: [4]byte{192, 0, 2, peer}})
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		return fd
	}
	near, far := socket(p.a, 1, 2), socket(p.b, 2, 1)
	defer unix.Close(near)
	defer unix.Close(far)
	var echo sync.WaitGroup
	var stop = make(chan struct{})
	echo.Go(func() {
		runtime.LockOSThread()
		pin(0)
		buf := make([]byte, 64)
		for {
			if k, err := unix.Read(far, buf); err == nil {
				_, _ = unix.Write(far, buf[:k])
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	var times []float64
	echo.Go(func() {
		defer close(stop)
		runtime.LockOSThread()
		pin(0)
		buf := make([]byte, 22)
		for i := range n + n/10 {
			from := time.Now()
			_, err := unix.Write(near, buf)
			if err == nil {
				_, err = unix.Read(near, buf)
			}
			if i >= n/10 && err == nil {
				times = append(times, float64(time.Since(from).Nanoseconds())/1e3)
			}
		}
	})
	echo.Wait()
	if len(times) < n/2 {
		b.Fatalf("%d of %d came back", len(times), n)
	}
	return times
}
