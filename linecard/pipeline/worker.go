package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"trunkline/linecard/bridge"
	"trunkline/linecard/frame"
	"trunkline/linecard/port"
)

const (
	maxErrors  = 16 // receive errors in a row after which a device counts as gone
	segmentOut = 2 * frame.BatchSize
)

// Worker carries frames. Stages get it as a handle on what belongs to the
// worker they run on.
type Worker struct {
	id  int
	e   *Engine
	cpu atomic.Int32 // pinned to; -1: not pinned

	batch  frame.Batch
	keys   bridge.Keys
	lists  bridge.Lists
	copies bridge.Copies
	at     int // frame in work
	sent   int // egress lists dealt with
	phase  phase

	rx       []*receiver // all receive queues
	hot      []*receiver // those that are polled every round
	tx       [MaxPorts]port.Queue
	offloads [MaxPorts]port.Offloads
	dead     [MaxPorts]bool // reported gone
	counters []portCounters

	seg      frame.Segmenter
	pool     *frame.Pool
	segments [frame.BatchSize]frame.Frame
	segBufs  [frame.BatchSize][]byte
	out      [segmentOut]frame.Out

	event  int // eventfd that wakes the worker
	poller poller
	spin   spin
	stats  workerStats

	pending atomic.Bool // the mailbox holds something
	mu      sync.Mutex
	running bool
	mail    []func()
	inject  []injection
}

type phase uint8

const (
	atRecv phase = iota
	atStages
	atSend
)

func newWorker(e *Engine, id int) *Worker {
	w := &Worker{id: id, e: e, event: -1, counters: make([]portCounters, MaxPorts)}
	w.poller.event, w.poller.ep = -1, -1
	w.cpu.Store(-1)
	return w
}

// ID returns the worker's number, from 0.
func (w *Worker) ID() int { return w.id }

// open makes what the worker needs to run.
func (w *Worker) open() error {
	pool, err := frame.NewPool(frame.BatchSize, frame.SegmentBuf)
	if err != nil {
		return fmt.Errorf("start worker %d: %w", w.id, err)
	}
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		_ = pool.Close() // nothing is in use
		return fmt.Errorf("start worker %d: open eventfd: %w", w.id, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pool, w.event, w.running = pool, fd, true
	w.poller.event = fd
	return nil
}

// shut is the inverse of open. What is still in the mailbox runs.
func (w *Worker) shut() {
	w.mu.Lock()
	w.running = false
	mail := w.mail
	w.mail = nil
	fd := w.event
	w.event = -1
	w.poller.close()
	w.mu.Unlock()
	for _, fn := range mail {
		fn()
	}
	_ = unix.Close(fd) // an eventfd has nothing to lose
	_ = w.pool.Close() // unmapping what was mapped
	w.pool = nil
}

// do runs fn on the worker between two rounds and waits for it.
func (w *Worker) do(fn func()) {
	w.mu.Lock()
	if !w.running {
		defer w.mu.Unlock()
		fn()
		return
	}
	done := make(chan struct{})
	w.mail = append(w.mail, func() { fn(); close(done) })
	w.pending.Store(true)
	w.wake()
	w.mu.Unlock()
	<-done
}

// wake ends the worker's sleep. Called with mu held.
func (w *Worker) wake() {
	if w.event >= 0 {
		one := [8]byte{1}
		_, _ = unix.Write(w.event, one[:]) // EAGAIN: it is awake already
	}
}

// commands runs what is in the mailbox. Frames come first: a command that was
// given after a frame finds it sent.
func (w *Worker) commands() {
	w.pending.Store(false)
	w.mu.Lock()
	mail, inject := w.mail, w.inject
	w.mail, w.inject = nil, nil
	w.mu.Unlock()
	for i := range inject {
		w.transmitInjected(&inject[i])
	}
	for _, fn := range mail {
		fn()
	}
}

// attach takes over a port's queues. It sends through the first, and receives
// from all that are receive queues.
func (w *Worker) attach(index uint16, queues []ownQueue, o port.Offloads) {
	w.tx[index], w.offloads[index], w.dead[index] = queues[0].Queue, o, false
	w.lists.Open(index)
	for _, q := range queues {
		if q.receive == port.SendOnly {
			continue
		}
		r := &receiver{port: index, queue: q.Queue, fd: q.FD(), slot: -1}
		r.armed, _ = q.Queue.(port.Armed)
		w.rx = append(w.rx, r)
		if r.fd >= 0 {
			w.poller.add(r)
		}
		w.heat(r, 0)
	}
}

// detach lets go of a port's queues and closes them.
func (w *Worker) detach(index uint16) error {
	send := w.tx[index]
	w.tx[index] = nil
	w.lists.Close(index)
	var errs []error
	out := func(r *receiver) bool { return r.port == index }
	for _, r := range w.rx {
		if out(r) {
			w.poller.remove(r)
			if r.queue != send {
				errs = append(errs, r.queue.Close())
			}
		}
	}
	w.rx = slices.DeleteFunc(w.rx, out)
	w.hot = slices.DeleteFunc(w.hot, out)
	if send != nil {
		errs = append(errs, send.Close())
	}
	return errors.Join(errs...)
}
