package pipeline

import (
	"runtime/debug"
	"testing"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/porttest"
)

// mappedQueue says that memory is its peer's.
type mappedQueue struct {
	port.Queue
	mem []byte
}

func (q *mappedQueue) Owns(address uintptr) bool { return owns(q.mem, address) }

// TestSegmentsTaken cuts a super-frame whose tail cannot be read to its end: the
// buffers of the segments come back, and the next is cut as ever.
func TestSegmentsTaken(t *testing.T) {
	ports := map[string]*porttest.Port{}
	for _, name := range []string{veth1, veth2, veth3} { // which take no super-frames
		ports[name] = porttest.New(porttest.Options{Name: name})
	}
	b := newBench(t, standard, ports)
	ports[veth2].Deliver(ethernet(ether.Broadcast, mac(2), 60))
	b.turn()
	ports[veth2].Sent()
	super := tcp(t, mac(2), mac(1), 40_000, 1460)
	good := tcp(t, mac(2), mac(3), 40_000, 1460)
	taken, done, err := porttest.Taken(super.Bytes, 20_000)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	super.Bytes = taken
	for _, r := range b.w.rx {
		if r.port == b.e.PortIndex(veth1) {
			r.queue = &mappedQueue{r.queue, taken}
			b.w.tx[r.port] = r.queue
		}
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	ports[veth1].DeliverFrames(super)
	b.turn()
	if !b.e.ports[veth1].gone {
		t.Error("the port whose memory is gone is there")
	}
	if n := b.w.pool.Free(); n != frame.BatchSize {
		t.Errorf("%d buffers are left, want %d", n, frame.BatchSize)
	}
	before, _ := b.e.Counters(veth2)
	ports[veth3].DeliverFrames(good)
	b.turn()
	if after, _ := b.e.Counters(veth2); after.Tx()-before.Tx() != 28 { // 40,000 / 1,460, rounded up
		t.Errorf("%d segments of the next super-frame left, want 28", after.Tx()-before.Tx())
	}
}
