package pipeline

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/porttest"
)

// bench is an engine whose single worker is driven by hand, one round at a
// time, with ports in memory.
type bench struct {
	t     testing.TB
	e     *Engine
	w     *Worker
	ports map[string]*porttest.Port
	now   int64
}

const (
	veth1, veth2, veth3 = "Vethernet1", "Vethernet2", "Vethernet3"
	eth1, eth2, eth3    = "Ethernet3/1", "Ethernet3/2", "Ethernet3/3"
)

func newBench(t testing.TB, build func(*Builder) error, ports map[string]*porttest.Port) *bench {
	t.Helper()
	b := &bench{t: t, e: New(Config{}), ports: ports}
	b.w = b.e.workers[0]
	if err := b.e.Apply(build); err != nil {
		t.Fatal(err)
	}
	for name, p := range ports {
		if err := b.e.SetPort(name, p); err != nil {
			t.Fatal(err)
		}
	}
	pool, err := frame.NewPool(frame.BatchSize, frame.SegmentBuf)
	if err != nil {
		t.Fatal(err)
	}
	b.w.pool = pool
	t.Cleanup(func() {
		if err := b.e.closeAll(); err != nil {
			t.Error(err)
		}
		if n := pool.Free(); n != frame.BatchSize {
			t.Errorf("%d buffers left in the pool, want %d", n, frame.BatchSize)
		}
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// turn runs rounds until nothing is received any more, and handles what the
// worker posted.
func (b *bench) turn() {
	b.t.Helper()
	for range 1000 {
		n := 0
		for _, r := range b.w.rx {
			if !r.gone {
				n += b.w.serve(r, b.now)
			}
		}
		b.now += 1000
		for len(b.e.events) > 0 {
			b.e.handle(<-b.e.events)
		}
		if b.w.pending.Load() {
			b.w.commands()
		}
		if n == 0 {
			return
		}
	}
	b.t.Fatal("never idle")
}

// checkSum checks the accounting rule.
func (b *bench) checkSum() {
	b.t.Helper()
	checkSum(b.t, b.e)
}

func checkSum(t testing.TB, e *Engine) {
	t.Helper()
	var rx, rxDrops, tx, txDrops, flooded, copies, injected uint64
	for _, p := range e.Ports() {
		rx += p.Counters.Rx()
		tx += p.Counters.Tx()
		for r := range p.Counters.RxDrops {
			rxDrops += p.Counters.RxDrops[r]
			txDrops += p.Counters.TxDrops[r]
		}
	}
	for _, w := range e.Workers() {
		flooded += w.Flooded
		copies += w.Copies
		injected += w.Injected
	}
	if rx+injected+copies-flooded != rxDrops+tx+txDrops {
		t.Errorf("unaccounted: rx %d + injected %d + copies %d - flooded %d != rx drops %d + tx %d + tx drops %d",
			rx, injected, copies, flooded, rxDrops, tx, txDrops)
	}
}

// mac returns a unicast address.
func mac(n int) ether.MAC { return ether.MAC{2, 0, 0, byte(n >> 16), byte(n >> 8), byte(n)} }

// ethernet returns a frame of the given length.
func ethernet(dst, src ether.MAC, length int) []byte {
	b := make([]byte, max(length, 14))
	copy(b, dst[:])
	copy(b[6:], src[:])
	binary.BigEndian.PutUint16(b[12:], 0x88b5) // local experimental
	for i := 14; i < len(b); i++ {
		b[i] = byte(i)
	}
	return b[:length]
}

// standard has three vEthernets in VLAN 10 and two plain Ethernets: one access
// port of VLAN 10, one trunk of 10 and 20 with native 1.
func standard(b *Builder) error {
	b.Activate(ether.VLANs(1, 10, 20))
	for i, name := range []string{veth1, veth2, veth3} {
		p, err := b.AddPort(name)
		if err != nil {
			return err
		}
		p.Vethernet, p.Up, p.Number = true, true, i+1
		p.PVID, p.Allowed = 10, ether.VLANs(10)
	}
	for i, name := range []string{eth1, eth2} {
		p, err := b.AddPort(name)
		if err != nil {
			return err
		}
		p.Up, p.Number, p.MTU = true, i+1, 1500
		p.PVID, p.Allowed = 10, ether.VLANs(10)
		if name == eth2 {
			p.Trunk, p.PVID, p.Allowed = true, 1, ether.VLANs(1, 10, 20)
		}
	}
	return nil
}

func allPorts(names ...string) map[string]*porttest.Port {
	m := map[string]*porttest.Port{}
	for _, n := range names {
		m[n] = porttest.New(porttest.Options{Name: n, Offloads: port.Csum | port.TSO4 | port.TSO6 | port.USO})
	}
	return m
}

func TestPing(t *testing.T) {
	ports := allPorts(veth1, veth2)
	e := New(Config{})
	if err := e.Apply(standard); err != nil {
		t.Fatal(err)
	}
	for n, p := range ports {
		if err := e.SetPort(n, p); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	ports[veth1].Deliver(ethernet(ether.Broadcast, mac(1), 60))
	wait(t, "the broadcast", func() bool { return len(ports[veth2].Sent()) == 1 })
	ports[veth2].Deliver(ethernet(mac(1), mac(2), 60))
	wait(t, "the answer", func() bool { return len(ports[veth1].Sent()) == 1 })
	if err := e.RemovePort(veth1); err != nil {
		t.Error(err)
	}
	if closed, _ := ports[veth1].Closed(); !closed {
		t.Error("removed port is not closed")
	}
	checkSum(t, e)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if closed, n := ports[veth2].Closed(); !closed || n != 0 {
		t.Errorf("after Run: closed %v, %d queues open", closed, n)
	}
}

// TestNoLostWakeup leaves a message when the worker has looked at its mailbox and
// has not polled yet: it must not sleep on it.
func TestNoLostWakeup(t *testing.T) {
	w := New(Config{}).workers[0]
	if err := w.open(); err != nil {
		t.Fatal(err)
	}
	defer w.shut()
	done := make(chan struct{})
	go func() { w.do(func() {}); close(done) }()
	wait(t, "the message", w.pending.Load)
	wait(t, "its wake-up call", func() bool {
		w.mu.Lock() // held until the call is made
		defer w.mu.Unlock()
		return len(w.mail) == 1
	})
	w.round(0) // drains the call
	slept := make(chan struct{})
	go func() { w.sleep(0); close(slept) }()
	select {
	case <-slept:
	case <-time.After(5 * time.Second):
		w.mu.Lock()
		w.wake()
		w.mu.Unlock()
		<-slept
		t.Error("the worker sleeps on a message")
	}
	w.commands()
	<-done
}

// wait polls a condition.
func wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
