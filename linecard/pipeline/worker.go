package pipeline

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/internal/timerslack"
	"trunkline/linecard/bridge"
	"trunkline/linecard/frame"
	"trunkline/linecard/port"
)

// Scheduling of receive queues, in rounds without a frame and in ns.
const (
	hotRounds  = 8 // a queue that found nothing so often is left to ppoll
	pollEvery  = 4 // rounds between looks at the idle queues while others are busy
	barrenMax  = 64
	barrenNap  = 10 * time.Millisecond // of a descriptor that polls ready for nothing
	busyPoll   = 500 * time.Microsecond
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
	lists  bridge.Lists
	copies bridge.Copies
	at     int // frame in work
	sent   int // egress lists dealt with
	phase  phase

	rx       []*receiver
	tx       [MaxPorts]port.Queue
	offloads [MaxPorts]port.Offloads
	dead     [MaxPorts]bool // reported gone
	counters []portCounters

	seg      frame.Segmenter
	pool     *frame.Pool
	segments [frame.BatchSize]frame.Frame
	segBufs  [frame.BatchSize][]byte
	out      [segmentOut]frame.Out

	event int           // eventfd that wakes the worker
	fds   []unix.PollFd // the eventfd, then the queues
	owner []*receiver   // of each of fds; nil for the eventfd
	stats workerStats

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

// receiver is one receive queue the worker owns.
type receiver struct {
	port   uint16
	queue  port.Queue
	fd     int
	idle   int // rounds without a frame
	barren int // times it polled ready and had nothing
	nap    int64
	errors int
	gone   bool
}

func newWorker(e *Engine, id int) *Worker {
	w := &Worker{id: id, e: e, event: -1, counters: make([]portCounters, MaxPorts)}
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
	w.arrange()
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

// attach takes over a port's queue; receive says whether to poll it.
func (w *Worker) attach(index uint16, q port.Queue, receive bool, o port.Offloads) {
	w.tx[index], w.offloads[index], w.dead[index] = q, o, false
	w.lists.Open(index)
	if receive {
		w.rx = append(w.rx, &receiver{port: index, queue: q, fd: q.FD()})
		w.arrange()
	}
}

// detach lets go of a port's queue and closes it.
func (w *Worker) detach(index uint16) error {
	q := w.tx[index]
	w.tx[index] = nil
	w.lists.Close(index)
	for i, r := range w.rx {
		if r.port == index {
			w.rx = append(w.rx[:i:i], w.rx[i+1:]...)
			break
		}
	}
	w.arrange()
	if q == nil {
		return nil
	}
	return q.Close()
}

// arrange rebuilds the poll set.
func (w *Worker) arrange() {
	w.fds, w.owner = w.fds[:0], w.owner[:0]
	if w.event < 0 {
		return
	}
	w.fds = append(w.fds, unix.PollFd{Fd: int32(w.event), Events: unix.POLLIN})
	w.owner = append(w.owner, nil)
	for _, r := range w.rx {
		if r.fd >= 0 && !r.gone {
			w.fds = append(w.fds, unix.PollFd{Fd: int32(r.fd), Events: unix.POLLIN})
			w.owner = append(w.owner, r)
		}
	}
}

// run polls until stop.
func (w *Worker) run(stop <-chan struct{}) {
	runtime.LockOSThread() // and never unlocked: the thread ends with the worker
	// A late nap is only a late look at a queue, so an error changes nothing.
	_ = timerslack.Thread(timerslack.Default)
	if cpu := w.cpu.Load(); cpu >= 0 {
		var set unix.CPUSet
		set.Set(int(cpu))
		if unix.SchedSetaffinity(0, &set) != nil {
			w.cpu.Store(-1)
		}
	}
	stopped := false
	w.stopOn(stop, &stopped)
	last := w.e.clock()
	for !stopped {
		if w.pending.Load() {
			w.commands()
			continue // it may have been told to stop
		}
		now := w.e.clock()
		if w.round(now) > 0 {
			last = now
			continue
		}
		if spin := w.e.spin; spin < 0 || now-last < spin {
			continue
		}
		w.sleep(now)
		last = w.e.clock()
	}
}

// stopOn arranges for the worker to see that stop is closed: as a message, so that
// the loop has nothing more to look at.
func (w *Worker) stopOn(stop <-chan struct{}, stopped *bool) {
	w.e.wg.Go(func() {
		<-stop
		w.do(func() { *stopped = true })
	})
}

// round serves every queue that may have frames, once, and returns the number
// of frames.
func (w *Worker) round(now int64) int {
	total := 0
	for _, r := range w.rx {
		if r.gone || r.fd >= 0 && r.idle >= hotRounds {
			continue
		}
		n := w.serve(r, now)
		total += n
		if n > 0 {
			r.idle, r.barren = 0, 0
			continue
		}
		if r.idle++; r.idle == 1 && r.fd >= 0 {
			r.barren++
		}
	}
	s := &w.stats
	bump(&s.rounds, 1)
	if total > 0 {
		bump(&s.busy, uint64(w.e.clock()-now))
	}
	if total == 0 || s.rounds%pollEvery == 0 {
		bump(&s.polls, 1)
		total += w.poll(&unix.Timespec{}, now)
	}
	return total
}

// sleep waits for a frame or a message. Queues without a descriptor are looked
// at again after a short while. A message whose wake-up call the last round has
// drained keeps the worker from sleeping: it is marked pending before the call.
func (w *Worker) sleep(now int64) {
	if w.pending.Load() {
		return
	}
	bump(&w.stats.sleeps, 1)
	wait := int64(-1)
	for _, r := range w.rx {
		switch {
		case r.gone:
		case r.fd < 0:
			wait = int64(busyPoll)
		case r.nap > now && wait < 0:
			wait = int64(barrenNap)
		}
	}
	if wait < 0 {
		w.poll(nil, now)
		return
	}
	t := unix.NsecToTimespec(wait)
	w.poll(&t, now)
}

// poll marks the queues whose descriptors are ready and returns their number.
func (w *Worker) poll(timeout *unix.Timespec, now int64) int {
	if len(w.fds) == 0 {
		return 0
	}
	for i := 1; i < len(w.fds); i++ {
		r := w.owner[i]
		w.fds[i].Fd = int32(r.fd)
		if r.barren >= barrenMax {
			r.barren, r.nap = 0, now+int64(barrenNap)
		}
		if r.nap > now {
			w.fds[i].Fd = -1 // ppoll leaves it out
		}
	}
	n, err := unix.Ppoll(w.fds, timeout, nil)
	if err != nil || n == 0 { // EINTR: the loop comes round again
		return 0
	}
	if w.fds[0].Revents != 0 {
		var b [8]byte
		_, _ = unix.Read(w.event, b[:]) // drains it
	}
	ready := 0
	for i := 1; i < len(w.fds); i++ {
		if w.fds[i].Revents != 0 && w.fds[i].Fd >= 0 {
			w.owner[i].idle = 0
			ready++
		}
	}
	return ready
}
