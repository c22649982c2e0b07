package pipeline

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"trunkline/internal/ether"
	"trunkline/linecard/frame"
	"trunkline/linecard/port"
	"trunkline/linecard/port/porttest"
)

// start runs an engine with the standard program until the test ends.
func start(t *testing.T, c Config, ports map[string]port.Port) *Engine {
	t.Helper()
	e := New(c)
	if err := e.Apply(standard); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for name, p := range ports {
		if err := e.SetPort(name, p); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

// TestReceiveQueues attaches a port with more receive queues than there are
// workers: each worker gets its share, each flow keeps its order.
func TestReceiveQueues(t *testing.T) {
	const queues, perQueue = 7, 500
	in := porttest.New(porttest.Options{Name: veth1, Receivers: queues})
	out := porttest.New(porttest.Options{Name: veth2})
	e := start(t, Config{Workers: 3}, map[string]port.Port{veth1: in, veth2: out})
	var owned [3]int
	for q := range queues {
		owned[in.Owner(q)]++
	}
	owned[out.Owner(0)]++
	if slices.Min(owned[:]) < 2 {
		t.Errorf("receive queues by worker: %v", owned)
	}
	status := e.Ports()[slices.IndexFunc(e.Ports(), func(p PortStatus) bool { return p.Name == veth1 })]
	if len(status.Workers) != queues {
		t.Errorf("the port's workers are %v", status.Workers)
	}
	out.Deliver(ethernet(ether.Broadcast, mac(1000), 60))
	wait(t, "the receiver to be known", func() bool { return e.FDB().Count(e.PortIndex(veth2)) == 1 })
	for n := range perQueue {
		for q := range queues {
			f := ethernet(mac(1000), mac(1+q), 60)
			binary.BigEndian.PutUint32(f[20:], uint32(n))
			in.DeliverTo(q, porttest.Frame{Bytes: f})
		}
	}
	var next [queues]uint32
	total := 0
	wait(t, "all frames", func() bool {
		for _, f := range out.Sent() {
			flow := int(f.Bytes[11]) - 1
			if n := binary.BigEndian.Uint32(f.Bytes[20:]); n != next[flow] {
				t.Fatalf("flow %d: frame %d, want %d", flow, n, next[flow])
			}
			next[flow]++
			total++
		}
		return total == queues*perQueue
	})
	if err := e.RemovePort(veth1); err != nil {
		t.Error(err)
	}
	if closed, n := in.Closed(); !closed || n != 0 {
		t.Errorf("removed: closed %v, %d queues open", closed, n)
	}
	checkSum(t, e)
}

// TestNoQueue fails to open the last queue of a port: those opened before are
// closed.
func TestNoQueue(t *testing.T) {
	p := porttest.New(porttest.Options{Name: veth1, Receivers: 4})
	e := New(Config{Workers: 2})
	if err := e.SetPort(veth1, stingy{p}); !errors.Is(err, errStingy) {
		t.Errorf("error %v", err)
	}
	if closed, n := p.Closed(); !closed || n != 0 {
		t.Errorf("closed %v, %d queues open", closed, n)
	}
}

var errStingy = errors.New("no more queues")

// stingy is a port that will not open its last queue.
type stingy struct{ *porttest.Port }

func (p stingy) Queue(worker, receive int) (port.Queue, error) {
	if receive == 3 {
		return nil, errStingy
	}
	return p.Port.Queue(worker, receive)
}

// TestArmed sends frames one at a time through queues that tell of frames only
// when they are asked to, so that most of them meet a worker about to sleep:
// one wake-up lost would be for ever.
func TestArmed(t *testing.T) {
	for _, c := range []struct {
		name string
		spin time.Duration
	}{{"no spin", SpinOff}, {"spin", 20 * time.Microsecond}, {"for ever", SpinForever}} {
		t.Run(c.name, func(t *testing.T) {
			a := porttest.New(porttest.Options{Name: veth1, Armed: true, Receivers: 2})
			b := porttest.New(porttest.Options{Name: veth2, Armed: true})
			plain := porttest.New(porttest.Options{Name: veth3})
			e := start(t, Config{Spin: c.spin}, map[string]port.Port{veth1: a, veth2: b, veth3: plain})
			frame := ethernet(ether.Broadcast, mac(1), 60)
			deadline := time.Now().Add(20 * time.Second)
			for n := range 300 {
				a.DeliverTo(n%2, porttest.Frame{Bytes: frame})
				for len(b.Sent()) == 0 {
					if time.Now().After(deadline) {
						t.Fatalf("frame %d did not pass", n)
					}
					runtime.Gosched()
				}
			}
			if s := e.Workers()[0]; (s.Sleeps == 0) != (c.spin == SpinForever) {
				t.Errorf("the worker slept %d times", s.Sleeps)
			}
			checkSum(t, e)
		})
	}
}

// TestManyQueues goes over from few queues to many and back: all of them wake
// the worker, and those that are idle are not looked at.
func TestManyQueues(t *testing.T) {
	b := newBench(t, fullCard, nil)
	if err := b.w.open(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		pool := b.w.pool
		b.w.shut()
		b.w.pool = pool
	}()
	b.w.running = false // commands run at once
	const n = 100
	ports := make([]*porttest.Port, n)
	for i := range ports {
		ports[i] = porttest.New(porttest.Options{})
		if err := b.e.SetPort(fmt.Sprint("Vethernet", i+1), ports[i]); err != nil {
			t.Fatal(err)
		}
	}
	idle := func() {
		t.Helper()
		for range 2 * hotRounds * pollSpin {
			if b.w.round(1) == 0 && len(b.w.hot) == 0 {
				break
			}
		}
		if len(b.w.hot) != 0 {
			t.Fatalf("%d queues are hot", len(b.w.hot))
		}
	}
	each := func(from int) {
		t.Helper()
		for i, p := range ports[from:] {
			p.Deliver(ethernet(ether.Broadcast, mac(i+1), 60))
			b.w.round(1)
			if len(b.w.hot) != 1 {
				t.Fatalf("queue %d is ready: %d are hot", i, len(b.w.hot))
			}
			idle()
			if p.Waiting() != 0 {
				t.Fatalf("queue %d was not served", i)
			}
		}
	}
	idle()
	if b.w.poller.ep < 0 {
		t.Skip("no epoll here")
	}
	each(0)
	for i := range n - 3 {
		if err := b.e.RemovePort(fmt.Sprint("Vethernet", i+1)); err != nil {
			t.Fatal(err)
		}
	}
	idle()
	if b.w.poller.ep >= 0 {
		t.Error("three queues are watched with epoll")
	}
	each(n - 3)
	if n := len(b.w.poller.owner); n > 102 {
		t.Errorf("the poller has %d slots", n)
	}
	b.checkSum()
}

// TestMemoryTaken truncates memory that a port shares with its peer: that port
// is given up, whether it is received from or sent to, and no other.
func TestMemoryTaken(t *testing.T) {
	for _, c := range []struct{ name, lost string }{{"receive", veth1}, {"send", veth2}} {
		t.Run(c.name, func(t *testing.T) {
			shared := &sharedPort{Port: porttest.New(porttest.Options{Name: c.lost})}
			other := porttest.New(porttest.Options{Name: "other"})
			third := porttest.New(porttest.Options{Name: veth3})
			lost := make(chan Event, 8)
			with := map[string]port.Port{c.lost: shared, veth3: third}
			if c.lost == veth1 {
				with[veth2] = other
			} else {
				with[veth1] = other
			}
			e := start(t, Config{OnEvent: func(ev Event) {
				if ev.Kind == EventGone || ev.Kind == EventFault {
					lost <- ev
				}
			}}, with)
			shared.Deliver(ethernet(ether.Broadcast, mac(1), 60))
			other.Deliver(ethernet(ether.Broadcast, mac(2), 60))
			wait(t, "two frames", func() bool { c, _ := e.Counters(veth3); return c.Tx() == 2 })
			if err := unix.Ftruncate(shared.fd, 0); err != nil {
				t.Fatal(err)
			}
			if c.lost == veth1 {
				shared.Deliver(ethernet(ether.Broadcast, mac(1), 60))
			} else {
				other.Deliver(ethernet(mac(1), mac(2), 60))
			}
			select {
			case ev := <-lost:
				if ev.Kind != EventGone || ev.Port != c.lost || !errors.Is(ev.Err, port.ErrGone) {
					t.Errorf("event %+v", ev)
				}
			case <-time.After(30 * time.Second):
				t.Fatal("the loss is not reported")
			}
			before, _ := e.Counters(veth3)
			other.Deliver(ethernet(ether.Broadcast, mac(2), 60))
			wait(t, "a frame between the others", func() bool { c, _ := e.Counters(veth3); return c.Tx() == before.Tx()+1 })
			checkSum(t, e)
		})
	}
}

// sharedPort touches memory in a file whenever it moves a frame.
type sharedPort struct {
	*porttest.Port
	fd  int
	mem []byte
}

func (p *sharedPort) Queue(worker, receive int) (port.Queue, error) {
	q, err := p.Port.Queue(worker, receive)
	if err != nil {
		return nil, err
	}
	if p.fd, err = unix.MemfdCreate("shared", 0); err != nil {
		return nil, err
	}
	if err = unix.Ftruncate(p.fd, 4096); err != nil {
		return nil, err
	}
	p.mem, err = unix.Mmap(p.fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return &sharedQueue{Queue: q, p: p}, err
}

type sharedQueue struct {
	port.Queue
	p *sharedPort
}

func (q *sharedQueue) Owns(address uintptr) bool { return owns(q.p.mem, address) }

func (q *sharedQueue) Recv(b *frame.Batch) error {
	if q.p.Waiting() > 0 {
		q.p.mem[0]++
	}
	return q.Queue.Recv(b)
}

func (q *sharedQueue) Send(out []frame.Out) error {
	q.p.mem[1]++
	return q.Queue.Send(out)
}

func (q *sharedQueue) Close() error {
	return errors.Join(unix.Munmap(q.p.mem), unix.Close(q.p.fd), q.Queue.Close())
}

func owns(mem []byte, address uintptr) bool {
	from := uintptr(unsafe.Pointer(unsafe.SliceData(mem)))
	return address >= from && address < from+uintptr(len(mem))
}

// TestCommandsInTime gives the worker a message in the middle of a round: it
// looks at it before the queues that are left, which come first afterwards.
func TestCommandsInTime(t *testing.T) {
	ports := allPorts(veth1, veth2, veth3)
	b := newBench(t, standard, ports)
	for _, p := range ports {
		p.Deliver(ethernet(ether.Broadcast, mac(1), 60))
	}
	b.w.pending.Store(true)
	if n := b.w.round(1); n != 0 || len(b.w.hot) != 3 {
		t.Errorf("a round that was called off served %d frames, %d queues are hot", n, len(b.w.hot))
	}
	first := b.w.hot[0]
	b.w.pending.Store(false)
	left := &called{Queue: first.queue, w: b.w}
	first.queue = left
	if n := b.w.round(1); n != 1 || len(b.w.hot) != 3 || b.w.hot[2] != first {
		t.Errorf("a round called off after a queue served %d frames; hot %v, served %v", n, b.w.hot, first)
	}
	first.queue = left.Queue
	b.w.commands()
	if n := b.w.round(1); n != 2 {
		t.Errorf("the next round served %d frames", n)
	}
	b.checkSum()
}

// called is a queue during whose Recv a message arrives.
type called struct {
	port.Queue
	w *Worker
}

func (c *called) Recv(b *frame.Batch) error {
	c.w.pending.Store(true)
	return c.Queue.Recv(b)
}
