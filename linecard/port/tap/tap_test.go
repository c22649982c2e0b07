package tap_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/inns/innstest"
	"trunkline/linecard/port/tap"
	"trunkline/linecard/port/uring"
	"trunkline/testbed/traffic"
)

// drivers runs a test with each way the driver has to read and write.
func drivers(t *testing.T, test func(t *testing.T, noRing bool)) {
	for _, noRing := range []bool{false, true} {
		name := "io_uring"
		if noRing {
			name = "each"
		}
		t.Run(name, func(t *testing.T) {
			if !noRing {
				r, err := uring.New(1)
				if err != nil {
					t.Skipf("needs io_uring: %v", err)
				}
				if err := r.Close(); err != nil {
					t.Error(err)
				}
			}
			test(t, noRing)
		})
	}
}

func open(t testing.TB, c tap.Config) *tap.Port {
	t.Helper()
	innstest.TUN(t)
	p, err := tap.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func queue(t testing.TB, p port.Port) port.Queue {
	t.Helper()
	q, err := p.Queue(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return q
}

func receive(t testing.TB, q port.Queue, b *frame.Batch) error {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if err := q.Recv(b); err != nil || b.N > 0 {
			return err
		}
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(q.FD()), Events: unix.POLLIN}}, 20)
	}
	t.Fatal("nothing received within 30 s")
	return nil
}

func TestPersistent(t *testing.T) {
	ns := innstest.New(t)
	mac := ether.MAC{2, 0, 0, 0, 0, 7}
	c := tap.Config{Name: "eth0", Namespace: ns, Persist: true, Up: true, MTU: 1450, MAC: mac}
	p := open(t, c)
	if !p.Created() {
		t.Error("a new device was not created")
	}
	if i := p.Info(); i.Kind != "tap" || i.Device != "eth0" || i.MAC != mac || i.MTU != 1450 || !i.Carrier || i.IfIndex == 0 {
		t.Errorf("Info = %+v", i)
	}
	if _, err := tap.Open(c); !errors.Is(err, tap.ErrBusy) {
		t.Errorf("second Open: %v, want ErrBusy", err)
	}
	innstest.IP(t, ns, "addr add 192.0.2.9/24 dev eth0")
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	c.MTU, c.MAC = 9000, ether.MAC{2, 2}
	p = open(t, c)
	if p.Created() {
		t.Error("the device was created again")
	}
	if i := p.Info(); i.MAC != mac || i.MTU != 1450 || !i.Carrier {
		t.Errorf("Info after re-attach = %+v", i)
	}
	if out := innstest.Run(t, ns, "ip", "-br", "addr"); !strings.Contains(out, "192.0.2.9/24") {
		t.Errorf("the address is lost:\n%s", out)
	}
	if err := p.Remove(); err != nil {
		t.Fatal(err)
	}
	if out := innstest.Run(t, ns, "ip", "-br", "link"); strings.Contains(out, "eth0") {
		t.Errorf("the device is still there:\n%s", out)
	}
	if err := p.Close(); err != nil {
		t.Errorf("Close after Remove: %v", err)
	}
}

func TestBadNames(t *testing.T) {
	ns := innstest.New(t)
	open(t, tap.Config{Name: "probe", Namespace: ns})
	innstest.IP(t, ns, "link add wire0 type veth peer name wire1")
	for _, c := range []tap.Config{
		{Name: "", Namespace: ns}, {Name: "sixteen-letters-", Namespace: ns},
		{Name: "wire0", Namespace: ns}, {Name: "eth0", Namespace: "/nowhere"},
	} {
		if p, err := tap.Open(c); err == nil {
			t.Errorf("Open(%+v) succeeded", c)
			_ = p.Remove()
		}
	}
}

// A device may be moved and renamed under the port.
func TestMoved(t *testing.T) {
	a, b := innstest.New(t), innstest.New(t)
	p := open(t, tap.Config{Name: "tap7", Namespace: a})
	innstest.Give(t, a, "tap7", b, "eth7")
	innstest.IP(t, b, "link set eth7 up")
	if i := p.Info(); i.Device != "eth7" || !i.Carrier {
		t.Errorf("Info = %+v", i)
	}
	if err := p.SetMTU(1400); err != nil || p.Info().MTU != 1400 {
		t.Errorf("SetMTU: %v, %+v", err, p.Info())
	}
}

func TestTags(t *testing.T) { drivers(t, testTags) }

func testTags(t *testing.T, noRing bool) {
	ns := innstest.New(t)
	p := open(t, tap.Config{Name: "eth0", Namespace: ns, Up: true, NoRing: noRing})
	q := queue(t, p)
	s, err := traffic.NewSender(ns, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, err := traffic.NewReceiver(ns, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	spec := traffic.Spec{Src: ether.MAC{2, 1}, Dst: ether.MAC{2, 2}, Payload: bytes.Repeat([]byte("z"), 300)}
	plain := traffic.Build(spec)
	spec.Tags = []ether.VLANID{100}
	tagged := traffic.Build(spec)

	var b frame.Batch
	for _, sent := range [][]byte{plain, tagged} {
		if err := s.Send(sent); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []bool{false, true} {
		if i == 0 || b.N == 0 {
			if err := receive(t, q, &b); err != nil {
				t.Fatal(err)
			}
		}
		f := &b.Frames[0]
		if got := f.Flags&frame.Tagged != 0; got != want || want && f.TCI != 100 || b.Drop[0] != frame.Forward {
			t.Errorf("frame %d: tagged %v, TCI %d, %v", i, got, f.TCI, b.Drop[0])
		}
		if d := traffic.Diff(f.Bytes(), plain); d != "" {
			t.Error(d)
		}
		if b.N == 2 {
			b.Frames[0], b.Drop[0] = b.Frames[1], b.Drop[1]
			continue
		}
		b.N = 0
	}
	f := &frame.Frame{Buf: plain[:150], Head: 150, Tail: plain[150:]}
	out := []frame.Out{{Frame: f, Tag: true, TCI: 100}, {Frame: &frame.Frame{}}, {Frame: f}}
	if err := q.Send(out); err != nil || out[0].Drop != frame.Forward || out[1].Drop != frame.TxError || out[2].Drop != frame.Forward {
		t.Fatalf("Send: %v, %v %v %v", err, out[0].Drop, out[1].Drop, out[2].Drop)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for _, want := range [][]byte{tagged, plain} {
		got, err := r.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if d := traffic.Diff(got, want); d != "" {
			t.Error(d)
		}
	}
}

func TestGone(t *testing.T) { drivers(t, testGone) }

func testGone(t *testing.T, noRing bool) {
	ns := innstest.New(t)
	p := open(t, tap.Config{Name: "eth0", Namespace: ns, Up: true, NoRing: noRing})
	q := queue(t, p)
	var b frame.Batch
	f := &frame.Frame{Buf: make([]byte, 60), Head: 60}
	out := []frame.Out{{Frame: f}, {Frame: f}}
	innstest.IP(t, ns, "link set eth0 down")
	if err := q.Recv(&b); err != nil {
		t.Errorf("Recv on a device that is down: %v", err)
	}
	if err := q.Send(out); err != nil || out[0].Drop != frame.TxError || out[1].Drop != frame.TxError {
		t.Errorf("Send on a device that is down: %v %v %v", err, out[0].Drop, out[1].Drop)
	}
	if i := p.Info(); i.Carrier || i.IfIndex == 0 {
		t.Errorf("Info of a device that is down: %+v", i)
	}
	innstest.IP(t, ns, "link del eth0")
	if err := receive(t, q, &b); !errors.Is(err, port.ErrGone) {
		t.Errorf("Recv: %v", err)
	}
	if err := q.Send(out); !errors.Is(err, port.ErrGone) || out[0].Drop != frame.TxError || out[1].Drop != frame.TxError {
		t.Errorf("Send: %v %v %v", err, out[0].Drop, out[1].Drop)
	}
	if i := p.Info(); i.IfIndex != 0 || i.Carrier {
		t.Errorf("Info of a device that is gone: %+v", i)
	}
	if err := p.Remove(); err != nil {
		t.Errorf("Remove of a device that is gone: %v", err)
	}
}

// TestLost sends more than the device's queue holds while nobody reads: every
// frame is received or lost, and a port opened later starts at zero.
func TestLost(t *testing.T) { drivers(t, testLost) }

func testLost(t *testing.T, noRing bool) {
	ns := innstest.New(t)
	c := tap.Config{Name: "eth0", Namespace: ns, Persist: true, Up: true, NoRing: noRing}
	p := open(t, c)
	q := queue(t, p)
	s, err := traffic.NewSender(ns, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	before, err := traffic.Count(ns, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Flood(ctx, traffic.Build(traffic.Spec{Src: ether.MAC{2, 1}, Dst: ether.MAC{2, 2}})); err != nil {
		t.Fatal(err)
	}
	after, err := traffic.Count(ns, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	want := after.TxDrops - before.TxDrops
	if got := p.Lost(); got != want || got == 0 {
		t.Errorf("%d lost, the device says %d", got, want)
	}
	if err := errors.Join(q.Close(), p.Close()); err != nil {
		t.Fatal(err)
	}
	if got := p.Lost(); got != want {
		t.Errorf("%d lost once closed, want %d", got, want)
	}
	p = open(t, c)
	if got := p.Lost(); got != 0 {
		t.Errorf("%d lost at the open", got)
	}
}

func TestNoAllocation(t *testing.T) { drivers(t, testNoAllocation) }

func testNoAllocation(t *testing.T, noRing bool) {
	ns := innstest.New(t)
	p := open(t, tap.Config{Name: "eth0", Namespace: ns, Up: true, NoRing: noRing})
	q := queue(t, p)
	s, err := traffic.NewSender(ns, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
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

// Nothing may be left of a port that was opened and closed.
func TestNoLeak(t *testing.T) { drivers(t, testNoLeak) }

func testNoLeak(t *testing.T, noRing bool) {
	ns := innstest.New(t)
	probe := open(t, tap.Config{Name: "probe", Namespace: ns})
	_ = probe
	turn := func() {
		p, err := tap.Open(tap.Config{Name: "eth0", Namespace: ns, NoRing: noRing})
		if err != nil {
			t.Fatal(err)
		}
		q, err := p.Queue(0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(q.Close(), p.Close()); err != nil {
			t.Fatal(err)
		}
	}
	turn()
	fds, maps := count(t, "/proc/self/fd"), lines(t, "/proc/self/maps")
	for range 40 {
		turn()
	}
	if now := count(t, "/proc/self/fd"); now > fds+3 {
		t.Errorf("%d descriptors, %d before", now, fds)
	}
	if now := lines(t, "/proc/self/maps"); now > maps+15 {
		t.Errorf("%d mappings, %d before", now, maps)
	}
}

func count(t *testing.T, dir string) int {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func lines(t *testing.T, file string) int {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(b, []byte("\n"))
}
