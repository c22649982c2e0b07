package packet_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/inns/innstest"
	"trunkline/linecard/port/packet"
	"trunkline/testbed/drivertest"
	"trunkline/testbed/traffic"
)

// ways are the ways to receive.
var ways = map[string]packet.Config{
	"mmsg": {}, "ring": {Ring: true}, "plain": {Plain: true}, "plain ring": {Plain: true, Ring: true},
}

func driver(c packet.Config) drivertest.Driver {
	return drivertest.Driver{MTU: 9500, Open: func(t testing.TB, namespace, device string) port.Port {
		t.Helper()
		c.Namespace, c.Device = namespace, device
		p, err := packet.Open(c)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}}
}

func TestDriver(t *testing.T) {
	for name, c := range ways {
		t.Run(name, func(t *testing.T) { drivertest.Run(t, driver(c)) })
	}
}

// TestWay: what is asked for is what the kernel of this machine gives, and Info
// says so.
func TestWay(t *testing.T) {
	for name, want := range map[string]string{
		"mmsg": "packet mmsg vnet", "ring": "packet ring vnet", "plain": "packet mmsg plain", "plain ring": "packet ring plain",
	} {
		if got := driver(ways[name]).Connect(t).Port.Info().Driver; !strings.HasPrefix(got, want) {
			t.Errorf("%s: driver %q, want %q", name, got, want)
		}
	}
}

func TestGiant(t *testing.T) {
	for name, config := range ways {
		t.Run(name, func(t *testing.T) {
			c := driver(config).Connect(t)
			innstest.IP(t, c.Host, "link set eth0 mtu 65535")
			innstest.IP(t, c.Card, "link set p1 mtu 65535")
			s := c.Sender(t)
			var b frame.Batch
			for _, x := range []struct {
				length int
				want   frame.Reason
			}{{frame.MaxWire, frame.Forward}, {frame.MaxWire + 1, frame.Giant}, {9600, frame.Giant}, {60000, frame.Giant}, {60, frame.Forward}} {
				if err := s.Send(traffic.Build(traffic.Spec{Src: ether.MAC{2}, Len: x.length})); err != nil {
					t.Fatal(err)
				}
				if err := c.Receive(t, &b); err != nil {
					t.Fatal(err)
				}
				if b.Drop[0] != x.want || b.Frames[0].Len() != x.length {
					t.Errorf("%d bytes: %v, length %d, want %v", x.length, b.Drop[0], b.Frames[0].Len(), x.want)
				}
				c.Queue.Release(&b)
			}
		})
	}
}

// Frames that find the receive buffer full are counted: short ones that find no
// slot of a ring, and long ones that find no room in the socket's queue.
func TestLost(t *testing.T) {
	for name, config := range ways {
		for _, length := range []int{60, 9000} {
			if length == 60 && !config.Ring {
				continue // takes long: the buffer has room for 40,000
			}
			t.Run(fmt.Sprintf("%s/%d", name, length), func(t *testing.T) {
				c := driver(config).Connect(t)
				s := c.Sender(t)
				flood := traffic.Build(traffic.Spec{Src: ether.MAC{2, 1}, Dst: ether.MAC{2, 2}, Len: length})
				for round := 0; port.Lost(c.Port) == 0; round++ {
					if round == 50 {
						t.Fatal("the receive buffer never filled up")
					}
					ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
					_, err := s.Flood(ctx, flood)
					cancel()
					if err != nil {
						t.Fatal(err)
					}
				}
				received := uint64(0)
				for {
					var b frame.Batch
					if err := c.Queue.Recv(&b); err != nil {
						t.Fatal(err)
					}
					if b.N == 0 {
						break
					}
					received += uint64(b.N)
					c.Queue.Release(&b)
				}
				n, err := traffic.Count(c.Card, "p1")
				if err != nil {
					t.Fatal(err)
				}
				if lost := port.Lost(c.Port); received+lost != n.RxFrames {
					t.Errorf("%d received and %d lost, want %d", received, lost, n.RxFrames)
				}
			})
		}
	}
}

// TestReceivers: flows are spread over the receive queues, each stays on its
// own in order, and no frame comes twice: neither on two queues nor back to a
// port that sent it.
func TestReceivers(t *testing.T) {
	const queues, flows, each = 3, 64, 20
	for _, ring := range []bool{false, true} {
		t.Run(fmt.Sprintf("ring=%v", ring), func(t *testing.T) {
			c := driver(packet.Config{Receivers: queues, Ring: ring}).Connect(t)
			if n := port.Receivers(c.Port); n != queues {
				t.Fatalf("%d receivers, want %d", n, queues)
			}
			all := []port.Queue{c.Queue}
			for i := 1; i < queues; i++ {
				q, err := c.Port.Queue(i, i)
				if err != nil {
					t.Fatal(err)
				}
				defer q.Close()
				all = append(all, q)
			}
			if _, err := c.Port.Queue(0, queues); err == nil {
				t.Error("a receive queue too many was opened")
			}
			s := c.Sender(t)
			frames := make([][]byte, flows)
			for i := range frames {
				frames[i] = traffic.Build(traffic.Spec{Src: ether.MAC{2, 1}, Dst: ether.MAC{2, 2}, Payload: make([]byte, 8),
					From: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(1000+i)), To: netip.MustParseAddrPort("192.0.2.2:9")})
			}
			own := &frame.Frame{Buf: frames[0], Head: uint32(len(frames[0]))}
			var next [flows]uint32
			home := [flows]int{}
			used := map[int]int{}
			for n := range uint32(each) {
				for i, f := range frames {
					binary.BigEndian.PutUint32(f[42:], uint32(i))
					binary.BigEndian.PutUint32(f[46:], n)
					if err := s.Send(f); err != nil {
						t.Fatal(err)
					}
				}
				if err := c.Queue.Send([]frame.Out{{Frame: own}}); err != nil {
					t.Fatal(err)
				}
				for at, q := range all {
					for {
						var b frame.Batch
						if err := q.Recv(&b); err != nil {
							t.Fatal(err)
						}
						if b.N == 0 {
							break
						}
						for i := range b.N {
							p := b.Frames[i].Bytes()[42:]
							flow, k := binary.BigEndian.Uint32(p), binary.BigEndian.Uint32(p[4:])
							if k != next[flow] || k > 0 && home[flow] != at {
								t.Fatalf("flow %d: frame %d on queue %d, want %d on %d", flow, k, at, next[flow], home[flow])
							}
							home[flow] = at
							next[flow]++
							used[at]++
						}
						q.Release(&b)
					}
				}
			}
			for flow, n := range next {
				if n != each {
					t.Errorf("flow %d: %d frames, want %d", flow, n, each)
				}
			}
			if len(used) != queues {
				t.Errorf("queues used: %v", used)
			}
		})
	}
}

// BenchmarkReceive counts frames that a flood delivers to one queue.
func BenchmarkReceive(b *testing.B) {
	for _, name := range []string{"mmsg", "ring"} {
		b.Run(name, func(b *testing.B) {
			c := driver(ways[name]).Connect(b)
			s := c.Sender(b)
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, _ = s.Flood(ctx, traffic.Build(traffic.Spec{Src: ether.MAC{2, 1}, Dst: ether.MAC{2, 2}}))
			}()
			var batch frame.Batch
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				for batch.N = 0; batch.N == 0; {
					if err := c.Queue.Recv(&batch); err != nil {
						b.Fatal(err)
					}
				}
				n += batch.N
				c.Queue.Release(&batch)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "frames/s")
			cancel()
			<-done
		})
	}
}
