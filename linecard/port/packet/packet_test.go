package packet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/inns/innstest"
	"trunkline/linecard/port/packet"
	"trunkline/testbed/traffic"
)

// cable makes a veth eth0 (host) to p1 (card) and opens p1.
func cable(t testing.TB, c packet.Config) (host, card string, p *packet.Port, q port.Queue) {
	t.Helper()
	card, host = innstest.New(t), innstest.New(t)
	innstest.Veth(t, host, "eth0", card, "p1")
	innstest.IP(t, host, "link set eth0 mtu 9500 up")
	innstest.IP(t, card, "link set p1 mtu 9500 up")
	c.Device, c.Namespace = "p1", card
	p, err := packet.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	if q, err = p.Queue(0, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return host, card, p, q
}

// receive polls the queue until it has something or the deadline passes.
func receive(t testing.TB, q port.Queue, b *frame.Batch) error {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Second); time.Now().Before(deadline); {
		if err := q.Recv(b); err != nil || b.N > 0 {
			return err
		}
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(q.FD()), Events: unix.POLLIN}}, 20)
	}
	t.Fatal("nothing received within 3 s")
	return nil
}

func sender(t testing.TB, ns, device string) *traffic.Sender {
	t.Helper()
	s, err := traffic.NewSender(ns, device)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestTagRestored(t *testing.T) {
	for _, plain := range []bool{false, true} {
		t.Run(fmt.Sprintf("plain=%v", plain), func(t *testing.T) {
			host, _, _, q := cable(t, packet.Config{Plain: plain})
			s := sender(t, host, "eth0")
			spec := traffic.Spec{Src: ether.MAC{2, 1}, Dst: ether.MAC{2, 2}, Payload: bytes.Repeat([]byte("x"), 200)}
			untagged := traffic.Build(spec)
			spec.Tags = []ether.VLANID{100}
			single := traffic.Build(spec)
			spec.Tags = []ether.VLANID{100, 7}
			double := traffic.Build(spec)
			spec.Tags = []ether.VLANID{7}
			inner := traffic.Build(spec)
			service := bytes.Clone(single)
			service[12], service[13] = 0x88, 0xa8
			for _, c := range []struct {
				name   string
				sent   []byte
				tagged bool
				want   []byte
			}{
				{"untagged", untagged, false, untagged},
				{"single", single, true, untagged},
				{"double", double, true, inner},
				{"S-tag", service, false, service},
			} {
				if err := s.Send(c.sent); err != nil {
					t.Fatal(err)
				}
				var b frame.Batch
				if err := receive(t, q, &b); err != nil {
					t.Fatal(err)
				}
				f := &b.Frames[0]
				if b.N != 1 || b.Drop[0] != frame.Forward || f.Flags&frame.Tagged != 0 != c.tagged || c.tagged && f.TCI != 100 {
					t.Errorf("%s: %d frames, %v, flags %d, TCI %d", c.name, b.N, b.Drop[0], f.Flags, f.TCI)
				}
				if d := traffic.Diff(f.Bytes(), c.want); d != "" {
					t.Errorf("%s: %s", c.name, d)
				}
				q.Release(&b)
			}
		})
	}
}

func TestTagInserted(t *testing.T) {
	host, _, _, q := cable(t, packet.Config{})
	r, err := traffic.NewReceiver(host, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	spec := traffic.Spec{Src: ether.MAC{2, 1}, Dst: ether.MAC{2, 2}, Payload: bytes.Repeat([]byte("y"), 3000)}
	plain := traffic.Build(spec)
	spec.Tags = []ether.VLANID{42}
	want := traffic.Build(spec)
	// Head and tail apart, as after a receive.
	f := &frame.Frame{Buf: plain[:200], Head: 200, Tail: plain[200:]}
	bad := &frame.Frame{Buf: plain[:10], Head: 10}
	long := &frame.Frame{Buf: make([]byte, 200), Head: 200, Tail: make([]byte, 20000)}
	// A lie about the checksum: the kernel refuses the frame, not the burst.
	lie := &frame.Frame{Buf: plain[:200], Head: 200, Flags: frame.NeedsCsum, CsumStart: 5000, CsumOffset: 2}
	out := []frame.Out{{Frame: bad}, {Frame: long}, {Frame: f, Tag: true, TCI: 42}, {Frame: lie}, {Frame: f}}
	if err := q.Send(out); err != nil {
		t.Fatal(err)
	}
	for i, want := range []frame.Reason{frame.TxError, frame.Giant, frame.Forward, frame.TxError, frame.Forward} {
		if out[i].Drop != want {
			t.Errorf("frame %d: %v, want %v", i, out[i].Drop, want)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	for _, w := range [][]byte{want, plain} {
		got, err := r.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if d := traffic.Diff(got, w); d != "" {
			t.Error(d)
		}
	}
}

func TestGiant(t *testing.T) {
	host, card, _, q := cable(t, packet.Config{})
	innstest.IP(t, host, "link set eth0 mtu 65535")
	innstest.IP(t, card, "link set p1 mtu 65535")
	s := sender(t, host, "eth0")
	var b frame.Batch
	for _, c := range []struct {
		length int
		want   frame.Reason
	}{{frame.MaxWire, frame.Forward}, {frame.MaxWire + 1, frame.Giant}, {9600, frame.Giant}, {60000, frame.Giant}} {
		if err := s.Send(traffic.Build(traffic.Spec{Src: ether.MAC{2}, Len: c.length})); err != nil {
			t.Fatal(err)
		}
		if err := receive(t, q, &b); err != nil {
			t.Fatal(err)
		}
		if b.Drop[0] != c.want || b.Frames[0].Len() != c.length {
			t.Errorf("%d bytes: %v, length %d, want %v", c.length, b.Drop[0], b.Frames[0].Len(), c.want)
		}
	}
}

func TestGone(t *testing.T) {
	_, card, p, q := cable(t, packet.Config{})
	var b frame.Batch
	innstest.IP(t, card, "link set p1 down")
	if err := q.Recv(&b); err != nil {
		t.Errorf("Recv on a device that is down: %v", err)
	}
	if p.Info().Carrier {
		t.Error("carrier on a device that is down")
	}
	innstest.IP(t, card, "link set p1 up")
	innstest.IP(t, card, "link del p1")
	if err := receive(t, q, &b); !errors.Is(err, port.ErrGone) {
		t.Errorf("Recv on a device that is gone: %v", err)
	}
	f := &frame.Frame{Buf: make([]byte, 60), Head: 60}
	out := []frame.Out{{Frame: f}, {Frame: f}}
	if err := q.Send(out); !errors.Is(err, port.ErrGone) || out[0].Drop != frame.TxError || out[1].Drop != frame.TxError {
		t.Errorf("Send: %v, %v %v", err, out[0].Drop, out[1].Drop)
	}
	if _, err := p.Queue(1, 0); !errors.Is(err, port.ErrGone) {
		t.Errorf("Queue: %v", err)
	}
}

// Frames that find the receive buffer full are counted.
func TestLost(t *testing.T) {
	host, card, p, q := cable(t, packet.Config{})
	s := sender(t, host, "eth0")
	flood := traffic.Build(traffic.Spec{Src: ether.MAC{2, 1}, Dst: ether.MAC{2, 2}, Len: 9000})
	for round := 0; p.Lost() == 0; round++ {
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
		if err := q.Recv(&b); err != nil {
			t.Fatal(err)
		}
		if b.N == 0 {
			break
		}
		received += uint64(b.N)
	}
	c, err := traffic.Count(card, "p1")
	if err != nil {
		t.Fatal(err)
	}
	if got := received + p.Lost(); got != c.RxFrames {
		t.Errorf("%d received and %d lost, want %d", received, p.Lost(), c.RxFrames)
	}
}

func TestNoAllocation(t *testing.T) {
	host, _, _, q := cable(t, packet.Config{})
	s := sender(t, host, "eth0")
	small := traffic.Build(traffic.Spec{Src: ether.MAC{2, 1}, Dst: ether.MAC{2, 2}, Tags: []ether.VLANID{9}})
	var b frame.Batch
	out := make([]frame.Out, 0, frame.BatchSize)
	seen := 0
	allocs := testing.AllocsPerRun(200, func() {
		if err := s.Send(small); err != nil {
			t.Fatal(err)
		}
		if err := q.Recv(&b); err != nil {
			t.Fatal(err)
		}
		out = out[:b.N]
		for i := range b.N {
			out[i] = frame.Out{Frame: &b.Frames[i], Tag: true, TCI: b.Frames[i].TCI}
		}
		if err := q.Send(out); err != nil {
			t.Fatal(err)
		}
		q.Release(&b)
		seen += b.N
	})
	if allocs != 0 || seen < 200 {
		t.Errorf("%v allocations per frame in %d frames, want 0", allocs, seen)
	}
}

// BenchmarkReceive counts frames that a flood delivers to one queue.
func BenchmarkReceive(b *testing.B) {
	host, _, _, q := cable(b, packet.Config{})
	s := sender(b, host, "eth0")
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
			if err := q.Recv(&batch); err != nil {
				b.Fatal(err)
			}
		}
		n += batch.N
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "frames/s")
	cancel()
	<-done
}
